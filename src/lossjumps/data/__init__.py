"""Simulated systems, recordings and their embedding."""
