"""All cells of an arrangement of hyperplanes {x : normal . x + offset = 0}, degenerate ones included.

Every cell of an arrangement whose normals span the space has a vertex.  Where exactly as many hyperplanes as there are
dimensions meet in it, its cells are all completions of the signs of the others.  Where more do, they are a central
arrangement, whose cells are those of its slice one dimension lower and their opposites; whether they really meet in one
point is decided without rounding.  Where the normals do not span the space the arrangement is the same along the
missing directions and is listed in a subspace across them.
"""

from collections.abc import Iterable
from itertools import combinations
from math import comb

import numpy as np
from flint import fmpz_mat

from lossjumps.search.bit_rows import distinct_rows
from lossjumps.search.dyadic import integers
from lossjumps.search.vertices import MOST_CHOICES, cells_at_simple_vertices

NEARLY_PARALLEL = 1e-12
"""Distance of unit normals below which it is decided without rounding whether hyperplanes are parallel."""

NO_FARTHER = 1.0 - 1e-9
"""Product of unit normals below which they are farther apart than `NEARLY_PARALLEL`, whatever its rounding."""

CERTAINLY_INDEPENDENT = 1e-9
"""Smallest singular value, over the largest, beyond which columns are independent, whatever the rounding."""

SCALINGS = 3
"""Times that planes and coordinates are scaled in turn."""

_FAR = 10**6  # beyond the exponents of all numbers


def _parallel_classes(normals: np.ndarray) -> np.ndarray:
    """Number the directions of rows (H, r) of any length; parallel rows share a number, nearly parallel ones do not."""
    units = normals / np.linalg.norm(normals, axis=1)[:, None]
    products = units @ units.T
    if np.count_nonzero(np.abs(products) > NO_FARTHER) == len(normals):
        return np.arange(len(normals))  # each is near itself alone
    direction = np.full(len(normals), -1)
    for unit in range(len(normals)):
        if direction[unit] < 0:
            direction[unit] = unit
            signs = np.sign(products[unit])[:, None]
            near = np.linalg.norm(units * signs - units[unit], axis=1) <= NEARLY_PARALLEL
            for other in np.flatnonzero(near & (direction < 0)):
                if _exact(normals[[unit, other]]).rank() == 1:
                    direction[other] = unit
    return direction


def independent_rows(rows: np.ndarray, count: int, smallest: float = 0.0) -> list[int]:
    """Up to `count` rows, chosen greedily: each the farthest from the span of those before, and beyond `smallest`."""
    chosen: list[int] = []
    rest = rows.copy()
    while len(chosen) < count:
        lengths = np.linalg.norm(rest, axis=1) if len(rest) else np.zeros(0)
        if not len(lengths) or not lengths.max() > smallest:
            break
        chosen.append(int(np.argmax(lengths)))
        direction = rest[chosen[-1]] / lengths[chosen[-1]]
        rest = rest - np.outer(rest @ direction, direction)
        rest[chosen] = 0.0
    return chosen


def _bits(words: np.ndarray, count: int) -> np.ndarray:
    """Bit sets (n, words) as (n, count) bool."""
    place = np.arange(count)
    return ((words[:, place >> 6] >> (place & 63).astype(np.uint64)) & np.uint64(1)).astype(bool)


