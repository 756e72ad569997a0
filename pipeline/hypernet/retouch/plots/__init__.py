"""Pictures of photographs, colour maps and films."""
