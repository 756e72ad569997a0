"""The field's mathematics: colour maps, thumbnails and their statistics, degradations, measures."""
