"""The plain ways a user would write it, to compare with."""

import cProfile
import pstats
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy.linalg.lapack import dgesv

from lossjumps import ReluMap

CHUNK = 2**12
"""Patterns made, or systems solved, at once: what fits into the cache is fastest."""


def patterns_of(numbers: np.ndarray, units: int) -> np.ndarray:
    """The on/off patterns (n, H) that numbers (n,) from 0 to 2^H - 1 stand for: unit l is bit l."""
    return (np.asarray(numbers)[:, None] >> np.arange(units)) & 1 == 1


def _chunks(numbers: Iterable[int] | None, units: int) -> Iterable[np.ndarray]:
    """Patterns of the numbers, or of all 2^H, `CHUNK` at a time."""
    numbers = np.arange(2**units) if numbers is None else np.asarray(numbers)
    for start in range(0, len(numbers), CHUNK):
        yield patterns_of(numbers[start : start + CHUNK], units)


def _steps(m: ReluMap) -> tuple[Callable, Callable]:
    """What a loop does for a pattern: set up (I - J) z = f, transposed as LAPACK wants it, and compare the signs."""
    linear, U = np.ascontiguousarray((np.eye(m.dimension) - m.A).T), np.ascontiguousarray(m.U.T)
    V, b, c = m.V, m.b, m.c
    if m.units == m.dimension and np.array_equal(V, np.eye(m.dimension)) and not b.any():  # a PLRNN: y = z

        def system(pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return linear - U * pattern[:, None], c

        def agrees(point: np.ndarray, pattern: np.ndarray) -> bool:
            return (point > 0.0).tobytes() == pattern.tobytes()

        return system, agrees
    outputs = np.ascontiguousarray(V.T)

    def system(pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        active = U * pattern[:, None]
        return linear - outputs @ active, c + b @ active

    def agrees(point: np.ndarray, pattern: np.ndarray) -> bool:
        return (V @ point + b > 0.0).tobytes() == pattern.tobytes()

    return system, agrees


def _solve(transposed: np.ndarray, offset: np.ndarray) -> np.ndarray | None:
    """The solution of a system, None where it is singular; LAPACK itself, numpy's solve takes twice as long."""
    _, _, point, info = dgesv(transposed.T, offset, overwrite_a=True)
    return None if info else point


def fixed_points_by_loop(m: ReluMap, numbers: Iterable[int] | None = None) -> dict[bytes, np.ndarray]:
    """Solve for the fixed point of one on/off pattern after another; keep those that agree.

    Parameters
    ----------
    m : ReluMap
    numbers : iterable of int, optional
        Patterns to look at, see `patterns_of`; all 2^H if not given.

    Returns
    -------
    dict of bytes to (M,) array
        Pattern (H bool) to fixed point.
    """
    system, agrees = _steps(m)
    found = {}
    for patterns in _chunks(numbers, m.units):
        for pattern in patterns:
            point = _solve(*system(pattern))
            if point is not None and agrees(point, pattern):
                found[pattern.tobytes()] = point
    return found


def profile_of_loop(loop: Callable, parts: dict[str, str], *arguments: Any) -> dict[str, float]:
    """Shares of the time of a loop by its parts, function name to what it does, as Python's profiler measures them."""
    profiler = cProfile.Profile()
    profiler.runcall(loop, *arguments)
    stats = pstats.Stats(profiler)
    shares = {"the loop itself": 1.0}
    for (_, _, name), (_, _, _, seconds, _) in stats.stats.items():
        if name in parts:
            shares[parts[name]] = seconds / stats.total_tt
            shares["the loop itself"] -= seconds / stats.total_tt
    return shares


FIXED_POINT_PARTS = {"system": "setting up", "_solve": "solving", "agrees": "comparing signs"}
VISIT_PARTS = {"_composed": "composing", "_cycle_point": "solving", "_rolled_out": "rolling out", "_same": "comparing"}


def _composed(m: ReluMap, word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Product and shift of the affine map once round a word (k, H) of a PLRNN."""
    product, shift = m.A + m.U * word[0], m.c
    for pattern in word[1:]:
        jacobian = m.A + m.U * pattern
        product, shift = jacobian @ product, jacobian @ shift + m.c
    return product, shift


def _cycle_point(product: np.ndarray, shift: np.ndarray) -> np.ndarray | None:
    return _solve((np.eye(len(shift)) - product).T, shift)


def _rolled_out(m: ReluMap, diagonal: np.ndarray, point: np.ndarray, order: int) -> np.ndarray:
    """Regions (k, H) of the orbit of a PLRNN from a point."""
    points = np.empty((order, len(point)))
    points[0] = point
    for time in range(1, order):
        points[time] = diagonal * points[time - 1] + m.U @ np.maximum(points[time - 1], 0.0) + m.c
    return points > 0.0


def _same(follower: np.ndarray, word: np.ndarray) -> bool:
    return follower.tobytes() == word.tobytes()


def visits_by_loop(m: ReluMap, words: np.ndarray) -> tuple[list[np.ndarray | None], list[int]]:
    """Visit one region sequence of a PLRNN after another, as SCYFI does.

    Parameters
    ----------
    m : ReluMap
        With a diagonal A, V = I and b = 0.
    words : (n, k, H) bool array

    Returns
    -------
    followers : list of (k, H) bool arrays
        None where there is no cycle point.
    cycles : list of int
        Numbers of the words that are their own followers.
    """
    followers: list[np.ndarray | None] = []
    cycles = []
    diagonal = np.diag(m.A).copy()
    for number, word in enumerate(words):
        point = _cycle_point(*_composed(m, word))
        if point is None:
            followers.append(None)
            continue
        followers.append(_rolled_out(m, diagonal, point, len(word)))
        if _same(followers[-1], word):
            cycles.append(number)
    return followers, cycles


def fixed_points_of_all_patterns(m: ReluMap, numbers: Iterable[int] | None = None) -> dict[bytes, np.ndarray]:
    """As `fixed_points_by_loop`, in numpy batches."""
    outer = np.einsum("ih,hj->hij", m.U, m.V).reshape(m.units, -1)
    found = {}
    for patterns in _chunks(numbers, m.units):
        jacobians = m.A + (patterns @ outer).reshape(-1, m.dimension, m.dimension)
        offsets = m.c + patterns @ (m.U * m.b).T
        systems = np.eye(m.dimension) - jacobians
        try:
            points = np.linalg.solve(systems, offsets[..., None])[..., 0]
        except np.linalg.LinAlgError:  # some are singular
            solvable = np.linalg.det(systems) != 0.0
            points = np.full_like(offsets, np.nan)
            points[solvable] = np.linalg.solve(systems[solvable], offsets[solvable, :, None])[..., 0]
        agree = np.isfinite(points).all(axis=1) & ((points @ m.V.T + m.b > 0.0) == patterns).all(axis=1)
        found |= {patterns[row].tobytes(): points[row] for row in np.flatnonzero(agree)}
    return found
