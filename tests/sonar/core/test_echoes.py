"""Echoes against closed forms, pyroomacoustics, symmetries and bad input."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Omni, Table, nose
from hypernet.sonar.core.echoes import Acoustics, Body, Echo, echo_of, echo_of_samples
from hypernet.sonar.core.facets import sampled
from hypernet.sonar.core.poses import Head, Microphone, ears, head_at, to_world

CALL = Call.sweep(60e3, 20e3, 2e-3)
SPEED = Air().speed_of_sound
PLAIN = Acoustics(absorption=False)
HERE = [Microphone(np.zeros(3), Omni())]


def of(shape) -> Mesh:
    return Mesh(shape.vertices, shape.faces)


def plate(width: float, height: float | None = None, tilt_deg: float = 0.0, at=(0.0, 0.0, 0.0)) -> Mesh:
    """A rectangle across x that faces +x, turned about z."""
    y, z = width / 2, (height or width) / 2
    points = np.array([[0, -y, -z], [0, y, -z], [0, y, z], [0, -y, z]])
    angle = np.radians(tilt_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return Mesh(points @ turn.T + at, np.array([[0, 1, 2], [0, 2, 3]]))


def ball(radius: float, fineness: int = 5) -> Mesh:
    return of(trimesh.creation.icosphere(fineness, radius))


def moved(mesh: Mesh, *shift: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(shift), mesh.triangles)


def object_of(name: str, seed: int = 0) -> Mesh:
    mesh = generate(name, seed).union()
    return Mesh(to_world(mesh.vertices, 0.2), mesh.triangles)


def arrival(sound: np.ndarray, echo: Echo, call: Call) -> tuple[float, float]:
    """Time and amplitude of the call in a sound: the matched filter's peak, by a parabola of its finer steps."""
    fine, length = 16, 2 * len(sound)
    frequencies = np.fft.rfftfreq(length, 1 / echo.rate_hz)
    spectrum = call.spectrum(frequencies) * echo.rate_hz
    product = np.zeros(fine * length // 2 + 1, dtype=complex)
    product[: len(frequencies)] = np.fft.rfft(sound, length) * spectrum.conj()
    output = np.fft.irfft(product, fine * length) * fine
    peak = int(output.argmax())
    before, top, after = output[peak - 1 : peak + 2]
    shift = (before - after) / (2 * (before - 2 * top + after))
    energy = (np.abs(spectrum[1:]) ** 2).sum() * 2 / length
    return echo.start_s + (peak + shift) / (fine * echo.rate_hz), top / energy


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0])
def test_a_large_plate_is_a_mirror(distance):
    """Its echo is that of the image: 1 / (2 d), after sqrt((2 d)² + (b / 2)²) / c."""
    head, baseline = head_at(distance, 0, 0), 0.02
    acoustics = replace(PLAIN, samples=2048)
    echo = echo_of([Body(plate(0.8))], [head], ears(baseline, "omni"), CALL, acoustics)
    for sound in echo.samples[0]:
        time, amplitude = arrival(sound, echo, CALL)
        assert time == pytest.approx(math.hypot(2 * distance, baseline / 2) / SPEED, abs=0.1 / 400e3)
        assert amplitude == pytest.approx(1 / (2 * distance), rel=0.02)


