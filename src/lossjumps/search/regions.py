"""All linear regions of a ReLU map: the cells of the arrangement of its borders {z : V_l z + b_l = 0}.

Every cell of an arrangement whose normals span the space has a vertex, and near a vertex the signs of all units but
those whose border passes through it are fixed.  So the vertices with all sign completions of the units that vanish
there list every cell.  Where more borders meet in a vertex than there are dimensions, or where rounding cannot
separate them, some of the completions are empty: the list holds every cell, and possibly empty ones, which do no harm
in a search that checks admissibility.  Where the normals do not span the space (fewer units than states, low rank),
the arrangement is the same along the missing directions and is listed in the row space.
"""

import math
from dataclasses import dataclass

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.maps.relu_map import ReluMap

PARALLEL = 1e-12
"""Sine of the angle below which two borders count as parallel, and relative size of a vanishing singular value."""

EPSILON = 2.0**-52
"""Relative rounding of float64."""

VERTICES_PER_REGION = 32
"""Where there are more choices of borders than this many times `max_regions`, nothing is listed."""

MOST_UNITS_AT_A_VERTEX = 22
"""With more borders through one vertex the completions are not listed."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Linear regions of a map.

    Attributes
    ----------
    patterns : (R, H) bool array
        On/off pattern of each region, in a fixed order.
    complete : bool
        Whether every non-empty region is among them.
    """

    patterns: np.ndarray
    complete: bool


@compiled()
def _solve_vertex(normals, offsets, chosen, vertex, system):
    """Solve normals[chosen] x = -offsets[chosen]; return the smallest pivot, 0.0 where the normals are dependent."""
    rank = chosen.shape[0]
    for i in range(rank):
        vertex[i] = -offsets[chosen[i]]
        for j in range(rank):
            system[i, j] = normals[chosen[i], j]
    smallest = 1.0
    for column in range(rank):
        pivot_row = column
        for row in range(column + 1, rank):
            if abs(system[row, column]) > abs(system[pivot_row, column]):
                pivot_row = row
        pivot = system[pivot_row, column]
        smallest = min(smallest, abs(pivot))
        if smallest <= 16.0 * rank * EPSILON:
            return 0.0
        if pivot_row != column:
            for j in range(column, rank):
                system[column, j], system[pivot_row, j] = system[pivot_row, j], system[column, j]
            vertex[column], vertex[pivot_row] = vertex[pivot_row], vertex[column]
        for row in range(column + 1, rank):
            factor = system[row, column] / pivot
            for j in range(column + 1, rank):
                system[row, j] -= factor * system[column, j]
            vertex[row] -= factor * vertex[column]
    for row in range(rank - 1, -1, -1):
        for j in range(row + 1, rank):
            vertex[row] -= system[row, j] * vertex[j]
        vertex[row] /= system[row, row]
    return smallest


@compiled()
def _hash(words):
    """Mix the words of a bit set into one 64-bit number."""
    value = np.uint64(0x9E3779B97F4A7C15)
    for word in words:
        value ^= word
        value *= np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(29)
        value *= np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(32)
    return value


@compiled()
def _insert(table, rows, count, words):
    """Insert a bit set into the hash table of row numbers; return the new count (unchanged if it was there)."""
    mask = np.uint64(table.shape[0] - 1)
    slot = _hash(words) & mask
    while table[slot] >= 0:
        equal = True
        for i in range(words.shape[0]):
            if rows[table[slot], i] != words[i]:
                equal = False
                break
        if equal:
            return count
        slot = (slot + np.uint64(1)) & mask
    table[slot] = count
    for i in range(words.shape[0]):
        rows[count, i] = words[i]
    return count + 1


