"""A stranger's files, read without running code and without taking memory that they do not hold."""
