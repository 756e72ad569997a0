"""Rows that the hypernetwork is compared with; decoders without one are those of `hypernet.shapes.baselines`."""
