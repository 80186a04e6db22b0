"""The distinct borders of a ReLU map, and the linear piece on each side of them.

Units whose borders coincide switch together (the two halves of a clipped unit without bias, duplicate units), units
without weights never switch, and units without output do not matter to the map: for splitting space only the distinct
borders of units that matter count.
"""

from dataclasses import dataclass

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.dyadic import exact_rank

NEAR = 8.0 * np.finfo(float).eps
"""Largest difference of the unit normals and offsets of two borders of which it is decided exactly if they are one."""


@dataclass(frozen=True, eq=False)
class Borders:
    """Distinct borders {z : normal . z + offset = 0} and the affine map on their sides, as (M, M + 1) blocks [J | f].

    Attributes
    ----------
    normals : (B, M) array
        Of length 1.
    offsets : (B,) array
    constant : (M, M + 1) array
        What holds everywhere: A, c and the units that are always on.
    sides : (B, 2, M, M + 1) array
        What each border adds where normal . z + offset is negative (0) and positive (1).
    sizes : (M, M + 1) array
        Sum of the moduli of all that is added up: rounding of a piece is relative to it.
    unit_border : (H,) int array
        The border of each unit; -1 where the unit has no weights or no output.
    unit_side : (H,) int array
        The side on which the unit is on.
    """

    normals: np.ndarray
    offsets: np.ndarray
    constant: np.ndarray
    sides: np.ndarray
    sizes: np.ndarray
    unit_border: np.ndarray
    unit_side: np.ndarray


def switching_units(relu_map: ReluMap) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell the units that bend a map from those that do not.

    Returns
    -------
    units : (n,) int array
        Units with weights and with output.
    always_on : (H,) bool array
        Units without weights that are on.
    constant : (M,) array
        c with the output of the units that are always on.
    """
    _, U, V, b, c = relu_map.parameters
    has_weights = V.any(axis=1)
    always_on = ~has_weights & (b > 0.0)
    return np.flatnonzero(has_weights & U.any(axis=0)), always_on, c + U[:, always_on] @ b[always_on]


def coincide(relu_map: ReluMap, unit: int, other: int) -> bool:
    """Whether two units switch at the same hyperplane, without rounding."""
    return exact_rank(np.column_stack([relu_map.V, relu_map.b])[[unit, other]]) == 1


def distinct_borders(relu_map: ReluMap) -> Borders:
    """Gather the units of a map by their borders."""
    A, U, V, b, c = relu_map.parameters
    units, _, always_added = switching_units(relu_map)
    constant = np.column_stack([A, always_added])
    lengths = np.linalg.norm(V, axis=1)
    border = np.full(relu_map.units, -1)
    side = np.ones(relu_map.units, dtype=np.int64)
    kept: list[np.ndarray] = []
    first: list[int] = []
    pieces: list[np.ndarray] = []
    for unit in units:
        piece = np.outer(U[:, unit], np.append(V[unit], b[unit]))
        plane = np.append(V[unit], b[unit]) / lengths[unit]
        known, near = np.reshape(kept, (-1, len(plane))), NEAR * max(1.0, abs(plane[-1]))
        for sign in (1.0, -1.0):
            for number in np.flatnonzero(np.abs(plane - sign * known).max(axis=1) <= near):
                if coincide(relu_map, unit, first[number]):
                    border[unit], side[unit] = number, int(sign > 0.0)
        if border[unit] < 0:
            border[unit] = len(kept)
            kept.append(plane)
            first.append(int(unit))
            pieces.append(np.zeros((2, *constant.shape)))
        pieces[border[unit]][side[unit]] += piece
    planes = np.reshape(kept, (len(kept), relu_map.dimension + 1))
    sides = np.reshape(pieces, (len(kept), 2, *constant.shape))
    sizes = np.abs(np.column_stack([A, c])) + np.abs(U) @ np.abs(np.column_stack([V, b]))
    return Borders(np.ascontiguousarray(planes[:, :-1]), planes[:, -1].copy(), constant, sides, sizes, border, side)
