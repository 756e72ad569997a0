"""What people give the tools: meshes in some unit, calls, ears and places, as files or short texts."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, output_file
from hypernet.shapes.core.solids import Mesh, check
from hypernet.shapes.sources.mesh_files import UNITS, UPS, read_mesh
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.clutter import Room
from hypernet.sonar.core.directivity import Cardioid, Directivity, Gaussian, Omni, Piston, Table, direction_of, nose
from hypernet.sonar.core.poses import EARS, Microphone, ears
from hypernet.sonar.sources.recordings import call_from
from hypernet.sonar.sources.tables import FORMATS, read_directivity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CALL = "fm:60000-20000:2ms"
CALLS = (
    "fm:START-END:DURATION[:hyperbolic] (60000-20000:2ms), cf:FREQUENCY:DURATION (80000:20ms), or FILE.wav[@START-END]"
)
MOUTHS = ("omni", "nose", "cardioid")
ORIGINS = ("middle", "file")
# Degrees to the side that a piston ear looks: as the fitted ear of a bat.
PISTON_DEG = 38.0
# Formats that have a unit by their definition or by habit; of all others metres are assumed.
UNIT_OF = {".glb": "m", ".gltf": "m", ".stl": "mm"}
SMALLEST_M, LARGEST_M = 1e-4, 1e3
_TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "": 1.0}
_LENGTHS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "": 1.0}
_FREQUENCIES = {"hz": 1.0, "khz": 1e3, "k": 1e3, "": 1.0}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Zµ]*)\s*")


@dataclass(frozen=True, eq=False)
class Target:
    """A mesh at its place in the world.

    Attributes:
        name: of the file.
        mesh: metres, z up, the front along x.
        words: what was assumed of unit and frame, and the size that resulted.
        scale: metres for a unit of the file.
        doubtful: whether a unit was assumed and the size is one that objects of echolocation seldom have.
    """

    name: str
    mesh: Mesh
    words: str
    scale: float
    doubtful: bool

    @property
    def lines(self) -> tuple[str, ...]:
        """What was assumed, and a doubt about it."""
        doubt = f"note: is that the size of {self.name}? --unit mm or --size 0.2 would say it"
        return (self.words, doubt) if self.doubtful else (self.words,)


def target_of(
    source: Path | str | Mesh,
    size_m: float | None = None,
    unit: str | None = None,
    up: str = "y",
    origin: str = "middle",
    offset_m: Sequence[float] = (0.0, 0.0, 0.0),
    scale: float | None = None,
) -> Target:
    """A mesh, scaled to metres, turned to z up, and put at its place.

    Args:
        source: a mesh file, or a mesh with y up and its front along z.
        size_m: its longest side becomes this.
        unit: of the file, one of m, cm, mm, in; None: m, but mm of .stl.
        up: axis of the file that points up.
        origin: ``middle`` puts the middle of its box at the offset, ``file`` the file's own origin.
        offset_m: where in the world.
        scale: metres for a unit of the file, instead of ``size_m`` and ``unit``.

    Raises:
        UserError: the file cannot be read, or a number or name is not accepted.
    """
    if unit is not None and unit not in UNITS:
        raise UserError(f"unit: {unit!r} is none; accepted: {', '.join(UNITS)}")
    if unit is not None and size_m is not None:
        raise UserError("unit and size: both say how large the mesh is; give one")
    if size_m is not None and not SMALLEST_M <= size_m <= LARGEST_M:
        raise UserError(f"size: {size_m:g} m is not from {SMALLEST_M:g} to {LARGEST_M:g} m")
    if origin not in ORIGINS:
        raise UserError(f"origin: {origin!r} is none; accepted: {', '.join(ORIGINS)}")
    if up not in UPS:
        raise UserError(f"up: {up!r} is no axis; accepted: {', '.join(UPS)}")
    name, mesh = (
        ("mesh", check(source, "mesh")) if isinstance(source, Mesh) else (Path(source).name, read_mesh(source, up))
    )
    side = float(np.ptp(mesh.bounds, axis=0).max())
    doubtful = False
    if scale is not None:
        words = "scaled as the first mesh"
    elif size_m is not None:
        scale, words = size_m / side, "scaled to this size"
    elif unit is not None:
        scale, words = UNITS[unit], f"in {unit}"
    else:
        assumed = "m" if isinstance(source, Mesh) else UNIT_OF.get(Path(source).suffix.lower(), "m")
        scale, words = UNITS[assumed], f"in {assumed} (assumed; --unit and --size say otherwise)"
        doubtful = not 0.005 <= side * scale <= 5
    if not SMALLEST_M <= side * scale <= LARGEST_M:
        raise UserError(
            f"{name}: its longest side would be {side * scale:.3g} m, {words}; accepted: {SMALLEST_M:g} to "
            f"{LARGEST_M:g} m, see --unit and --size"
        )
    # (x, y, z) with y up becomes (z, x, y) with z up: a turn.
    vertices = mesh.vertices[:, [2, 0, 1]] * scale
    lowest, highest = vertices[mesh.triangles].min(axis=(0, 1)), vertices[mesh.triangles].max(axis=(0, 1))
    if origin == "middle":
        vertices = vertices - (lowest + highest) / 2
    front, left, high = highest - lowest
    frame = "y is up and z its front" if up == "y" else "z is up and -y its front"
    words = (
        f"{name}: {len(mesh.triangles):,} triangles, {words}: {front:.3g} m deep, {left:.3g} m wide, {high:.3g} m high "
        f"({frame})"
    )
    if any(offset_m):
        words += ", at " + ", ".join(f"{place:g}" for place in offset_m)
    placed = Mesh(vertices + np.asarray(offset_m, dtype=np.float64), mesh.triangles, mesh.notes)
    return Target(name, placed, words, scale, doubtful)


def call_of(call: Call | Path | str, time_expansion: float | None = None) -> Call:
    """A call from itself, a short text or a recording; see :data:`CALLS`.

    Raises:
        UserError: a text of another form, or a recording that cannot be read.
    """
    if isinstance(call, Call):
        return call
    text = str(call)
    name, _, rest = text.partition(":")
    if name.lower() == "fm":
        parts = rest.split(":")
        ends = re.split(r"(?<=[0-9a-zA-Z])-", parts[0])
        if len(ends) != 2 or not 2 <= len(parts) <= 3:
            raise UserError(f"call: {text[:60]!r} is not fm:START-END:DURATION, such as {CALL}")
        start, end = (quantity(part, _FREQUENCIES, "call", "a frequency such as 60000 or 60kHz") for part in ends)
        shape = parts[2] if len(parts) == 3 else "linear"
        return Call.sweep(start, end, _duration(parts[1]), shape=shape)
    if name.lower() == "cf":
        frequency, colon, duration = rest.partition(":")
        if not colon:
            raise UserError(f"call: {text[:60]!r} is not cf:FREQUENCY:DURATION, such as cf:80000:20ms")
        return Call.constant(
            quantity(frequency, _FREQUENCIES, "call", "a frequency such as 80000"), _duration(duration)
        )
    file, start_s, end_s = text, None, None
    matched = re.fullmatch(r"(.*\.wave?)@([^@]+)-([^@]+)", text, re.IGNORECASE)
    if matched:
        file = matched[1]
        start_s, end_s = (
            quantity(part, _TIMES, "call", "a time such as 0.12 or 120ms") for part in matched.groups()[1:]
        )
    elif Path(text).suffix.lower() not in (".wav", ".wave"):
        raise UserError(f"call: {text[:60]!r} is none; accepted: {CALLS}")
    return call_from(file, start_s=start_s, end_s=end_s, time_expansion=time_expansion)


def ears_of(
    directivity: str | Path | tuple[Directivity, Directivity], baseline_m: float, speed_of_sound: float
) -> tuple[Microphone, Microphone]:
    """Two ears from a name, ``piston:RADIUS``, a file of tables, or their directivities.

    Raises:
        UserError: another name, or a file that cannot be read.
    """
    if isinstance(directivity, tuple):
        return ears(baseline_m, directivity)
    text = str(directivity)
    if text in EARS:
        return ears(baseline_m, text)
    if (radius := _piston(text)) is not None:
        left, right = (Piston(radius, direction_of(side * PISTON_DEG, 0.0), speed_of_sound) for side in (1, -1))
        return ears(baseline_m, (left, right))
    if Path(text).suffix.lower() in FORMATS:
        tables = read_directivity(text)
        return ears(baseline_m, (tables["left"], tables["right"]))
    raise UserError(f"ears: {text[:60]!r} is none; accepted: {', '.join(EARS)}, piston:RADIUS, or a .npz or .sofa file")


def mouth_of(directivity: str | Path | Directivity, speed_of_sound: float) -> Directivity:
    """A mouth from a name, ``piston:RADIUS``, a file with a table ``nose``, or its directivity.

    Raises:
        UserError: another name, or a file that cannot be read or has no such table.
    """
    if not isinstance(directivity, str | Path):
        return directivity
    text = str(directivity)
    named: Mapping[str, Directivity] = {"omni": Omni(), "nose": nose(), "cardioid": Cardioid()}
    if text in named:
        return named[text]
    if (radius := _piston(text)) is not None:
        return Piston(radius, speed_of_sound=speed_of_sound)
    if Path(text).suffix.lower() == ".npz":
        tables = read_directivity(text)
        if "nose" not in tables:
            raise UserError(f"mouth: {text} has no array nose (it holds {', '.join(tables)})")
        return tables["nose"]
    raise UserError(f"mouth: {text[:60]!r} is none; accepted: {', '.join(MOUTHS)}, piston:RADIUS, or a .npz file")


def words_of(directivity: Directivity) -> str:
    """A directivity for people."""
    if isinstance(directivity, Table):
        return directivity.title
    if isinstance(directivity, Piston):
        return f"piston of {directivity.radius_m * 1e3:g} mm"
    if isinstance(directivity, Gaussian):
        return (
            f"beam to {directivity.axis_azimuth_deg:g}°, -3 dB at {directivity.half_width_deg:g}° off it at "
            f"{directivity.at_hz / 1e3:g} kHz"
        )
    return type(directivity).__name__.lower()


def quantity(text: str, units: Mapping[str, float], what: str, accepted: str) -> float:
    """A number with a unit.

    Raises:
        UserError: it is none.
    """
    matched = _NUMBER.fullmatch(text) if len(text) < 40 else None
    factor = units.get(matched[2].lower()) if matched else None
    if matched is None or factor is None:
        raise UserError(f"{what}: {text[:40]!r} is not {accepted}")
    return float(matched[1]) * factor


def numbers(count: int, accepted: str) -> _Numbers:
    """An option's type: so many numbers between commas."""
    return _Numbers(count, accepted)