def test_a_plate_agrees_with_the_image_of_pyroomacoustics():
    pra = pytest.importorskip("pyroomacoustics")
    distance, rate, taps, call = 0.7, 250_000, 81, Call.sweep(60e3, 20e3, 6e-4)
    ear = np.array([0.0, 0.05, 0.0])
    echo = echo_of(
        [Body(plate(0.9))], [head_at(distance, 0, 0)], [Microphone(ear, Omni())], call, replace(PLAIN, samples=1700),
        start_s=0.0,
    )  # fmt: skip
    pra.constants.set("frac_delay_length", taps)
    # A closed room that absorbs everything, and a rigid plate that faces away from the source, as it asks.
    absorbing, rigid = np.ones((1, 1)), np.zeros((1, 1))
    box, walls = trimesh.creation.box((6, 6, 6)), []
    for corners in box.vertices[box.faces]:
        walls.append(pra.wall_factory(corners.T.copy(), absorbing, absorbing * 0))
    mirror = plate(0.9)
    # Turned by a few degrees about x, so that the specular point is not on the edge of both triangles.
    angle = np.radians(7)
    turned = mirror.vertices @ np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    for corners in (turned + np.array([0, 0.03, -0.1]))[mirror.triangles[:, ::-1]]:
        walls.append(pra.wall_factory(corners.T.copy(), rigid, rigid))
    room = pra.Room(walls, fs=rate, max_order=1, ray_tracing=False, air_absorption=False)
    room.set_sound_speed(SPEED)
    head = head_at(distance, 0, 0)
    room.add_source(head.position, signal=call.samples(rate))
    room.add_microphone_array(head.place(ear)[:, None])
    room.simulate()
    heard = room.mic_array.signals[0, taps // 2 :]
    # From when what went straight to the ear is over, until the edges of the plate sound: the image has none.
    part = slice(int((0.05 / SPEED + call.duration_s) * rate) + 60, int((2 * math.hypot(0.7, 0.42)) / SPEED * rate))
    theirs, ours = heard[part], echo.samples[0, 0, part]
    assert np.abs(theirs).max() == pytest.approx(1 / (2 * distance), rel=0.02)
    assert np.linalg.norm(ours - theirs) < 0.01 * np.linalg.norm(theirs)


@pytest.mark.parametrize("distance", [1.0, 2.0])
def test_the_glint_of_a_sphere(distance):
    radius = 0.1
    echo = echo_of([Body(ball(radius, 6))], [head_at(distance, 31, 14)], HERE, CALL, replace(PLAIN, samples=1400))
    time, amplitude = arrival(echo.samples[0, 0], echo, CALL)
    assert amplitude == pytest.approx(radius / (2 * distance * (distance - radius)), rel=0.04)
    assert time == pytest.approx(2 * (distance - radius) / SPEED, abs=1e-6)


def test_a_small_target_is_12_db_weaker_at_twice_the_distance():
    peaks = [
        np.abs(echo_of([Body(ball(0.004, 3))], [head_at(distance, 0, 0)], HERE, CALL, PLAIN).samples).max()
        for distance in (1.0, 2.0)
    ]
    assert 20 * np.log10(peaks[0] / peaks[1]) == pytest.approx(12.04, abs=0.1)


def test_the_energy_of_a_rough_sphere():
    """The mean of its echo's energy over signs: 2 / 3 a² / r⁴ of the call's; 5 % of the amplitude."""
    radius, distance = 0.1, 10.0
    acoustics = Acoustics(absorption=False, scattering="lambert", samples=1024, spacing_m=0.004)
    body, head = Body(ball(radius, 4)), head_at(distance, 0, 0)
    echoes = [echo_of([body], [head], HERE, CALL, acoustics, seed=seed) for seed in range(80)]
    energy = np.mean([(echo.samples**2).sum() for echo in echoes]) / (CALL.samples(250e3) ** 2).sum()
    assert math.sqrt(energy) == pytest.approx(math.sqrt(2 / 3) * radius / distance**2, rel=0.05)


def test_the_echo_of_a_tilted_plate_has_its_null():
    """|sinc(2 a sin φ f / c)| cos φ; the first null at sin φ = c / (2 a f)."""
    side, frequency, distance = 0.1, 40e3, 400.0
    call = Call.sweep(50e3, 30e3, 2e-3)
    size = []
    tilts = [0.0, 1.2, np.degrees(np.arcsin(SPEED / (2 * side * frequency))), 3.5, 20.0]
    for tilt in tilts:
        echo = echo_of([Body(plate(side, tilt_deg=tilt))], [head_at(distance, 0, 0)], HERE, call, PLAIN)
        turns = np.exp(-2j * np.pi * frequency / echo.rate_hz * np.arange(echo.samples.shape[-1]))
        size.append(abs((echo.samples[0, 0] * turns).sum()))
    sine = np.sin(np.radians(tilts))
    expected = np.abs(np.sinc(2 * side * sine * frequency / SPEED)) * np.cos(np.radians(tilts))
    assert np.array(size) / size[0] == pytest.approx(expected, abs=6e-3)
    assert tilts[2] == pytest.approx(2.46, abs=0.01)


def test_ears_hear_a_point_at_the_time_that_geometry_says():
    air = Air(temperature_c=(343 / 331.3) ** 2 * 273.15 - 273.15)
    angle = np.radians(-40)
    target = moved(ball(0.002, 2), -np.cos(angle), np.sin(angle), 0)
    head = Head(np.zeros(3), [-1, 0, 0], [0, -1, 0], [0, 0, 1])
    echo = echo_of([Body(target)], [head], ears(0.014, "omni"), CALL, Acoustics(absorption=False, air=air))
    left, right = (arrival(sound, echo, CALL)[0] for sound in echo.samples[0])
    assert (left - right) * 1e6 == pytest.approx(-np.sign(np.sin(angle)) * -26.236, abs=0.05)


def test_mouth_and_microphone_can_change_places():
    mesh, places = ball(0.1, 4), [np.array([0.7, 0.1, 0.0]), np.array([0.4, 0.65, 0.2])]
    acoustics, axes = Acoustics(scattering="lambert", samples=1200), np.eye(3)
    sounds = [
        echo_of([Body(mesh)], [Head(a, *axes)], [Microphone(b - a, Omni())], CALL, acoustics, start_s=0.002).samples
        for a, b in (places, places[::-1])
    ]
    assert np.abs(sounds[0] - sounds[1]).max() < 1e-9 * np.abs(sounds[0]).max()


@pytest.mark.parametrize("scattering", ["kirchhoff", "mixed"])
def test_a_mirrored_scene_swaps_the_ears(scattering):
    mesh, flip = object_of("couch", 3), np.array([1, -1, 1])
    other = Mesh(mesh.vertices * flip, mesh.triangles[:, ::-1])
    acoustics = Acoustics(scattering=scattering, bounces=2, samples=1400)
    here = echo_of([Body(mesh)], [head_at(1, 17, 25)], ears(), CALL, acoustics).samples[0]
    there = echo_of([Body(other)], [head_at(1, -17, 25)], ears(), CALL, acoustics).samples[0]
    assert np.allclose(here, there[::-1], atol=1e-6 * np.abs(here).max(), rtol=0)


@pytest.mark.parametrize("name", ["bench", "lamp", "table"])
def test_other_triangles_of_the_same_surface_sound_the_same(name):
    """The union of the mirrored parts, mirrored back, has other triangles; shadows cut their cells elsewhere."""
    solid, flip = generate(name, 0), np.array([1, -1, 1])
    other = solid.mirrored().union()
    other = Mesh(to_world(other.vertices, 0.2) * flip, other.triangles[:, ::-1])
    sounds = [
        echo_of([Body(mesh)], [head_at(1, 17, 25)], ears(), CALL, Acoustics(), start_s=0.0046).samples[0]
        for mesh in (object_of(name), other)
    ]
    assert np.linalg.norm(sounds[0] - sounds[1]) < 0.03 * np.linalg.norm(sounds[0])


def test_moving_the_whole_scene_changes_nothing():
    mesh, shift = object_of("lamp"), np.array([3.0, -7.0, 1.5])
    head = head_at(1, 17, 25)
    there_too = Head(head.position + shift, head.forward, head.left, head.up)
    here = echo_of([Body(mesh)], [head], ears(), CALL, Acoustics())
    there = echo_of([Body(moved(mesh, *shift))], [there_too], ears(), CALL, Acoustics())
    assert there.start_s == here.start_s
    assert np.allclose(here.samples, there.samples, atol=1e-9 * np.abs(here.samples).max(), rtol=0)


def test_the_echo_is_linear_in_the_call_and_starts_where_it_is_told():
    body, head = Body(object_of("lamp")), head_at(1, 0, 10)
    wave = CALL.wave / 2
    weaker = Call(wave, CALL.wave_rate_hz, "half of it")
    start = 0.0045
    full, half, later = (
        echo_of([body], [head], ears(), call, Acoustics(samples=1200), start_s=start + shift / 250e3).samples
        for call, shift in ((CALL, 0), (weaker, 0), (CALL, 40))
    )
    assert np.allclose(half, full / 2, atol=1e-12)
    assert np.allclose(later[..., :1000], full[..., 40:1040], atol=2e-3 * np.abs(full).max())


def test_bodies_apart_sound_as_their_sum_and_hide_what_is_behind():
    left, right = moved(ball(0.02, 3), 0, 0.2, 0), moved(ball(0.02, 3), 0, -0.2, 0)
    head = head_at(1, 0, 0)

    def heard(*meshes):
        return echo_of([Body(mesh) for mesh in meshes], [head], ears(), CALL, Acoustics(), start_s=0.004).samples

    assert np.allclose(heard(left, right), heard(left) + heard(right), atol=1e-9)
    screen = plate(0.1, at=(0.3, 0.0, 0.0))
    small = ball(0.02, 3)
    apart = heard(screen) + heard(small)
    assert np.allclose(heard(screen, small), heard(screen), atol=1e-9)
    assert np.abs(apart - heard(screen)).max() > 1e-4


def test_a_receding_target_lowers_the_call():
    """By (c - v) / (c + v); the spectrum's peak of a CF call says so."""
    call, velocity = Call.constant(60e3, 8e-3), 10.0
    acoustics = Acoustics(samples=4096)
    peaks = []
    for speed in (0.0, velocity):
        echo = echo_of([Body(ball(0.02, 3), (-speed, 0, 0))], [head_at(1, 0, 0)], HERE, call, acoustics)
        spectrum = np.abs(np.fft.rfft(echo.samples[0, 0], 1 << 18))
        peaks.append(spectrum.argmax() * 250e3 / (1 << 18))
    assert peaks[0] == pytest.approx(60e3, abs=10)
    assert peaks[1] / peaks[0] == pytest.approx((SPEED - velocity) / (SPEED + velocity), abs=2e-4)
    assert peaks[1] - peaks[0] == pytest.approx(-2 * velocity * 60e3 / SPEED, rel=0.04)


def test_what_stands_keeps_its_pitch_beside_what_moves():
    still, moving = ball(0.02, 3), moved(ball(0.02, 3), 0, 0.3, 0)
    head, acoustics = head_at(1, 0, 0), Acoustics(samples=1400, bounces=2)
    together = echo_of([Body(still), Body(moving, (0, -3.0, 0))], [head], HERE, CALL, acoustics, start_s=0.005)
    apart = [
        echo_of([body], [head], HERE, CALL, acoustics, start_s=0.005).samples
        for body in (Body(still), Body(moving, (0, -3.0, 0)))
    ]
    assert np.abs(together.samples - sum(apart)).max() < 0.01 * np.abs(together.samples).max()


@pytest.mark.parametrize(("name", "bounces"), [("firearm", 1), ("watercraft", 2)])
def test_the_quick_sum_is_the_exact_sum(name, bounces):
    """Bats' ears, a nose, absorption: below 1 %."""
    body, heads = Body(object_of(name)), [head_at(1, 12, 25), head_at(1, 12, 25, roll_deg=90)]
    acoustics = Acoustics(bounces=bounces, samples=1400)
    quick, exact = (
        echo_of([body], heads, ears(), CALL, acoustics, nose(), exact=exact).samples for exact in (False, True)
    )
    error = np.linalg.norm(quick - exact, axis=-1) / np.linalg.norm(exact, axis=-1)
    assert error.max() < 0.01


def test_heads_together_and_alone_hear_the_same_bytes():
    body = Body(object_of("chair", 1))
    heads = [head_at(1, 5, 25), head_at(1, 5, 25, roll_deg=45), head_at(1, -9, 25)]
    acoustics = Acoustics(scattering="mixed")
    together = echo_of([body], heads, ears(), CALL, acoustics, seed=3, start_s=0.0047)
    again = echo_of([Body(body.mesh)], heads, ears(), CALL, acoustics, seed=3, start_s=0.0047)
    assert np.array_equal(together.samples, again.samples)
    assert together.visible[0] == together.visible[1]
    for number, head in enumerate(heads):
        alone = echo_of([body], [head], ears(), CALL, acoustics, seed=3, start_s=0.0047).samples[0]
        assert np.allclose(alone, together.samples[number], rtol=0, atol=1e-12)
    other = echo_of([body], heads, ears(), CALL, acoustics, seed=4, start_s=0.0047)
    assert not np.allclose(together.samples, other.samples, atol=1e-6)


def test_absorption_is_that_of_the_way():
    """A plate of 5 cm at 2 m: 4 m of air at 40 kHz."""
    call = Call.sweep(41e3, 39e3, 3e-3)
    dry, damp = (
        np.linalg.norm(echo_of([Body(plate(0.05))], [head_at(2, 0, 0)], HERE, call, Acoustics(absorption=on)).samples)
        for on in (False, True)
    )
    assert 20 * np.log10(dry / damp) == pytest.approx(4 * 1.318, rel=0.02)


def test_a_far_microphone_sees_for_itself():
    """Behind the ball nothing is heard of the side that the mouth sees."""
    mesh, head = ball(0.1, 4), head_at(1, 0, 0)
    behind, beside = Microphone(np.array([2.0, 0, 0]), Omni()), Microphone(np.array([0.0, 0.4, 0]), Omni())
    echo = echo_of([Body(mesh)], [head], [behind, beside], CALL, replace(PLAIN, samples=1600))
    assert np.abs(echo.samples[0, 0]).max() < 0.05 * np.abs(echo.samples[0, 1]).max()


def test_gradients_of_positions_are_right():
    """torch's own check against differences, at ears of bats with absorption, both scatterings."""
    random = np.random.default_rng(0)
    points = torch.tensor(random.uniform(-0.05, 0.05, (4, 3)), requires_grad=True)
    normals = torch.tensor([[1.0, 0, 0]] * 4, dtype=torch.float64)
    areas = torch.tensor([1e-5] * 4, dtype=torch.float64, requires_grad=True)
    edges = torch.tensor(random.normal(size=(4, 2, 3)) * 1e-3)
    call, acoustics = Call.sweep(50e3, 30e3, 3e-4), Acoustics(samples=260, scattering="mixed")
    head, pair = head_at(1, 5, 3), ears()

    def heard(places, sizes):
        sound = echo_of_samples(places, normals, sizes, head, pair, call, acoustics, 0.0055, edges=edges)
        return sound[:, 60:200:11] * 1e4

    assert torch.autograd.gradcheck(heard, (points, areas), eps=1e-7, atol=1e-4, rtol=1e-3)


def test_the_echo_of_samples_is_that_of_their_mesh():
    mesh, head = plate(0.05), head_at(1, 10, 5)
    samples = sampled(mesh, PLAIN.spacing(CALL), head.position)
    arrays = (torch.as_tensor(array) for array in (samples.points, samples.normals, samples.areas))
    direct = echo_of_samples(*arrays, head, ears(), CALL, PLAIN, 0.005, edges=torch.as_tensor(samples.edges))
    assert np.allclose(direct.numpy(), echo_of([Body(mesh)], [head], ears(), CALL, PLAIN, start_s=0.005).samples[0])


# Bad input.


def refused(match: str, mesh: Mesh | None = None, **changes) -> None:
    settings = {
        "bodies": [Body(mesh or ball(0.1, 3), title="ball.obj")], "heads": [head_at(1, 0, 0)],
        "microphones": ears(), "call": CALL, "acoustics": Acoustics(), **changes,
    }  # fmt: skip
    with pytest.raises(UserError, match=match):
        echo_of(**settings)


def test_meshes_that_are_none():
    refused(r"ball.obj: no faces", Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=int)))
    broken = ball(0.1, 2)
    broken.vertices[5] = np.nan
    refused(r"ball.obj: vertex 6 is not three finite numbers", broken)
    refused("lie on a line or a point", Mesh(np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.array([[0, 1, 2]])))
    refused("a body or more", bodies=[])
    refused("a head or more", heads=[])
    refused("a microphone or more", microphones=[])


