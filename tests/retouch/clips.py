"""Little films for tests, made by PyAV, and what is in a film."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.film_files import FilmReader, writing

UNSPECIFIED = (2, 0, 2, 2)
BT709 = (1, 1, 1, 1)
# Luma weights of red and blue, by the number of the matrix in ITU-T H.273.
WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def moving(count: int, height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """A smooth picture that moves, uint8 ``[T, H, W, 3]``."""
    phases = np.random.default_rng(seed).uniform(0, 6, size=3)
    y, x = np.mgrid[:height, :width]
    frames = [
        np.stack([np.sin(3 * x / width + phase + t / 9) * np.cos(2 * y / height + phase) for phase in phases], axis=-1)
        for t in range(count)
    ]
    return np.rint(127.5 + 90 * np.stack(frames)).astype(np.uint8)


def ycbcr(rgb: Sequence[float], matrix: int, full: bool, bits: int = 8) -> list[int]:
    """Samples of a colour in [0, 1]: the equations of ITU-R BT.601, BT.709 and BT.2020."""
    kr, kb = WEIGHTS[matrix]
    red, green, blue = rgb
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = ((blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr))
    scale, white = 2 ** (bits - 8), 2**bits - 1
    if full:
        return [round(luma * white), *(round(part * white + 128 * scale) for part in chroma)]
    return [round((16 + 219 * luma) * scale), *(round((128 + 224 * part) * scale) for part in chroma)]


def write_clip(
    path: Path,
    frames: Iterable[np.ndarray] = (),
    *,
    planes: Iterable[Sequence[int]] = (),
    size: tuple[int, int] = (48, 64),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    tags: Sequence[int] = UNSPECIFIED,
    options: dict[str, str] | None = None,
    rotation: tuple[float, bool] | None = None,
    sample_aspect: Fraction | None = None,
    sounds: Sequence[str] = (),
    seconds: float = 1.0,
    metadata: dict[str, str] | None = None,
    flags: int = 0,
    container: str | None = None,
    then: Sequence[np.ndarray] = (),
    chapters: Sequence[tuple[int, int, str]] = (),
) -> Path:
    """Write a film of R'G'B' frames (in Y'CbCr of BT.601), or of uniform ones of these samples.

    ``then``: frames of another size in the same stream, as a broadcast has them.
    """
    import av

    # MP4 rounds the moment at which a stream begins to this unit.
    with av.open(f"file:{path}", "w", format=container, container_options={"movie_timescale": "90000"}) as output:
        output.metadata.update(metadata or {})
        output.set_chapters(
            [
                {"id": number, "start": start, "end": end, "time_base": time_base, "metadata": {"title": title}}
                for number, (start, end, title) in enumerate(chapters)
            ]
        )
        frames = list(frames)
        height, width = frames[0].shape[:2] if frames else size
        stream = output.add_stream(codec, rate=25, width=width, height=height, pix_fmt=pixel_format, options=options)
        context = stream.codec_context
        context.time_base = stream.time_base = time_base
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = tags
        context.flags |= flags | av.codec.context.Flags.frame_duration
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1])
        if sample_aspect is not None:
            context.sample_aspect_ratio = sample_aspect
        heard = [_sound(output, name, seconds, 440 * 2**number) for number, name in enumerate(sounds)]
        pictures = [_from_rgb(frame, pixel_format) for frame in frames] or [
            _uniform(samples, size, pixel_format) for samples in planes
        ]
        times = list(range(len(pictures))) if times is None else times
        for number, (picture, pts) in enumerate(zip(pictures, times, strict=True)):
            picture.pts, picture.time_base = pts, time_base
            picture.duration = times[number + 1] - pts if number + 1 < len(times) else pts - times[number - 1]
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
        if len(then):
            later = _encoder(codec, pixel_format, then[0].shape)
            for number, frame in enumerate(then, start=len(pictures)):
                picture = _from_rgb(frame, pixel_format)
                picture.pts, picture.time_base = number, time_base
                _mux_as(output, stream, later.encode(picture))
            _mux_as(output, stream, later.encode(None))
        for target, packets in heard:
            _mux_as(output, target, packets)
    return path


def _encoder(codec: str, pixel_format: str, shape: Sequence[int]) -> Any:
    import av

    context = av.CodecContext.create(codec, "w")
    context.height, context.width = shape[:2]
    context.pix_fmt, context.framerate, context.time_base = pixel_format, 25, Fraction(1, 25)
    return context


def _mux_as(output: Any, stream: Any, packets: Sequence[Any]) -> None:
    for packet in packets:
        packet.stream = stream
        output.mux(packet)


def _from_rgb(frame: np.ndarray, pixel_format: str) -> Any:
    import av
    from av.video.reformatter import Interpolation

    flags = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    given = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    picture = given.reformat(format=pixel_format, interpolation=flags, src_color_range=2, dst_color_range=1)
    picture.colorspace, picture.color_range, picture.color_primaries, picture.color_trc = UNSPECIFIED
    return picture


def _uniform(samples: Sequence[int], size: tuple[int, int], pixel_format: str) -> Any:
    import av

    picture = av.VideoFrame(size[1], size[0], pixel_format)
    for plane, sample in zip(picture.planes, samples, strict=True):
        values = np.frombuffer(plane, np.uint16 if pixel_format.endswith("le") else np.uint8)
        values[:] = sample
    return picture


def _sound(output: Any, codec: str, seconds: float, hertz: float) -> tuple[Any, list[Any]]:
    """A stream and the packets of a sine."""
    import av

    rate = 48000
    stream = output.add_stream(codec, rate=rate, bit_rate=64000)
    stream.metadata["language"] = "eng"
    stream.codec_context.layout = "mono"
    wave = (0.2 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)
    fifo = av.AudioFifo()
    frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
    packets = []
    for converted in resampler.resample(frame):
        fifo.write(converted)
    stream.codec_context.open()
    while (chunk := fifo.read(stream.codec_context.frame_size or 1024, partial=True)) is not None:
        packets += stream.encode(chunk)
    return stream, packets + stream.encode(None)


@dataclass
class Contents:
    """What is in a film."""

    pts: list[int]
    duration: int | None
    time_base: Fraction
    frames: list[Any]
    stream: dict[str, Any]
    sounds: list[list[tuple[Any, ...]]]
    languages: list[str | None]
    metadata: dict[str, str]
    types: list[str]
    matrix: list[int] | None
    chapters: list[tuple[Fraction, str]]


def contents(path: Path) -> Contents:
    """Everything in a film, read by PyAV."""
    import av

    sounds: dict[int, list[tuple[Any, ...]]] = {}
    with av.open(f"file:{path}") as container:
        for packet in container.demux(*container.streams.audio):
            if packet.size:
                entry = (bytes(packet), packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base)
                sounds.setdefault(packet.stream_index, []).append(entry)
    with av.open(f"file:{path}") as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        matrix = frames[0].side_data.get("DISPLAYMATRIX") if frames[0].rotation in (0, 90, 180) else None
        return Contents(
            pts=[frame.pts for frame in frames],
            duration=video.duration,
            time_base=video.time_base,
            frames=frames,
            stream={
                "tags": tuple(
                    int(getattr(frames[0], name))
                    for name in ("colorspace", "color_range", "color_primaries", "color_trc")
                ),
                "sample_aspect": video.sample_aspect_ratio,
                "size": (frames[0].width, frames[0].height),
                "pixel_format": frames[0].format.name,
                "codec": video.codec_context.name,
                "interlaced": frames[0].interlaced_frame,
                "rotation": frames[0].rotation,
            },
            sounds=list(sounds.values()),
            languages=[stream.language for stream in container.streams.audio],
            metadata=dict(container.metadata),
            types=[stream.type for stream in container.streams],
            matrix=None if matrix is None else np.frombuffer(matrix, np.int32).tolist(),
            chapters=[
                (entry["start"] * entry["time_base"], entry["metadata"]["title"]) for entry in container.chapters()
            ],
        )


def samples(picture: Any) -> list[np.ndarray]:
    """The planes of a picture without padding, of whole numbers."""
    depth = np.uint16 if max(part.bits for part in picture.format.components) > 8 else np.uint8
    planes = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, depth).reshape(plane.height, -1)
        planes.append(rows[:, : plane.width].astype(int))
    return planes


def copied(source: Path, target: Path, **options):
    """A film written again as it is."""
    film = FilmReader(source)
    with writing(target, film, **options) as copy:
        for frame in film:
            copy.write(frame)
    return film, copy


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def refused(path: Path) -> str:
    """Why a film is not read."""
    with pytest.raises(UserError) as error:
        for _ in FilmReader(path):
            pass
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)
