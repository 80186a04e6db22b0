"""Bifurcations and loss jumps in the training of ReLU recurrent networks."""

from lossjumps.errors import InputError
from lossjumps.maps import ReluMap
from lossjumps.search import Cycle, FoundCycles, find_cycles

__all__ = ["Cycle", "FoundCycles", "InputError", "ReluMap", "find_cycles"]
