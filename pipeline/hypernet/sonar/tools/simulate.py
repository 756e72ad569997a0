"""``hypernet sonar simulate``: echoes of meshes, as a bat or any microphones hear them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.randomness import numpy_generator
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.air import COLDEST, HOTTEST, Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.clutter import Room, clutter
from hypernet.sonar.core.directivity import Directivity, Omni
from hypernet.sonar.core.echoes import LEAD, LEAST_RATE, Acoustics, Body, Echo, echo_of
from hypernet.sonar.core.poses import BASELINE_M, EARS, Head, Microphone, head_at
from hypernet.sonar.core.scattering import SCATTERING
from hypernet.sonar.sources.echo_files import ENCODINGS, FORMATS
from hypernet.sonar.tools import inputs
from hypernet.sonar.tools.heard import Simulation, hearing_of, lines_of, stretch_of

# Rates of ultrasonic recorders, samples a second: the lowest one that will do is taken.
RATES_HZ = (250_000, 384_000, 500_000, 1_000_000, 2_000_000)
RANGE_M, ELEVATION_DEG = 1.0, 25.0
# Whole blocks of samples: windows of equal scenes are equal.
BLOCK = 256


def simulate(
    mesh: Path | str | Mesh,
    *,
    size_m: float | None = None,
    unit: str | None = None,
    up: str = "y",
    origin: str = "middle",
    further: Sequence[tuple[Path | str | Mesh, Sequence[float]]] = (),
    range_m: float = RANGE_M,
    azimuth_deg: float = 0.0,
    elevation_deg: float = ELEVATION_DEG,
    heads: Sequence[Head | Sequence[float]] = ((0.0, 0.0, 0.0),),
    call: Call | Path | str = inputs.CALL,
    time_expansion: float | None = None,
    ears: str | Path | tuple[Directivity, Directivity] = "bat",
    baseline_m: float = BASELINE_M,
    microphones: Sequence[Microphone | Sequence[float]] = (),
    mouth: str | Path | Directivity = "omni",
    scattering: str = "kirchhoff",
    share: float = 0.5,
    bounces: int = 1,
    velocity_m_s: Sequence[float] = (0.0, 0.0, 0.0),
    temperature_c: float = 20.0,
    humidity_percent: float = 50.0,
    absorption: bool = True,
    rate_hz: float | None = None,
    samples: int | None = None,
    room: Room | None = None,
    noise_db: float | None = None,
    seed: int = 0,
) -> Simulation:
    """Echoes of a call from a mesh, at the ears of a bat that looks at it or at other microphones.

    The mesh stands at the origin of the world: metres, x to its front, y to its left, z up.

    Args:
        mesh: .obj, .off, .ply, .stl, .glb, .gltf, or a mesh with y up and its front along z.
        size_m: its longest side becomes this.
        unit: of the file, one of m, cm, mm, in; None: m, but mm of .stl.
        up: axis of the file that points up, ``y`` or ``z``.
        origin: ``middle`` of the mesh's box, or of the ``file``: what stands at the origin of the world.
        further: other meshes, read and scaled as the first, each with its place in metres.
        range_m: from the origin to the mouth.
        azimuth_deg: of the bat; 0 is before the front, 90 to the left of the mesh.
        elevation_deg: of the bat.
        heads: turns of the head, yaw (to its left), pitch (up) and roll in degrees, one for each pose; or heads at any
            place, and then the three numbers before do not matter.
        call: a call, ``fm:60000-20000:2ms``, ``cf:80000:20ms``, or a .wav file, of which the loudest call is cut out.
        time_expansion: of the .wav file.
        ears: ``bat``, ``omni``, ``cardioid``, ``piston:RADIUS``, a .npz or .sofa file, or two directivities.
        baseline_m: between the ears.
        microphones: instead of ears: places in metres forward, left and up of the mouth (omnidirectional), or
            microphones.
        mouth: ``omni``, ``nose``, ``cardioid``, ``piston:RADIUS``, a .npz file with a table ``nose``, or a directivity.
        scattering: ``kirchhoff`` (a rigid, smooth surface), ``lambert`` (rough) or ``mixed``.
        share: scattering coefficient of ``mixed``.
        bounces: 1, or 2 with echoes by way of a second surface.
        velocity_m_s: of the first mesh along x, y, z.
        temperature_c: of the air.
        humidity_percent: of the air.
        absorption: whether air absorbs sound.
        rate_hz: samples a second; None: the lowest of 250, 384, 500, 1000 and 2000 kHz that the call allows.
        samples: of the window, which begins shortly before the echo; None: as many as hold it.
        room: whose walls are heard too (pyroomacoustics), with the world's origin in its middle.
        noise_db: power of the echoes, the mean of all, over that of white noise which is added.
        seed: of the noise and of the roughness.

    Raises:
        UserError: a file or number that is not accepted, a bat inside of a mesh, or a window too short.

    Example:
        >>> echo = hypernet.sonar.simulate("chair.obj", size_m=0.2, azimuth_deg=20)  # doctest: +SKIP
        >>> echo.save("echo.nc"); echo.samples.shape  # doctest: +SKIP
        (1, 2, 1024)
    """
    air = Air(temperature_c, humidity_percent)
    if noise_db is not None and not -100 <= noise_db <= 300:
        raise UserError(f"noise: {noise_db:g} dB; accepted: -100 to 300")
    targets = _targets(mesh, further, size_m, unit, up, origin)
    emitted = inputs.call_of(call, time_expansion)
    placed = tuple(
        head if isinstance(head, Head) else head_at(range_m, azimuth_deg, elevation_deg, *inputs.triple(head, "head"))
        for head in heads
    )
    if not placed:
        raise UserError("heads: there is none; give yaw, pitch and roll of one or more")
    ears_or_others = tuple(
        item if isinstance(item, Microphone) else Microphone(np.array(inputs.triple(item, "microphone")), Omni())
        for item in microphones
    ) or inputs.ears_of(ears, baseline_m, air.speed_of_sound)
    beam = inputs.mouth_of(mouth, air.speed_of_sound)
    velocity = inputs.triple(velocity_m_s, "velocity")
    shift = 1 + 2 * float(np.linalg.norm(velocity)) / air.speed_of_sound
    rate = float(rate_hz or _rate_for(emitted, shift))
    reach = _reach([target.mesh for target in targets], placed, ears_or_others, bounces)
    start, count = None, samples
    if room is not None:
        for target in targets:
            room.check(target.mesh.bounds, target.name)
        # The nearest wall, too, begins within the window; of the others all that are twice as far as the room is long.
        start = (
            math.floor((2 * min(reach[0], _nearest_wall(room, placed)) / air.speed_of_sound - 2 * LEAD) * rate) / rate
        )
        start = max(0.0, start)
        reach = (start * air.speed_of_sound / 2, max(reach[1], max(room.size_m)))
    if count is None:
        seconds = 2 * (reach[1] - reach[0]) / air.speed_of_sound + shift * emitted.duration_s + 4 * LEAD
        count = BLOCK * math.ceil(seconds * rate / BLOCK)
    acoustics = Acoustics(
        rate_hz=rate,
        samples=count,
        scattering=scattering,
        share=share,
        bounces=bounces,
        air=air,
        absorption=absorption,
    )
    bodies = [
        Body(target.mesh, velocity if place == 0 else (0.0, 0.0, 0.0), target.name)
        for place, target in enumerate(targets)
    ]
    echo = echo_of(bodies, placed, ears_or_others, emitted, acoustics, beam, seed, start)
    if room is not None:
        walls = clutter(
            room, placed, ears_or_others, emitted, beam, air, rate, count, echo.start_s, absorbing=absorption
        )
        echo = _with(
            echo,
            walls,
            "walls of the room are added; without the sound straight from the mouth to the ears, and sounds that meet "
            "both the object and a wall",
        )
    if noise_db is not None:
        power = float(np.square(echo.samples).mean())
        random = numpy_generator(seed, "sonar", "simulate noise")
        noise = math.sqrt(power) * 10 ** (-noise_db / 20) * random.standard_normal(echo.samples.shape)
        words = f"white noise of {noise.std():.3g} Pa, {noise_db:g} dB below the echoes' mean power in the window"
        echo = _with(echo, noise, words if power else "no noise is added: there is no echo to measure it by")
    hearing = hearing_of(ears, baseline_m, len(microphones), ears_or_others)
    sending = str(mouth) if isinstance(mouth, str | Path) else inputs.words_of(beam)
    settings: dict[str, str | float] = {
        "mesh": ", ".join(target.name for target in targets),
        "scattering": scattering if scattering != "mixed" else f"mixed, share {share:g}",
        "bounces": bounces,
        "mouth": sending,
        "hearing": hearing,
        "velocity": ", ".join(f"{part:g}" for part in velocity),
        "temperature_c": float(temperature_c),
        "humidity_percent": float(humidity_percent),
        "absorption": "yes" if absorption else "no",
        "seed": seed,
    }
    if not any(isinstance(head, Head) for head in heads):
        settings |= {
            "range_m": float(range_m),
            "azimuth_deg": float(azimuth_deg),
            "elevation_deg": float(elevation_deg),
        }
    return Simulation(
        echo,
        targets,
        emitted,
        acoustics,
        settings,
        stretch_of(velocity, targets[0], placed[0], air.speed_of_sound),
        lines_of(targets, placed, hearing, sending, emitted, air),
    )


def _targets(
    mesh: Path | str | Mesh,
    further: Sequence[tuple[Path | str | Mesh, Sequence[float]]],
    size_m: float | None,
    unit: str | None,
    up: str,
    origin: str,
) -> tuple[inputs.Target, ...]:
    first = inputs.target_of(mesh, size_m, unit, up, origin)
    others = [
        inputs.target_of(source, None, None, up, origin, inputs.triple(place, "place of a mesh"), first.scale)
        for source, place in further
    ]
    return (first, *others)


def _reach(
    meshes: Sequence[Mesh], heads: Sequence[Head], microphones: Sequence[Microphone], bounces: int
) -> tuple[float, float]:
    """No surface is nearer than the first of these distances, and none is heard from farther than the second."""
    nearest, farthest = np.inf, 0.0
    aside = max(float(np.linalg.norm(microphone.offset_m)) for microphone in microphones)
    for mesh in meshes:
        lowest, highest = mesh.bounds
        for head in heads:
            beyond = np.maximum(0, np.maximum(lowest - head.position, head.position - highest))
            nearest = min(nearest, float(np.linalg.norm(beyond)))
            farthest = max(farthest, float(np.linalg.norm(mesh.vertices - head.position, axis=1).max()))
    if bounces == 2:
        corners = np.concatenate([mesh.bounds for mesh in meshes])
        farthest += float(np.linalg.norm(np.ptp(corners, axis=0))) / 2
    return max(0.0, nearest - aside / 2), farthest + aside / 2


def _nearest_wall(room: Room, heads: Sequence[Head]) -> float:
    return min(float((np.array(room.size_m) / 2 - np.abs(head.position)).min()) for head in heads)


def _rate_for(call: Call, shift: float) -> float:
    needed = LEAST_RATE * call.band_hz[1] * shift
    return next((float(rate) for rate in RATES_HZ if rate >= needed), needed)


def _with(echo: Echo, more: np.ndarray, note: str) -> Echo:
    samples = echo.samples + more
    return replace(echo, samples=samples, notes=(*echo.notes, note), silent=not samples.any())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet sonar simulate``."""
    inputs.take_negative_numbers(parser)
    inputs.add_mesh_arguments(parser)
    parser.add_argument(
        "--with",
        dest="further",
        action="append",
        default=[],
        metavar="MESH[@X,Y,Z]",
        help="a further mesh, read and scaled as the first, and its place in metres; may be repeated",
    )
    parser.add_argument(
        "--origin",
        choices=inputs.ORIGINS,
        default="middle",
        help="what stands at the world's origin: the middle of a mesh's box (default), or its file's origin",
    )
    bat = parser.add_argument_group("the bat")
    bat.add_argument(
        "--range", type=float, default=RANGE_M, metavar="METRES", help="from the origin to its mouth; default: 1"
    )
    bat.add_argument(
        "--azimuth", type=float, default=0.0, metavar="DEGREES", help="0 (default) before the front, 90 to its left"
    )
    bat.add_argument(
        "--elevation", type=float, default=ELEVATION_DEG, metavar="DEGREES", help="above the horizon; default: 25"
    )
    bat.add_argument(
        "--head",
        type=inputs.numbers(3, "yaw,pitch,roll in degrees, such as 0,0,90"),
        action="append",
        metavar="YAW,PITCH,ROLL",
        help="how it holds its head, degrees to its left, up and about where it looks; may be repeated, a pose each; "
        "default: 0,0,0, which looks at the origin",
    )
    bat.add_argument("--call", default=inputs.CALL, help=f"{inputs.CALLS}; default: {inputs.CALL}")
    bat.add_argument("--time-expansion", type=float, help="how many times slower the .wav file plays, such as 10")
    bat.add_argument(
        "--ears",
        default="bat",
        help=f"{', '.join(EARS)}, piston:RADIUS (38 degrees to the sides), or a table .npz or .sofa; default: bat",
    )
    bat.add_argument(
        "--baseline", type=float, default=BASELINE_M, metavar="METRES", help="between the ears; default: 0.015"
    )
    bat.add_argument(
        "--mouth", default="omni", help=f"{', '.join(inputs.MOUTHS)}, piston:RADIUS, or a table .npz; default: omni"
    )
    bat.add_argument(
        "--microphones",
        type=inputs.numbers(3, "a place such as 0,0.05,-0.01: metres forward, left and up of the mouth"),
        nargs="+",
        default=[],
        metavar="X,Y,Z",
        help="omnidirectional ones instead of ears: metres forward, left and up of the mouth",
    )
    sound = parser.add_argument_group("sound")
    sound.add_argument(
        "--scattering", choices=SCATTERING, default="kirchhoff", help="default: kirchhoff (smooth, rigid)"
    )
    sound.add_argument("--share", type=float, default=0.5, help="scattering coefficient of mixed; default: 0.5")
    sound.add_argument("--bounces", type=int, choices=(1, 2), default=1, help="reflections; default: 1")
    sound.add_argument(
        "--velocity",
        type=inputs.numbers(3, "three numbers such as -3,0,0, in m/s"),
        default=(0.0, 0.0, 0.0),
        metavar="VX,VY,VZ",
        help="of the first mesh, m/s; default: at rest",
    )
    sound.add_argument(
        "--temperature", type=float, default=20.0, help=f"of the air, {COLDEST:g} to {HOTTEST:g} °C; default: 20"
    )
    sound.add_argument("--humidity", type=float, default=50.0, help="of the air, 0 to 100 %%; default: 50")
    sound.add_argument("--no-absorption", action="store_true", help="air that absorbs nothing")
    sound.add_argument(
        "--room",
        type=inputs.checked(inputs.room_of),
        metavar="X,Y,Z:ABSORPTION",
        help="a room around the origin whose walls are heard too, such as 4,3,2.5:0.3 (needs pyroomacoustics)",
    )
    sound.add_argument("--noise", type=float, metavar="DB", help="mean power of the echoes over that of added noise")
    sound.add_argument(
        "--seed", type=options.whole_number(0), default=0, help="of the noise and of rough surfaces; default: 0"
    )
    sound.add_argument(
        "--rate",
        type=float,
        metavar="HZ",
        help="samples a second; default: 250, 384, 500, 1000 or 2000 kHz, by the call",
    )
    sound.add_argument(
        "--samples", type=options.whole_number(16, 1 << 20), help="of the window; default: as many as hold the echo"
    )
    written = parser.add_argument_group("what is written")
    written.add_argument(
        "--out", type=Path, action="append", default=[], help=".nc (xarray) or .wav (a channel each); may be repeated"
    )
    written.add_argument(
        "--wav", choices=list(ENCODINGS), default="16", help="bits of a .wav file, or float in Pa; default: 16, scaled"
    )
    written.add_argument("--picture", type=Path, help="waves, spectrogram, ears compared, range profile: .png or .svg")
    written.add_argument(
        "--scene", type=Path, help="where the bat is, and what each part of the surface adds: .png or .svg"
    )


