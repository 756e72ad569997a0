"""What closes a two-port: a source with its resistance, a load; and S21, S11 and S22 between them.

A ladder is carried from its load to its source (:mod:`hypernet.circuits.core.ladder`): with 1 V at the load, V is the
voltage at the port where the source is, and I the current that leaves there, both complex. With a source of resistance
Rs and a load RL, in the units of the parts' values (Pozar, Microwave Engineering, chapter 4),

    S21 = 2 sqrt(Rs / RL) / (V - Rs I)        S11 = (V + Rs I) / (V - Rs I)

and S22, seen by the load, from a second state that starts at the load with no wave coming out of the circuit there.
In the words of the field port 1 is where the source is, and port 2 where the load is.

Without a source resistance what comes through is the voltage gain 1 / V, with one and an open load the voltage there
over that of the source, 1 / (V - Rs I).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from torch import Tensor

Curve = TypeVar("Curve", np.ndarray, Tensor)


@dataclass(frozen=True)
class Terminations:
    """Source and load, in the units of the parts' values.

    Attributes:
        source: Rs; None for a source without resistance.
        load: RL; infinity for an open port.
    """

    source: float | None
    load: float

    @property
    def excitation(self) -> tuple[float, float]:
        """(V_in, I_in) with which a ladder is carried from the load: 1 V there, and the current that the load takes."""
        return 1.0, -1.0 / self.load

    @property
    def back_excitation(self) -> tuple[float, float]:
        """The same for a wave that goes in at the load, with none coming out there: for S22."""
        return 1.0, 1.0 / self.load

    @property
    def matched(self) -> bool:
        """Whether both ports have a resistance, so that there are S parameters."""
        return self.source is not None and math.isfinite(self.load)

    def inverse_transmission(self, voltage: Curve, current: Curve) -> Curve:
        """1 / S21, or 1 / gain where there are no S parameters, from V and I, complex ``[..., d]`` each."""
        if self.source is None:
            return voltage
        driven = voltage - self.source * current
        return driven * (0.5 * math.sqrt(self.load / self.source)) if self.matched else driven

    def input_reflection(self, voltage: Curve, current: Curve) -> Curve:
        """S11, at the source, from V and I, complex ``[..., d]`` each.

        Raises:
            ValueError: the source has no resistance.
        """
        if self.source is None:
            raise ValueError("a source without resistance has no S11")
        return (voltage + self.source * current) / (voltage - self.source * current)

    def output_reflection(self, voltage: Curve, current: Curve, back_voltage: Curve, back_current: Curve) -> Curve:
        """S22, at the load, complex ``[..., d]``.

        Args:
            voltage: V for :attr:`excitation`.
            current: I for it.
            back_voltage: V for :attr:`back_excitation`.
            back_current: I for it.

        Raises:
            ValueError: there are no S parameters.
        """
        if self.source is None or not self.matched:
            raise ValueError("without a source resistance and a load there is no S22")
        return -(back_voltage - self.source * back_current) / (voltage - self.source * current)
