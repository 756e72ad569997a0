"""MIT-Adobe FiveK as people have exported it: photographs and what an expert, mostly C, made of them.

Two public layouts are read:

    UEGAN (Ni et al. 2020)     test/{raw,label}/NAME.png and val/ alike; train/{raw,exp}/, unpaired by design
    3D-LUT (Zeng et al. 2022)  input/JPG/480p/NAME.jpg and expertC/JPG/480p/NAME.jpg, or other formats and sizes; names
                               in train_input.txt and train_label.txt (together the training pairs, apart the two sides
                               of unpaired training) or in train.txt; and in test.txt

Numbers from different exports and splits are not comparable: what was found is told as facts, for the record of a run.
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hypernet.lab.acquire import MIRROR_VARIABLE, mirrors
from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.retouch.sources.formats.profiles import read_profile
from hypernet.retouch.sources.pairs import Pair, named, size_mismatch

ADDRESS = "https://data.csail.mit.edu/graphics/fivek/"
LICENCE = f"research use only (LicenseAdobe, LicenseAdobeMIT): {ADDRESS}legal/"
CITATION = (
    "V. Bychkovsky, S. Paris, E. Chan, F. Durand, Learning Photographic Global Tonal Adjustment with a Database of "
    "Input / Output Image Pairs, CVPR 2011"
)
UEGAN, LUT3D = "UEGAN", "3D-LUT"
LAYOUTS = (
    f"{UEGAN}: {{test,val}}/{{raw,label}} and train/{{raw,exp}}; "
    f"{LUT3D}: input/JPG/480p, expertC/JPG/480p, train_input.txt and train_label.txt or train.txt, test.txt"
)
ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "TIFF")
SIDES = ("input", "expertC")
# Of several exports those of this resolution and of these formats, as in the paper, are taken.
RESOLUTION, PREFERRED = "480p", ("jpg", "jpeg")
LARGEST_LIST = 2**22
NO_PROFILE = "none, taken as sRGB"
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Pairs:
    """A FiveK folder.

    Attributes:
        splits: pairs by name, of ``train`` and ``test``, and of ``val`` where there are some.
        inputs: photographs for unpaired training; none where the layout has no such list.
        targets: what an expert made of other photographs, for unpaired training.
        facts: layout, export, counts and digests of the splits, sizes, colour profiles, notes: for a manifest.
    """

    splits: dict[str, tuple[Pair, ...]]
    inputs: tuple[Path, ...]
    targets: tuple[Path, ...]
    facts: dict[str, Any]


class Header(NamedTuple):
    """What a file says of its picture before a pixel is read: its upright size, and its colour profile's name."""

    height: int
    width: int
    profile: str
    is_srgb: bool


@dataclass
class _Read:
    """What a layout gives, before files are opened."""

    splits: dict[str, list[Pair]]
    inputs: list[Path]
    targets: list[Path]
    export: str
    notes: list[str] = field(default_factory=list)


def fivek_folder(path: str | None) -> Path:
    """The folder that is named, or a folder ``fivek`` in a mirror, or in a folder of it.

    Raises:
        UserError: there is none, or the named one has neither layout.
    """
    if path is not None:
        chosen = Path(path).expanduser()
        if _layout(chosen) is None:
            reason = "neither of FiveK's layouts" if chosen.is_dir() else "no such folder"
            raise UserError(f"{path}: {reason}; accepted: {LAYOUTS}")
        return chosen
    for mirror in mirrors():
        for folder in (mirror, *sorted(mirror.glob("*")), *sorted(mirror.glob("*/*"))):
            if folder.name.lower() == "fivek" and _layout(folder) is not None:
                return folder
    raise UserError(
        f"MIT-Adobe FiveK is not here, and comes with no package: {LICENCE}. Get it from {ADDRESS} and name the folder "
        f"of its export in the settings (retouch.fivek.path), or a folder that holds it in {MIRROR_VARIABLE}; "
        f"accepted: {LAYOUTS}"
    )


