"""Files of strangers: they run no code, reach for no other file and take no memory beyond their own size."""

from __future__ import annotations

import bz2
import gzip
import io
import pickle
import resource
import struct
import sys
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, save_model
from hypernet.radar.sources import background, cf
from hypernet.radar.sources.background import Background
from hypernet.radar.sources.palette import read_palette
from hypernet.radar.sources.pictures import read_pictures
from hypernet.radar.sources.readers import read_frames
from hypernet.radar.sources.readers.common import FILES_OF_PROJ
from hypernet.radar.sources.readers.mch import MAKER
from hypernet.radar.sources.volumes import _listed
from hypernet.radar.tools.predict import predict
from hypernet.radar.trained import open_model

h5py = pytest.importorskip("h5py")
xarray = pytest.importorskip("xarray")

KNMI_DATA = "image1/image_data"
# What a refusal may take: memory beyond what the libraries have, seconds of processor time.
MOST_BYTES, MOST_SECONDS = 1.5e9, 20


@pytest.fixture(autouse=True)
def _thrifty():
    """No refusal takes the machine's memory or time."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < MOST_BYTES
    assert time.process_time() - start < MOST_SECONDS


def knmi(path: Path) -> h5py.File:
    """A KNMI file without its pixels, open."""
    file = h5py.File(path, "w")
    image = file.create_group("image1")
    image.attrs["image_geo_parameter"] = np.bytes_("REFLECTIVITY_[DBZ]")
    image.attrs["image_product_name"] = np.bytes_("TEST")
    calibration = file.create_group("image1/calibration").attrs
    calibration["calibration_formulas"] = np.bytes_("GEO=0.5*PV-32")
    calibration["calibration_missing_data"] = calibration["calibration_out_of_image"] = np.array([255])
    for end in ("start", "end"):
        overview = file.require_group("overview").attrs
        overview[f"product_datetime_{end}"] = np.bytes_("26-AUG-2010;00:05:00.000")
    return file


def external_link(folder: Path) -> Path:
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.zeros((2, 2), np.uint8)
    with knmi(folder / "a.h5") as file:
        file[KNMI_DATA] = h5py.ExternalLink("other.h5", "/secret")
    return folder / "a.h5"


def external_storage(folder: Path) -> Path:
    (folder / "secret").write_bytes(bytes(range(16)))
    with knmi(folder / "a.h5") as file:
        where = [(str(folder / "secret"), 0, 16)]
        file["image1"].create_dataset("image_data", (4, 4), np.uint8, external=where)
    return folder / "a.h5"


def virtual_dataset(folder: Path) -> Path:
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.zeros((2, 2), np.uint8)
    layout = h5py.VirtualLayout((2, 2), np.uint8)
    layout[...] = h5py.VirtualSource(folder / "other.h5", "secret", (2, 2))
    with knmi(folder / "a.h5") as file:
        file.create_virtual_dataset(KNMI_DATA, layout)
    return folder / "a.h5"


def wide_chunk(folder: Path) -> Path:
    """One piece of 2 GiB of zeros in 2 MB: unpacked whole to give four pixels."""
    with knmi(folder / "a.h5") as file:
        shape, chunk = (2, 2), (2**15, 2**16)
        data = file.create_dataset(KNMI_DATA, shape, np.uint8, chunks=chunk, maxshape=(None, None), compression="gzip")
        data.id.write_direct_chunk((0, 0), zlib.compress(bytes(2**20)))
    return folder / "a.h5"


def plane_of(dtype: object, shape: tuple[int, ...] = (2, 2)):
    def write(folder: Path) -> Path:
        with knmi(folder / "a.h5") as file:
            file.create_dataset(KNMI_DATA, shape, dtype, chunks=(1,) * (len(shape) - 1) + (2,))
        return folder / "a.h5"

    return write


def endless_axis(folder: Path) -> Path:
    """A coordinate that xarray would read when it opens the file."""
    with h5py.File(folder / "a.nc", "w") as file:
        axis = file.create_dataset("x", (2**40,), np.float64, chunks=(1024,))
        axis.make_scale("x")
    return folder / "a.nc"


def circle_of_groups(folder: Path) -> Path:
    with h5py.File(folder / "a.nc", "w") as file:
        file.create_group("within")
        file["within/again"] = file["/"]
    return folder / "a.nc"


def pgm(header: str, pixels: bytes = b""):
    def write(folder: Path) -> Path:
        content = header.encode() + pixels
        (folder / "a.pgm.gz").write_bytes(gzip.compress(content, 1))
        return folder / "a.pgm.gz"

    return write


def classic(folder: Path) -> Path:
    """A netCDF-3 header that claims a dimension of two thousand million, and no data."""
    name = b"\0\0\0\1x\0\0\0"
    dimensions = struct.pack(">ii", 10, 1) + name + struct.pack(">i", 2**31 - 1)
    variable = name + struct.pack(">iiiiiii", 1, 0, 0, 0, 6, 2**31 - 8, 100)
    (folder / "a.nc").write_bytes(b"CDF\1" + bytes(4) + dimensions + bytes(8) + struct.pack(">ii", 11, 1) + variable)
    return folder / "a.nc"


def gif(width: int, height: int, comment: bytes, folder: Path) -> Path:
    image = Image.new("P", (1, 1))
    buffer = io.BytesIO()
    image.save(buffer, format="GIF", comment=comment)
    content = bytearray(buffer.getvalue())
    content[6:10] = struct.pack("<HH", width, height)
    (folder / "a.gif").write_bytes(content)
    return folder / "a.gif"


def volume_bomb(folder: Path) -> Path:
    """A record of 50 kB that unpacks to 64 GB: bzip2 of zeros, stream after stream is not even needed."""
    record = bz2.compress(bytes(2**26))
    packed = b"AR2V0006.001" + bytes(8) + b"KDVN" + struct.pack(">I", len(record)) + record
    (folder / "volume").write_bytes(packed)
    return folder / "volume"


def with_projection(text: str):
    """One of this project's own files with another projection in it."""

    def write(folder: Path) -> Path:
        with h5py.File(folder / "a.nc", "w") as file:
            for name, values in (("time", [0]), ("y", [1000.0, 0.0]), ("x", [0.0, 1000.0])):
                file[name] = values
                file[name].make_scale(name)
            file["time"].attrs["units"] = "seconds since 1970-01-01"
            file["gray"] = np.zeros((1, 2, 2), np.uint8)
            file["gray"].attrs["grid_mapping"] = "crs"
            for number, name in enumerate(("time", "y", "x")):
                file["gray"].dims[number].attach_scale(file[name])
            file["crs"] = 0
            file["crs"].attrs["proj_string"] = text
        return folder / "a.nc"

    return write


