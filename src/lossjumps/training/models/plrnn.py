"""The PLRNN: z' = A z + W relu(z) + h with A diagonal and W off-diagonal (Durstewitz, 2017)."""

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.training.models.family import Family, scaled_random_matrix, uniform
from lossjumps.training.network import Network


def _shapes(latent, hidden):
    return {"A": (latent,), "W": (latent, latent), "h": (latent,)}


def _initialise(generator, latent, hidden):
    """Draw A and W as the diagonal and the rest of a scaled random matrix, and h ~ U(+-0.1/sqrt(M)).

    h is zero in the literature; then the origin is a fixed point on every border at epoch 0, in all runs alike.
    """
    matrix = scaled_random_matrix(generator, latent)
    diagonal = matrix.diagonal().copy()
    return {"A": diagonal, "W": matrix - np.diag(diagonal), "h": uniform(generator, 0.1 * latent**-0.5, latent)}


def _canonical(p):
    # Lower and upper triangle: no gradient reaches the diagonal of W, which starts at zero and so stays there.
    W, h = p["W"].tril(-1) + p["W"].triu(1), p["h"]
    return Network(p["A"], W, None, h.new_zeros(h.shape), h, reads=tuple(range(h.shape[1])))


def _relu_map(p):
    return ReluMap.plrnn(p["A"], p["W"], p["h"])


PLRNN = Family(
    name="plrnn",
    needs_hidden=False,
    shapes=_shapes,
    initialise=_initialise,
    canonical=_canonical,
    relu_map=_relu_map,
)
