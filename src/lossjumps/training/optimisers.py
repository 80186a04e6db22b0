"""Optimisers on one tensor (S, P), the parameters of S runs.

Written out, as torch's own fuse operations that round differently at different places of a tensor
(`lossjumps.training.numerics`), and take seconds to import.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch

FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8
"""beta_1, beta_2 and epsilon of Adam and RAdam: those of the papers."""


class Optimiser(Protocol):
    """Changes the parameters it was made for by a gradient."""

    def step(self, gradient: torch.Tensor, learning_rate: float) -> None:
        """Make an update."""

    def state(self) -> dict[str, np.ndarray]:
        """A copy of what it remembers of earlier updates."""

    def set_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Remember what `state` gave; other arrays may be with it."""


class SGD:
    """Gradient descent."""

    def __init__(self, parameters: torch.Tensor) -> None:
        self.parameters = parameters

    def step(self, gradient: torch.Tensor, learning_rate: float) -> None:
        """See `Optimiser`."""
        with torch.no_grad():
            self.parameters.sub_(gradient * learning_rate)

    def state(self) -> dict[str, np.ndarray]:
        """See `Optimiser`."""
        return {}

    def set_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `Optimiser`."""


class Adam:
    """Adam (Kingma & Ba, 2015, algorithm 1)."""

    def __init__(self, parameters: torch.Tensor) -> None:
        self.parameters = parameters
        self.first = torch.zeros_like(parameters, requires_grad=False)
        self.second = torch.zeros_like(parameters, requires_grad=False)
        self.updates = 0

    def step(self, gradient: torch.Tensor, learning_rate: float) -> None:
        """See `Optimiser`."""
        self.updates += 1
        self.first.mul_(FIRST_DECAY).add_(gradient * (1.0 - FIRST_DECAY))
        self.second.mul_(SECOND_DECAY).add_((gradient * gradient).mul_(1.0 - SECOND_DECAY))
        with torch.no_grad():
            self.parameters.sub_(self._change(learning_rate / (1.0 - FIRST_DECAY**self.updates)))

    def _change(self, rate: float) -> torch.Tensor:
        """By how much the parameters get smaller, at a rate for the first moment."""
        spread = (self.second / (1.0 - SECOND_DECAY**self.updates)).sqrt_().add_(EPSILON)
        return (self.first * rate).div_(spread)

    def state(self) -> dict[str, np.ndarray]:
        """See `Optimiser`."""
        moments = {"first": self.first, "second": self.second}
        copies = {name: tensor.cpu().numpy().copy() for name, tensor in moments.items()}
        return copies | {"updates": np.array(self.updates)}

    def set_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `Optimiser`."""
        self.first.copy_(torch.from_numpy(arrays["first"]))
        self.second.copy_(torch.from_numpy(arrays["second"]))
        self.updates = int(arrays["updates"])


class RAdam(Adam):
    """Rectified Adam (Liu et al., 2020, algorithm 2): adaptive rates only once their variance is bounded.

    As in PyTorch, epsilon is added to the square root of the second moment before that is corrected for its bias, and
    the adaptive rate begins where rho > 5.
    """

    def _change(self, rate: float) -> torch.Tensor:
        rectification = self._rectification()
        if rectification is None:
            return self.first * rate
        corrected = rate * rectification * math.sqrt(1.0 - SECOND_DECAY**self.updates)
        return (self.first * corrected).div_(self.second.sqrt().add_(EPSILON))

    def _rectification(self) -> float | None:
        """r_t; None where the variance is not bounded yet."""
        decayed = SECOND_DECAY**self.updates
        longest = 2.0 / (1.0 - SECOND_DECAY) - 1.0
        length = longest - 2.0 * self.updates * decayed / (1.0 - decayed)
        if length <= 5.0:
            return None
        return math.sqrt((length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length))


OPTIMISERS: dict[str, type[Optimiser]] = {"adam": Adam, "radam": RAdam, "sgd": SGD}
"""By their names in the configuration (`lossjumps.schema.OPTIMISERS`)."""
