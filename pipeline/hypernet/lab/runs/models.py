"""Trained models on disk: whole files that open without running any code from them."""

from __future__ import annotations

import contextlib
import pickletools
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from hypernet.lab.config import TrainSettings
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.job import Job

# How a zip archive begins.
ZIP = b"PK\x03\x04"
# Keys and values of all mappings and lists in a file; tensors count as single ones.
MOST_VALUES = 1_000_000
LONGEST_TITLE = 200
Model = TypeVar("Model")
Network = TypeVar("Network", bound=torch.nn.Module)


class _NothingDrawn(TorchFunctionMode):
    """Leaves weights as they are where a module would start them: on the meta device torch imports its compiler for
    that, which takes a second."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), options: dict[str, Any] | None = None
    ) -> Any:
        options = options or {}
        if getattr(function, "__module__", "") == "torch.nn.init" or function in (Tensor.normal_, Tensor.uniform_):
            return arguments[0] if arguments else options["tensor"]
        return function(*arguments, **options)


@contextlib.contextmanager
def without_weights() -> Iterator[None]:
    """Modules that are made in this block have parameters of a shape and a type, and no memory behind them."""
    with torch.device("meta"), _NothingDrawn():
        yield


def count_parameters(model: torch.nn.Module) -> int:
    """Number of trained numbers in a model."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def of_parameters(make: Callable[[int], Network], wanted: int) -> tuple[Network | None, int]:
    """A network of about as many trained numbers as another has: the control of a comparison.

    Args:
        make: a new network of a hidden layer of this width. The count must be linear in it.
        wanted: trained numbers.

    Returns:
        the network of the width that comes nearest, and the count of the narrowest; None if that one has too many.
    """
    smallest = count_parameters(make(1))
    if smallest > wanted:
        return None, smallest
    each = count_parameters(make(2)) - smallest
    return make(1 + round((wanted - smallest) / each)), smallest


def save_model(path: Path, content: dict[str, Any]) -> None:
    """Write a trained model, whole or not at all.

    ``content`` is made of tensors and plain types only, so that ``torch.load(path, weights_only=True)`` opens it:
    a stranger's model file can then run no code.
    """
    # Into a file object: given a path, torch writes its (temporary) name into the file, which is then never the same.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)