def test_a_mesh_turned_inside_out_is_turned_back_and_says_so():
    head, mesh = head_at(1, 0, 0), ball(0.1, 3)
    right = echo_of([Body(mesh)], [head], HERE, CALL, Acoustics())
    wrong = echo_of([Body(mesh.flipped())], [head], HERE, CALL, Acoustics())
    assert not right.notes
    assert "turned over" in wrong.notes[0]
    assert np.abs(wrong.samples).max() == pytest.approx(np.abs(right.samples).max(), rel=1e-3)


def test_a_surface_with_holes_says_so():
    assert "holes" in echo_of([Body(plate(0.1))], [head_at(1, 0, 0)], HERE, CALL, Acoustics()).notes[0]


def test_a_mouth_inside_or_too_near():
    refused(r"mouth is inside of ball.obj: 0.05 m from its middle.*reaches 0.1 m", heads=[head_at(0.05, 0, 0)])
    refused(r"mouth is 0.0103 m from the surface of ball.obj; at least 0.0286 m", heads=[head_at(0.11, 0, 0)])
    refused("microphone is inside of ball.obj", microphones=[Microphone(np.array([0.95, 0, 0]), Omni())])
    refused("a microphone is 0.0", microphones=[Microphone(np.array([0.88, 0, 0]), Omni())])


