"""What a forcing is: how the data enter a training sequence.  No torch here, as in the families."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Forcing:
    """A way to run a network along data: before each step the state is pulled towards the data.

    The state before step t is (1 - s_t) z_t + s_t x_t, with z_t the prediction of the step before and x_t the state
    that belongs to the data; predictions are compared before they are pulled.
    """

    name: str
    """The name in the configuration."""
    needs_alpha: bool
    """Whether it takes a forcing strength alpha, which is then required; otherwise alpha has to be null."""
    strengths: Callable[[int, float | None], np.ndarray]
    """(T, alpha) to the strengths s (T,) before each of T steps.  The first has to be 1: a run starts from the data."""
