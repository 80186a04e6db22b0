"""The one canonical form of every ReLU network."""

from lossjumps.maps.relu_map import ReluMap

__all__ = ["ReluMap"]
