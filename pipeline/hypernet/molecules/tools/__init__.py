"""What a person does with a trained method."""
