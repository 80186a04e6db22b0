"""From data to latent states and back, with identity observation of the first N of M latent states.

A latent state that belongs to a data point x is [x; L x], with a learned L (M - N, N) where M > N
(identity teacher forcing, Brenner et al., 2022).
"""

import numpy as np

from lossjumps.training.models import Family

NAME = "L"
"""The parameter's name in a run's parameters; absent where M = N."""


def shapes(latent: int, observed: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the observation's parameter, of one run."""
    return {NAME: (latent - observed, observed)} if latent > observed else {}


def parameter_shapes(family: Family, latent: int, hidden: int | None, observed: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter of one run, in the order they are stored: the family's, then L."""
    return family.shapes(latent, hidden) | shapes(latent, observed)


def initialise(generator: np.random.Generator, latent: int, observed: int) -> dict[str, np.ndarray]:
    """Draw L ~ U(+-sqrt(6 / M)): Glorot's uniform initialisation of a (M - N, N) matrix."""
    scale = np.sqrt(6.0 / latent)
    return {name: generator.uniform(-scale, scale, shape) for name, shape in shapes(latent, observed).items()}
