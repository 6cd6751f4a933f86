"""Exact answers of models, with their derivations."""