def fivek_pairs(folder: Path, resize: bool = False) -> Pairs:
    """The pairs of a FiveK folder in either layout; of pictures only the headers are read.

    Args:
        folder: see the module.
        resize: accept pairs of different sizes; ``pairs.read_pair`` brings the larger to the size of the smaller.

    Raises:
        UserError: another layout, pictures without a partner, a file that cannot be read, pairs of different sizes or,
            with ``resize``, of different proportions, or a name both to train on and to test.
    """
    folder = Path(folder)
    layout = _layout(folder)
    if layout is None:
        raise UserError(f"{folder}: neither of FiveK's layouts; accepted: {LAYOUTS}")
    read = _of_uegan(folder) if layout == UEGAN else _of_lut3d(folder)
    for split in ("train", "test"):
        if not read.splits.get(split):
            raise UserError(f"{folder}: no pairs to {split} on; accepted: {LAYOUTS}")
    trained = {pair.name for split in ("train", "val") for pair in read.splits.get(split, [])}
    trained |= {path.stem for path in (*read.inputs, *read.targets)}
    if both := sorted(trained & {pair.name for pair in read.splits["test"]}):
        raise UserError(f"{folder}: to train on and to test: {named(both)}")
    pairs = [pair for split in read.splits.values() for pair in split]
    headers = {path: _header(path) for pair in pairs for path in (pair.input, pair.target)}
    headers |= {path: _header(path) for path in (*read.inputs, *read.targets) if path not in headers}
    _check_sizes(folder, pairs, headers, resize, read.notes)
    converted = Counter(header.profile for header in headers.values() if not header.is_srgb)
    for profile, count in sorted(converted.items()):
        read.notes.append(f"{count} files are in {profile}: converted through their profile")
    facts = {
        "layout": layout,
        "export": read.export,
        "splits": {
            split: {"pairs": len(members), "sha256": names_digest(pair.name for pair in members)}
            for split, members in read.splits.items()
        },
        "unpaired": {"inputs": len(read.inputs), "targets": len(read.targets)},
        "short_side": _range(min(header[:2]) for header in headers.values()),
        "long_side": _range(max(header[:2]) for header in headers.values()),
        "profiles": dict(sorted(Counter(header.profile for header in headers.values()).items())),
        "licence": LICENCE,
        "notes": read.notes,
    }
    splits = {split: tuple(members) for split, members in read.splits.items()}
    return Pairs(splits, tuple(read.inputs), tuple(read.targets), facts)


