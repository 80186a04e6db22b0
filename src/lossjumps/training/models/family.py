"""What a family of ReLU networks has to say about itself to be trained and analysed.

No torch here: `canonical` uses methods of the tensors it is given, so that planning can list and validate families
where torch is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.training.network import Network

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Family:
    """A family of networks z' = F(z).

    Tensors have the run (seed) as their leading axis, S runs in all.
    """

    name: str
    """The name in the configuration."""
    needs_hidden: bool
    """Whether the family has a hidden layer, whose size `hidden` is then required."""
    shapes: Callable[[int, int | None], dict[str, tuple[int, ...]]]
    """(latent M, hidden H) to the shape of every parameter of one run, in the order they are stored."""
    initialise: Callable[[np.random.Generator, int, int | None], dict[str, np.ndarray]]
    """(generator, M, H) to the initial parameters of one run."""
    canonical: Callable[[Mapping[str, Tensor]], Network]
    """Parameters of S runs to their maps in the canonical form, differentiable."""
    relu_map: Callable[[Mapping[str, np.ndarray]], ReluMap]
    """Parameters of one run at one epoch to the map that is analysed: the same as `canonical`."""


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
