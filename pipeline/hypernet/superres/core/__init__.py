"""Pixel grids, Fourier features, functions of an image plane, and how images are measured."""
