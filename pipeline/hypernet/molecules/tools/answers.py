"""What is given of each property that some models predict, and what predicts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypernet.molecules.tools.quantities import Quantity, wanted

if TYPE_CHECKING:
    from hypernet.molecules.tools.ensemble import Ensemble, Model


@dataclass(frozen=True)
class Answer:
    """What is given of a property, and what predicts it."""

    quantity: Quantity
    ensemble: Ensemble

    def sentences(self) -> str:
        """Which number it is and how sure, for people."""
        ensemble, quantity = self.ensemble, self.quantity
        methods = ", ".join(dict.fromkeys(member.predictor.method for member in ensemble.members))
        several = f", mean of {len(ensemble)} models" if len(ensemble) > 1 else ""
        width = f"{ensemble.width * quantity.scale:.3g} {quantity.unit}"
        scaled = " on average, wider where the models are apart" if ensemble.interval.slope else ""
        return (
            f"{quantity.sentence()}\n  {methods} trained on {ensemble.title}{several}; 90 % interval ±{width}{scaled}, "
            f"from {ensemble.validation_count:,} molecules for validation"
        )


def asked(
    model: Model | Sequence[Model],
    target: str | Sequence[str] = (),
    unit: str | Sequence[str] = (),
    energy: str = "atomization",
) -> list[Answer]:
    """Models opened, put together by property, and what is given of each; see ``predict``."""
    from hypernet.molecules.tools.ensemble import assembled

    targets, units = ([text] if isinstance(text, str) else list(text) for text in (target, unit))
    ensembles = assembled(model, targets)
    quantities = wanted([entry.target for entry in ensembles], [entry.title for entry in ensembles], units, energy)
    return [Answer(*pair) for pair in zip(quantities, ensembles, strict=True)]
