"""The simulator as people use it: numbers by hand, files opened by other programs, and one line for what is wrong."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.mesh_files import write_mesh
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call, matched_filter
from hypernet.sonar.core.clutter import Room
from hypernet.sonar.core.poses import head_at
from hypernet.sonar.sources.echo_files import read_echo
from hypernet.sonar.tools.inputs import call_of, ears_of, further_of, mouth_of, room_of, target_of
from hypernet.sonar.tools.simulate import simulate

SPEED = Air().speed_of_sound
MOUTH = [(0.0, 0.0, 0.0)]


def box(width: float = 0.1, height: float = 0.1, depth: float = 0.1) -> Mesh:
    """y up, front along z."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * [width, height, depth] / 2
    triangles = [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]  # fmt: skip
    return Mesh(corners, np.array(triangles))


@pytest.fixture
def cube(tmp_path) -> Path:
    write_mesh(tmp_path / "cube.obj", box())
    return tmp_path / "cube.obj"


def refused(capsys, *arguments: object) -> str:
    """The line that a command ends with."""
    assert main(["sonar", *map(str, arguments)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("distance", [0.5, 1.0])
def test_delay_and_level_of_a_plate_by_hand(distance):
    """A plate of 2 cm in the far field has the target strength 20 log10(A / wavelength)."""
    side, frequency = 0.02, 60e3
    plate = box(side, side, 1e-3)
    echo = simulate(plate, range_m=distance, elevation_deg=0, microphones=MOUTH, call=f"cf:{frequency:g}:3ms")
    strength = 20 * math.log10(side**2 * frequency / SPEED)
    way = distance - 0.5e-3
    loss = float(Air().absorption(frequency)) * 2 * way
    envelope = matched_filter(echo.samples, echo.record.emitted)[0, 0]
    level = 20 * math.log10(envelope.max())
    assert level == pytest.approx(strength - 40 * math.log10(way) - loss, abs=0.1)
    # A tone says little of time: half of its energy has come in the middle of the call.
    energy = np.cumsum(np.square(echo.samples[0, 0]))
    middle = echo.record.times_s[np.searchsorted(energy, energy[-1] / 2)]
    assert middle == pytest.approx(2 * way / SPEED + 1.5e-3, abs=2e-5)


def test_a_sweep_tells_the_distance():
    echo = simulate(box(), range_m=1.0, elevation_deg=0, microphones=MOUTH)
    envelope = matched_filter(echo.samples, echo.record.emitted)[0, 0]
    assert echo.record.distances_m[envelope.argmax()] == pytest.approx(0.95, abs=1.5e-3)


def test_the_nearer_ear_hears_first_and_louder():
    """The bat looks 40 degrees to its right of the object: the object is at its left."""
    echo = simulate(box(0.02, 0.02, 0.02), elevation_deg=0, heads=[(-40, 0, 0)], call="fm:60000-20000:2ms")
    left, right = echo.samples[0]
    assert np.square(left).sum() > 10 * np.square(right).sum()
    delay = np.correlate(right, left, "full").argmax() - (len(left) - 1)
    assert delay / echo.echo.rate_hz == pytest.approx(0.015 * math.sin(math.radians(40)) / SPEED, abs=4e-6)


def test_doppler_of_a_target_that_comes():
    echo = simulate(
        box(), elevation_deg=0, microphones=MOUTH, call="cf:80000:10ms", velocity_m_s=(3, 0, 0), rate_hz=400_000
    )
    wave = echo.samples[0, 0]
    spectrum = np.abs(np.fft.rfft(wave, 1 << 18))
    peak = np.fft.rfftfreq(1 << 18, 1 / 400_000)[spectrum.argmax()]
    assert peak == pytest.approx(80e3 * (SPEED + 3) / (SPEED - 3), rel=2e-4)
    assert echo.stretch == pytest.approx((SPEED - 3) / (SPEED + 3))
    # The filter that expects the shift finds the echo; the one that does not, hardly anything.
    shifted, still = (matched_filter(wave, call).max() for call in (echo.expected, echo.record.emitted))
    assert shifted > 5 * still


def test_units_sizes_and_frames(tmp_path):
    write_mesh(tmp_path / "m.stl", box(0.2, 0.1, 0.05), unit="m")
    target = target_of(tmp_path / "m.stl")
    assert "in mm (assumed; --unit and --size say otherwise): 0.05 m deep, 0.2 m wide, 0.1 m high" in target.words
    assert not target.doubtful
    upright = target_of(tmp_path / "m.stl", up="z")
    assert "0.1 m deep, 0.2 m wide, 0.05 m high (z is up and -y its front)" in upright.words
    write_mesh(tmp_path / "m.obj", Mesh(box().vertices * 100, box().triangles))
    assert "in m (assumed" in target_of(tmp_path / "m.obj").words
    assert target_of(tmp_path / "m.obj").doubtful
    assert np.ptp(target_of(tmp_path / "m.obj", unit="cm").mesh.vertices) == pytest.approx(0.1)
    assert np.ptp(target_of(tmp_path / "m.obj", size_m=0.3).mesh.vertices) == pytest.approx(0.3)
    moved = target_of(Mesh(box().vertices + 5, box().triangles), origin="file", offset_m=(1, 0, 0))
    np.testing.assert_allclose(moved.mesh.bounds.mean(axis=0), [6, 5, 5])


def test_a_second_mesh_is_heard_at_its_distance():
    alone = simulate(box(0.05, 0.05, 0.05), elevation_deg=0, microphones=MOUTH)
    both = simulate(
        box(0.05, 0.05, 0.05),
        elevation_deg=0,
        microphones=MOUTH,
        further=[(box(0.05, 0.05, 0.05), (-0.5, 0.3, 0))],
        samples=2048,
    )
    first, second = (matched_filter(echo.samples, echo.record.emitted)[0, 0] for echo in (alone, both))
    distances = both.record.distances_m
    far = distances > 1.3
    assert distances[far][second[far].argmax()] == pytest.approx(math.hypot(1.5 - 0.025, 0.3), abs=0.03)
    assert second[~far].max() == pytest.approx(first.max(), rel=0.02)


def test_a_room_is_heard_with_the_object_and_its_first_wall_on_time():
    pytest.importorskip("pyroomacoustics", reason="pyroomacoustics is not installed")
    # The wall behind the bat is at 0.6 m, nearer than the cube's front at 0.95 m.
    echo = simulate(box(), elevation_deg=0, microphones=MOUTH, room=Room((3.2, 4, 5), 0.19), absorption=False)
    envelope = matched_filter(echo.samples, echo.record.emitted)[0, 0]
    distances = echo.record.distances_m
    near = distances < 0.9
    assert distances[near][envelope[near].argmax()] == pytest.approx(0.6, abs=1.5e-3)
    assert envelope[near].max() == pytest.approx(0.9 / 1.2, rel=0.01)
    assert any("walls of the room" in note for note in echo.echo.notes)
    with pytest.raises(UserError, match=r"mesh reaches x = .* beyond the wall at 0.04 m"):
        simulate(box(), room=Room((0.08, 4, 5), 0.2))


def test_noise_is_that_of_the_seed():
    options = {"mesh": box(), "noise_db": 20.0}
    clean, first, again = simulate(box()), simulate(**options), simulate(**options)
    other = simulate(**options, seed=1)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert not np.array_equal(first.samples, other.samples)
    noise = first.samples - clean.samples
    ratio = 10 * math.log10(np.square(clean.samples).mean() / np.square(noise).mean())
    assert ratio == pytest.approx(20, abs=0.3)


def test_calls_ears_and_mouths_by_their_texts(tmp_path):
    assert call_of("fm:60kHz-20k:2ms:hyperbolic").title == "FM 60 to 20 kHz, 2 ms, hyperbolic"
    assert call_of("cf:80000:0.02").title == "CF 80 kHz, 20 ms"
    sound = np.zeros(20_000)
    sound[9000:9501] = Call.sweep(60e3, 20e3, 2e-3).samples(250_000)
    sound += 1e-3 * np.random.default_rng(0).standard_normal(len(sound))
    wavfile.write(tmp_path / "my.wav", 250_000, (30_000 * sound).astype("<i2"))
    assert call_of(tmp_path / "my.wav").title.startswith("call of my.wav, 36.")
    assert call_of(f"{tmp_path}/my.wav@30ms-0.045").title.startswith("call of my.wav, 36.")
    left, right = ears_of("piston:4mm", 0.02, SPEED)
    assert left.directivity.radius_m == 0.004
    assert left.directivity.axis[1] > 0 > right.directivity.axis[1]
    assert mouth_of("piston:0.003", SPEED).radius_m == 0.003
    np.savez(
        tmp_path / "head.npz", freq_hz=[2e4, 9e4], azimuth_deg=[-90, 90], elevation_deg=[0], left=np.ones((2, 1, 2)),
        right=np.ones((2, 1, 2)), nose=np.ones((2, 1, 2)),
    )  # fmt: skip
    echo = simulate(box(), ears=tmp_path / "head.npz", mouth=tmp_path / "head.npz")
    plain = simulate(box(), ears="omni")
    np.testing.assert_allclose(echo.samples, plain.samples, atol=1e-6 * np.abs(plain.samples).max())
    assert room_of("4,3,2.5:0.3") == Room((4, 3, 2.5), 0.3)
    assert further_of("a.obj@0.5,0,-1") == (Path("a.obj"), (0.5, 0, -1))
    assert further_of("a.obj") == (Path("a.obj"), (0, 0, 0))


def test_heads_may_stand_anywhere():
    heads = [head_at(0.7, 10, 0), head_at(1.1, -30, 20)]
    echo = simulate(box(), heads=heads)
    assert echo.samples.shape[0] == 2
    assert "range_m" not in echo.settings
    alone = simulate(box(), heads=heads[1:])
    envelopes = [matched_filter(heard.samples[-1], heard.record.emitted).max() for heard in (echo, alone)]
    assert envelopes[0] == pytest.approx(envelopes[1], rel=1e-3)


def test_the_command(cube, tmp_path, capsys):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    out = [tmp_path / "echo.nc", tmp_path / "echo.wav"]
    files = ["--out", out[0], "--out", out[1], "--picture", tmp_path / "echo.png", "--scene", tmp_path / "scene.svg"]
    options = ["--range", 0.8, "--azimuth", -20, "--head", "0,0,0", "--head", "-10,0,90", "--velocity", "-1,0,0"]
    assert main(["sonar", "simulate", str(cube), *map(str, [*options, *files])]) == 0
    printed = capsys.readouterr().out
    assert "cube.obj: 12 triangles, in m (assumed" in printed
    assert "2 heads at" in printed
    assert "full scale is" in printed
    with xarray.open_dataset(out[0]) as dataset:
        assert dataset["echo"].dims == ("pose", "microphone", "time")
        assert dataset["echo"].shape[:2] == (2, 2)
        assert dataset.attrs["range_m"] == 0.8
        assert dataset.attrs["velocity"] == "-1, 0, 0"
        samples = dataset["echo"].to_numpy()
    with pytest.warns(wavfile.WavFileWarning, match="not understood"):
        rate, wave = wavfile.read(out[1])
    assert rate == 250_000
    assert wave.shape == (samples.shape[-1], 4)
    back = read_echo(out[1])
    np.testing.assert_allclose(back.samples, samples, atol=1e-4 * np.abs(samples).max())
    np.testing.assert_allclose(back.heads[1].axes, read_echo(out[0]).heads[1].axes)
    for picture in (tmp_path / "echo.png", tmp_path / "scene.svg"):
        assert picture.stat().st_size > 10_000


def test_microphones_on_the_command_line(cube, capsys):
    places = ["--microphones", "-0.01,0.05,0", "0,-0.05,-0.02", "0,0,0"]
    assert main(["sonar", "simulate", str(cube), *places]) == 0
    assert "3 microphones (omni); mouth: omni" in capsys.readouterr().out


def test_real_meshes_and_a_recorded_call(mirror, recordings, tmp_path):
    """Longest side first: the loudest echo of each object lies within it."""
    for class_name in ("chair", "car"):
        mesh = sorted((mirror / "meshes" / class_name).rglob("*.obj"))[0]
        for recording in sorted(recordings.glob("*.wav"))[:2]:
            echo = simulate(mesh, size_m=0.2, call=recording, azimuth_deg=20, bounces=2)
            envelope = matched_filter(echo.samples, echo.record.emitted)[0, 0]
            assert 0.8 < echo.record.distances_m[envelope.argmax()] < 1.2
            assert -90 < 20 * math.log10(envelope.max()) < -20


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--head", "0,0"], "'0,0' is not yaw,pitch,roll in degrees, such as 0,0,90"),
        (["--velocity", "1,2,x"], "'1,2,x' is not three numbers such as -3,0,0"),
        (["--microphones", "1;2;3"], "'1;2;3' is not a place such as"),
        (["--call", "fm:60000:2ms"], "call: 'fm:60000:2ms' is not fm:START-END:DURATION"),
        (["--call", "fm:60000-20000:2min"], "call: '2min' is not a duration such as 2ms or 0.002"),
        (["--call", "cf:80000"], "call: 'cf:80000' is not cf:FREQUENCY:DURATION"),
        (["--call", "cf:80:20ms"], "80 Hz is not a frequency .* 60 kHz is 60000"),
        (["--call", "song.mp3"], "call: 'song.mp3' is none; accepted: fm:"),
        (["--call", "none.wav"], "none.wav: no such file"),
        (["--ears", "owl"], "ears: 'owl' is none; accepted: bat, omni, cardioid, piston:RADIUS"),
        (["--ears", "piston"], "piston: it has a radius, such as piston:5mm"),
        (["--ears", "piston:5km"], "piston: '5km' is not a radius"),
        (["--ears", "none.sofa"], "none.sofa: no such file"),
        (["--mouth", "bat"], "mouth: 'bat' is none; accepted: omni, nose, cardioid"),
        (["--mouth", "none.npz"], "none.npz: no such file"),
        (["--baseline", "-1"], "baseline: -1 m between the ears"),
        (["--unit", "mm", "--size", "0.2"], "unit and size: both say how large"),
        (["--unit", "mm", "--elevation", "100"], "elevation 100: accepted"),
        (["--size", "0"], "size: 0 m is not from 0.0001 to 1000 m"),
        (["--size", "1e9"], "size: 1e\\+09 m"),
        (["--range", "0"], "range: 0 m is not above 0"),
        (["--range", "0.02"], "mouth is inside of cube.obj: 0.02 m .* 0.0866 m"),
        (["--range", "0.08"], "the mouth is .* m from the surface of cube.obj; at least"),
        (["--temperature", "293"], "293 °C is not from -40 to 60 °C; 293 K would be 19.9 °C"),
        (["--humidity", "150"], "150 % is not from 0 to 100 %"),
        (["--rate", "96000"], "rate: 96000 samples a second are too few for .* kHz"),
        (["--samples", "100"], "beyond the window of 100 samples .* samples are needed"),
        (["--velocity", "300,0,0"], "a velocity is three numbers, together at most 100 m/s"),
        (["--share", "3", "--scattering", "mixed"], "share of scattering: 3 is not from 0 to 1"),
        (["--noise", "nan"], "noise: nan dB"),
        (["--room", "4,3"], "room: '4,3' is not x,y,z:absorption, such as 4,3,2.5:0.3"),
        (["--room", "4,3,2:7"], "its walls take 7 of the energy"),
        (["--with", "other.obj@1,2"], "with: '1,2' is not a place such as"),
        (["--with", "other.obj@1,2,3"], "other.obj: no such file"),
        (["--out", "echo.mat"], "echo.mat: the name must end in .nc or .wav"),
        (["--out", "a.nc", "--out", "a.nc"], "--out a.nc: this file is read or written by the same command"),
        (["--picture", "echo.pdf"], "echo.pdf: the name must end in .png or .svg"),
        (["--time-expansion", "-1", "--call", "none.wav"], "none.wav: no such file|time expansion"),
    ],
)
def test_refused(cube, capsys, options, line):
    assert re.search(line, refused(capsys, "simulate", cube, *options))


