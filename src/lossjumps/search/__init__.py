"""Fixed points and cycles of a ReLU network."""