class _Numbers:
    def __init__(self, count: int, accepted: str):
        self.count, self.accepted = count, accepted

    def __call__(self, text: str) -> tuple[float, ...]:
        try:
            values = tuple(float(part) for part in text[:200].split(","))
        except ValueError:
            values = ()
        if len(values) != self.count or not np.isfinite(values).all():
            raise argparse.ArgumentTypeError(f"{text[:60]!r} is not {self.accepted}")
        return values


def take_negative_numbers(parser: argparse.ArgumentParser) -> None:
    """Let values such as ``-0.01,0,0`` follow an option: argparse takes what begins so for an option otherwise."""
    parser._negative_number_matcher = re.compile(r"^-\d|^-\.\d")


def add_mesh_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how a mesh file is read."""
    parser.add_argument("mesh", type=Path, help=".obj, .off, .ply, .stl, .glb or .gltf")
    parser.add_argument("--size", type=float, metavar="METRES", help="its longest side becomes this")
    parser.add_argument(
        "--unit", choices=list(UNITS), help="of the file's numbers; default: m, but mm of .stl (which one is printed)"
    )
    parser.add_argument(
        "--up", choices=UPS, default="y", help="axis of the file that points up; default: y, with the front along z"
    )


def room_of(text: str) -> Room:
    """A room from ``3,2.5,2:0.3``: lengths along x, y and z, and the share of energy that its walls take."""
    size, colon, absorption = text.partition(":")
    try:
        lengths = [float(part) for part in size.split(",")]
        share = float(absorption)
    except ValueError:
        lengths, share = [], 0.0
    if len(lengths) != 3 or not colon:
        raise UserError(f"room: {text[:60]!r} is not x,y,z:absorption, such as 4,3,2.5:0.3")
    return Room((lengths[0], lengths[1], lengths[2]), share)


def further_of(text: str) -> tuple[Path, tuple[float, ...]]:
    """A mesh file and its place from ``file@x,y,z``; at the origin without."""
    matched = re.fullmatch(r"(.+)@([^@]+)", text)
    if matched is None or Path(text).exists():
        return Path(text), (0.0, 0.0, 0.0)
    try:
        return Path(matched[1]), numbers(3, "a place such as 0.5,0,-0.1, in metres")(matched[2])
    except argparse.ArgumentTypeError as error:
        raise UserError(f"with: {error}") from None


def write_figure(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all, and close it."""
    import matplotlib.pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)


