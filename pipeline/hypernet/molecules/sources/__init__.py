"""Molecules from files: QM9 as it is carried by a package or an archive, and whatever else chemists keep them in."""
