"""Region sequences that walks start from: what orbits visit, what lies beside known cycles, and random ones."""

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.lanes import LANES
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.visits import WORD, packed, words_a_region

MOST_CONCATENATIONS = 256
"""Concatenations of two cycles of lower orders that are tried."""

LONGEST_TRANSIENT = 30
"""Steps, at the most, after which an orbit from a random state is looked at."""


@compiled(nogil=True)
def _orbit_words(A, U, V, b, c, states, transients, words):
    """Fill words (n, k, W), zeros, with the regions of orbits after their transients; zeros where an orbit diverges.

    `LANES` orbits are computed side by side.
    """
    count, order = words.shape[:2]
    dimension, units = U.shape
    state, image = np.zeros((dimension, LANES)), np.empty((dimension, LANES))
    inputs = np.empty((units, LANES))
    diverges = np.empty(LANES, np.bool_)
    for group in range(0, count, LANES):
        together = min(LANES, count - group)
        steps = 0
        for lane in range(LANES):
            diverges[lane] = False
            for j in range(dimension):
                state[j, lane] = states[group + lane, j] if lane < together else 0.0
            if lane < together:
                steps = max(steps, transients[group + lane] + order)
        for step in range(steps):
            for unit in range(units):
                for lane in range(LANES):
                    inputs[unit, lane] = b[unit]
                for j in range(dimension):
                    for lane in range(LANES):
                        inputs[unit, lane] += V[unit, j] * state[j, lane]
            for lane in range(together):
                time = step - transients[group + lane]
                if 0 <= time < order:
                    for unit in range(units):
                        if inputs[unit, lane] > 0.0:
                            words[group + lane, time, unit // WORD] |= np.uint64(1) << np.uint64(unit % WORD)
            for i in range(dimension):
                for lane in range(LANES):
                    image[i, lane] = c[i]
                for j in range(dimension):
                    for lane in range(LANES):
                        image[i, lane] += A[i, j] * state[j, lane]
                for unit in range(units):
                    for lane in range(LANES):
                        value = inputs[unit, lane]
                        image[i, lane] += U[i, unit] * (value if value > 0.0 else 0.0)
            for j in range(dimension):
                for lane in range(LANES):
                    state[j, lane] = image[j, lane]
            for lane in range(together):
                if step < transients[group + lane] + order:
                    for j in range(dimension):
                        if not np.isfinite(image[j, lane]):
                            diverges[lane] = True
        for lane in range(together):
            if diverges[lane]:
                for time in range(order):
                    for word in range(words.shape[2]):
                        words[group + lane, time, word] = np.uint64(0)


class RandomStarts:
    """Random region sequences: one half what orbits from random states visit, one half regions drawn independently.

    Parameters
    ----------
    relu_map : ReluMap
    generator : numpy.random.Generator
    patterns : (R, H) bool array
        Regions to draw from; with none, the regions of random states.
    """

    def __init__(self, relu_map: ReluMap, generator: np.random.Generator, patterns: np.ndarray) -> None:
        self.relu_map, self.generator = relu_map, generator
        self.patterns = packed(np.asarray(patterns, dtype=np.bool_)[:, None])[:, 0]
        lengths = np.linalg.norm(relu_map.V, axis=1)
        reach = np.abs(relu_map.b[lengths > 0.0]) / lengths[lengths > 0.0]
        scale = 2.0 * float(reach.max(initial=0.0)) + float(np.abs(relu_map.c).max())
        self.scale = scale if scale > 0.0 else 1.0

    def _orbits(self, count: int, order: int, longest_transient: int) -> np.ndarray:
        """What orbits from random states visit, (count, order, W)."""
        words = np.zeros((count, order, words_a_region(self.relu_map.units)), np.uint64)
        states = self.scale * self.generator.standard_normal((count, self.relu_map.dimension))
        transients = self.generator.integers(0, longest_transient + 1, count)
        _orbit_words(*self.relu_map.parameters, states, transients, words)
        return words

    def independent(self, count: int, order: int) -> np.ndarray:
        """Packed sequences (count, order, W) of regions drawn independently."""
        shape = (count, order, words_a_region(self.relu_map.units))
        if len(self.patterns):
            return self.patterns[self.generator.integers(0, len(self.patterns), shape[:2])]
        return self._orbits(count * order, 1, 0).reshape(shape)

    def draw(self, count: int, order: int) -> np.ndarray:
        """Packed sequences (count, order, W), those that orbits visit first."""
        followed = self._orbits(count // 2, order, LONGEST_TRANSIENT)
        return np.concatenate([followed, self.independent(count - count // 2, order)])


def from_lower_cycles(lower: list[np.ndarray], order: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Itineraries (order, H) made of those of lower cycles: each repeated, and two of them, begun anywhere, in turn."""
    repeated = [np.tile(one, (order // len(one), 1)) for one in lower if order % len(one) == 0]
    pairs = [(one, other) for one in lower for other in lower if len(one) + len(other) == order]
    joined = []
    for number in generator.permutation(len(pairs))[:MOST_CONCATENATIONS]:
        one, other = pairs[number]
        begun, other_begun = int(generator.integers(len(one))), int(generator.integers(len(other)))
        joined.append(np.concatenate([one[begun:], one[:begun], other[other_begun:], other[:other_begun]]))
    return repeated + joined
