"""The fit of a style to examples: from the statistics of photographs, or from a trained network's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hypernet.retouch.baselines.styles import NORMALISATIONS, STYLE, THUMBNAIL, StyleMaps
from hypernet.retouch.core.colour_map import ColourMap, monomials
from hypernet.retouch.core.shrinkage import Form, Views
from hypernet.retouch.core.statistics import statistics
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.tools.examples import Example, repeated, sums
from hypernet.retouch.tools.mixtures import Fitting, Mixture, Sample, mixed
from hypernet.retouch.trained import VERSION, describe

if TYPE_CHECKING:
    from hypernet.retouch.tools.starts import Start

# Every so many rows and columns of an example are looked at in measuring candidates: 64 x 64 colours of 256 x 256.
STEP = 4
IDENTITY = "identity"


class PersonalFit:
    """A style fitted to examples.

    Args:
        examples: two or more pairs.
        most_folds: pairs are left out one at a time up to so many, and several at a time beyond.

    Attributes:
        folds: of each example, what it is left out with: others of the same photograph, for one.
        samples: colours that candidates are measured on.
        mixture: the style.
    """

    def __init__(self, examples: Sequence[Example], most_folds: int):
        _, self.folds = np.unique(repeated(examples), return_inverse=True)
        self.folds %= most_folds
        self.images: list[np.ndarray] = []
        self.samples: list[Sample] = []
        grams, crosses, folds = [], [], []
        for example, fold in zip(examples, self.folds, strict=True):
            before, after = (image[::STEP, ::STEP].reshape(-1, 3) for image in (example.before, example.after))
            self.samples.append(Sample(monomials(before.astype(np.float64)), after, len(self.images), int(fold)))
            for given, wanted in [(example.before, example.after), *example.parts()]:
                gram, cross = sums(given, wanted)
                self.images.append(given)
                grams.append(gram)
                crosses.append(cross)
                folds.append(fold)
        self.views = Views(np.stack(grams), np.stack(crosses), np.array(folds))
        self.wholes = np.zeros(len(self.images))
        self.wholes[[sample.view for sample in self.samples]] = 1
        self.mixture = self._of_statistics()

    def _of_statistics(self) -> Mixture:
        small = np.stack([thumbnail(image, THUMBNAIL) for image in self.images])
        thumbnails = torch.from_numpy(small).permute(0, 3, 1, 2).contiguous()
        given = statistics(thumbnails)
        self.network = StyleMaps(list(NORMALISATIONS))
        self.network.least.copy_(given.amin(dim=0))
        self.network.largest.copy_(given.amax(dim=0))
        expansions, numbers = self.network.expansions(thumbnails).numpy(), given.double().numpy()
        identity = np.broadcast_to(ColourMap.identity().matrix, (len(numbers), 3, 10))
        forms = {}
        for place, name in enumerate(NORMALISATIONS):
            form = Form(numbers, expansions[:, place], identity)
            # Parts have statistics of their own, which helps where an edit goes by what is seen, and harms where it
            # goes by the whole picture.
            forms[name] = [Fitting(form, weights) for weights in (self.wholes, np.ones(len(numbers)))]
        return mixed(self.views, forms, {IDENTITY: identity}, self.samples)

    def content(self, title: str) -> dict[str, Any]:
        """The style as the content of a model file."""
        identity = ColourMap.identity().matrix
        for place, name in enumerate(NORMALISATIONS):
            fit, share = self.mixture.dependences[name], self.mixture.shares[name]
            unchanged = self.mixture.shares[IDENTITY] if name == "none" else 0.0
            bias = fit.bias + (share + unchanged) * identity
            self.network.bias[place] = torch.from_numpy(bias.reshape(-1))
            self.network.weight[place] = torch.from_numpy(fit.weight.reshape(bias.size, -1))
        return {
            "domain": "retouch",
            "dataset": title,
            "method": STYLE,
            "version": VERSION,
            "settings": {"normalisations": list(NORMALISATIONS)},
            **describe(title),
            "state": self.network.state_dict(),
        }

    def onward(self, start: Start) -> Mixture:
        """The style as a new last layer of a trained network."""
        forms, fixed = start.forms(self.images, self.wholes)
        return mixed(self.views, forms, fixed, self.samples)
