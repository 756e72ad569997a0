"""The default source: eight free photographs that scikit-image, scikit-learn and matplotlib carry.

Only their files are read: the packages are not imported, and nothing is downloaded.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, sha256
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.image_files import read_photograph
from hypernet.retouch.sources.pairs import as_srgb8

# Cells of a side of the small picture by which a photograph is known, and how far its levels may be off: a package may
# pack a photograph anew, and decoders of JPEG differ by a level.
CELLS, TOLERANCE = 4, 2


@dataclass(frozen=True)
class Packaged:
    """A photograph that a package carries.

    Attributes:
        package: whose file it is, for pip.
        module: the package's folder.
        inside: the file in it.
        source: who made the photograph, and where it comes from.
        licence: in quotation marks the words of the package or of the publisher.
        sha256: of the file that was looked at.
        size: height and width.
        cells: mean levels of 4 x 4 equal parts, rows first, RGB, hexadecimal.
    """

    package: str
    module: str
    inside: str
    source: str
    licence: str
    sha256: str
    size: tuple[int, int]
    cells: str


_SKIMAGE = ("scikit-image", "skimage")
_SKLEARN = ("scikit-learn", "sklearn")
_CC_BY = '"Released under a creative commons license": CC BY 2.0, https://creativecommons.org/licenses/by/2.0/'
PACKAGED = {
    "astronaut": Packaged(
        *_SKIMAGE,
        "data/astronaut.png",
        "NASA, Eileen Collins, https://flic.kr/p/r9qvLn",
        '"No known copyright restrictions, released into the public domain."',
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        (512, 512),
        "80767fae9b86b3a79b998e82a3706f65574fbcb1ae9e9995ca6650aa5a4b975a4933312fb84e36ab5d52392b27242322",
    ),
    "coffee": Packaged(
        *_SKIMAGE,
        "data/coffee.png",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar",
        '"No copyright restrictions. CC0 by the photographer (Rachel Michetti)."',
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        (400, 600),
        "603016c6855bd19065c88152ae4b24c67443ca7a4bc27647ae553162190d7f331fa64f27ae7855491008611e0e9d5027",
    ),
    "cat": Packaged(
        *_SKIMAGE,
        "data/chelsea.png",
        "Stefan van der Walt",
        '"No copyright restrictions. CC0 by the photographer (Stefan van der Walt)."',
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        (300, 451),
        "9d7a668c6547866247805f53956f557b5a3a9a755693786c92694e9969439a693d977e73a07d68a3795e8b654ea48d82",
    ),
    # It has the profile Adobe RGB (1998), and is converted to sRGB; scikit-image's own reader does not.
    "rocket": Packaged(
        *_SKIMAGE,
        "data/rocket.jpg",
        "SpaceX, launch of DSCOVR, https://www.flickr.com/photos/spacexphotos/16511594820/",
        '"The image was captured by SpaceX and released in the public domain"',
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        (427, 640),
        "0b2543102c4e09254505162d1e3b5e2541651f37570c223e3551713f57763748611c2d454a4c54645a59695a52232733",
    ),
    "motorcycle": Packaged(
        *_SKIMAGE,
        "data/motorcycle_left.png",
        "Middlebury 2014 stereo benchmark (D. Scharstein et al., GCPR 2014), default exposure reduced by 4",
        '"We grant permission to use and publish all images and disparity maps on this website." '
        "(https://vision.middlebury.edu/stereo/data/; scikit-image states no licence of its own)",
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
        (500, 741),
        "693f2ba69794876e617e605067453f734a447a413a835952786c6a74626178675c674237aa9f9b9e9289988577746158",
    ),
    "china": Packaged(
        *_SKLEARN,
        "datasets/images/china.jpg",
        "danielbuechele, https://www.flickr.com/photos/danielbuechele/6061409035/",
        _CC_BY,
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        (427, 640),
        "bcd2ebbbc7d4e0eefef3f8fe9091925e534fe4e8eed5d6d55a594d62493eb0b7b575796f59572e69593a514d3c27291d",
    ),
    "flower": Packaged(
        *_SKLEARN,
        "datasets/images/flower.jpg",
        "vultilion, https://www.flickr.com/photos/vultilion/6056698931/ (the package's README names danielbuechele)",
        _CC_BY,
        "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        (427, 640),
        "07343310322f123a31033535015455b0764894683f03444702413eb1673a93643a03332d02211b3d3d256c6f4f0b4138",
    ),
    "grace_hopper": Packaged(
        "matplotlib",
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        "United States Navy, http://commons.wikimedia.org/wiki/File:Grace_Hopper.jpg (named in the file)",
        '"public domain images of Ada Lovelace and Grace Murray Hopper" (matplotlib, pull request 1599)',
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        (600, 512),
        "302f5657494c5c6178486eb639314bad6f53b87d6c668bc73f22286c4c3c614d4c4455793428282824282d262e21171f",
    ),
}


def packaged_file(name: str) -> Path:
    """Where the file of a photograph is.

    Raises:
        UserError: its package is not installed, or has no such file.
    """
    photograph = PACKAGED[name]
    install = 'pip install "hypernet[retouch]"'
    try:
        module = importlib.util.find_spec(photograph.module)
    except (ImportError, ValueError):
        module = None
    if module is None:
        raise UserError(f"{photograph.package}, which carries the photograph {name}, is not installed: {install}")
    places = [Path(folder) / photograph.inside for folder in module.submodule_search_locations or []]
    for path in places:
        if path.is_file():
            return path
    looked = ", ".join(map(str, places)) or photograph.inside
    raise UserError(f"{_version(photograph)} does not carry the photograph {name} (looked for {looked}): {install}")


def photographs(files: Mapping[str, Path] | None = None) -> dict[str, np.ndarray]:
    """The photographs by name, in their order, at full size: uint8 ``[H, W, 3]``, sRGB.

    A file that is not the one that was looked at, but shows the same picture, is used and named on the error output.

    Args:
        files: copies of the packages' files, by name, of all or of some; default: all, where the packages have them.

    Raises:
        UserError: a file is missing, cannot be read, or shows another picture.
    """
    paths = files if files is not None else {name: packaged_file(name) for name in PACKAGED}
    return {name: _read(name, paths[name]) for name in PACKAGED if name in paths}


def reduced(pixels: np.ndarray, short_side: int) -> np.ndarray:
    """A photograph brought to a short side by Pillow's Lanczos filter; one that is smaller stays as it is.

    Args:
        pixels: uint8 ``[H, W, 3]``.
        short_side: pixels.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return pixels
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write colours, uint8 ``[H, W, 3]``, without loss, whole or not at all; quickly rather than small."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", compress_level=1)


def _read(name: str, path: Path) -> np.ndarray:
    photograph = PACKAGED[name]
    pixels = as_srgb8(read_photograph(path))
    if sha256(path) == photograph.sha256:
        return pixels
    expected = np.frombuffer(bytes.fromhex(photograph.cells), dtype=np.uint8).reshape(CELLS, CELLS, 3)
    if pixels.shape[:2] != photograph.size or _farthest(pixels, expected) > TOLERANCE:
        raise UserError(
            f"{path}: not the photograph {name} that {photograph.package} carried ({_version(photograph)} is here); "
            f"expected {photograph.size[1]} x {photograph.size[0]} pixels, SHA-256 {photograph.sha256}"
        )
    print(f"{path}: the photograph {name} packed anew ({_version(photograph)}): numbers may differ", file=sys.stderr)
    return pixels


def _farthest(pixels: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(255 * thumbnail(pixels, CELLS) - expected).max())


def _version(photograph: Packaged) -> str:
    try:
        return f"{photograph.package} {importlib.metadata.version(photograph.package)}"
    except importlib.metadata.PackageNotFoundError:
        return photograph.package
