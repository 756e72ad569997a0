"""Air: how fast sound is in it, and how much of it is lost on the way.

Absorption after ISO 9613-1:1993, "Attenuation of sound during propagation outdoors, part 1: calculation of the
absorption of sound by the atmosphere", equations 3 to 5 and B.1 to B.3; its stated range ends at 10 kHz by octaves, but
the formula is that of the relaxation of oxygen and nitrogen and is what the field uses up to 200 kHz.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError

COLDEST, HOTTEST = -40.0, 60.0
# Of the speed of sound at 0 degrees Celsius, metres a second, and what that is in kelvin.
_AT_ZERO, _KELVIN = 331.3, 273.15
# The standard's reference temperature, triple point of water and pressure.
_T0, _T01, _REFERENCE_KPA = 293.15, 273.16, 101.325


@dataclass(frozen=True)
class Air:
    """Still air of one temperature.

    Attributes:
        temperature_c: degrees Celsius, -40 to 60.
        humidity_percent: relative humidity, 0 to 100.
        pressure_kpa: 10 to 200; 101.325 at sea level.

    Raises:
        UserError: a number outside of these.

    Example:
        >>> round(Air(20.0).speed_of_sound, 2)
        343.21
    """

    temperature_c: float = 20.0
    humidity_percent: float = 50.0
    pressure_kpa: float = _REFERENCE_KPA

    def __post_init__(self) -> None:
        for name, unit, lowest, highest in (
            ("temperature_c", "°C", COLDEST, HOTTEST),
            ("humidity_percent", "%", 0.0, 100.0),
            ("pressure_kpa", "kPa", 10.0, 200.0),
        ):
            value = getattr(self, name)
            if not lowest <= value <= highest:
                what, _ = name.split("_")
                hint = ""
                if name == "temperature_c" and HOTTEST < value < HOTTEST + _KELVIN:
                    hint = f"; {value:g} K would be {value - _KELVIN:.1f} °C"
                raise UserError(
                    f"{what} of the air: {value:g} {unit} is not from {lowest:g} to {highest:g} {unit}{hint}"
                )

    @property
    def speed_of_sound(self) -> float:
        """Metres a second: 331.3 sqrt(1 + T / 273.15)."""
        return _AT_ZERO * math.sqrt(1 + self.temperature_c / _KELVIN)

    def absorption(self, frequency_hz: float | np.ndarray) -> np.ndarray:
        """Loss of pressure level in dB a metre, of the shape of ``frequency_hz``; 0 at 0 Hz."""
        squared = np.square(np.asarray(frequency_hz, dtype=np.float64))
        kelvin = self.temperature_c + _KELVIN
        pressure, warmth = self.pressure_kpa / _REFERENCE_KPA, kelvin / _T0
        saturation = 10 ** (-6.8346 * (_T01 / kelvin) ** 1.261 + 4.6151)
        # Molar concentration of water vapour, percent.
        water = self.humidity_percent * saturation / pressure
        oxygen = pressure * (24 + 4.04e4 * water * (0.02 + water) / (0.391 + water))
        nitrogen = pressure / math.sqrt(warmth) * (9 + 280 * water * math.exp(-4.17 * (warmth ** (-1 / 3) - 1)))
        relaxation = 0.01275 * math.exp(-2239.1 / kelvin) / (oxygen + squared / oxygen)
        relaxation = relaxation + 0.1068 * math.exp(-3352.0 / kelvin) / (nitrogen + squared / nitrogen)
        classical = 1.84e-11 / pressure * math.sqrt(warmth)
        loss: np.ndarray = 8.686 * squared * (classical + warmth**-2.5 * relaxation)
        return loss
