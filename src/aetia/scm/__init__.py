"""Explicit causal models, exact: graphs, structural models, queries, identification, bounds, actual causes."""
