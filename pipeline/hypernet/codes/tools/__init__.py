"""What a person uses: one file per verb, a function for Python and the command over it."""
