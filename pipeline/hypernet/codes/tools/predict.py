"""``hypernet codes predict``: the name that every domain has for what is called decoding here."""

from hypernet.codes.tools.decode import add_arguments, run
from hypernet.codes.tools.decode import decode as predict

__all__ = ["add_arguments", "predict", "run"]
