"""What every experiment needs, once. Nothing in here knows a domain."""
