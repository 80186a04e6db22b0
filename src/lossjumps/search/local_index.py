"""The fixed-point index of a cycle that lies on borders: the local degree of z - F^k(z)."""

from itertools import product

import numpy as np
from flint import fmpq_mat, fmpz, fmpz_mat

from lossjumps.search.dyadic import DyadicMap, identity
from lossjumps.search.polyhedron import null_space, relative_interior

MOST_BORDERS = 10
"""With n borders 2^n pieces meet in the cycle; beyond this many borders the index is left open."""

ATTEMPTS = 8
"""Right-hand sides tried; one in general position is met at once."""


def local_index(dyadic: DyadicMap, itinerary: np.ndarray, borders: np.ndarray) -> int | None:
    """The index of an isolated cycle with points on borders.

    Near the cycle F^k is piecewise linear with a piece for each side of each border.  Its degree is the sum of
    sign det(I - T) over the solutions of x = F^k(x) + q for any q that none of the pieces maps a border to.

    Parameters
    ----------
    dyadic : DyadicMap
    itinerary : (k, H) bool array
        Of the cycle, units of input zero off.
    borders : (k, H) bool array
        Units of input zero that bend the map.

    Returns
    -------
    int or None
        None with more than `MOST_BORDERS` borders, or where the cycle is not isolated.
    """
    places = np.argwhere(borders)
    if len(places) > MOST_BORDERS:
        return None
    sides = []
    for flips in product((False, True), repeat=len(places)):
        side = itinerary.copy()
        side[places[:, 0], places[:, 1]] = flips
        sides.append(side)
    if any(not _is_isolated(dyadic, side, places) for side in sides):
        return None
    for attempt in range(ATTEMPTS):
        degree = 0
        for side in sides:
            contribution = _preimage(dyadic, side, places, _general_position(dyadic, len(itinerary), attempt))
            if contribution is None:
                break
            degree += contribution
        else:
            return degree
    return None


def _general_position(dyadic: DyadicMap, period: int, attempt: int) -> list[fmpz_mat]:
    """A small integer vector for each time."""
    generator = np.random.default_rng(attempt)
    dimension = dyadic.relu_map.dimension
    return [
        fmpz_mat(dimension, 1, [int(value) for value in generator.integers(-1000, 1000, dimension)])
        for _ in range(period)
    ]


def _system(dyadic: DyadicMap, side: np.ndarray) -> tuple[fmpz_mat, fmpz]:
    one = fmpz(1) << (-dyadic.exponent * len(side))
    return identity(dyadic.relu_map.dimension) * one - dyadic.composition(side)[0], one


def _signed_inputs(dyadic: DyadicMap, side: np.ndarray, places: np.ndarray, start: fmpq_mat, shifts) -> list[fmpq_mat]:
    """Input rows of the border units along x_(t+1) = J_t x_t + q_t, positive where they have the sign of the side."""
    states = [start]
    scale = fmpq_mat(identity(dyadic.relu_map.dimension)) / (fmpz(1) << -dyadic.exponent)
    for time, region in enumerate(side[:-1]):
        states.append(scale * fmpq_mat(dyadic.piece(region)[0]) * states[-1] + shifts[time])
    inputs = fmpq_mat(dyadic.inputs).tolist()
    return [fmpq_mat([inputs[unit]]) * states[time] * (1 if side[time, unit] else -1) for time, unit in places]


def _is_isolated(dyadic: DyadicMap, side: np.ndarray, places: np.ndarray) -> bool:
    """Whether the linear piece of one side has no solution of x = T x on its side but zero."""
    system, _ = _system(dyadic, side)
    if system.det() != 0:
        return True
    _, basis = null_space(fmpq_mat(system))
    frame = fmpq_mat([list(row) for row in zip(*basis, strict=True)])
    zero = fmpq_mat(frame.nrows(), frame.ncols())
    rows = [row.entries() for row in _signed_inputs(dyadic, side, places, frame, [zero] * len(side))]
    interior = relative_interior(rows, [row[0] * 0 for row in rows], len(basis))
    return interior is not None and interior.dimension == 0


def _preimage(dyadic: DyadicMap, side: np.ndarray, places: np.ndarray, shifts: list[fmpz_mat]) -> int | None:
    """sign det(I - T) where the shifted piece has its solution on its side, 0 where not; None where q is special."""
    system, one = _system(dyadic, side)
    right = fmpq_mat(shifts[0])
    scale = fmpq_mat(identity(system.nrows())) / (fmpz(1) << -dyadic.exponent)
    for region, shift in zip(side[1:], shifts[1:], strict=True):
        right = scale * fmpq_mat(dyadic.piece(region)[0]) * right + fmpq_mat(shift)
    determinant = system.det()
    if determinant == 0:
        augmented = [[*left, value] for left, value in zip(fmpq_mat(system).tolist(), right.entries(), strict=True)]
        pivots, _ = null_space(fmpq_mat(augmented))
        return 0 if system.nrows() in pivots else None
    start = fmpq_mat(system).solve(right * one)
    # q_t is added on the way from t to t + 1
    signed = _signed_inputs(dyadic, side, places, start, [fmpq_mat(shift) for shift in shifts])
    values = [row[0, 0] for row in signed]
    if any(value == 0 for value in values):
        return None
    return (1 if determinant > 0 else -1) if all(value > 0 for value in values) else 0
