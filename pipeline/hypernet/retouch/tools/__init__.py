"""What a person uses: one file per verb."""
