"""What is asked and what is answered: queries, formulas and derivations as data."""