COMMENTS = "# obstime 201609281445\n# param CorrectedReflectivity\n"
HOSTILE = {
    "link into another file": (external_link, "is a link into another file"),
    "pixels in another file": (external_storage, "are in other files"),
    "pixels of a virtual dataset": (virtual_dataset, "are in other files"),
    "a piece of gigabytes": (wide_chunk, "in pieces of 2,147,483,648 bytes"),
    "texts for pixels": (plane_of(h5py.string_dtype()), "accepted: a plane of numbers"),
    "long texts for pixels": (plane_of("S60000", (2**12, 2**13)), "accepted: a plane of numbers"),
    "records for pixels": (plane_of(np.dtype([("a", "u8", 1000)])), "accepted: a plane of numbers"),
    "many texts": (plane_of(h5py.string_dtype(), (2**20,)), "1,048,576 texts"),
    "a coordinate without end": (endless_axis, "x has 1,099,511,627,776 entries"),
    "groups in a circle": (circle_of_groups, "groups nested deeper than 16"),
    "PGM of zeros": (pgm(f"P5\n{COMMENTS}30000 30000\n255\n", bytes(2**20)), "900,000,000 pixels|no comment"),
    "PGM of comments": (pgm("P5\n" + "#\n" * 2**22), "not a binary PGM file"),
    "netCDF-3 header": (classic, "a.nc"),
    "a GIF of gigapixels": (lambda folder: gif(60000, 60000, MAKER, folder), "a.gif"),
    "a GIF of many pixels": (lambda folder: gif(9000, 9000, MAKER, folder), r"a picture of \(9000, 9000\)"),
    "a comment that is searched for hours": (
        lambda folder: gif(710, 640, MAKER + b"PRDT=AQC123456789 " * 2**17, folder),
        "a.gif",
    ),
    "a volume of zeros": (volume_bomb, "bytes unpacked"),
    "a grid of PROJ": (with_projection("+proj=longlat +nadgrids=/dev/zero"), "needs no other file"),
    "definitions of PROJ": (with_projection("+init=/etc/passwd:root"), "needs no other file"),
}


