"""Tests of the domain codes. A package, so that its file names may also stand in other folders of tests."""
