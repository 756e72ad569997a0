"""Pictures of this field."""
