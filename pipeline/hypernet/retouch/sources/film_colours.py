"""Colours of a film: what turns its Y'CbCr into the R'G'B' of photographs and back, and what it is written as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library

# Numbers of ITU-T H.273, which every container and codec uses.
UNSPECIFIED = 2
BT709, BT601 = 1, 6
LIMITED, FULL = 1, 2
# Matrices that are known here, by H.273, as swscale's numbers.
MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
HDR = {16: "PQ", 18: "HLG"}
NOT_ENCODED = {8: "linear", 9: "logarithmic", 10: "logarithmic", 17: "SMPTE 428"}
OTHER_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
# Above this many rows or columns a film without a matrix is taken for HD: what players do.
SD_ROWS, SD_COLUMNS = 576, 1279
TONE_MAP = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
    "zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)
# swscale keeps white at 255 x 256 in 16 bits: its levels, and those of uint16 images.
SWSCALE_WHITE = 255 * 256
_OF_IMAGES = np.minimum(np.rint(np.arange(2**16) * (65535 / SWSCALE_WHITE)), 65535).astype(np.uint16)
_OF_SWSCALE = np.rint(np.arange(2**16) * (SWSCALE_WHITE / 65535)).astype(np.uint16)
ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


@dataclass(frozen=True)
class FilmColours:
    """How the frames of a film hold colours.

    Attributes:
        matrix: of Y'CbCr, a number of H.273.
        full_range: whether black is 0 rather than 16 of 255.
        tags: matrix, range, primaries and transfer as they are to be written.
        bits: of a sample.
        chroma: subsampling: ``420``, ``422`` or ``444``.
        notes: what was taken for granted, for people.
    """

    matrix: int
    full_range: bool
    tags: tuple[int, int, int, int]
    bits: int
    chroma: str
    notes: tuple[str, ...]

    @property
    def deep(self) -> bool:
        """Whether pixels are uint16 rather than uint8."""
        return self.bits > 8

    def rgb(self, picture: Any) -> Any:
        """A decoded ``VideoFrame`` as R'G'B' of full range, 8 or 16 bits; what else it carries is kept."""
        return picture.reformat(
            format="rgb48le" if self.deep else "rgb24",
            interpolation=_faithful("BICUBIC"),
            src_color_range=FULL if self.full_range else LIMITED,
            dst_color_range=FULL,
            **self._matrices(),
        )

    def encodable(self, picture: Any, pixel_format: str) -> Any:
        """The way back from ``rgb``, with the film's tags."""
        back = self._ycbcr(picture, pixel_format)
        if self.full_range and not self.deep:
            # swscale cuts chroma of full range off, by half a level in the mean, where it should round.
            precise = self._ycbcr(picture, f"{pixel_format}16le")
            for plane, levels in zip(back.planes[1:], precise.planes[1:], strict=True):
                _samples(plane, np.uint8)[...] = np.minimum(_samples(levels, np.uint16), 65407) + 128 >> 8
        back.colorspace, back.color_range, back.color_primaries, back.color_trc = self.tags
        return back

    def pixels(self, picture: Any) -> np.ndarray:
        """Pixels of an R'G'B' picture, ``[H, W, 3]``: uint8, a view of the picture, or uint16."""
        return _OF_IMAGES[_plane(picture)] if self.deep else _plane(picture)

    def replace(self, picture: Any, pixels: np.ndarray) -> None:
        """Give an R'G'B' picture other pixels."""
        _plane(picture)[...] = _OF_SWSCALE[pixels] if self.deep else pixels

    def _ycbcr(self, picture: Any, pixel_format: str) -> Any:
        return picture.reformat(
            format=pixel_format,
            interpolation=_faithful("BICUBIC"),
            src_color_range=FULL,
            dst_color_range=FULL if self.full_range else LIMITED,
            **self._matrices(),
        )

    def _matrices(self) -> dict[str, int]:
        return dict.fromkeys(("src_colorspace", "dst_colorspace"), MATRICES[self.matrix])


