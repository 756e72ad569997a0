"""``hypernet codes decode``: the field's word for ``predict``."""

from pipeline.codes.predict import add_arguments, run

__all__ = ["add_arguments", "run"]
