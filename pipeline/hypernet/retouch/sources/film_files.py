"""Films, read and written frame by frame with all that is not colour: times, sound, rotation, tags, titles."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library
from hypernet.retouch.sources.film_colours import colours_of, encoding, side_data, thumbnail_of
from hypernet.retouch.sources.film_streams import (
    AS_THEY_ARE,
    CONTAINERS,
    MATROSKA,
    Companions,
    cut_off,
    described,
    moving_pictures,
    reading,
    reason,
)

SMALLEST_SIDE = 8
# Units of a second in which an MP4 file counts as a whole.
MILLISECONDS, FINEST_UNITS = 1000, 10**6
# Encoders: their names for people, the constant rate factor at which a difference to the source is hard to see, its
# largest value, and options.
ENCODERS: dict[str, tuple[str, float, float, dict[str, str]]] = {
    "libx264": ("H.264", 18, 51, {"preset": "veryfast"}),
    "libx265": ("HEVC", 20, 51, {"preset": "fast", "x265-params": "log-level=error"}),
    "libvpx-vp9": ("VP9", 24, 63, {"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}),
}


@dataclass(eq=False)
class FilmFrame:
    """A frame as it is stored: on its side where the film is turned when it is shown.

    Attributes:
        number: from 0.
        pts: when it is shown, in units of the film's time base.
        seconds: the same.
        picture: its R'G'B' ``VideoFrame``.
    """

    number: int
    pts: int
    seconds: float
    picture: Any

    def thumbnail(self, rows: int, columns: int) -> np.ndarray:
        """The frame brought to a size by means over areas, float32 ``[rows, columns, 3]`` in [0, 1]."""
        return thumbnail_of(self.picture, rows, columns)


class FilmReader:
    """A film: what it is, and its frames, as often as they are wanted.

    Args:
        path: any film that FFmpeg decodes.

    Attributes:
        width: of the frames as they are stored, as are all that follow.
        height: rows.
        colours: see ``FilmColours``.
        time_base: unit of ``FilmFrame.pts`` in seconds.
        rate: mean frames per second, or None.
        expected_frames: what the file says, 0 where it says nothing.
        display_matrix: nine numbers by which the frames are turned when they are shown, or None.
        sample_aspect: width of a pixel by its height, or None.
        interlaced: whether a frame is two fields.
        metadata: of the pictures.
        disposition: of the pictures among others of the file.
        notes: what was taken for granted, for people.

    Raises:
        UserError: the file is absent, or no film, or is one whose colours would be misread.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        with reading(self.path) as container:
            stream = moving_pictures(container, self.path)
            with contextlib.closing(self._pictures(container, stream)) as pictures:
                picture = next(pictures, None)
            if picture is None:
                raise UserError(f"{self.path}: there is no frame in it; accepted: a film")
            self.width, self.height = picture.width, picture.height
            if min(self.width, self.height) < SMALLEST_SIDE:
                size = f"{self.width} x {self.height}"
                raise UserError(f"{self.path}: frames of {size} pixels; accepted: {SMALLEST_SIDE} or more a side")
            self.colours = colours_of(str(self.path), picture, stream.codec_context)
            self.time_base, self.rate = stream.time_base, stream.average_rate or stream.guessed_rate
            self.expected_frames = int(stream.frames)
            self.sample_aspect: Fraction | None = stream.sample_aspect_ratio
            self.display_matrix = _display_matrix(picture)
            self.interlaced = bool(picture.interlaced_frame)
            self.metadata, self.disposition = dict(stream.metadata), stream.disposition
        self.notes = list(self.colours.notes)
        if "alpha_mode" in self.metadata:
            self.notes.append("its transparency is not kept")
        if self.interlaced:
            self.notes.append("it is interlaced: colours may bleed by a row between its two fields")

    def __iter__(self) -> Iterator[FilmFrame]:
        """All frames in the order in which they are shown.

        Raises:
            UserError: a frame that cannot be decoded, has no time or another size: it is named, counted from 0.
        """
        with reading(self.path) as container:
            stream, last = moving_pictures(container, self.path), None
            for number, picture in enumerate(self._pictures(container, stream)):
                pts = picture.pts
                if pts is None:
                    raise UserError(
                        f"{self.path}: frame {number:,} has no time; give it a rate: ffmpeg -r 25 -i IN -c copy OUT.mp4"
                    )
                if last is not None and pts <= last:
                    raise UserError(f"{self.path}: frame {number:,} is not shown after the frame before it")
                if (picture.width, picture.height) != (self.width, self.height):
                    size = f"{picture.width} x {picture.height}"
                    raise UserError(f"{self.path}: frame {number:,} has another size than those before, {size}")
                last = pts
                yield FilmFrame(number, pts, float(pts * self.time_base), self.colours.rgb(picture))

    def pixels(self, frame: FilmFrame) -> np.ndarray:
        """Pixels of a frame, sRGB-encoded, uint8 ``[H, W, 3]``, or uint16 of more than 8 bits."""
        return self.colours.pixels(frame.picture)

    def replace(self, frame: FilmFrame, pixels: np.ndarray) -> None:
        """Give a frame other pixels."""
        self.colours.replace(frame.picture, pixels)

    def upright(self, image: np.ndarray) -> np.ndarray:
        """An image ``[H, W, ...]`` of the film turned as it is shown, by quarters of a turn."""
        if self.display_matrix is None:
            return image
        # A pixel at column x and row y is shown at column a x + c y and row b x + d y.
        a, b, _, c, d = self.display_matrix[:5]
        if abs(a) < abs(b):
            image, a, d = image.swapaxes(0, 1), c, b
        return image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]

    def _pictures(self, container: Any, stream: Any) -> Generator[Any, None, None]:
        """Decoded frames.

        Raises:
            UserError: see ``__iter__``.
        """
        av = library("av", "PyAV", "retouch")
        number, packets, end = 0, 0, Fraction(0)
        # AVI knows no times: its frames are shown at a constant rate, in the places of its packets.
        places = deque[int]() if container.format.name == "avi" else None
        try:
            for packet in container.demux():
                if packet.dts is not None:
                    shown = packet.dts if packet.pts is None else packet.pts
                    end = max(end, (shown + (packet.duration or 0)) * packet.time_base)
                if packet.stream.index != stream.index:
                    continue
                packets += bool(packet.size)
                if packet.is_corrupt:
                    raise UserError(f"{self.path}: frame {number:,} or the next ones are damaged or cut off")
                if places is not None and packet.size:
                    places.append(packet.dts)
                for picture in packet.decode():
                    if picture.is_corrupt:
                        raise UserError(f"{self.path}: frame {number:,} is damaged")
                    if places:
                        picture.pts = places.popleft()
                    yield picture
                    number += 1
        except (av.FFmpegError, MemoryError) as error:
            raise UserError(f"{self.path}: frame {number:,} cannot be decoded ({reason(error)})") from None
        if cut_off(container, stream, packets, float(end)):
            raise UserError(f"{self.path}: it is cut off after {number:,} frames")


