"""Where recordings, ears, objects and echoes come from and go to."""
