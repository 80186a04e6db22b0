"""Free runs of a map from data states: the loss that they make, how far they move, and where they linger."""

from dataclasses import dataclass

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.maps.relu_map import ReluMap


@dataclass(frozen=True, eq=False)
class FreeRuns:
    """Sequences of data that the free runs of a map are compared with.

    Attributes
    ----------
    data : (T + 1, B, N) ndarray
        B sequences; the runs start from the first sample of each.
    """

    data: np.ndarray

    def loss(self, relu_map: ReluMap, starts: np.ndarray, horizon: int) -> float:
        """Mean squared error of the first N states over `horizon` steps; inf where it is not finite.

        Parameters
        ----------
        relu_map : ReluMap
        starts : (B, M) ndarray
            The first samples as latent states.
        horizon : int
            At most T.
        """
        targets = np.ascontiguousarray(self.data[1 : horizon + 1])
        return _mean_squared_error(*relu_map.parameters, np.ascontiguousarray(starts), targets)


def prediction_change(one: ReluMap, other: ReluMap, states: np.ndarray) -> float:
    """Root mean square over states (n, M) of how far two maps take them apart in one step."""
    return float(np.sqrt(np.mean(np.sum((one(states) - other(states)) ** 2, axis=-1))))


def longest_linger(relu_map: ReluMap, starts: np.ndarray, horizon: int, max_period: int, slow: float) -> int:
    """Find how long orbits nearly repeat and then leave: the sign of a ghost.

    Parameters
    ----------
    relu_map : ReluMap
    starts : (B, M) ndarray
    horizon : int
        Steps of each orbit.
    max_period : int
        Orbits may nearly repeat with periods 1 ... max_period.
    slow : float
        Distance after a period below which an orbit nearly repeats; it leaves where that exceeds ten times as much.

    Returns
    -------
    int
        The longest stretch of such steps in any orbit that leaves later.
    """
    return int(_longest_linger(*relu_map.parameters, np.ascontiguousarray(starts), horizon, max_period, slow))


@compiled()
def _step(A, U, V, b, c, state, image):
    for i in range(c.size):
        image[i] = c[i]
        for j in range(c.size):
            image[i] += A[i, j] * state[j]
    for unit in range(b.size):
        value = b[unit]
        for j in range(c.size):
            value += V[unit, j] * state[j]
        if value > 0.0:
            for i in range(c.size):
                image[i] += U[i, unit] * value


@compiled()
def _mean_squared_error(A, U, V, b, c, starts, targets):
    steps, sequences, observed = targets.shape
    total = 0.0
    state, image = np.empty(c.size), np.empty(c.size)
    for sequence in range(sequences):
        state[:] = starts[sequence]
        for step in range(steps):
            _step(A, U, V, b, c, state, image)
            state, image = image, state
            for i in range(observed):
                total += (state[i] - targets[step, sequence, i]) ** 2
            if not total < np.inf:
                return np.inf
    return total / (steps * sequences * observed)


@compiled()
def _longest_linger(A, U, V, b, c, starts, horizon, max_period, slow):
    longest = 0
    orbit = np.empty((horizon + 1, c.size))
    for sequence in range(starts.shape[0]):
        orbit[0] = starts[sequence]
        for step in range(horizon):
            _step(A, U, V, b, c, orbit[step], orbit[step + 1])
        for period in range(1, max_period + 1):
            stretch = waiting = 0
            for step in range(horizon + 1 - period):
                distance = 0.0
                for i in range(c.size):
                    distance += (orbit[step + period, i] - orbit[step, i]) ** 2
                if distance < slow * slow:
                    stretch += 1
                    waiting = max(waiting, stretch)
                else:
                    stretch = 0
                    if not distance <= 100.0 * slow * slow:
                        longest = max(longest, waiting)
                        waiting = 0
    return longest
