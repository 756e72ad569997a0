"""The codes that this domain knows by name. How their parity-check matrices come about is in ``sources.matrices``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownCode:
    """A code of the papers.

    Attributes:
        title: its name for people.
        n: number of code bits.
        k: number of information bits, n - rank(H).
        constructed: whether H is built by formula; else only the published file defines it.
    """

    title: str
    n: int
    k: int
    constructed: bool = True


CODES = {
    "BCH31_16": KnownCode("BCH(31,16)", 31, 16),
    "BCH63_36": KnownCode("BCH(63,36)", 63, 36),
    "BCH63_45": KnownCode("BCH(63,45)", 63, 45),
    "BCH63_51": KnownCode("BCH(63,51)", 63, 51),
    "POLAR64_32": KnownCode("Polar(64,32)", 64, 32),
    "POLAR64_48": KnownCode("Polar(64,48)", 64, 48),
    "POLAR128_64": KnownCode("Polar(128,64)", 128, 64),
    "POLAR128_86": KnownCode("Polar(128,86)", 128, 86),
    "POLAR128_96": KnownCode("Polar(128,96)", 128, 96),
    "LDPC49_24": KnownCode("LDPC(49,24)", 49, 24),
    "LDPC121_60": KnownCode("LDPC(121,60)", 121, 60),
    "LDPC121_70": KnownCode("LDPC(121,70)", 121, 70),
    "LDPC121_80": KnownCode("LDPC(121,80)", 121, 80),
    "MACKAY96_48": KnownCode("MacKay(96,48)", 96, 48, constructed=False),
    "CCSDS128_64": KnownCode("CCSDS(128,64)", 128, 64),
}
