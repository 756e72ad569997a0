"""Where the images come from: digits of a package, IDX files, folders of a person's own."""
