"""The shallow PLRNN: z' = A z + W1 relu(W2 z + h2) + h1 with A diagonal (Hess et al., 2023)."""

from lossjumps.maps.relu_map import ReluMap
from lossjumps.training.models.family import Family, scaled_random_matrix, uniform
from lossjumps.training.network import Network


def _shapes(latent, hidden):
    return {"A": (latent,), "W1": (latent, hidden), "W2": (hidden, latent), "h1": (latent,), "h2": (hidden,)}


def _initialise(generator, latent, hidden):
    """Draw A as the diagonal of a scaled random matrix; W1 ~ U(+-1/sqrt(H)), W2 ~ U(+-1/sqrt(M)).

    The biases, zero in the literature, are h2 ~ U(+-1/sqrt(H)) and h1 ~ U(+-0.1/sqrt(M)): with h2 = 0 every
    border passes through the origin, so that the first epoch is degenerate for all runs alike.
    """
    inner, outer = hidden**-0.5, latent**-0.5
    return {
        "A": scaled_random_matrix(generator, latent).diagonal().copy(),
        "W1": uniform(generator, inner, latent, hidden),
        "W2": uniform(generator, outer, hidden, latent),
        "h1": uniform(generator, 0.1 * outer, latent),
        "h2": uniform(generator, inner, hidden),
    }


def _canonical(p):
    return Network(p["A"], p["W1"], p["W2"], p["h2"], p["h1"])


def _relu_map(p):
    return ReluMap.shallow_plrnn(p["A"], p["W1"], p["W2"], p["h1"], p["h2"])


SHALLOW_PLRNN = Family(
    name="shallow_plrnn",
    needs_hidden=True,
    shapes=_shapes,
    initialise=_initialise,
    canonical=_canonical,
    relu_map=_relu_map,
)