def run(arguments: argparse.Namespace) -> None:
    """Simulate, print what was assumed and what is heard, write the files."""
    outputs = _outputs(arguments)
    simulation = simulate(
        arguments.mesh,
        size_m=arguments.size,
        unit=arguments.unit,
        up=arguments.up,
        origin=arguments.origin,
        further=[inputs.further_of(text) for text in arguments.further],
        range_m=arguments.range,
        azimuth_deg=arguments.azimuth,
        elevation_deg=arguments.elevation,
        heads=arguments.head or [(0.0, 0.0, 0.0)],
        call=arguments.call,
        time_expansion=arguments.time_expansion,
        ears=arguments.ears,
        baseline_m=arguments.baseline,
        microphones=arguments.microphones,
        mouth=arguments.mouth,
        scattering=arguments.scattering,
        share=arguments.share,
        bounces=arguments.bounces,
        velocity_m_s=arguments.velocity,
        temperature_c=arguments.temperature,
        humidity_percent=arguments.humidity,
        absorption=not arguments.no_absorption,
        rate_hz=arguments.rate,
        samples=arguments.samples,
        room=arguments.room,
        noise_db=arguments.noise,
        seed=arguments.seed,
    )
    print(simulation.summary())
    for option, path in outputs:
        if option == "out":
            simulation.save(path, arguments.wav)
        else:
            inputs.write_figure(simulation.figure() if option == "picture" else simulation.scene(), path)
        print(f"{path}{_scale(simulation, path, arguments.wav)}")


def _outputs(arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    """Options and files, checked before anything is read."""
    outputs = [("out", path) for path in arguments.out]
    outputs += [
        (name, getattr(arguments, name)) for name in ("picture", "scene") if getattr(arguments, name) is not None
    ]
    inputs.check_outputs(
        outputs, {"out": FORMATS}, [arguments.mesh, *(inputs.further_of(text)[0] for text in arguments.further)]
    )
    return outputs


def _scale(simulation: Simulation, path: Path, encoding: str) -> str:
    """What a sample of a .wav file is."""
    if path.suffix != ".wav":
        return ""
    peak = float(np.abs(simulation.samples).max())
    if encoding == "float" or not peak:
        return ": a sample of 1 is 1 Pa"
    return f": full scale is {peak / 0.9:.4g} Pa (in its GUANO metadata too)"
