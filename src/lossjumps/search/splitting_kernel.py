"""The compiled walk over itineraries: which cells of states that share their first regions are not empty.

A node of the walk is a time and a border: the borders before it have got a side.  States are g in a simplex, z = Z g
over w . g (homogeneous coordinates), so that a cone of the space is no harder than a box.  The cell of a node is kept
in these initial coordinates: expansion along an orbit cannot blow up the rounding of the cell, it only widens the
tolerance of later rows, for which a bound is carried along.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.cells import refresh, satisfied, tighten, whole_simplex
from lossjumps.search.closing import FLAT, closes, holds_fixed_points, is_passed_once
from lossjumps.search.kernels import EPSILON, copy_matrix, copy_vector

FARTHEST = 1e10
"""States farther out than this many times the scale of the simplex are left out: float64 ends not far beyond."""


MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Of the polynomial that numbers a word."""


@kernel_part()
def _row_of(normal, offset, images, image_errors, at_one, rounding, row):
    """Fill the row of normal . z + offset >= 0 at a time, its largest entry scaled to 1; a bound of its error."""
    size, corners = images.shape
    largest = 0.0
    error = 0.0
    for j in range(corners):
        value = offset * at_one[j]
        modulus = abs(value)
        for i in range(size):
            value += normal[i] * images[i, j]
            modulus += abs(normal[i] * images[i, j])
        row[j] = value
        largest = max(largest, abs(value))
        error = max(error, rounding * modulus)
    for i in range(size):
        error += abs(normal[i]) * image_errors[i]
    if not largest > error or not np.isfinite(largest):
        return np.inf
    for j in range(corners):
        row[j] /= largest
    return error / largest + 4.0 * EPSILON


@kernel_part()
def _advance(constant, sides, sizes, at_one, rounding, granted, word, time, images, products, local, errors):
    """Step from `time` to the next in the region that `word` says.

    Fills images[time + 1] (the corners' images), products[time + 1, s] (the Jacobian product from time s) and
    errors[time + 1], which bounds the error of each column of the images: the error local[s] of each step into time
    s, carried on by the products.
    """
    dimension = constant.shape[0]
    corners = images.shape[2]
    borders = sides.shape[0]
    piece = constant.copy()
    for border in range(borders):
        side = word[time * borders + border]
        for i in range(dimension):
            for j in range(dimension + 1):
                piece[i, j] += sides[border, side, i, j]
    for i in range(dimension):
        largest = 0.0
        for j in range(corners):
            value = piece[i, dimension] * at_one[j]
            modulus = sizes[i, dimension] * abs(at_one[j])
            for m in range(dimension):
                value += piece[i, m] * images[time, m, j]
                modulus += sizes[i, m] * abs(images[time, m, j])
            images[time + 1, i, j] = value
            largest = max(largest, modulus)
        local[time + 1, i] = rounding * largest + granted[i]
    for i in range(dimension):
        for j in range(dimension):
            products[time + 1, time + 1, i, j] = 1.0 if i == j else 0.0
            for s in range(time + 1):
                value = 0.0
                for m in range(dimension):
                    value += piece[i, m] * products[time, s, m, j]
                products[time + 1, s, i, j] = value
    for i in range(dimension):
        error = 0.0
        for s in range(1, time + 2):
            for m in range(dimension):
                error += abs(products[time + 1, s, i, m]) * local[s, m]
        errors[time + 1, i] = 2.0 * error


@kernel_part()
def powers_of(levels):
    """Powers 0 ... levels of the multiplier of the keys, modulo 2^64."""
    powers = np.ones(levels + 1, np.uint64)
    for level in range(levels):
        powers[level + 1] = powers[level] * MULTIPLIER
    return powers


@kernel_part()
def _key_of(prefix, powers, start, end):
    """Number of the sides at the levels start ... end - 1; equal sides have equal numbers, and hardly ever others."""
    value = prefix[end] - prefix[start] * powers[end - start]
    value ^= np.uint64(end - start) << np.uint64(48)
    value ^= value >> np.uint64(29)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(32)
    return value | np.uint64(1)


@kernel_part()
def _holds(table, key):
    """Whether a key is in an open-addressing table (0 is free)."""
    mask = np.uint64(table.shape[0] - 1)
    slot = key >> np.uint64(7) & mask
    while table[slot] != 0:
        if table[slot] == key:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


@compiled()
def table_of_beginnings(words):
    """Table of the keys of all beginnings of given words, (n, levels) int8."""
    count, levels = words.shape
    powers = powers_of(levels)
    prefix = np.zeros(levels + 1, np.uint64)
    size = 16
    while size < 2 * (count * levels + 1):
        size *= 2
    table = np.zeros(size, np.uint64)
    mask = np.uint64(size - 1)
    for number in range(count):
        for level in range(levels):
            prefix[level + 1] = prefix[level] * MULTIPLIER + np.uint64(words[number, level] + 1)
            key = _key_of(prefix, powers, 0, level + 1)
            if not _holds(table, key):
                slot = key >> np.uint64(7) & mask
                while table[slot] != 0:
                    slot = (slot + np.uint64(1)) & mask
                table[slot] = key
    return table


