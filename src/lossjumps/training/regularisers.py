"""What is added to the loss that a training minimises; each is a number for every run (S,)."""

import torch

from lossjumps.schema import TrainingConfig
from lossjumps.training.network import Network


def regularisation(network: Network, flat: torch.Tensor, training: TrainingConfig) -> torch.Tensor | None:
    """The sum of the regularisers that a configuration asks for; None if it asks for none.

    Parameters
    ----------
    network : Network
    flat : Tensor
        All parameters (S, P).
    training : TrainingConfig
    """
    parts = []
    if training.l2:
        parts.append(training.l2 * _squares(flat))
    if training.manifold_attractor:
        states = int(training.manifold_share * network.U.shape[1])
        parts.append(training.manifold_attractor * manifold_attractor(network, states))
    return sum(parts) if parts else None


def manifold_attractor(network: Network, states: int) -> torch.Tensor:
    """How far the last `states` states are from keeping their values for ever: z_i' = z_i.

    The manifold-attractor regularisation of PLRNNs (Schmidt et al., 2021) in canonical form: the sum over these states
    of (A_ii - 1)^2, the squares of the other entries of row i of A, those of row i of U, and c_i^2.
    """
    rows = slice(network.U.shape[1] - states, None)
    A = network.A if network.A.dim() == 3 else network.A.diag_embed()
    identity = torch.eye(A.shape[1], dtype=A.dtype, device=A.device)
    return sum(map(_squares, ((A - identity)[:, rows], network.U[:, rows], network.c[:, rows])))


def _squares(numbers: torch.Tensor) -> torch.Tensor:
    """Sum the squares of every run's own numbers, run by run: the order of the sum is its own."""
    return torch.stack([own.square().sum() for own in numbers])
