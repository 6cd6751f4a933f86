"""Do models reason causally? Items with exact labels, ways of asking, answerers, and scores."""
