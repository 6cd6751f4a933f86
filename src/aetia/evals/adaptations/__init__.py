"""Ways of asking an item."""
