"""Families of networks, forcing and the training loop."""
