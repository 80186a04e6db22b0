"""Random maps of every family, and the plain way to find their fixed points: what several tests share."""

import itertools

import numpy as np
from hypothesis import strategies as st

from lossjumps import ReluMap

FAMILIES = ("plrnn", "shallow", "clipped", "dendritic", "almost_linear", "relu_rnn", "canonical")

M, H, B = 3, 5, 2
SHAPES = {
    "canonical": {"A": (M, M), "U": (M, H), "V": (H, M), "b": (H,), "c": (M,)},
    "plrnn": {"A": (M,), "W": (M, M), "h": (M,)},
    "shallow_plrnn": {"A": (M,), "W1": (M, H), "W2": (H, M), "h1": (M,), "h2": (H,)},
    "clipped_shallow_plrnn": {"A": (M,), "W1": (M, H), "W2": (H, M), "h1": (M,), "h2": (H,)},
    "dendritic_plrnn": {"A": (M,), "W": (M, M), "h": (M,), "alphas": (B,), "thetas": (B, M)},
    "almost_linear_rnn": {"A": (M,), "W": (M, M), "h": (M,)},
    "relu_rnn": {"W": (M, M), "b": (M,)},
}
"""Shapes of the parameters of every family, by the names that files give them, for M states, H units, B bases."""


def family_parameters(name: str, generator: np.random.Generator) -> dict:
    """Normal parameters of a family of `lossjumps.maps.families`, of the shapes in `SHAPES`."""
    parameters = {key: generator.normal(size=shape) for key, shape in SHAPES[name].items()}
    return parameters | {"n_relu": 2} if name == "almost_linear_rnn" else parameters


def random_map(family: str, dimension: int, units: int, generator: np.random.Generator, digits: int = 9) -> ReluMap:
    """A map with M = `dimension`; entries rounded to `digits`, so that few digits make degenerate maps."""

    def normal(*shape: int) -> np.ndarray:
        return np.round(generator.normal(size=shape), digits)

    M, H = dimension, units
    if family == "plrnn":
        return ReluMap.plrnn(normal(M), normal(M, M), normal(M))
    if family == "shallow":
        return ReluMap.shallow_plrnn(normal(M), normal(M, H), normal(H, M), normal(M), normal(H))
    if family == "clipped":
        return ReluMap.clipped_shallow_plrnn(normal(M), normal(M, H), normal(H, M), normal(M), normal(H))
    if family == "dendritic":
        bases = max(1, H // M)
        return ReluMap.dendritic_plrnn(normal(M), normal(M, M), normal(M), normal(bases), normal(bases, M))
    if family == "almost_linear":
        return ReluMap.almost_linear_rnn(normal(M), normal(M, M), normal(M), 1 + H % M)
    if family == "relu_rnn":
        return ReluMap.relu_rnn(normal(M, M), normal(M))
    return ReluMap(normal(M, M), normal(M, H), normal(H, M), normal(H), normal(M))


@st.composite
def random_maps(draw: st.DrawFn, largest_dimension: int, most_units: int) -> ReluMap:
    """Random maps of all families, of small sizes."""
    family = draw(st.sampled_from(FAMILIES))
    dimension, units = draw(st.integers(1, largest_dimension)), draw(st.integers(1, most_units))
    return random_map(family, dimension, units, np.random.default_rng(draw(st.integers(0, 2**32 - 1))))


def all_patterns(units: int) -> np.ndarray:
    """Every on/off pattern, (2^H, H)."""
    return np.array(list(itertools.product([False, True], repeat=units)))


def brute_force_fixed_points(m: ReluMap) -> dict[bytes, np.ndarray]:
    """Solve each of the 2^H systems with numpy; pattern -> fixed point where its signs are as assumed."""
    patterns = all_patterns(m.units)
    systems = np.eye(m.dimension) - m.A - np.einsum("ih,ph,hj->pij", m.U, patterns, m.V, optimize=True)
    offsets = m.c + patterns @ (m.U * m.b).T
    points = np.full(offsets.shape, np.nan)
    regular = np.linalg.det(systems) != 0.0
    points[regular] = np.linalg.solve(systems[regular], offsets[regular, :, None])[..., 0]
    agree = regular & (m.region(points) == patterns).all(axis=1)
    return {patterns[number].tobytes(): points[number] for number in np.flatnonzero(agree)}


def brute_force_cycles(m: ReluMap, order: int) -> set[bytes]:
    """Canonical itineraries of all primitive cycles of one order: every word over all 2^H patterns is solved."""
    patterns = all_patterns(m.units)
    found = set()
    for word in itertools.product(range(len(patterns)), repeat=order):
        rotations = [word[shift:] + word[:shift] for shift in range(order)]
        if word != min(rotations) or len(set(rotations)) < order:
            continue
        product, shift = np.eye(m.dimension), np.zeros(m.dimension)
        for letter in word:
            pattern = patterns[letter]
            jacobian = m.A + m.U[:, pattern] @ m.V[pattern]
            product = jacobian @ product
            shift = jacobian @ shift + m.c + m.U[:, pattern] @ m.b[pattern]
        try:
            point = np.linalg.solve(np.eye(m.dimension) - product, shift)
        except np.linalg.LinAlgError:
            continue
        itinerary = m.region(m.orbit(point, order)[:-1])
        if np.array_equal(itinerary, patterns[list(word)]):
            rows = [row.tobytes() for row in itinerary]
            found.add(min(b"".join(rows[s:] + rows[:s]) for s in range(order)))
    return found
