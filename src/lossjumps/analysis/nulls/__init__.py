"""The registry of null models: a new one is a file beside this one and an entry here; the key of the events names it.

The swap null (`lossjumps.analysis.nulls.swap`) exchanges bifurcations between runs, all others move them within a run.
"""

from collections.abc import Mapping

from lossjumps.analysis.nulls import swap
from lossjumps.analysis.nulls.circular import CIRCULAR
from lossjumps.analysis.nulls.local import LOCAL, SHORT_LOCAL
from lossjumps.analysis.nulls.null import Null, NullTest, moved_tests
from lossjumps.analysis.nulls.poisson import POISSON

MOVING: dict[str, Null] = {null.name: null for null in (LOCAL, SHORT_LOCAL, CIRCULAR, POISSON)}
"""The nulls that move bifurcations within a run."""

NULLS: Mapping[str, str] = {"swap": swap.TEXT, **{name: null.text for name, null in MOVING.items()}}
"""What each null does and what it assumes."""

__all__ = ["MOVING", "NULLS", "Null", "NullTest", "moved_tests"]
