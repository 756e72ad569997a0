"""``hypernet codes decode``: the field's word for ``predict``."""

from hypernet.codes.tools.predict import add_arguments, run

__all__ = ["add_arguments", "run"]
