"""The field's types and mathematics."""
