"""The parameters of all runs of a batch in one tensor, a row a run."""

from dataclasses import replace

import numpy as np
import torch

from lossjumps.schema import ModelConfig
from lossjumps.training import observation
from lossjumps.training.models import Family, family_of
from lossjumps.training.network import Network


class FlatParameters:
    """One leaf tensor (S, P) and its named views.

    The optimiser acts on one tensor, whatever the family is.
    """

    def __init__(self, family: Family, latent: int, hidden: int | None, observed: int):
        self.family, self.latent, self.hidden, self.observed = family, latent, hidden, observed
        self.shapes = observation.parameter_shapes(family, latent, hidden, observed)
        self.sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        self.size = sum(self.sizes)

    @classmethod
    def of(cls, model: ModelConfig, observed: int) -> "FlatParameters":
        """Lay out the parameters of a configured model for N = `observed` variables."""
        return cls(family_of(model.name), model.latent or observed, model.hidden, observed)

    def initial(self, generators: list[np.random.Generator]) -> torch.Tensor:
        """Draw the initial parameters of every run with its own generator: (S, P), a leaf that wants gradients."""
        flat = np.empty((len(generators), self.size))
        for row, generator in zip(flat, generators, strict=True):
            values = self.family.initialise(generator, self.latent, self.hidden)
            values |= observation.initialise(generator, self.latent, self.observed)
            row[:] = np.concatenate([values[name].ravel() for name in self.shapes])
        return torch.from_numpy(flat).requires_grad_()

    def views(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Name the parameters in (S, P): each (S, ...)."""
        pieces = flat.split(self.sizes, dim=1)
        return {
            name: piece.unflatten(1, shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def network(self, flat: torch.Tensor) -> Network:
        """The networks with the parameters (S, P)."""
        parameters = self.views(flat)
        return replace(self.family.canonical(parameters), L=parameters.get(observation.NAME))

    def arrays(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Name the parameters in an array (..., P), each (..., *shape)."""
        pieces = np.split(flat, np.cumsum(self.sizes)[:-1], axis=-1)
        return {
            name: np.ascontiguousarray(piece).reshape(*flat.shape[:-1], *shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }
