"""What a family of ReLU networks has to say about itself to be trained and analysed.

No torch here: `prepare` and `step` use methods of the tensors they are given, so that planning can list and
validate families where torch is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lossjumps.maps.relu_map import ReluMap

if TYPE_CHECKING:
    from torch import Tensor


class FreeNetwork(Protocol):
    """What can run freely, S networks side by side: a family, or the canonical form of any network."""

    def prepare(self, parameters: Mapping[str, Tensor], batch: int) -> dict[str, Tensor]:
        """Parameters to what `step` uses along sequences."""

    def step(self, prepared: Mapping[str, Tensor], states: Tensor) -> Tensor:
        """States (S, B, M) to the next ones."""


@dataclass(frozen=True)
class Family:
    """A family of networks z' = F(z).

    Tensors have the run (seed) as their leading axis, S runs in all; states are rows, (S, B, M) for B sequences.
    """

    name: str
    """The name in the configuration."""
    needs_hidden: bool
    """Whether the family has a hidden layer, whose size `hidden` is then required."""
    shapes: Callable[[int, int | None], dict[str, tuple[int, ...]]]
    """(latent M, hidden H) to the shape of every parameter of one run, in the order they are stored."""
    initialise: Callable[[np.random.Generator, int, int | None], dict[str, np.ndarray]]
    """(generator, M, H) to the initial parameters of one run."""
    prepare: Callable[[Mapping[str, Tensor], int], dict[str, Tensor]]
    """(parameters, B) to what `step` uses and does not change along a sequence: computed once an update."""
    step: Callable[[Mapping[str, Tensor], Tensor], Tensor]
    """(prepared parameters, states (S, B, M)) to the next states (S, B, M), free-running."""
    relu_map: Callable[[Mapping[str, np.ndarray]], ReluMap]
    """Parameters of one run at one epoch to the canonical map, the same map as `step`."""


def rows(vector: Tensor, batch: int) -> Tensor:
    """Repeat a vector parameter (S, n) for every sequence: (S, batch, n).

    Repeated once, its gradient is summed over the sequences once an update instead of once a step.
    """
    return vector.unsqueeze(1).expand(-1, batch, -1).contiguous()


def columns(matrix: Tensor) -> Tensor:
    """Transpose a matrix parameter (S, n, m) for states that are rows: (S, m, n)."""
    return matrix.transpose(1, 2)


def scaled_random_matrix(generator: np.random.Generator, latent: int) -> np.ndarray:
    """Draw K = (R'R / M + I) / lambda_max with R standard normal, (M, M): symmetric, largest eigenvalue 1.

    Talathi & Vartak (2016), "Improving performance of recurrent neural network with ReLU nonlinearity",
    as used for PLRNNs trained with generalized teacher forcing (Hess et al., 2023).
    """
    random = generator.standard_normal((latent, latent))
    matrix = np.einsum("ki,kj->ij", random, random) / latent + np.eye(latent)
    return matrix / np.linalg.eigvalsh(matrix)[-1]


def uniform(generator: np.random.Generator, scale: float, *shape: int) -> np.ndarray:
    """Draw from the uniform distribution on [-scale, scale]."""
    return generator.uniform(-scale, scale, shape)
