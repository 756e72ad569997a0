"""Formats, readers and generators: everything that brings data in."""
