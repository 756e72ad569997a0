"""What lies in the file of a film: its pictures, and sound, subtitles and data, which pass as they are."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library

# Written here: the ending and FFmpeg's name of the container.
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
MATROSKA = (".mkv", ".webm")
# Read here. Not playlists and scripts, which make FFmpeg open other files and addresses.
DEMUXERS = (
    "3gp,asf,avi,dv,flv,gif,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mp4,mpeg,mpegts,mpegvideo,mxf,nut,ogg,rm,webm,"
    "yuv4mpegpipe"
)
# Clocks of broadcasts begin anywhere: such a film is written from 0.
BROADCAST = ("mpegts", "mpeg")
LARGEST_FRAME = 2**26
# Written by the container itself, or no longer true.
NOT_COPIED = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "vendor_id", "alpha_mode"}
CONVERT_SOUND = "ffmpeg -i IN -c:v copy -c:a aac OUT.mkv"
# Bytes that are no UTF-8 are kept as they are.
AS_THEY_ARE = {"metadata_errors": "surrogateescape"}


def reason(error: BaseException) -> str:
    """What FFmpeg says, in a few words."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)[:160]


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Any]:
    """A film's container, open for reading.

    Raises:
        UserError: the file is absent, or no film.
    """
    av = library("av", "PyAV", "retouch")
    if not path.is_file():
        other = "this is a pipe or a device" if path.exists() else "no such file"
        raise UserError(f"{path}: {'this is a folder' if path.is_dir() else other}; accepted: a film")
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    try:
        container = av.open(
            f"file:{path}", container_options=options, options={"max_pixels": str(LARGEST_FRAME)}, **AS_THEY_ARE
        )
    except (av.FFmpegError, MemoryError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a film ({reason(error)})") from None
    try:
        yield container
    finally:
        container.close()


def moving_pictures(container: Any, path: Path) -> Any:
    """The stream that is the film: the first with moving pictures.

    Raises:
        UserError: there is none, or no decoder for it.
    """
    cover = library("av.stream", "PyAV", "retouch").Disposition.attached_pic
    stream = next((stream for stream in container.streams.video if not stream.disposition & cover), None)
    if stream is None:
        raise UserError(f"{path}: there are no moving pictures in it; accepted: a film")
    if stream.codec_context is None:
        raise UserError(f"{path}: there is no decoder for its pictures")
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(LARGEST_FRAME)}
    return stream


def cut_off(container: Any, stream: Any, packets: int, end: float) -> bool:
    """Whether a file that was read to its end promised more, as far as its container says what it holds.

    Args:
        container: MP4, QuickTime and Matroska say it.
        stream: the pictures.
        packets: that were read of it.
        end: of the last packet of any stream, in seconds.
    """
    if "mov" in container.format.name:
        return packets < len(stream.index_entries)
    if "matroska" in container.format.name and _is_short(Path(container.name.removeprefix("file:"))):
        return True
    if "matroska" in container.format.name and container.duration:
        promised = container.duration / 1e6
        return promised - end > max(min(1, 0.1 * promised), 3 / (stream.average_rate or 25))
    return False


def _is_short(path: Path) -> bool:
    """Whether a Matroska file ends before the segment that holds all of it, if it says how long that is (RFC 8794)."""
    with path.open("rb") as file:
        head = file.read(4096)
    place = 0
    for element in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):
        size = head[place + 4 : place + 12]
        if not head.startswith(element, place) or not size or not size[0]:
            return False
        # As many bytes as there are zeros before the first one, which is no part of the number.
        width = 9 - size[0].bit_length()
        place += 4 + width
        length = int.from_bytes(size[:width], "big") & ~(1 << 7 * width)
        is_stated = length != (1 << 7 * width) - 1
        if element.startswith(b"\x1a"):
            place += length
    return is_stated and place + length > path.stat().st_size


def described(metadata: dict[str, str], strip_location: bool) -> dict[str, str]:
    """Titles and dates without what the container writes itself, and without places where they are not wanted."""
    kept = {key: text for key, text in metadata.items() if key.lower() not in NOT_COPIED}
    if strip_location:
        kept = {key: text for key, text in kept.items() if "location" not in key.lower() and "gps" not in key.lower()}
    return kept


