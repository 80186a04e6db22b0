"""Fixed points and cycles of a ReLU network."""

from lossjumps.search.cycle import Cycle, FoundCycles
from lossjumps.search.find import find_cycles

__all__ = ["Cycle", "FoundCycles", "find_cycles"]
