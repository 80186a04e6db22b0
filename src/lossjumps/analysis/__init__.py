"""Bifurcations, loss jumps and their coincidence."""