def _coincident(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row (B, r + 1) the first one that is the same hyperplane, and whether it has the same positive side."""
    first, same_side = np.arange(len(planes)), np.ones(len(planes), dtype=bool)
    leading = planes[np.arange(len(planes)), np.argmax(planes != 0.0, axis=1)]
    with np.errstate(over="ignore", invalid="ignore"):
        directions = np.round(planes / leading[:, None], 12) + 0.0
    classes: dict[bytes, list[int]] = {}
    for row, direction in enumerate(directions):
        known = classes.setdefault(direction.tobytes(), [])
        for other in known:
            if _exact(planes[[row, other]]).rank() == 1:
                first[row], same_side[row] = other, leading[row] * leading[other] > 0.0
                break
        else:
            known.append(row)
    return first, same_side


def _exact(array: np.ndarray) -> fmpz_mat:
    """A float64 matrix as integers, times some power of two."""
    (rows,), _ = integers([array])
    return fmpz_mat(rows)


def _rank(rows: np.ndarray) -> int:
    """The rank (B, r), decided without rounding where it may be below r."""
    sizes = np.linalg.svd(rows, compute_uv=False)
    certain = len(sizes) == rows.shape[1] and sizes[-1] > CERTAINLY_INDEPENDENT * sizes[0]
    return rows.shape[1] if certain else _exact(rows).rank()


def _central_cells(normals: np.ndarray, most: int) -> np.ndarray | None:
    """The cells of hyperplanes through the origin, normals (B, r): those of the slice x_r = 1, and their opposites."""
    slice_cells = arrangement_cells(normals[:, :-1], normals[:, -1], most)
    if slice_cells is None:
        return None
    return distinct_rows(np.concatenate([slice_cells, ~slice_cells]))[0]


def _cells_around(planes: np.ndarray, signs: np.ndarray, meets: np.ndarray, most: int) -> list[np.ndarray] | None:
    """The cells at the vertices of hyperplanes (r + 1 columns) that meet in one point, or nearly.

    Parameters
    ----------
    planes : (B, r + 1) array
    signs, meets : (B,) bool arrays
        Sides of the others, and which meet.
    most : int
    """
    members = np.flatnonzero(meets)
    rank = planes.shape[1] - 1
    if _exact(planes[members]).rank() == rank:
        return _completed(planes, signs, members, most)
    if comb(len(members), rank) > MOST_CHOICES:
        return None
    return _cells_at_exact_vertices(planes, combinations(members, rank), most)


def _cells_at_exact_vertices(
    planes: np.ndarray, choices: Iterable[tuple[int, ...]], most: int
) -> list[np.ndarray] | None:
    """The cells at the points where the chosen hyperplanes meet, solved and compared without rounding."""
    rank = planes.shape[1] - 1
    exact = _exact(planes)
    lists = exact.tolist()
    cells = []
    for chosen in choices:
        system = fmpz_mat([lists[row][:rank] for row in chosen])
        if system.det() == 0:
            continue
        numerators, denominator = system.solve(fmpz_mat([[-lists[row][rank]] for row in chosen])).numer_denom()
        point = fmpz_mat([*numerators.tolist(), [denominator]])
        values = (exact * point).entries()
        true_signs = np.array([(value > 0) == (denominator > 0) and value != 0 for value in values])
        part = _completed(planes, true_signs, np.flatnonzero([value == 0 for value in values]), most)
        if part is None:
            return None
        cells += part
    return cells


def _completed(planes: np.ndarray, signs: np.ndarray, members: np.ndarray, most: int) -> list[np.ndarray] | None:
    """The cells at a vertex where the members meet and the others have these signs."""
    central = _central_cells(planes[members, :-1], most)
    if central is None:
        return None
    cells = np.repeat(signs[None, :], len(central), axis=0)
    cells[:, members] = central
    return [cells]


def arrangement_cells(normals: np.ndarray, offsets: np.ndarray, most: int) -> np.ndarray | None:
    """The signs of all hyperplanes in all cells.

    Parameters
    ----------
    normals : (B, r) array
        Zero rows are no hyperplanes: their sign is that of the offset everywhere.
    offsets : (B,) array
    most : int
        Largest number of cells.

    Returns
    -------
    (n, B) bool array or None
        True where normal . x + offset is positive; each cell once.  With hyperplanes that nearly meet in one point
        cells as small as rounding are listed as well, and possibly empty ones.  None with more than `most` cells, or
        where so many hyperplanes nearly meet in one point, or are nearly dependent, that it is not untangled, or
        float64 cannot say how far away one is.
    """
    bent = np.flatnonzero(normals.any(axis=1))
    constant = offsets > 0.0
    if len(bent) == 0:
        return constant[None, :]
    planes = _in_comparable_units(np.column_stack([normals[bent], offsets[bent]]))
    if planes is None:
        return None
    first, same_side = _coincident(planes)
    distinct = np.unique(first)
    cells = _distinct_cells(planes[distinct], most)
    if cells is None:
        return None
    full = np.repeat(constant[None, :], len(cells), axis=0)
    full[:, bent] = cells[:, np.searchsorted(distinct, first)] == same_side
    return full


def _in_comparable_units(planes: np.ndarray) -> np.ndarray | None:
    """The hyperplanes (B, r + 1) scaled by powers of two, so that they stay what they are; None where numbers get lost.

    Coordinates are scaled as well, so that differences in their units do not make hyperplanes nearly parallel.
    """
    digits, exponents = np.frexp(planes)
    nothing = digits == 0.0
    for _ in range(SCALINGS):
        for axis in (1, 0):
            seen = np.where(nothing, -_FAR, exponents)[:, :-1].max(axis=axis, keepdims=True)
            seen[seen == -_FAR] = 0
            exponents[:, slice(None if axis else -1)] -= seen
    limits = np.finfo(np.float64)
    if np.any(~nothing & ((exponents <= limits.minexp) | (exponents > limits.maxexp))):
        return None
    return np.ldexp(digits, np.where(nothing, 0, exponents))


def _distinct_cells(planes: np.ndarray, most: int) -> np.ndarray | None:
    """The cells of distinct hyperplanes (B, r + 1)."""
    rank = _rank(planes[:, :-1])
    if rank < planes.shape[1] - 1:
        # the subspace of some coordinates meets all cells
        across = sorted(independent_rows(planes[:, :-1].T, rank))
        planes = planes[:, [*across, -1]]
        if _exact(planes[:, :-1]).rank() < rank:
            return None
    normals, offsets = np.ascontiguousarray(planes[:, :-1]), planes[:, -1].copy()
    classes = _parallel_classes(normals)
    room, complete = min(most, sum(comb(len(planes), i) for i in range(rank + 1))), False
    while not complete:
        rows, crowded, dependent, complete = cells_at_simple_vertices(normals, offsets, classes, room)
        if not complete and (room == most or len(dependent) > MOST_CHOICES):
            return None
        room = min(4 * room, most)
    far = _cells_at_exact_vertices(planes, dependent, most) if len(dependent) else []
    if far is None:
        return None
    cells = [_bits(rows, len(planes)), *far]
    words = rows.shape[1]
    for signs, meets in zip(
        _bits(crowded[:, :words], len(planes)), _bits(crowded[:, words:], len(planes)), strict=True
    ):
        around = _cells_around(planes, signs, meets, most)
        if around is None:
            return None
        cells += around
    found = np.concatenate(cells)
    if len(cells) > 1:
        found = distinct_rows(found)[0]
    # an arrangement has at least one cell: none means that rounding hid every vertex
    return found if 0 < len(found) <= most else None
