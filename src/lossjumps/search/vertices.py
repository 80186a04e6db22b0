"""The compiled walk over the vertices of an arrangement, where as many hyperplanes meet as there are dimensions."""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.kernels import EPSILON, inverse_and_rounding, solve_in_place

UNSURE = 1e-3
"""Relative error from which a vertex is solved for without rounding."""

MOST_CHOICES = 5000
"""Choices of hyperplanes that nearly meet in one point, or nearly in none, that are looked at without rounding."""


@compiled()
def _solve_vertex(normals, offsets, chosen, vertex, system, bounds):
    """Solve normals[chosen] x = -offsets[chosen]; return a bound of max|error of x| / max|x|, or inf."""
    rank = chosen.shape[0]
    for i in range(rank):
        vertex[i] = -offsets[chosen[i]]
        for j in range(rank):
            system[i, j] = normals[chosen[i], j]
    if solve_in_place(system, vertex)[1] == 0.0:
        return np.inf
    inverse, rounded = inverse_and_rounding(system, bounds)
    error = inverse * rounded
    return error / (1.0 - error) if error < UNSURE else np.inf


@kernel_part()
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


@kernel_part()
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
def cells_at_simple_vertices(normals, offsets, direction, most):
    """Bit sets of the cells at the simple vertices of an arrangement whose normals span the space, and other vertices.

    Parameters
    ----------
    normals : (B, r) array
        Rows of moderate length.
    offsets : (B,) array
    direction : (B,) int array
        Equal numbers mark parallel borders; those that are nearly parallel have different ones.
    most : int
        Give up beyond this many cells, or vertices with more than r borders.

    Returns
    -------
    rows : (n, words) uint64 array
        The cells, or all that was found before giving up.
    crowded : (m, 2 words) uint64 array
        Vertices where more than r borders meet, within rounding: the signs of the other borders, then who meets.
    dependent : (d, r) int array
        Borders whose normals are dependent, within rounding, though no two of them are parallel.
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
    crowded_table = np.full(size, -1, np.int64)
    crowded = np.empty((most + 1, 2 * n_words), np.uint64)
    n_crowded = 0
    dependent = np.empty((MOST_CHOICES + 1, rank), np.int64)
    n_dependent = 0
    both = np.empty(2 * n_words, np.uint64)
    chosen = np.arange(rank)
    vertex = np.empty(rank)
    system = np.empty((rank, rank))
    bounds = np.empty(rank)
    words = np.empty(n_words, np.uint64)
    meets = np.empty(n_words, np.uint64)
    one = np.uint64(1)
    while True:
        parallel = False
        for i in range(1, rank):
            for j in range(i):
                if direction[chosen[i]] == direction[chosen[j]]:
                    parallel = True
        error = np.inf if parallel else _solve_vertex(normals, offsets, chosen, vertex, system, bounds)
        if not parallel and error == np.inf:
            for i in range(rank):
                dependent[n_dependent, i] = chosen[i]
            n_dependent += 1
        if error < np.inf:
            largest = 0.0
            for j in range(rank):
                largest = max(largest, abs(vertex[j]))
            for i in range(n_words):
                words[i] = 0
                meets[i] = 0
            for i in range(rank):  # the chosen borders pass through the vertex by construction
                meets[chosen[i] >> 6] |= one << np.uint64(chosen[i] & 63)
            meeting = rank
            for unit in range(units):
                bit = one << np.uint64(unit & 63)
                if meets[unit >> 6] & bit:
                    continue
                value = offsets[unit]
                doubt = (rank + 1) * EPSILON * abs(value)
                for j in range(rank):
                    value += normals[unit, j] * vertex[j]
                    doubt += abs(normals[unit, j]) * (error * largest + (rank + 1) * EPSILON * abs(vertex[j]))
                if abs(value) <= doubt:
                    meets[unit >> 6] |= bit
                    meeting += 1
                elif value > 0.0:
                    words[unit >> 6] |= bit
            if meeting > rank:
                for i in range(n_words):
                    both[i] = words[i]
                    both[n_words + i] = meets[i]
                n_crowded = _insert(crowded_table, crowded, n_crowded, both)
            else:
                for completion in range(1 << rank):
                    for i in range(rank):
                        bit = one << np.uint64(chosen[i] & 63)
                        if (completion >> i) & 1:
                            words[chosen[i] >> 6] |= bit
                        else:
                            words[chosen[i] >> 6] &= ~bit
                    count = _insert(table, rows, count, words)
                    if count > most:
                        break
        if count > most or n_crowded > most or n_dependent > MOST_CHOICES:
            return rows[: min(count, most)], crowded[: min(n_crowded, most)], dependent[:n_dependent], False
        position = rank - 1
        while position >= 0 and chosen[position] == units - rank + position:
            position -= 1
        if position < 0:
            return rows[:count], crowded[:n_crowded], dependent[:n_dependent], True
        chosen[position] += 1
        for i in range(position + 1, rank):
            chosen[i] = chosen[i - 1] + 1
