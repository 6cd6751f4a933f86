"""Explicit causal models: discrete, linear and functional, their inference, sampling, fitting and files."""
