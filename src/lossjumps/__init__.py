"""Bifurcations and loss jumps in the training of ReLU recurrent networks."""

from lossjumps.analysis.bifurcations import Bifurcation, find_bifurcations
from lossjumps.analysis.coincidence import event_coincidence
from lossjumps.errors import InputError
from lossjumps.maps import ReluMap
from lossjumps.search import Cycle, FoundCycles, find_cycles

__all__ = [
    "Bifurcation",
    "Cycle",
    "FoundCycles",
    "InputError",
    "ReluMap",
    "event_coincidence",
    "find_bifurcations",
    "find_cycles",
]
