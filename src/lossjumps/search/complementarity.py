"""Fixed points of F^k as a linear complementarity problem in the unit inputs, and all of its solutions.

With the inputs y = V z + b along a cycle, relu(y) and relu(-y) are two non-negative vectors of which at each place one
is zero, and the cycle's equations are linear in them: a linear complementarity problem with k H unknowns, whose size
does not depend on the number of linear regions.  Here it is set up, and settled at once where it is known to have one
solution (a P-matrix, Samelson, Thrall, Wesler 1958); `lossjumps.search.solutions` lists all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.borders import switching_units
from lossjumps.search.boxes import farthest_cycle
from lossjumps.search.cyclic import error_of_inverse, inverse_of_period, system_of_period
from lossjumps.search.kernels import EPSILON

WELL_CONDITIONED = 1e4
"""Condition number of I - J of a region from which on the next one is not tried as the origin of the unknowns."""

HARDLY_SOLVABLE = 1e12
"""Condition number beyond which no problem is set up."""

MARGIN = 1e-9
"""By how much a matrix has to pass the tests of a P-matrix."""


@dataclass(frozen=True, eq=False)
class Complementarity:
    """w = q + N r with r, w >= 0 and r w = 0, for the fixed points of F^k, in scaled unknowns.

    Attributes
    ----------
    dictionary : (kH' + 1, kH' + E) array
        By columns: coefficients of r in the rows w and in E further inequalities that every solution fulfils, then
        the constants.
    rounding : (kH' + E,) array
        Largest error of the numbers of each row.
    flipped : (H',) bool array
        Units for which r belongs to relu(-y), not relu(y).
    units : (H',) int array
        The units of the map that take part: those with inputs and with outputs.
    always_on : (H,) bool array
        Units without inputs that are on.
    order : int
    largest : float
        No solution has a larger unknown; infinite where nothing is known.
    """

    dictionary: np.ndarray
    rounding: np.ndarray
    flipped: np.ndarray
    units: np.ndarray
    always_on: np.ndarray
    order: int
    largest: float = np.inf

    def itineraries(self, states: np.ndarray) -> np.ndarray:
        """The (n, k, H) itineraries of states (n, kH') of the unknowns; units without outputs count as off."""
        on = (states.reshape(len(states), self.order, len(self.units)) > 0) != self.flipped
        full = np.tile(self.always_on, (len(states), self.order, 1))
        full[:, :, self.units] = on
        return full


def _origins(units: int) -> Iterator[np.ndarray]:
    """Regions to count the unknowns from: all off, all on, then arbitrary ones."""
    yield np.zeros(units, dtype=bool)
    yield np.ones(units, dtype=bool)
    generator = np.random.default_rng(0)
    for _ in range(30):
        yield generator.random(units) < 0.5


def _parallel_rows(relu_map: ReluMap, units: np.ndarray) -> list[tuple[int, int, float, float]]:
    """Neighbouring parallel borders: (l, m, s, d) with y_l = s y_m + d exactly, l and m positions in `units`."""
    V, b = relu_map.V[units], relu_map.b[units]
    leading = V[np.arange(len(V)), np.argmax(V != 0.0, axis=1)]
    with np.errstate(over="ignore"):
        directions = V / leading[:, None] + 0.0
        positions = b / leading
    classes: dict[bytes, list[int]] = {}
    for unit, direction in enumerate(directions):
        classes.setdefault(direction.tobytes(), []).append(unit)
    pairs = []
    for members in classes.values():
        members.sort(key=lambda unit: positions[unit])
        for one, other in zip(members[1:], members[:-1], strict=True):
            scale = leading[one] / leading[other]
            # only what holds without rounding may be used in a proof
            if np.isfinite(scale) and np.array_equal(V[one], scale * V[other]):
                pairs.append((one, other, scale, b[one] - scale * b[other]))
    return pairs


def complementarity_problem(relu_map: ReluMap, order: int = 1) -> Complementarity | None:
    """Set up the problem; None where no region's fixed point of F^k can be solved for, or numbers overflow.

    Parameters
    ----------
    relu_map : ReluMap
    order : int
        Order k.
    """
    units, always_on, c = switching_units(relu_map)
    A, U, V, b = relu_map.A, relu_map.U[:, units], relu_map.V[units], relu_map.b[units]
    if len(units) == 0:
        return Complementarity(np.zeros((1, 0)), np.zeros(0), np.zeros(0, dtype=bool), units, always_on, order)
    best, inverse, flipped = np.inf, None, None
    with np.errstate(over="ignore", invalid="ignore"):
        for origin in _origins(len(units)):
            solution, condition = inverse_of_period(A + U[:, origin] @ V[origin], order)
            if condition < best:
                best, inverse, flipped = condition, solution, origin
            if best <= WELL_CONDITIONED:
                break
        if inverse is None or best > HARDLY_SOLVABLE:
            return None
        jacobian = A + U[:, flipped] @ V[flipped]
        sizes = np.abs(A) + np.abs(U[:, flipped]) @ np.abs(V[flipped])
        system = system_of_period(jacobian, order)
        rounding = (len(units) + 2) * EPSILON * np.abs(system_of_period(sizes, order))
        error = error_of_inverse(system, inverse, rounding)
        if error is None:
            return None
        return _dictionary(relu_map, order, units, always_on, U, V, b, c, inverse, error, flipped)


def _dictionary(
    relu_map: ReluMap,
    order: int,
    units: np.ndarray,
    always_on: np.ndarray,
    U: np.ndarray,
    V: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    inverse: np.ndarray,
    inverse_error: np.ndarray,
    flipped: np.ndarray,
) -> Complementarity | None:
    dimension, count = len(c), len(units)
    side = np.where(flipped, -1.0, 1.0)
    # column (s, h): what r_h at time s adds to the points of the cycle; its image is at time s + 1
    later = np.roll(inverse.reshape(order * dimension, order, dimension), -1, axis=1)
    spread = (later @ U).reshape(order * dimension, order * count)
    level = later.sum(axis=1) @ (c + U[:, flipped] @ b[flipped])
    inputs = (side[:, None] * V) @ spread.reshape(order, dimension, order * count)
    inputs = inputs.reshape(order * count, order * count)
    constants = (side * (level.reshape(order, dimension) @ V.T + b)).ravel()
    # each unit is measured in units of its weights
    size = np.tile(np.linalg.norm(V, axis=1), order)
    inputs = inputs / size[:, None] * size
    constants = constants / size
    # the same with the moduli of all that is added up, and with their errors
    sizes = np.abs(later)
    relative = (dimension + count + 4) * EPSILON
    error = np.roll(inverse_error.reshape(order * dimension, order, dimension), -1, axis=1) + relative * sizes
    spread_error = (error @ np.abs(U)).reshape(order, dimension, order * count)
    pushes = np.abs(c) + np.abs(U[:, flipped]) @ np.abs(b[flipped])
    level_error = (error.sum(axis=1) @ pushes).reshape(order, dimension)
    level_size = (sizes.sum(axis=1) @ pushes).reshape(order, dimension)
    added_up = (level_size @ np.abs(V).T + np.abs(b)).ravel() / size
    scale = added_up.max(initial=0.0) or 1.0
    input_error = (np.abs(V) @ spread_error).reshape(order * count, order * count) * size / size[:, None]
    constant_error = (level_error @ np.abs(V).T).ravel() / size + relative * added_up
    rows = [np.eye(order * count) - inputs]
    levels = [-constants / scale]
    errors = [np.maximum(input_error.max(axis=1), constant_error / scale)]
    if order > 1:
        # one rotation of each cycle: the first point is the lowest along some direction
        direction = np.cos(1.0 + np.arange(dimension))
        heights = direction @ spread.reshape(order, dimension, order * count)
        rows.append((heights[1:] - heights[0]) * size)
        heights = level.reshape(order, dimension) @ direction
        levels.append((heights[1:] - heights[0]) / scale)
        slopes = (np.abs(direction) @ spread_error * size).max(axis=1)
        errors.append(np.maximum(slopes, level_error @ np.abs(direction) / scale)[1:])
        errors[-1] += np.maximum(slopes, level_error @ np.abs(direction) / scale)[0]
    between = _between_parallel_borders(relu_map, units, flipped, rows[0], levels[0], errors[0], size, scale, order)
    matrix = np.vstack([*rows, *(row for row, _, _ in between)])
    constant = np.concatenate([*levels, [level for _, level, _ in between]])
    row_error = np.concatenate([*errors, [error for _, _, error in between]])
    # of a further row only the signs matter
    largest = np.abs(matrix[order * count :]).max(axis=1, initial=0.0)
    largest[largest == 0.0] = 1.0
    matrix[order * count :] /= largest[:, None]
    constant[order * count :] /= largest
    row_error[order * count :] /= largest
    # adding up a certificate rounds as well
    row_error += len(constant) * EPSILON * np.maximum(np.abs(matrix).max(axis=1), np.abs(constant))
    dictionary = np.ascontiguousarray(np.vstack([matrix.T, constant]))
    if not (np.isfinite(dictionary).all() and np.isfinite(row_error).all()):
        return None
    farthest = farthest_cycle(relu_map, order)
    largest = np.inf
    if farthest is not None:
        largest = float(np.max((np.abs(V) @ farthest + np.abs(b)) / size[:count])) / scale
    return Complementarity(dictionary, row_error, flipped, units, always_on, order, largest)


def _between_parallel_borders(
    relu_map: ReluMap,
    units: np.ndarray,
    flipped: np.ndarray,
    matrix: np.ndarray,
    constants: np.ndarray,
    errors: np.ndarray,
    size: np.ndarray,
    scale: float,
    order: int,
) -> list[tuple[np.ndarray, float, float]]:
    """relu(y_l) - s relu(y_m) lies between 0 and d where y_l = s y_m + d: inequalities that tie parallel units."""
    count = len(units)
    identity = np.eye(order * count)
    rows = []
    for one, other, factor, shift in _parallel_rows(relu_map, units):
        for time in range(order):
            first, second = time * count + one, time * count + other
            # relu(y) is r or, for a flipped unit, w; relu(-y) is the other one
            upper = (matrix[first], constants[first]) if flipped[one] else (identity[first], 0.0)
            lower = (matrix[second], constants[second]) if flipped[other] != (factor < 0.0) else (identity[second], 0.0)
            row = size[first] * upper[0] - abs(factor) * size[second] * lower[0]
            level = size[first] * upper[1] - abs(factor) * size[second] * lower[1]
            error = size[first] * errors[first] + abs(factor) * size[second] * errors[second]
            error += 4.0 * EPSILON * abs(shift) / scale
            rows.append((row, level - min(shift, 0.0) / scale, error))
            rows.append((-row, max(shift, 0.0) / scale - level, error))
    return rows


def has_one_solution(problem: Complementarity) -> bool:
    """Whether N is certainly a P-matrix, so that there is exactly one solution.

    Sufficient: I - N has a spectral radius below 1 when all signs are dropped, or N + N^T is positive definite.
    """
    count = problem.dictionary.shape[0] - 1
    matrix = problem.dictionary[:count, :count].T
    if count == 0:
        return True
    error = problem.rounding[:count].max()
    if np.linalg.eigvalsh(matrix + matrix.T)[0] > MARGIN * np.abs(matrix).max() + 2.0 * count * error:
        return True
    sizes = np.abs(np.eye(count) - matrix) + error
    vector = np.ones(count)
    for _ in range(20):
        image = sizes @ vector + MARGIN
        if np.all(image < (1.0 - MARGIN) * vector):
            return True
        vector = image / image.max()
    return False


def only_solution(problem: Complementarity, most_steps: int = 1000) -> np.ndarray | None:
    """The itinerary (k, H) of the solution of a problem that has one, by principal pivoting in float64.

    None if that takes too long.  Where solutions are far larger than the problem, rounding may give a wrong one.
    """
    count = problem.dictionary.shape[0] - 1
    matrix, constants = problem.dictionary[:count, :count].T, problem.dictionary[count, :count]
    on = np.zeros(count, dtype=bool)
    best, patience = count + 1, 10
    for _ in range(most_steps):
        system = np.where(on, matrix, -np.eye(count))
        values = np.linalg.solve(system, -constants)
        wrong = np.flatnonzero(values < -1e-12 * np.abs(values).max(initial=0.0))
        if len(wrong) == 0:
            return problem.itineraries(np.where(on, 1, -1)[None, :])[0]
        # all at once while that helps, else the last one only, which ends after finitely many steps (Murty 1974)
        patience = 10 if len(wrong) < best else patience - 1
        best = min(best, len(wrong))
        flip = wrong if patience > 0 else wrong[-1:]
        on[flip] = ~on[flip]
    return None