def check_outputs(
    outputs: Sequence[tuple[str, Path]], endings: dict[str, tuple[str, ...]], read: Sequence[Path]
) -> None:
    """Refuse other endings than those of an option (those of pictures without any), and a file that is named twice."""
    taken = {path.resolve() for path in read}
    for option, path in outputs:
        output_file(path, *endings.get(option, (".png", ".svg")))
        if path.resolve() in taken:
            raise UserError(f"--{option} {path}: this file is read or written by the same command; name another")
        taken.add(path.resolve())


def checked(parse: Callable[[str], Room]) -> Callable[[str], Room]:
    """An option's type whose error argparse shows."""

    def parsed(text: str) -> Room:
        try:
            return parse(text)
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed


def triple(numbers: Sequence[float], what: str) -> tuple[float, float, float]:
    """Three finite numbers.

    Raises:
        UserError: others.
    """
    values = [float(number) for number in numbers]
    if len(values) != 3 or not np.isfinite(values).all():
        raise UserError(f"{what}: {values} are not three finite numbers")
    return values[0], values[1], values[2]


def _duration(text: str) -> float:
    return quantity(text, _TIMES, "call", "a duration such as 2ms or 0.002")


def _piston(text: str) -> float | None:
    name, colon, radius = text.partition(":")
    if name != "piston":
        return None
    if not colon:
        raise UserError("piston: it has a radius, such as piston:5mm")
    return quantity(radius, _LENGTHS, "piston", "a radius such as 5mm or 0.005")
