"""``hypernet codes predict``: the name that every domain has for what is called decoding here."""

from hypernet.codes.tools.decode import add_arguments, run

__all__ = ["add_arguments", "run"]