class FilmWriter:
    """A film with other pixels, and all else of it. Made by ``writing``.

    Args:
        output: the container to write, not begun.
        name: of the file, for people.
        film: the source.
        crf: constant rate factor of the encoder, from 0; the larger, the smaller the file; None: the usual.
        strip_location: leave out where it was taken.

    Attributes:
        codec: the encoder's name and its constant rate factor, for people.
        notes: what could not be kept, for people.

    Raises:
        UserError: the container does not take what is in the film.
    """

    def __init__(self, output: Any, name: Path, film: FilmReader, crf: float | None, strip_location: bool):
        encoder, self._pixel_format = encoding(str(name), film.colours, film.width, film.height, name.suffix.lower())
        title, usual, largest, options = ENCODERS[encoder]
        crf = usual if crf is None else crf
        if not 0 <= crf <= largest:
            raise UserError(f"crf {crf:g}: accepted for {title}: 0 (best) to {largest:g}; usual: {usual:g}")
        self.codec = f"{title} ({self._pixel_format}), crf {crf:g}"
        self._film, self._output, self.notes = film, output, list[str]()
        if "444" in self._pixel_format and film.colours.chroma != "444":
            self.notes.append(f"{title} halves no odd size: written in 4:4:4, which not every player shows")
        self._in_milliseconds, self._inexact = name.suffix.lower() in MATROSKA, 0
        self._stream = output.add_stream(
            encoder,
            rate=film.rate or 25,
            options={**options, "crf": f"{crf:g}"},
            width=film.width,
            height=film.height,
            pix_fmt=self._pixel_format,
        )
        self._stream.metadata.update(described(film.metadata, strip_location))
        self._stream.disposition = film.disposition
        self._stream.set_display_matrix(film.display_matrix)
        self._configure(encoder)
        self._companions = Companions(film.path, output, name.suffix.lower(), strip_location)
        self.notes += self._companions.notes

    def write(self, frame: FilmFrame) -> None:
        """Add the next frame.

        Raises:
            UserError: it cannot be written.
        """
        seconds = frame.pts * self._film.time_base - self._companions.delay
        self._inexact += self._in_milliseconds and (1000 * seconds).denominator != 1
        picture = self._film.colours.encodable(frame.picture, self._pixel_format)
        # The encoder chooses its key frames itself.
        picture.pict_type = 0
        picture.time_base, picture.pts = self._film.time_base, round(seconds / self._film.time_base)
        self._output.mux(self._stream.encode(picture))
        self._companions.until(float(seconds))

    def finish(self) -> None:
        """Write what the encoder holds back, and the rest of the sound."""
        self._output.mux(self._stream.encode(None))
        self._companions.until(float("inf"))
        self._output.close()
        if self._inexact:
            self.notes.append(f"times of {self._inexact:,} frames are rounded to the container's unit, milliseconds")

    def close(self) -> None:
        """Close the source."""
        self._companions.close()

    def _configure(self, encoder: str) -> None:
        """Times, tags and the shape of pixels, as the source has them."""
        flags = library("av.codec.context", "PyAV", "retouch").Flags
        film, context = self._film, self._stream.codec_context
        self._stream.time_base = context.time_base = film.time_base
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = film.colours.tags
        if film.sample_aspect:
            context.sample_aspect_ratio = film.sample_aspect
        context.flags |= flags.frame_duration
        if film.interlaced and encoder == "libx264":
            context.flags |= flags.interlaced_dct | flags.interlaced_me
        if encoder == "libx265" and self._output.format.name != "matroska":
            # The tag without which QuickTime shows nothing.
            context.codec_tag = "hvc1"