@pytest.mark.parametrize("case", list(HOSTILE))
def test_hostile_radar_files_are_one_line(case, tmp_path):
    write, reason = HOSTILE[case]
    path = write(tmp_path)
    with pytest.raises(UserError, match=reason) as caught:
        read_frames(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("case", ["link into another file", "a coordinate without end", "a piece of gigabytes"])
def test_hostile_files_of_days_are_one_line(case, tmp_path):
    write, reason = HOSTILE[case]
    path = write(tmp_path)
    with pytest.raises(UserError, match=reason):
        cf.read(path)


def test_days_that_claim_more_images_than_any_day_has_are_refused(tmp_path):
    with h5py.File(tmp_path / "day.nc", "w") as file:
        for name, size in (("time", 2**20), ("y", 2**10), ("x", 2**10)):
            file.create_dataset(name, (size,), np.int64, chunks=(2**10,))
            file[name].make_scale(name)
        for name in ("gray", "missing"):
            file.create_dataset(name, (2**20, 2**10, 2**10), np.uint8, chunks=(1, 2**10, 2**10))
            for number, scale in enumerate(("time", "y", "x")):
                file[name].dims[number].attach_scale(file[scale])
    with pytest.raises(UserError, match="1,099,511,627,776 pixels"):
        cf.read(tmp_path / "day.nc")


def test_projections_that_the_field_writes_are_no_files():
    for text in (
        "+proj=stere +lat_0=90 +lon_0=25 +lat_ts=60 +R=6371288 +units=m +no_defs",
        "+proj=merc +a=6378137 +b=6378137 +nadgrids=@null +units=m",
        "+init=epsg:3067",
        'PROJCRS["ETRS89 / TM35FIN",BASEGEOGCRS["ETRS89"]]',
    ):
        assert not FILES_OF_PROJ.search(text), text


def test_pictures_in_other_formats_are_not_opened(tmp_path):
    """An EPS would start Ghostscript; whatever its name, it is refused before."""
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nquit\n"
    (tmp_path / "a.png").write_bytes(script)
    with pytest.raises(UserError, match=r"a\.png: not a picture that can be read"):
        read_pictures([tmp_path / "a.png"])
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png", format="TIFF")
    with pytest.raises(UserError, match=r"b\.png: not a picture that can be read"):
        read_pictures([tmp_path / "b.png"])


def test_pictures_of_too_many_pixels_are_refused_before_they_are_unpacked(tmp_path):
    def block(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(2**20))
    content = b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", packed) + block(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match="9000 x 9000 pixels; accepted: 16,777,216 pixels"):
        read_pictures([tmp_path / "a.png"])
    text = block(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**25)))
    (tmp_path / "b.png").write_bytes(content[:33] + text + content[33:])
    with pytest.raises(UserError, match=r"b\.png"):
        read_pictures([tmp_path / "b.png"])


@pytest.mark.parametrize(
    "content",
    [
        "kind,red,green,blue,lower,upper,unit\nrain," + "9" * 5000 + ",2,3,5,10,dBZ\n",
        "kind,red,green,blue,lower,upper,unit\nrain,1,2,3," + "5" * 200_000 + ",10,dBZ\n",
        "kind" + ",red" * 2**20,
        "kind,red,green,blue,lower,upper,unit\n" + "rain,1,2,3,5,10,dBZ," * 2**18,
        'kind,red,green,blue,lower,upper,unit\nrain,"1,2,3' + "\n" * 100,
    ],
)
def test_hostile_palettes_are_one_line(content, tmp_path):
    (tmp_path / "palette.csv").write_text(content)
    with pytest.raises(UserError, match=r"palette\.csv") as caught:
        read_palette(tmp_path / "palette.csv")
    assert len(str(caught.value)) < 7000
    assert "\n" not in str(caught.value)