def thumbnail_of(picture: Any, rows: int, columns: int) -> np.ndarray:
    """An R'G'B' picture brought to a size by means over areas, float32 ``[rows, columns, 3]`` in [0, 1].

    swscale does it, in a fifth of the time of ``core.thumbnails`` and within 0.2 levels of 255 of it.
    """
    larger = max(-(-rows // picture.height), -(-columns // picture.width))
    if larger > 1:
        # Towards more pixels it does not keep to areas: a pixel becomes several equal ones first.
        repeated = np.ascontiguousarray(_plane(picture).repeat(larger, axis=0).repeat(larger, axis=1))
        frames = library("av.video.frame", "PyAV", "retouch").VideoFrame
        picture = frames.from_ndarray(repeated, format=picture.format.name)
    small = picture.reformat(columns, rows, "rgb48le", interpolation=_faithful("AREA"), threads=1)
    return np.minimum(_plane(small).astype(np.float32) / SWSCALE_WHITE, 1)


def side_data(picture: Any) -> dict[str, Any]:
    """What a decoder says beside a picture, by FFmpeg's names; nothing where PyAV does not know one of them."""
    try:
        return {data.type.name: data for data in picture.side_data}
    except ValueError:
        return {}


def colours_of(name: str, picture: Any, context: Any) -> FilmColours:
    """What the first picture and the decoder say of a film's colours.

    Args:
        name: the film's, for people.
        picture: its first ``VideoFrame``.
        context: its ``VideoCodecContext``.

    Raises:
        UserError: colours that would be misread: HDR, linear light, an unknown matrix.
    """
    matrix, primaries, transfer = (
        int(getattr(context if getattr(picture, tag) == UNSPECIFIED else picture, tag))
        for tag in ("colorspace", "color_primaries", "color_trc")
    )
    span = int(picture.color_range or context.color_range)
    _refuse_other_light(name, transfer, picture)
    layout, notes = picture.format, []
    components = len(layout.components)
    full_range = span == FULL or layout.name.startswith("yuvj")
    tagged, tagged_span = matrix, span
    if primaries in OTHER_PRIMARIES:
        notes.append(f"its primaries are {OTHER_PRIMARIES[primaries]}: retouched as if sRGB's, and kept")
    if components in (2, 4):
        notes.append("its transparency is not kept")
    if layout.is_rgb or components < 3:
        # Written as Y'CbCr, which the file then says.
        notes.append(f"its pixels are {layout.name}: written as Y'CbCr, which not every player shows in 4:4:4")
        matrix = tagged = BT709
        full_range, tagged_span = False, LIMITED
    elif matrix == UNSPECIFIED:
        large = picture.height > SD_ROWS or picture.width > SD_COLUMNS
        matrix = BT709 if large else BT601
        notes.append(f"no matrix is named in it: taken for {'BT.709' if large else 'BT.601'}, as players do")
    elif matrix not in MATRICES:
        raise UserError(
            f"{name}: the matrix {matrix} of its colours (ITU-T H.273) is not known; accepted: BT.601, BT.709"
        )
    return FilmColours(
        matrix=matrix,
        full_range=full_range,
        tags=(tagged, tagged_span, primaries, transfer),
        bits=max(component.bits for component in layout.components),
        chroma=_chroma(layout),
        notes=tuple(notes),
    )


def encoding(name: str, colours: FilmColours, width: int, height: int, ending: str) -> tuple[str, str]:
    """Encoder and pixel format that lose nothing of a film's size, depth and subsampling.

    Args:
        name: of the file to write, for people.
        colours: the film's.
        width: of its frames.
        height: of its frames.
        ending: of the file to write.

    Raises:
        UserError: more than 8 bits to WebM.
    """
    chroma = colours.chroma
    if ending == ".webm":
        if colours.deep:
            raise UserError(f"{name}: {colours.bits} bits are not written to .webm; accepted: .mp4, .mov, .mkv")
        return "libvpx-vp9", f"yuv{chroma}p"
    # H.264 and HEVC cannot say half a sample of chroma.
    if (width % 2 and chroma != "444") or (height % 2 and chroma == "420"):
        chroma = "444"
    if not colours.deep:
        return "libx264", f"yuv{chroma}p"
    return "libx265", f"yuv{chroma}p{10 if colours.bits <= 10 else 12}le"


def _refuse_other_light(name: str, transfer: int, picture: Any) -> None:
    """Refuse what would be misread as sRGB-encoded."""
    dolby = any(name.startswith("DOVI") for name in side_data(picture))
    if dolby or transfer in HDR:
        light = "Dolby Vision" if dolby else HDR[transfer]
        raise UserError(
            f"{name}: HDR ({light}) is not retouched as if it were sRGB; convert it first: "
            f'ffmpeg -i IN -vf "{TONE_MAP}" -c:a copy OUT'
        )
    if transfer in NOT_ENCODED:
        raise UserError(f"{name}: its levels are {NOT_ENCODED[transfer]}; accepted: gamma-encoded SDR (BT.709, sRGB)")


def _chroma(layout: Any) -> str:
    """The subsampling of H.264 that keeps all of a pixel format's."""
    if layout.is_rgb:
        return "444"
    across, down = (8 // max(1, side) for side in (layout.chroma_width(8), layout.chroma_height(8)))
    if len(layout.components) < 3 or (across > 1 and down > 1):
        return "420"
    return "422" if across > 1 else "444"


def _faithful(scaler: str) -> int:
    """Flags of swscale without which it darkens by up to two levels of 255 and halves chroma."""
    names = library("av.video.reformatter", "PyAV", "retouch").Interpolation
    return int(names[scaler] | names.ACCURATE_RND | names.FULL_CHR_H_INT | names.FULL_CHR_H_INP)


def _plane(picture: Any) -> np.ndarray:
    """The samples of a packed picture, a view ``[H, W, 3]``."""
    deep = picture.format.name == "rgb48le"
    rows = _samples(picture.planes[0], np.uint16 if deep else np.uint8, 3)
    return np.lib.stride_tricks.as_strided(
        rows, (picture.height, picture.width, 3), (rows.strides[0], 3 * rows.itemsize, rows.itemsize)
    )


def _samples(plane: Any, depth: type[np.unsignedinteger], of_a_pixel: int = 1) -> np.ndarray:
    """The samples of a plane, a view ``[rows, columns]``; its memory may have gaps between rows."""
    size = np.dtype(depth).itemsize
    shape = (plane.height, plane.width * of_a_pixel)
    return np.ndarray(shape, depth, buffer=plane, strides=(plane.line_size, size))
