"""Photographs, films and scans: readers, writers, and where the data sets come from."""
