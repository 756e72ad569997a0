"""What cameras and telephones write: HEIC by pillow-heif, DNG and other raw files by LibRaw; both are optional."""

from __future__ import annotations

import io

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.retouch.sources.formats.contents import Contents, check_size, unmultiplied
from hypernet.retouch.sources.formats.metadata import Metadata, readable_exif
from hypernet.retouch.sources.formats.profiles import stated_profile
from hypernet.retouch.sources.formats.tiff_files import exif_of
from hypernet.retouch.sources.formats.tiff_tags import TagError, first_directory
from hypernet.retouch.sources.formats.wide_colours import srgb_profile

# The extra that installs both readers.
CAMERAS = "cameras"
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"hevc", b"hevx", b"msf1")
RAW_ENDINGS = (
    ".dng", ".3fr", ".arw", ".cr2", ".cr3", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf",
    ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip


def read_heic(data: bytes) -> Contents:
    """Read a HEIC file: its primary picture, which libheif turns upright; 10 and 12 bits become 16."""
    heif = library("pillow_heif", "pillow-heif, which reads HEIC,", CAMERAS)
    # Of 10 and 12 bits, all that there is.
    file = heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    check_size(*file.size)
    info, notes = file.info, []
    icc, profile = info.get("icc_profile") or b"", None
    if not icc and (stated := info.get("nclx_profile")):
        profile = stated_profile(stated["color_primaries"], stated["transfer_characteristics"])
    if len(file) > 1 or info.get("depth_images") or info.get("aux"):
        notes.append("further pictures in the file (depth, gain map, burst) are left out")
    levels = np.asarray(file)
    if levels.dtype == np.uint16:
        levels = _full_range(levels, info.get("bit_depth", 16))
    if file.mode.partition(";")[0] in ("RGBa", "La"):
        levels = unmultiplied(levels)
    exif, exif_notes = readable_exif(info.get("exif") or b"")
    metadata = Metadata(exif=exif, xmp=(info.get("xmp") or b"").rstrip(b"\0"))
    return Contents("HEIC", levels, icc, profile, metadata, [*notes, *exif_notes], is_upright=True)


def read_raw(data: bytes) -> Contents:
    """Develop a DNG or another raw file with its camera's white balance, without brightening, to 16 bits of sRGB."""
    rawpy = library("rawpy", "rawpy, which reads DNG and other raw files,", CAMERAS)
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            check_size(raw.sizes.raw_width, raw.sizes.raw_height)
            levels = raw.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                output_bps=16,
                output_color=rawpy.ColorSpace.sRGB,
                gamma=(2.4, 12.92),
            )
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else "damaged"
        text = reason.decode("ascii", "replace") if isinstance(reason, bytes) else str(reason)
        raise UserError(f"not a raw file that LibRaw can develop ({text})") from None
    # Of a camera without colour filters there is one channel.
    levels = levels[..., 0] if levels.shape[2] == 1 else levels
    notes = ["a raw file: developed by LibRaw with the camera's white balance, not brightened, to 16 bits of sRGB"]
    metadata = Metadata()
    try:
        metadata = Metadata(exif=exif_of(first_directory(data), notes))
    except TagError:
        notes.append("its EXIF data cannot be read: left out")
    return Contents("raw", levels, srgb_profile(), None, metadata, notes, is_upright=True)


def _full_range(levels: np.ndarray, bits: int) -> np.ndarray:
    """Levels of fewer bits that stand at the upper end of sixteen, as all of sixteen: white becomes 65535."""
    if not 8 < bits < 16:
        return levels
    white = 2**bits - 1
    return ((np.arange(2**bits) * 65535 + white // 2) // white).astype(np.uint16)[levels >> (16 - bits)]