@contextlib.contextmanager
def writing(
    path: Path, film: FilmReader, *, crf: float | None = None, strip_location: bool = False
) -> Iterator[FilmWriter]:
    """Write a film, whole or not at all: see ``FilmWriter``.

    Raises:
        UserError: it cannot be written, or the container does not take what is in the film.

    >>> film = FilmReader(Path("clip.mp4"))  # doctest: +SKIP
    >>> with writing(Path("copy.mp4"), film) as copy:  # doctest: +SKIP
    ...     for frame in film:
    ...         copy.write(frame)
    """
    av = library("av", "PyAV", "retouch")
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise UserError(f"{path}: the name must end in {', '.join(CONTAINERS)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    options = _container_options(film.time_base)
    with atomic_path(path) as temporary:
        try:
            output = av.open(f"file:{temporary}", "w", format=container, container_options=options, **AS_THEY_ARE)
            with contextlib.ExitStack() as closing:
                closing.callback(_abandon, output)
                writer = FilmWriter(output, path, film, crf, strip_location)
                closing.callback(writer.close)
                yield writer
                writer.finish()
        except av.FFmpegError as error:
            raise UserError(f"{path}: cannot be written ({reason(error)})") from None


def _container_options(time_base: Fraction) -> dict[str, str]:
    """For MP4: units of time in which those of the source are whole numbers; the index in front, for browsers."""
    units = time_base.denominator
    whole = math.lcm(units, MILLISECONDS)
    return {
        "video_track_timescale": str(units),
        # Of the moment at which a stream begins.
        "movie_timescale": str(whole if whole <= FINEST_UNITS else MILLISECONDS),
        "movflags": "+faststart",
    }


def _abandon(output: Any) -> None:
    """Close a container that may not be finished; if it is not, its file is removed."""
    with contextlib.suppress(library("av", "PyAV", "retouch").FFmpegError):
        output.close()


def _display_matrix(picture: Any) -> tuple[int, ...] | None:
    """Nine numbers: 16.16 fixed point, and 2.30 in the last of each three."""
    matrix = side_data(picture).get("DISPLAYMATRIX")
    if matrix is not None:
        return tuple(np.frombuffer(matrix, np.int32).tolist())
    if not picture.rotation:
        return None
    cosine, sine = (round(2**16 * turn(math.radians(picture.rotation))) for turn in (math.cos, math.sin))
    return (cosine, -sine, 0, sine, cosine, 0, 0, 0, 2**30)
