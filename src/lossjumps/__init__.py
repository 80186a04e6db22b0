"""Bifurcations and loss jumps in the training of ReLU recurrent networks."""
