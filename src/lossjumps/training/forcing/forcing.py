"""What a forcing is: how the data enter a training sequence.  No torch here, as in the families."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Forcing:
    """A way to run a network along data."""

    name: str
    """The name in the configuration."""
    needs_alpha: bool
    """Whether it takes a forcing strength alpha, which is then required; otherwise alpha has to be null."""
    run: Callable[[Callable[[Tensor], Tensor], Tensor, float | None], list[Tensor]]
    """(step, data states (T + 1, S, B, M), alpha) to T predicted states (S, B, M), each taken before it is forced.

    The run starts at the first data state; prediction t (0-based) belongs to data state t + 1.
    """
