"""Bifurcations and loss jumps in the training of ReLU recurrent networks."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "Bifurcation": "lossjumps.analysis.bifurcations",
    "Cycle": "lossjumps.search",
    "FoundCycles": "lossjumps.search",
    "InputError": "lossjumps.errors",
    "ReluMap": "lossjumps.maps",
    "event_coincidence": "lossjumps.analysis.coincidence",
    "find_bifurcations": "lossjumps.analysis.bifurcations",
    "find_cycles": "lossjumps.search",
}


def __getattr__(name: str) -> object:
    # Stages that neither search nor follow need not wait for numba and scipy to be imported.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
