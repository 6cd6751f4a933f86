"""Causal graphs as SVG."""