def npy(shape: str, descr: str = "'|u1'") -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def test_hostile_backgrounds_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "LARGEST_FILE", 2**24)
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("rgb.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy("(1000000, 1024, 3)"))
        member.write(bytes(2**25))
    with zipfile.ZipFile(tmp_path / "claim.npz", "w") as archive:
        archive.writestr("rgb.npy", npy("(1099511627776, 1024, 3)"))
    np.savez(tmp_path / "pickle.npz", rgb=np.array([Trace(tmp_path)], dtype=object))
    for name in ("bomb", "claim", "pickle"):
        with pytest.raises(UserError, match=f"{name}.npz: not a background"):
            Background.load(tmp_path / f"{name}.npz")
    assert not (tmp_path / "trace").exists()


class Trace:
    """Unpickled, it leaves a file."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return Path.touch, (self.folder / "trace",)


def test_hostile_arrays_are_one_line(tmp_path):
    (tmp_path / "claim.npy").write_bytes(npy("(1099511627776, 4, 100, 100)", "'<f4'"))
    np.save(tmp_path / "pickle.npy", np.array([Trace(tmp_path)], dtype=object), allow_pickle=True)
    (tmp_path / "pickled.npy").write_bytes(pickle.dumps(Trace(tmp_path)))
    (tmp_path / "nested.npy").write_bytes(npy("(" * 40 + "1" + ")" * 40 + ",", "'<f4'"))
    with (tmp_path / "sparse.npy").open("wb") as file:
        file.write(npy("(70000, 4, 128, 128)", "'<f4'"))
        file.truncate(128 + 70000 * 4 * 128 * 128 * 4)
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    for name in ("claim", "pickle", "pickled", "nested", "sparse", "several"):
        with pytest.raises(UserError, match=rf"{name}\.npy: ") as caught:
            predict(tmp_path / f"{name}.npy", model=tmp_path / "none.ckpt")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "trace").exists()


HUGE = 2_000_000_000


def layers(count: int = 1, channels: int = 9) -> list[dict[str, int]]:
    return [{"channels": channels, "kernel": 3, "stride": 1, "pool": 1}] * count


@pytest.mark.parametrize(
    "change",
    [
        # A network of terabytes, with and without weights that could fit.
        {"settings": {"network": {"layers": layers(channels=HUGE), "hidden": HUGE}}},
        {"settings": {"network": {"layers": layers(65), "hidden": 8}}},
        {"state": {}},
        {"state": [torch.zeros(3)]},
        {"state": {"filters.heads.bias": torch.zeros(1).expand(2**40)}},
        {"state": {"filters.heads.bias": torch.zeros(2, device="meta")}},
        {"geometry": {"size": 10**9, "margin": 1, "patch": 1, "taps": 3}},
        {"method": ["whole_dynamic"]},
    ],
)
def test_hostile_models_are_one_line(change, trained, tmp_path):
    content = load_model(trained("whole_dynamic") / "model.ckpt")
    if "settings" in change:
        change = {"settings": content["settings"] | change["settings"]}
        save_model(tmp_path / "empty.ckpt", content | change | {"state": {}})
        with pytest.raises(UserError, match=r"empty\.ckpt"):
            open_model(tmp_path / "empty.ckpt")
    try:
        save_model(tmp_path / "model.ckpt", content | change)
    except (NotImplementedError, RuntimeError) as error:
        pytest.skip(f"torch does not write it: {error}")
    with pytest.raises(UserError, match=r"model\.ckpt") as caught:
        open_model(tmp_path / "model.ckpt")
    assert "\n" not in str(caught.value)


def test_the_title_of_a_model_cannot_steer_a_terminal(trained, tmp_path):
    content = load_model(trained("whole_dynamic") / "model.ckpt")
    save_model(tmp_path / "model.ckpt", content | {"title": "\x1b]0;owned\x07rain\n" + "a" * 10**6})
    title = open_model(tmp_path / "model.ckpt").title
    assert title.startswith("]0;ownedrain")
    assert len(title) <= 200
    assert title.isprintable()


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "page",
    [
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><ListBucketResult><IsTruncated>&l9;</IsTruncated></ListBucketResult>',
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><ListBucketResult>&e;</ListBucketResult>',
        "<a>" * 50_000,
        "<ListBucketResult><Contents><Key>k</Key><Size>" + "9" * 10_000 + "</Size></Contents></ListBucketResult>",
    ],
)
def test_hostile_listings_are_one_line(page):
    with pytest.raises(UserError, match="no listing of a bucket"):
        _listed(page.encode(), "here")


def test_nested_elements_of_a_listing_are_taken_apart():
    deep = f"<ListBucketResult>{'<a>' * 100_000}{'</a>' * 100_000}</ListBucketResult>"
    assert _listed(deep.encode(), "here") == ([], None)
    assert sys.getrecursionlimit() < 100_000
