"""What runs add up to: intervals, tables, claims, figures."""
