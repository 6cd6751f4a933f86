"""The built-in sets: how the contrasts of each are made from its data file, a seed and a tokenizer."""
