"""What a person uses: a verb a file."""
