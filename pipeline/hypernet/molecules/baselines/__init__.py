"""The other rows of the tables."""