class Companions:
    """The other streams of a film, copied packet by packet beside its new pictures.

    Args:
        path: the film.
        output: the container that is written, not begun.
        ending: of the file that is written.
        strip_location: leave out data streams, which may hold positions.

    Titles, dates and chapters go with them.

    Attributes:
        notes: what is left out, for people.
        delay: seconds by which all is shown earlier than in the file.

    Raises:
        UserError: sound that the container does not take, and no other sound beside it.
    """

    def __init__(self, path: Path, output: Any, ending: str, strip_location: bool):
        self._closing = contextlib.ExitStack()
        self._container = self._closing.enter_context(reading(path))
        self._output, self.notes = output, list[str]()
        pictures = moving_pictures(self._container, path)
        output.metadata.update(described(self._container.metadata, strip_location))
        output.set_chapters(self._container.chapters())
        self._targets: dict[int, Any] = {}
        for stream in self._container.streams:
            if stream.index == pictures.index or _made_anew(stream):
                continue
            name = f"{stream.type} stream {stream.index} ({getattr(stream, 'name', None) or 'unknown'})"
            if strip_location and stream.type == "data":
                self.notes.append(f"{name} is left out: it may hold positions")
            elif _takes(ending, stream):
                self._targets[stream.index] = _copied(output, stream, strip_location)
            else:
                self.notes.append(f"{name} is left out: {ending} does not take it")
        sounds = list(self._container.streams.audio)
        if sounds and not any(stream.index in self._targets for stream in sounds):
            codecs = ", ".join(sorted({stream.name for stream in sounds}))
            others = [other for other in CONTAINERS if any(_takes(other, stream) for stream in sounds)]
            self.close()
            way_out = f"accepted: {', '.join(others)}" if others else f"first: {CONVERT_SOUND}"
            raise UserError(f"{path}: {ending} does not take its sound ({codecs}) as it is; {way_out}")
        self.delay = self._delay()
        self._packets = self._in_order()
        self._waiting = next(self._packets, None)
        first = self._waiting and float((self._waiting.pts or 0) * self._waiting.time_base)
        if first and first < 0 and ending in MATROSKA and "matroska" not in self._container.format.name:
            self.notes.append(f"all is shown {-first:.3f} s later: its sound begins below 0, and {ending} begins at 0")

    def until(self, seconds: float) -> None:
        """Write what belongs before this time."""
        while self._waiting is not None and float(self._waiting.dts * self._waiting.time_base) <= seconds:
            packet, self._waiting = self._waiting, next(self._packets, None)
            self._output.mux(packet)

    def close(self) -> None:
        """Close the film."""
        self._closing.close()

    def _delay(self) -> Fraction:
        """When a broadcast's first stream begins, in seconds; 0 of other films, whose clock is meant."""
        if self._container.format.name not in BROADCAST:
            return Fraction(0)
        starts = [
            stream.start_time * stream.time_base
            for stream in self._container.streams
            if stream.start_time is not None and stream.time_base is not None
        ]
        return Fraction(min(starts, default=0))

    def _in_order(self) -> Iterator[Any]:
        if not self._targets:
            return
        for packet in self._container.demux(*(self._container.streams[index] for index in self._targets)):
            # The last packets are empty: they are for decoders.
            if packet.dts is not None:
                shift = round(self.delay / packet.time_base)
                packet.dts -= shift
                packet.pts = None if packet.pts is None else packet.pts - shift
                packet.stream = self._targets[packet.stream_index]
                yield packet


def _made_anew(stream: Any) -> bool:
    """Whether a container makes this stream itself: a time code's, of what stands beside the pictures, or chapters'."""
    chapters = stream.type == "data" and stream.name == "bin_data" and stream.container.chapters()
    return bool(chapters) or (stream.type == "data" and "timecode" in stream.metadata)


def _copied(output: Any, stream: Any, strip_location: bool) -> Any:
    """A stream of the output for another's packets."""
    target = output.add_stream_from_template(stream, opaque=True)
    target.metadata.update(described(stream.metadata, strip_location))
    target.disposition = stream.disposition
    return target


def _takes(ending: str, stream: Any) -> bool:
    """Whether a container takes a stream's packets: tried, for FFmpeg's lists are not complete."""
    av = library("av", "PyAV", "retouch")
    trial = av.open(io.BytesIO(), "w", format=CONTAINERS[ending], **AS_THEY_ARE)
    try:
        _copied(trial, stream, strip_location=False)
        trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    else:
        return True
    finally:
        with contextlib.suppress(av.FFmpegError):
            trial.close()