def test_a_rate_too_low_for_the_call():
    refused(r"rate: 100000 samples a second are too few for 59.97 kHz.*149,922 are", acoustics=Acoustics(rate_hz=1e5))
    # An approaching body raises the call.
    refused("rate", bodies=[Body(ball(0.1, 3), (50, 0, 0))], acoustics=Acoustics(rate_hz=150e3))


def test_a_window_that_does_not_hold_the_echo():
    with pytest.raises(UserError, match=r"(\d+) samples are needed") as failure:
        echo_of([Body(ball(0.1, 3))], [head_at(1, 0, 0)], ears(), CALL, Acoustics(samples=512))
    needed = int(str(failure.value).split(": ")[-1].split()[0])
    enough = echo_of([Body(ball(0.1, 3))], [head_at(1, 0, 0)], ears(), CALL, Acoustics(samples=needed))
    assert enough.samples.shape == (1, 2, needed)
    # The call's end is in the window, and nothing came around to its beginning.
    assert np.abs(enough.samples[..., :10]).max() < 1e-3 * np.abs(enough.samples).max()
    refused("call of 20 ms ends", call=Call.sweep(60e3, 20e3, 20e-3))
    refused("echo begins 5.24.* ms after the call, before the window", start_s=0.006)
    refused("start of the window", start_s=float("nan"))