def test_refused_meshes(tmp_path, capsys):
    for name, content, line in (
        ("empty.obj", b"", "empty.obj: empty"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "all faces lie on a line or a point"),
        ("b.obj", b"v 0 0 nan\nv 1 0 0\nv 2 1 0\nf 1 2 3\n", "b.obj"),
        ("c.txt", b"x", "not a mesh file"),
    ):
        (tmp_path / name).write_bytes(content)
        assert line in refused(capsys, "simulate", tmp_path / name)


def test_inside_out_and_hidden(tmp_path):
    cube = box()
    echo = simulate(Mesh(cube.vertices, cube.triangles[:, ::-1]))
    assert any("turned over" in note for note in echo.echo.notes)
    np.testing.assert_allclose(echo.samples, simulate(cube).samples, atol=1e-9)
    # A single sheet, seen from its back.
    sheet = Mesh(np.array([[-0.1, -0.1, 0], [0.1, -0.1, 0], [0, 0.1, 0]]), np.array([[0, 1, 2]]))
    back = simulate(sheet, azimuth_deg=180, elevation_deg=0)
    assert "nothing is heard" in back.summary()
    for name in ("silent.nc", "silent.wav"):
        back.save(tmp_path / name)
        assert not read_echo(tmp_path / name).samples.any()