@compiled()
def walk_itineraries(
    normals,
    offsets,
    constant,
    sides,
    sizes,
    rounding,
    granted,
    corners_at,
    at_one,
    first_sides,
    face_normals,
    face_offsets,
    window,
    allowed,
    listing,
    longest,
    max_order,
    max_cells,
    hits,
    hit_orders,
    hit_singular,
    cells_of,
):
    """Visit the cells of states that share their regions at times 0 ... t < max_order, and find the words that close.

    One rotation of each periodic itinerary is visited; at infinity all are, for there it matters which state is far,
    and repeated words as well.

    Parameters
    ----------
    normals, offsets, constant, sides, sizes : arrays
        Of `Borders`.
    rounding : float
        Relative rounding of what is added up in a step.
    granted : (M,) array
        Error of a step besides, of states with sum g = 1.
    corners_at : (M, n) array
        Z: the states of the simplex's corners, directions where at_one is zero.
    at_one : (n,) array
        w: the homogeneous coordinate of the corners.  All zero: the sphere of directions at infinity is split, and
        every word whose cell may hold fixed points is reported.
    first_sides : (B,) int array
        The side of borders that bound the simplex, -1 for the others.
    face_normals, face_offsets : (F, M), (F,) arrays
        Every point of an orbit has to satisfy normal . z + offset >= 0.
    window : int
        Any `window` letters in a row have to be an allowed word; 0 allows all.
    allowed : (2^n,) uint64 array
        What `table_of_beginnings` makes of the allowed words.
    listing : bool
        Report all words of length max_order, whether they close or not, in every rotation.
    longest : int
        Largest order of a cycle that must not be lost, max_order or more.
    max_order, max_cells : int
        Give up beyond this many cells.
    hits : (n_hits, max_order B) int8 array
        Filled with sides along the closed words that may be cycles, hit_orders and hit_singular with their orders and
        whether the system was singular.
    cells_of : (max_order + 1,) int array
        Cells of each length are added up here.

    Returns
    -------
    n_hits, cells : int
        How many hits there are, -1 where the walk was given up; how many cells were looked at.
    """
    borders, dimension = normals.shape
    corners = corners_at.shape[1]
    size = corners + 1
    faces = face_normals.shape[0]
    levels = max_order * borders
    at_infinity = True
    for j in range(corners):
        if at_one[j] != 0.0:
            at_infinity = False
    one_rotation = not (listing or at_infinity)
    images = np.empty((max_order + 1, dimension, corners))
    products = np.empty((max_order + 1, max_order + 1, dimension, dimension))
    local = np.zeros((max_order + 1, dimension))
    errors = np.zeros((max_order + 1, dimension))
    rows = np.zeros((2 + max_order * (borders + faces) + 2 * dimension, corners))
    row = np.empty(corners)
    split_rows = np.empty((levels + 1, 2, corners))
    split = np.zeros(levels + 1, np.bool_)
    open_side = np.zeros((levels + 1, 2), np.bool_)
    next_side = np.zeros(levels + 1, np.int64)
    counts = np.zeros(levels + 1, np.int64)
    inverses = np.empty((levels + 1, size, size))
    bases = np.empty((levels + 1, size), np.int64)
    side_inverses = np.empty((levels + 1, 2, size, size))
    side_bases = np.empty((levels + 1, 2, size), np.int64)
    equal = np.ones(levels + 1, np.bool_)
    periods = np.ones(max_order + 1, np.int64)
    word = np.zeros(levels + 1, np.int8)
    prefix = np.zeros(levels + 1, np.uint64)
    powers = powers_of(levels)
    copy_matrix(corners_at, images[0])
    for i in range(dimension):
        for j in range(dimension):
            products[0, 0, i, j] = 1.0 if i == j else 0.0
    whole_simplex(rows, inverses[0], bases[0])
    counts[0] = 1
    if not at_infinity:  # states beyond the largest numbers that float64 can tell apart are left out
        for j in range(corners):
            rows[1, j] = at_one[j] - 1.0 / FARTHEST
        counts[0] = 2
        tighten(rows, 2, inverses[0], bases[0])
    n_hits = 0
    cells = 0
    level = 0
    entering = True
    while True:
        time = level // borders
        border = level % borders
        if entering:
            entering = False
            empty = False
            count = counts[level]
            if border == 0:
                refresh(rows, inverses[level], bases[level])
                for face in range(faces):
                    error = _row_of(
                        face_normals[face], face_offsets[face], images[time], errors[time], at_one, rounding, row
                    )
                    if not np.isfinite(error):
                        continue
                    for j in range(corners):
                        rows[count, j] = -row[j] - error
                    copy_matrix(inverses[level], side_inverses[level, 0])
                    copy_vector(bases[level], side_bases[level, 0])
                    if not satisfied(rows[count], inverses[level]) and not tighten(
                        rows, count + 1, side_inverses[level, 0], side_bases[level, 0]
                    ):
                        continue
                    for j in range(corners):
                        rows[count, j] = row[j] + error
                    count += 1
                    cells += 1
                    if not tighten(rows, count, inverses[level], bases[level]):
                        empty = True
                        break
                counts[level] = count
            next_side[level] = 0
            split[level] = False
            open_side[level, 0] = not empty
            open_side[level, 1] = not empty
            if time > 0 and one_rotation and equal[level] and word[(time - periods[time]) * borders + border] == 1:
                open_side[level, 0] = False
            for side in range(2):
                if window > 0 and open_side[level, side]:
                    prefix[level + 1] = prefix[level] * MULTIPLIER + np.uint64(side + 1)
                    start = max(0, time + 1 - window) * borders
                    open_side[level, side] = _holds(allowed, _key_of(prefix, powers, start, level + 1))
            error = np.inf
            if not empty and time == 0 and first_sides[border] >= 0:
                open_side[level, 1 - first_sides[border]] = False
            elif not empty:
                error = _row_of(normals[border], offsets[border], images[time], errors[time], at_one, rounding, row)
                if not np.isfinite(error):  # nothing is cut, which costs its share all the same
                    cells += 1
            one_is_empty = False
            for side in range(2):
                copy_matrix(inverses[level], side_inverses[level, side])
                copy_vector(bases[level], side_bases[level, side])
                if not open_side[level, side] or not np.isfinite(error):
                    continue
                cells += 1
                for j in range(corners):
                    split_rows[level, side, j] = (row[j] if side == 1 else -row[j]) + error
                copy_vector(split_rows[level, side], rows[count])
                if satisfied(rows[count], inverses[level]):
                    continue
                if not tighten(rows, count + 1, side_inverses[level, side], side_bases[level, side]) or (
                    not at_infinity
                    and side_inverses[level, side, corners, 0] < FLAT
                    and is_passed_once(
                        normals,
                        offsets,
                        constant,
                        sides,
                        sizes,
                        images,
                        at_one,
                        longest,
                        side_inverses[level, side],
                        side_bases[level, side],
                    )
                ):
                    open_side[level, side] = False
                    one_is_empty = True
            # a row is needed where it cuts: where the other side is empty it holds by itself
            split[level] = np.isfinite(error) and not one_is_empty
            if not split[level]:
                for side in range(2):
                    copy_matrix(inverses[level], side_inverses[level, side])
                    copy_vector(bases[level], side_bases[level, side])
            if cells > max_cells:
                return -1, cells
        side = next_side[level]
        while side < 2 and not open_side[level, side]:
            side += 1
        if side == 2:
            level -= 1
            if level < 0:
                return n_hits, cells
            continue
        next_side[level] = side + 1
        word[level] = side
        prefix[level + 1] = prefix[level] * MULTIPLIER + np.uint64(side + 1)
        counts[level + 1] = counts[level]
        if split[level]:
            copy_vector(split_rows[level, side], rows[counts[level]])
            counts[level + 1] += 1
        copy_matrix(side_inverses[level, side], inverses[level + 1])
        copy_vector(side_bases[level, side], bases[level + 1])
        still_equal = equal[level]
        if time == 0 or not still_equal:
            still_equal = still_equal and time > 0
        else:
            still_equal = word[(time - periods[time]) * borders + border] == side
        if border + 1 < borders:
            equal[level + 1] = still_equal
            level += 1
            entering = True
            continue
        order = time + 1
        cells_of[order] += 1
        periods[order] = periods[time] if still_equal else order
        equal[level + 1] = True
        _advance(constant, sides, sizes, at_one, rounding, granted, word, time, images, products, local, errors)
        if order == max_order if listing else at_infinity or periods[order] == order:
            count = counts[level + 1]
            verdict = 1 if listing else 2
            if not listing and not at_infinity:
                verdict = closes(images, errors, order, at_one, rounding, rows, count)
            if verdict == 2 and not holds_fixed_points(
                images, errors, order, rows, count, inverses[level + 1], bases[level + 1]
            ):
                verdict = 0
            if verdict > 0:
                if n_hits == hits.shape[0]:
                    return -1, cells
                copy_vector(word[: level + 1], hits[n_hits])
                hit_orders[n_hits] = order
                hit_singular[n_hits] = verdict == 2
                n_hits += 1
        if order < max_order:
            level += 1
            entering = True