@pytest.mark.parametrize(
    "changes",
    [{"bounces": 3}, {"rate_hz": 10.0}, {"samples": 4}, {"spacing_m": 0.0}, {"scattering": "x"}, {"share": 2.0}],
)
def test_bad_settings(changes):
    with pytest.raises(UserError, match=r"accepted|not"):
        Acoustics(**changes)


def test_bad_velocities():
    refused("velocity", bodies=[Body(ball(0.1, 2), (200.0, 0, 0))])
    refused("velocity", bodies=[Body(ball(0.1, 2), (np.nan, 0, 0))])


def test_coarse_samples_and_narrow_tables_are_noted():
    acoustics = Acoustics(spacing_m=0.006)
    narrow = Table(np.array([30e3, 50e3]), np.array([-180.0, 180.0]), np.array([-90.0, 90.0]), np.ones((2, 2, 2)))
    echo = echo_of([Body(ball(0.1, 3))], [head_at(1, 0, 0)], [Microphone(np.zeros(3), narrow)], CALL, acoustics)
    assert "coarser than half the shortest wavelength" in echo.notes[0]
    assert "covers 30 to 50 kHz" in echo.notes[1]


def test_silence_is_zeros_and_noted():
    """A plate that looks away."""
    heads = [head_at(1, 180, 0), head_at(1, 0, 0)]
    silent = echo_of([Body(plate(0.1))], heads[:1], ears(), CALL, Acoustics())
    assert silent.silent
    assert not silent.samples.any()
    assert silent.visible == (0,)
    assert "nothing is heard" in silent.notes[-1]
    half = echo_of([Body(plate(0.1))], heads, ears(), CALL, Acoustics())
    assert not half.silent
    assert half.visible[0] == 0 < half.visible[1]
    assert "1 of 2 poses" in half.notes[-1]


def test_from_straight_above():
    echo = echo_of([Body(object_of("table"))], [head_at(1, 0, 90), head_at(1, 0, -90)], ears(), CALL, Acoustics())
    assert np.isfinite(echo.samples).all()
    assert not echo.silent


def test_ears_at_one_place_hear_the_same():
    echo = echo_of([Body(object_of("lamp"))], [head_at(1, 20, 25)], ears(0.0, "omni"), CALL, Acoustics())
    assert np.array_equal(echo.samples[0, 0], echo.samples[0, 1])
