"""Air against ISO 9613-1, as pyfar and acoustic-toolbox print it."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.sonar.core.air import Air

# dB a metre at 20 °C, 50 %, 101.325 kPa.
TABLE = {
    1e3: 0.00466, 8e3: 0.10529, 20e3: 0.52416, 30e3: 0.93658, 40e3: 1.31824,
    50e3: 1.66112, 60e3: 1.97996, 80e3: 2.60604, 100e3: 3.28043,
}  # fmt: skip


def test_absorption_of_the_standard():
    frequencies = np.array(list(TABLE))
    absorption = Air().absorption(frequencies)
    # The table has five decimals.
    np.testing.assert_allclose(absorption, list(TABLE.values()), rtol=1e-4, atol=5.1e-6)
    assert (np.diff(Air().absorption(np.linspace(0, 2e5, 500))) > 0).all()
    assert Air().absorption(0.0) == 0


def test_absorption_of_the_standards_printed_table():
    """ISO 9613-1 table 1: 10 °C and 70 %, dB a kilometre, at exact midband frequencies."""
    frequencies = 1000 * 10 ** (0.3 * np.arange(-4, 4))
    printed = [0.122, 0.411, 1.04, 1.93, 3.66, 9.66, 32.8, 117]
    np.testing.assert_allclose(1000 * Air(10, 70).absorption(frequencies), printed, rtol=5e-3)


def test_speed_of_sound():
    assert Air(0).speed_of_sound == 331.3
    assert Air(20).speed_of_sound == pytest.approx(343.2, abs=0.02)


@pytest.mark.parametrize(
    ("numbers", "line"),
    [
        ((293.15,), r"temperature of the air: 293.15 °C is not from -40 to 60 °C; 293.15 K would be 20.0 °C"),
        ((float("nan"),), "temperature of the air: nan °C"),
        ((20, 101), "humidity of the air: 101 % is not from 0 to 100 %"),
        ((20, 50, 101325), "pressure of the air: 101325 kPa is not from 10 to 200 kPa"),
    ],
)
def test_refused(numbers, line):
    with pytest.raises(UserError, match=line):
        Air(*numbers)
