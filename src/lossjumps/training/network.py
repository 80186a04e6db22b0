"""Networks side by side in the canonical form, as tensors; no torch here, so that families can be listed without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Network:
    """S networks z' = A z + U relu(V z + b) + c of M states and H units, as `lossjumps.maps.relu_map.ReluMap`."""

    A: Tensor
    """(S, M), the diagonal of a diagonal matrix, or (S, M, M)."""
    U: Tensor
    """(S, M, H)."""
    V: Tensor | None
    """(S, H, M); None where each unit reads one state, as `reads` then says."""
    b: Tensor
    """(S, H)."""
    c: Tensor
    """(S, M)."""
    reads: tuple[int, ...] = ()
    """The state that each of the H units reads, where V is None: row l of V is that state's unit vector."""
    L: Tensor | None = None
    """(S, M - N, N): a data point x of N variables belongs to the state [x; L x].  None where M = N."""
