"""Parsers of mesh formats, from bytes to vertices and triangles: nothing is opened, no size is believed unchecked."""
