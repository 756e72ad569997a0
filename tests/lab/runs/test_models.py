"""Model files of strangers: opened without running any code, and without taking memory that the file does not hold."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored, save_model

CONTENT = {"domain": "toy", "version": 2, "weights": torch.arange(6.0).reshape(2, 3), "settings": {"width": 3}}


class Trace:
    """Unpickling an object of this class makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_what_was_saved_comes_back(tmp_path):
    save_model(tmp_path / "model.ckpt", CONTENT)
    content = load_model(str(tmp_path / "model.ckpt"))
    assert content["settings"] == {"width": 3}
    torch.testing.assert_close(content["weights"], CONTENT["weights"], rtol=0, atol=0)


def test_the_same_content_makes_the_same_bytes(tmp_path):
    for name in ("a.ckpt", "b.ckpt"):
        save_model(tmp_path / name, CONTENT)
    assert (tmp_path / "a.ckpt").read_bytes() == (tmp_path / "b.ckpt").read_bytes()


@pytest.mark.parametrize("form", ["torch", "plain pickle"])
def test_code_in_a_model_file_is_not_run(tmp_path, form):
    trace, path = tmp_path / "trace", tmp_path / "model.ckpt"
    if form == "torch":
        torch.save({"domain": "toy", "weights": Trace(trace)}, path)
        torch.load(path, weights_only=False)  # the trap works
        trace.unlink()
    else:
        path.write_bytes(pickle.dumps(Trace(trace)))
    with pytest.raises(UserError, match="not a model file of this project"):
        load_model(path)
    assert not trace.exists()


def test_a_packed_file_is_refused_before_it_is_unpacked(tmp_path):
    stored, packed = tmp_path / "stored.ckpt", tmp_path / "packed.ckpt"
    save_model(stored, {"domain": "toy", "weights": torch.zeros(1_000_000)})
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member))
    assert packed.stat().st_size < stored.stat().st_size / 100
    with pytest.raises(UserError, match="members are compressed"):
        load_model(packed)


def test_a_file_that_asks_for_any_amount_of_memory_is_refused(tmp_path):
    class Large:
        def __reduce__(self):
            return (bytearray, (10**11,))

    torch.save({"domain": "toy", "weights": Large()}, tmp_path / "model.ckpt")
    with pytest.raises(UserError, match=r"it calls '(__builtin__|builtins)\.bytearray'"):
        load_model(tmp_path / "model.ckpt")


@pytest.mark.parametrize("error", [KeyError("weights"), ValueError("too wide"), RuntimeError("size mismatch")])
def test_what_does_not_fit_is_one_line(error):
    def restore(content):
        raise error

    with pytest.raises(UserError, match="of another version, or damaged") as caught:
        restored("model.ckpt", CONTENT, "toy", 2, restore)
    assert "\n" not in str(caught.value)


def test_what_a_domain_says_of_a_sound_file_is_passed_on():
    def restore(content):
        raise UserError("a genetic algorithm has no network to open")

    with pytest.raises(UserError, match=r"^model\.ckpt: a genetic algorithm has no network to open$"):
        restored("model.ckpt", CONTENT, "toy", 2, restore)


def test_a_model_of_another_domain_is_refused():
    with pytest.raises(UserError, match="not a model trained by `hypernet codes train`"):
        restored("model.ckpt", CONTENT, "codes", 2, dict)
    assert restored("model.ckpt", CONTENT, "toy", 2, lambda content: content["settings"]) == {"width": 3}


@pytest.mark.parametrize(
    ("version", "age"), [(None, "an older"), (1, "an older"), (3, "a newer"), ("2", "an older"), (True, "an older")]
)
def test_a_file_in_another_form_says_to_train_again(version, age):
    content = {**CONTENT, "version": version} if version is not None else {"domain": "toy"}
    with pytest.raises(UserError) as caught:
        restored("model.ckpt", content, "toy", 2, dict)
    assert str(caught.value) == f"model.ckpt: a model file of {age} form, this program reads form 2; train it again"


def test_a_file_that_torch_would_read_otherwise_than_it_was_looked_at_is_refused(tmp_path):
    """Two members of one name (the last is looked at, the first loaded), other letters, and a pickle before the zip."""
    sound = tmp_path / "sound.ckpt"
    save_model(sound, {"weights": torch.zeros(3)})
    with zipfile.ZipFile(sound) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (pickled,) = (name for name in members if name.endswith("data.pkl"))
    twice, capitals, before = (tmp_path / f"{name}.ckpt" for name in ("twice", "capitals", "before"))
    with zipfile.ZipFile(twice, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(pickled, members[pickled])
    with zipfile.ZipFile(capitals, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(pickled.upper(), members[pickled])
    before.write_bytes(pickle.dumps({"weights": 1}) + sound.read_bytes())
    for path in (twice, capitals, before):
        with pytest.raises(UserError, match="not a model file of this project"):
            load_model(path)


def test_a_list_that_holds_itself_over_and_over_is_refused(tmp_path):
    laughs: list[object] = ["ha"]
    for _ in range(40):
        laughs = [laughs, laughs]
    save_model(tmp_path / "laughs.ckpt", {"title": laughs})
    with pytest.raises(UserError, match="more values than any"):
        load_model(tmp_path / "laughs.ckpt")
