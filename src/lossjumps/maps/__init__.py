"""The one canonical form of every ReLU network."""