def load_model(path: str | Path) -> dict[str, Any]:
    """Read what :func:`save_model` wrote.

    Raises:
        UserError: no such file, or not a model of this project.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such model file; train one first")
    _refuse_hostile(path)
    try:
        with warnings.catch_warnings():
            # What torch says of a strange file, the error below says in one line.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and pickle let through whatever they stumble over
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: not a model file of this project ({reason})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a model file of this project (it holds a {type(content).__name__})")
    if not _is_small(content):
        raise UserError(f"{path}: not a model file of this project (it holds more values than any)")
    return content


def _is_small(content: object) -> bool:
    """Whether all of it can be looked at: a list may hold itself twice, and that one the next, a million times over."""
    waiting, seen = [content], 0
    while waiting:
        entry = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            return False
        if isinstance(entry, Mapping):
            waiting += [*entry, *entry.values()]
        elif isinstance(entry, list | tuple | set | frozenset):
            waiting += entry
    return True


def _refuse_hostile(path: Path) -> None:
    """Refuse what torch would not have written: packed members, which may unpack to anything, and calls of others."""
    try:
        with path.open("rb") as file:
            # Else torch would take another way than that of a zip archive.
            zipped = file.read(4) == ZIP
        with zipfile.ZipFile(path) as archive:
            # torch finds members without regard to case, and the first of a name.
            names = [name.lower() for name in archive.namelist()]
            plain = len({*names}) == len(names) and sum(name.endswith("data.pkl") for name in names) == 1
            packed = any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
            pickled = [name for name in archive.namelist() if name.lower().endswith("data.pkl")]
            named = set() if packed else {text for name in pickled for text in _names_called(archive.read(name))}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UserError(f"{path}: not a model file of this project ({error})") from None
    if not zipped or not plain:
        raise UserError(f"{path}: not a model file of this project (not the one archive that torch writes)")
    if packed:
        raise UserError(f"{path}: not a model file of this project (its members are compressed)")
    strange = [name for name in sorted(named) if not name.startswith(("torch.", "collections.OrderedDict"))]
    if strange:
        raise UserError(f"{path}: not a model file of this project (it calls {strange[0]!r})")


def _names_called(pickled: bytes) -> set[str]:
    """Modules and functions that a pickle names; nothing of it is run.

    torch's safe unpickler lets some builtins through, one of which takes any amount of memory.
    """
    names: set[str] = set()
    recent: list[str] = []
    for operation, argument, _ in pickletools.genops(pickled):
        if operation.name == "GLOBAL":
            names.add(str(argument).replace(" ", "."))
        elif operation.name == "STACK_GLOBAL":
            names.add(".".join(recent[-2:]))
        elif isinstance(argument, str):
            recent.append(argument)
    return names


def require_version(path: str | Path, content: Mapping[str, Any], domain: str, version: int) -> None:
    """Refuse a model of another domain, or in a form that this program does not write.

    Raises:
        UserError: so it is.
    """
    if content.get("domain") != domain:
        raise UserError(f"{path}: not a model trained by `hypernet {domain} train`")
    written = content.get("version")
    if written != version or isinstance(written, bool):
        age = "a newer" if isinstance(written, int) and written > version else "an older"
        raise UserError(f"{path}: a model file of {age} form, this program reads form {version}; train it again")


def load_start(job: Job[TrainSettings], version: int) -> tuple[Path | None, dict[str, Any]]:
    """The model that a training goes on from: another method's, on the same data with the same seed.

    Args:
        job: the training.
        version: see :func:`restored`.

    Returns:
        its file and its content; None and nothing where the training starts by itself.

    Raises:
        UserError: it is not there, or no model of that method.
    """
    method = job.settings.start()
    if method is None:
        return None, {}
    path = job.of_method(method) / job.model.name
    if not path.is_file():
        raise UserError(f"{path}: not there; {job.method} goes on from {method}, train that one first")
    content = load_model(path)
    require_version(path, content, job.domain, version)
    if content.get("method") != method:
        raise UserError(f"{path}: not a model of {method}; train that one again")
    return path, content


def restored(
    path: str | Path,
    content: Mapping[str, Any],
    domain: str,
    version: int,
    restore: Callable[[dict[str, Any]], Model],
) -> Model:
    """A domain's model from the content of its file; whatever does not fit in it is one line.

    Args:
        path: the file, for messages.
        content: what :func:`load_model` returned.
        domain: name of the domain whose model it must be.
        version: the form of model files that ``restore`` understands. It rises when names or shapes in them change.
        restore: makes the model from the content.

    Raises:
        UserError: a model of another domain, of another version, or damaged.
    """
    require_version(path, content, domain, version)
    try:
        return restore(dict(content))
    except UserError as error:
        # A sound file that cannot be used so.
        raise UserError(f"{path}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path}: a model of another version, or damaged ({type(error).__name__}: {reason}); train it again"
        ) from None


def usable(weights: object) -> bool:
    """Whether these are finite numbers, each stored: strides of 0 make a terabyte of one number."""
    if not isinstance(weights, Tensor) or weights.layout != torch.strided or weights.is_meta:
        return False
    return weights.is_contiguous() and (not weights.is_floating_point() or bool(torch.isfinite(weights).all()))


def fill(network: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a network its weights.

    Raises:
        ValueError: one is of another type than the network's.
    """
    types = {name: weights.dtype for name, weights in network.state_dict().items()}
    network.load_state_dict(state, assign=True)
    strange = [name for name, expected in types.items() if state[name].dtype != expected]
    if strange:
        raise ValueError(f"{strange[0]} is of the type {state[strange[0]].dtype}")


def printable(text: Any) -> str:
    """A title of a file without what a terminal would obey, cut to a length."""
    return "".join(letter for letter in str(text)[:LONGEST_TITLE] if letter.isprintable())
