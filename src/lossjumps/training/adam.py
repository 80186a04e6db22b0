"""Adam on one tensor.

Written out, as torch's own fuses operations that round differently at different places of a tensor
(`lossjumps.training.numerics`), and takes seconds to import.
"""

from collections.abc import Mapping

import numpy as np
import torch


class Adam:
    """Adam (Kingma & Ba, 2015, algorithm 1), element by element.

    Parameters
    ----------
    parameters : Tensor
        A leaf that wants gradients; changed in place.
    decay_first, decay_second : float
        Decay rates beta_1, beta_2 of the moments.
    epsilon : float
        Added to the square root of the second moment.
    """

    def __init__(
        self, parameters: torch.Tensor, decay_first: float = 0.9, decay_second: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.parameters = parameters
        self.decay_first, self.decay_second, self.epsilon = decay_first, decay_second, epsilon
        self.first = torch.zeros_like(parameters, requires_grad=False)
        self.second = torch.zeros_like(parameters, requires_grad=False)
        self.updates = 0

    def step(self, learning_rate: float) -> None:
        """Update the parameters by their gradient."""
        gradient = self.parameters.grad
        self.updates += 1
        self.first.mul_(self.decay_first).add_(gradient * (1.0 - self.decay_first))
        self.second.mul_(self.decay_second).add_((gradient * gradient).mul_(1.0 - self.decay_second))
        spread = (self.second / (1.0 - self.decay_second**self.updates)).sqrt_().add_(self.epsilon)
        change = (self.first * (learning_rate / (1.0 - self.decay_first**self.updates))).div_(spread)
        with torch.no_grad():
            self.parameters.sub_(change)

    def state(self) -> dict[str, np.ndarray]:
        """A copy of what it remembers."""
        moments = {"first": self.first, "second": self.second}
        copies = {name: tensor.numpy().copy() for name, tensor in moments.items()}
        return copies | {"updates": np.array(self.updates)}

    def set_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Remember what `state` gave."""
        self.first.copy_(torch.from_numpy(arrays["first"]))
        self.second.copy_(torch.from_numpy(arrays["second"]))
        self.updates = int(arrays["updates"])