@compiled()
def _cells(normals, offsets, direction, most):
    """Bit sets of all cells of an arrangement whose unit normals span the space.

    Parameters
    ----------
    normals : (H, r) array of unit rows
    offsets : (H,) array
    direction : (H,) int array
        Equal numbers mark parallel borders.
    most : int
        Give up beyond this many cells.

    Returns
    -------
    rows : (n, words) uint64 array
        The cells, or all that was found before giving up.
    complete : bool
    """
    units, rank = normals.shape
    n_words = (units + 63) // 64
    size = 64
    while size < 2 * (most + 1):
        size *= 2
    table = np.full(size, -1, np.int64)
    rows = np.empty((most + 1, n_words), np.uint64)
    count = 0
    # Vertices where more than `rank` borders meet come up once for each choice: they are remembered.
    seen_table = np.full(4096, -1, np.int64)
    seen_rows = np.empty((2048, 2 * n_words), np.uint64)
    seen = 0
    seen_words = np.empty(2 * n_words, np.uint64)
    chosen = np.arange(rank)
    vertex = np.empty(rank)
    system = np.empty((rank, rank))
    words = np.empty(n_words, np.uint64)
    at_vertex = np.empty(units, np.int64)
    one = np.uint64(1)
    while True:
        parallel = False
        for i in range(1, rank):
            for j in range(i):
                if direction[chosen[i]] == direction[chosen[j]]:
                    parallel = True
        pivot = 0.0 if parallel else _solve_vertex(normals, offsets, chosen, vertex, system)
        if pivot > 0.0:
            length = 0.0
            for j in range(rank):
                length += abs(vertex[j])
            for i in range(n_words):
                words[i] = 0
            meeting = 0
            for unit in range(units):
                value = offsets[unit]
                for j in range(rank):
                    value += normals[unit, j] * vertex[j]
                if abs(value) <= 64.0 * rank * EPSILON * (length + abs(offsets[unit])) / pivot:
                    at_vertex[meeting] = unit
                    meeting += 1
                elif value > 0.0:
                    words[unit >> 6] |= one << np.uint64(unit & 63)
            for i in range(rank):  # the chosen borders pass through the vertex by construction
                known = False
                for j in range(meeting):
                    known = known or at_vertex[j] == chosen[i]
                if not known:
                    words[chosen[i] >> 6] &= ~(one << np.uint64(chosen[i] & 63))
                    at_vertex[meeting] = chosen[i]
                    meeting += 1
            fresh = True
            if meeting > rank:
                if meeting > MOST_UNITS_AT_A_VERTEX:
                    return rows[:count], False
                for i in range(n_words):
                    seen_words[i] = words[i]
                    seen_words[n_words + i] = 0
                for i in range(meeting):
                    seen_words[n_words + (at_vertex[i] >> 6)] |= one << np.uint64(at_vertex[i] & 63)
                if seen < 2047:
                    before = seen
                    seen = _insert(seen_table, seen_rows, seen, seen_words)
                    fresh = seen > before
            if fresh:
                for completion in range(1 << meeting):
                    for i in range(meeting):
                        unit = at_vertex[i]
                        bit = one << np.uint64(unit & 63)
                        if (completion >> i) & 1:
                            words[unit >> 6] |= bit
                        else:
                            words[unit >> 6] &= ~bit
                    count = _insert(table, rows, count, words)
                    if count > most:
                        return rows[:most], False
        position = rank - 1
        while position >= 0 and chosen[position] == units - rank + position:
            position -= 1
        if position < 0:
            return rows[:count], True
        chosen[position] += 1
        for i in range(position + 1, rank):
            chosen[i] = chosen[i - 1] + 1


def _parallel_classes(normals: np.ndarray) -> np.ndarray:
    """Number the directions of unit rows (H, r); rows parallel within `PARALLEL` share a number."""
    products = np.abs(normals @ normals.T)
    if np.count_nonzero(products > 1.0 - 1e-6) == len(normals):
        return np.arange(len(normals))
    direction = np.full(len(normals), -1)
    for unit in range(len(normals)):
        if direction[unit] < 0:
            candidates = np.flatnonzero((products[unit] > 1.0 - 1e-6) & (direction < 0))
            signs = np.sign(normals[candidates] @ normals[unit])[:, None]
            distance = np.linalg.norm(normals[candidates] * signs - normals[unit], axis=1)
            direction[candidates[distance <= PARALLEL]] = unit
            direction[unit] = unit
    return direction


def cells_at_most(relu_map: ReluMap) -> int:
    """A bound on the number of linear regions: sum_{i <= M} binomial(H, i), H the units that have inputs."""
    bordered = int(np.count_nonzero(relu_map.V.any(axis=1)))
    return sum(math.comb(bordered, i) for i in range(min(relu_map.dimension, bordered) + 1))


def linear_regions(relu_map: ReluMap, max_regions: int = 200_000) -> Regions:
    """List the linear regions of a map.

    Parameters
    ----------
    relu_map : ReluMap
    max_regions : int
        Give up beyond this many; what was found until then is returned, and `complete` is False.

    Returns
    -------
    Regions
    """
    V, b = relu_map.V, relu_map.b
    lengths = np.linalg.norm(V, axis=1)
    bordered = np.flatnonzero(lengths > 0.0)
    always = b[None, :] > 0.0
    if len(bordered) == 0:
        return Regions(always, True)
    normals = V[bordered] / lengths[bordered, None]
    offsets = b[bordered] / lengths[bordered]
    values, directions = np.linalg.svd(normals, full_matrices=False)[1:]
    rank = int(np.count_nonzero(values > PARALLEL * values[0] * max(normals.shape)))
    if rank < relu_map.dimension:
        normals = normals @ directions[:rank].T
        normals /= np.linalg.norm(normals, axis=1)[:, None]
    if math.comb(len(bordered), rank) > VERTICES_PER_REGION * max_regions:
        return Regions(np.empty((0, relu_map.units), dtype=bool), False)
    directions_of = _parallel_classes(normals)
    room = min(max_regions, cells_at_most(relu_map))
    rows, complete = _cells(normals, offsets, directions_of, room)
    while not complete and len(rows) == room < max_regions:  # degenerate: empty cells are listed as well
        room = min(4 * room, max_regions)
        rows, complete = _cells(normals, offsets, directions_of, room)
    unit = np.arange(len(bordered))
    bits = (rows[:, unit >> 6] >> (unit & 63).astype(np.uint64)) & np.uint64(1)
    patterns = np.repeat(always, len(rows), axis=0)
    patterns[:, bordered] = bits.astype(bool)
    # an arrangement has at least one cell: none means that rounding hid every vertex
    return Regions(patterns, bool(complete) and len(patterns) > 0)
