"""Formats of photographs: what stands in files, and what their colours mean."""
