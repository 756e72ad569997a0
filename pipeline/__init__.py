"""Hypernetworks, networks whose weights are the output of other networks: nine systems, one pipeline."""

__version__ = "0.1.0"
