"""Figures: pure functions from tables to matplotlib figures, without pyplot and without files."""