def names_digest(names: Iterable[str]) -> str:
    """SHA-256 of the sorted names of a split, without endings, a line each."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(names)).encode()).hexdigest()


def _layout(folder: Path) -> str | None:
    if any((folder / split / "raw").is_dir() for split in ("train", "val", "test")):
        return UEGAN
    return LUT3D if all((folder / side).is_dir() for side in SIDES) else None


def _of_uegan(folder: Path) -> _Read:
    splits = {}
    for split in ("train", "val", "test"):
        raw, label = (_by_name(folder / split / side) for side in ("raw", "label"))
        if label or (raw and split != "train"):
            if lacking := sorted(raw.keys() ^ label.keys()):
                raise UserError(f"{folder / split}: in only one of raw and label: {named(lacking)}")
            splits[split] = [Pair(name, raw[name], label[name]) for name in sorted(raw)]
    read = _Read(splits, [], [], "{test,val}/{raw,label}, train/{raw,exp}")
    read.inputs, read.targets = (list(_by_name(folder / "train" / side).values()) for side in ("raw", "exp"))
    if "train" not in splits and "val" in splits:
        splits["train"] = splits.pop("val")
        read.notes.append("train has no pairs (unpaired by design): those of val are trained on")
    return read


def _of_lut3d(folder: Path) -> _Read:
    before, after, notes = _exports(folder)
    inputs, targets = _by_name(before), _by_name(after)
    apart = [_listed(folder / name) for name in ("train_input.txt", "train_label.txt")]
    trained, tested = _listed(folder / "train.txt"), _listed(folder / "test.txt")
    if any(apart):
        trained = [*apart[0], *apart[1]]
        notes.append("the training pairs are those of train_input.txt and train_label.txt together")
    splits = {}
    for split, names in (("train", trained), ("test", tested)):
        if not names:
            raise UserError(f"{folder}: no names to {split} on; accepted: {LAYOUTS}")
        for place, there in ((before, inputs), (after, targets)):
            if lacking := sorted(set(names) - there.keys()):
                raise UserError(f"{place}: names of the {split} list without a picture: {named(lacking)}")
        splits[split] = [Pair(name, inputs[name], targets[name]) for name in sorted(set(names))]
    export = " and ".join(place.relative_to(folder).as_posix() for place in (before, after))
    return _Read(splits, [inputs[name] for name in apart[0]], [targets[name] for name in apart[1]], export, notes)


def _exports(folder: Path) -> tuple[Path, Path, list[str]]:
    """The folders of the inputs and of the targets, of one resolution; and which others there are."""
    places: list[dict[str, list[Path]]] = []
    passed_over = []
    for side in SIDES:
        by_resolution: dict[str, list[Path]] = {}
        for place in sorted(folder.glob(f"{side}/*/*/")):
            # Of the same paper: 16-bit linear CIE XYZ, which must not be taken for sRGB.
            if "xyz" in place.name.lower():
                passed_over.append(place.relative_to(folder).as_posix())
            elif _by_name(place):
                by_resolution.setdefault(place.name, []).append(place)
        places.append(by_resolution)
    common = sorted(places[0].keys() & places[1].keys())
    if not common:
        there = " and ".join(", ".join(sorted(side)) or "none" for side in places)
        raise UserError(
            f"{folder}: no pictures of one resolution in both input and expertC (there are {there}); "
            f"accepted: {LAYOUTS}"
        )
    if len(common) > 1 and RESOLUTION not in common:
        raise UserError(f"{folder}: exports of several resolutions ({', '.join(common)}); keep one of them")
    resolution = common[0] if len(common) == 1 else RESOLUTION
    chosen = [min(side[resolution], key=lambda place: place.parent.name.lower() not in PREFERRED) for side in places]
    passed_over += [
        place.relative_to(folder).as_posix()
        for side in places
        for group in side.values()
        for place in group
        if place not in chosen
    ]
    return chosen[0], chosen[1], [f"other exports, not used: {named(sorted(passed_over))}"] if passed_over else []


def _by_name(folder: Path) -> dict[str, Path]:
    """Pictures of a folder by their names without endings, sorted; none where there is no such folder."""
    pictures: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() in ENDINGS and not path.name.startswith("."):
            if path.stem in pictures:
                raise UserError(f"{folder}: {pictures[path.stem].name} and {path.name} are of one name; keep one")
            pictures[path.stem] = path
    return pictures


def _listed(path: Path) -> list[str]:
    """The names of a list, a line each, with or without endings; none where there is no such file."""
    if not path.is_file():
        return []
    if path.stat().st_size > LARGEST_LIST:
        raise UserError(f"{path}: more than {LARGEST_LIST:,} bytes; accepted: a name a line")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a list of names ({' '.join(str(error).split())[:120]})") from None
    names = [line[: -len(Path(line).suffix)] if line.lower().endswith(ENDINGS) else line for line in lines if line]
    return sorted(set(names))


def _header(path: Path) -> Header:
    image_module = library("PIL.Image", "Pillow", "retouch")
    try:
        with warnings.catch_warnings():
            # The reader of pixels refuses what is too large.
            warnings.simplefilter("ignore")
            with image_module.open(path, formats=FORMATS) as image:
                width, height = image.size
                # A PNG file's would be looked for behind its pixels.
                exif = image.getexif() if image.format != "PNG" else {}
                if exif.get(_ORIENTATION, 1) in (5, 6, 7, 8):
                    width, height = height, width
                profile = _profile(image.info.get("icc_profile") or b"")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Exception as error:  # a parser of many failures, of a stranger's file
        raise UserError(f"{path}: not a picture that can be read ({' '.join(str(error).split())[:120]})") from None
    return Header(height, width, *profile)


@functools.lru_cache
def _profile(data: bytes) -> tuple[str, bool]:
    """Name of an ICC profile, and whether it is sRGB."""
    if not data:
        return NO_PROFILE, True
    profile = read_profile(data)
    return profile.name, profile.is_srgb


def _check_sizes(folder: Path, pairs: list[Pair], headers: dict[Path, Header], resize: bool, notes: list[str]) -> None:
    differing, wrong, reason = 0, [], ""
    for pair in pairs:
        before, after = headers[pair.input], headers[pair.target]
        differing += before[:2] != after[:2]
        if mismatch := size_mismatch(before[:2], after[:2], resize):
            wrong.append(pair.name)
            reason = reason or mismatch
    if wrong:
        raise UserError(f"{folder}: pairs of different sizes: {named(wrong)}; the first has {reason}")
    if differing:
        notes.append(f"{differing} pairs have different sizes: the larger picture is reduced to the smaller")


def _range(sides: Iterable[int]) -> list[int]:
    sides = list(sides)
    return [min(sides), max(sides)]
