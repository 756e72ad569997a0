"""A trained method opened again: echoes in, occupancy, fields and networks out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import fill, load_model, printable, restored, without_weights
from hypernet.shapes.baselines.means import MeanShape
from hypernet.shapes.trained import Reconstructor, check_places, known_of, method_of
from hypernet.sonar.baselines.nearest import NearestEcho
from hypernet.sonar.config import METHODS, MethodSettings, NearestSettings, NetworkSettings, Scene, Senses
from hypernet.sonar.methods import build
from hypernet.sonar.model import Sound, spectrogram

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1
# Of echoes and of model files, far above all that is simulated here.
MOST_EARS, MOST_SAMPLES = 128, 2**17


class Listener(Reconstructor):
    """One method, ready to reconstruct from echoes.

    Calling it with echoes in Pa, float32 ``[B, C, T]``, gives the occupancy of the evaluation grid, bool
    ``[B, 32, 32, 32]`` indexed by x, y, z (x lateral, y up, z to the front). ``vision`` takes images uint8 RGBA
    ``[B, S, S, 4]``, ``vision_sonar`` the rows of ``hypernet.sonar.baselines.sight.side_by_side``.

    Args:
        method: method id.
        title: name of the data set for people.
        senses: what it is given.
        sound: the form of the echoes.
        start_s: time of an echo's first sample after the call began.
        noise_pa: spread of the noise in the training's echoes.
        call: the call that was emitted, for people.
        scene: where the bat was.
        image_size: S, pixels of a side.
        network: the trained module.
        gallery: embeddings of training echoes, ``[m, E]``; None for methods without.
        gallery_classes: their classes, ``[m]``.
        familiar_distance: how far from the gallery a familiar echo lies at most.
    """

    complete = "batman"

    def __init__(
        self,
        method: str,
        title: str,
        senses: Senses,
        sound: Sound,
        start_s: float,
        noise_pa: float,
        call: str,
        scene: Scene,
        image_size: int,
        network: nn.Module,
        gallery: Tensor | None = None,
        gallery_classes: Tensor | None = None,
        familiar_distance: float = 0.0,
    ):
        super().__init__(method, title, image_size, True, network, gallery, gallery_classes, familiar_distance)
        self.senses, self.sound, self.start_s, self.noise_pa = senses, sound, start_s, noise_pa
        self.call, self.scene = call, scene

    def __repr__(self) -> str:
        return f"Listener({self.method}, {self.title or 'untrained'}, {self.form})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what it is given of one object."""
        pixels = (self.image_size, self.image_size, 4)
        if self.senses == "image":
            return pixels
        echoes = (self.sound.ears, self.sound.samples)
        return (int(np.prod(echoes) + np.prod(pixels)),) if self.senses == "both" else echoes

    @property
    def form(self) -> str:
        """What it is given, in words."""
        if self.senses == "image":
            return f"images of {self.image_size} pixels"
        echoes = f"{self.sound.ears} echoes of {self.sound.samples} samples at {self.sound.rate_hz / 1000:g} kHz"
        return f"{echoes} and an image of {self.image_size} pixels" if self.senses == "both" else echoes

    def _checked(self, given: np.ndarray) -> np.ndarray:
        if self.senses == "image":
            return super()._checked(given)
        given = np.asarray(given)
        if given.dtype.kind != "f" or given.shape[1:] != self.shape or not len(given):
            raise UserError(
                f"echoes: {given.dtype} {list(given.shape)}; accepted: float {['B', *self.shape]}: {self.form}, in Pa; "
                "hypernet.sonar.reconstruct takes files"
            )
        if not np.isfinite(given).all():
            raise UserError("echoes: not all samples are finite numbers")
        return np.ascontiguousarray(given, dtype=np.float32)


def senses_of(settings: MethodSettings) -> Senses:
    """What a method is given."""
    return settings.senses if isinstance(settings, NetworkSettings) else "pair"


def restore(content: dict[str, Any]) -> Listener:
    """A method from the content of its file.

    Raises:
        ValueError: the method is not known here, or a weight is not a finite number.
    """
    method, settings = method_of(content, METHODS)
    assert isinstance(settings, MethodSettings)
    state = content["state"]
    sound = _sound(content["sound"])
    network: nn.Module
    if isinstance(settings, NetworkSettings):
        # Without memory for the weights until their shapes are known to be those in the file.
        with without_weights():
            network = build(settings, sound)
    elif isinstance(settings, NearestSettings):
        representation, frames = content["representation"], content["frames"]
        if representation not in ("magnitude", "envelope") or type(frames) is not int or not 1 <= frames <= 64:
            raise ValueError(f"representation {representation!r} of {frames!r} frames")
        transform = spectrogram(sound, settings.representation)
        known = state["known"]
        network = NearestEcho(transform, representation, frames, known.shape[1], len(known), len(state["voxels"]))
    else:
        network = MeanShape(1)
    fill(network, state)
    if isinstance(network, NearestEcho):
        check_places(network.owner, len(network.voxels), "owner")
    facts, start_s, noise_pa = known_of(content, network), float(content["start_s"]), float(content["noise_pa"])
    if not (-1 < start_s < 1 and 0 <= noise_pa < 1e6):
        raise ValueError(f"start_s is {start_s}, noise_pa {noise_pa}")
    return Listener(
        method,
        facts.title,
        senses_of(settings),
        sound,
        start_s,
        noise_pa,
        printable(content["call"]),
        Scene.model_validate(content["scene"]),
        facts.image_size,
        network,
        facts.gallery,
        facts.classes,
        facts.distance,
    )


def _sound(numbers: Any) -> Sound:
    if not isinstance(numbers, list) or len(numbers) != 3 or any(type(number) is not int for number in numbers):
        raise ValueError(f"sound is {numbers!r}")
    ears, samples, rate_hz = numbers
    if not (1 <= ears <= MOST_EARS and 1 <= samples <= MOST_SAMPLES and 1 <= rate_hz <= 10_000_000):
        raise ValueError(f"sound is {numbers!r}")
    return Sound(ears, samples, rate_hz)


def open_model(path: str | Path) -> Listener:
    """Open a model that `hypernet sonar train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "sonar", VERSION, restore)
