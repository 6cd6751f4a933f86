"""Causal graphs: reading and writing them, separation, equivalence, adjustment sets, time."""
