"""Visits of region sequences: compose the pieces, solve for the cycle point, roll the orbit out, and compare."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.lanes import LANES, larger_size, load, positive, same, subtract
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.composing import begin, go_on, region_at, solve, step
from lossjumps.search.kernels import BORDER, admissibility
from lossjumps.search.periodic import solve_rotation, virtual_cycle

WORD = 64
"""Units that one word of a packed region holds."""

MOST_GROWTH = 1e6
"""Largest factor of an elimination without pivoting that is trusted."""

FAR = 1e200
"""An orbit that comes so far counts as diverging."""

LOST_DIGITS = 1e7
"""Largest entry of T beyond which a roll-out may leave a cycle that is there."""

LOST_BEFORE = 1e5
"""Growth, at an even pace, up to the first difference, beyond which rounding may be what makes it."""

RESIDUAL = 1e3
"""Residual of a cycle's points, over what rounding explains, up to which they are worth deciding without rounding."""

DEAD, NEW, CYCLE = 0, 1, 2
"""What a visit shows: no cycle point or a diverging orbit, another sequence, or a cycle."""


class Pieces(NamedTuple):
    """The parameters of a map as the kernels want them: rows made even with zeros."""

    A: np.ndarray
    U: np.ndarray
    V: np.ndarray
    b: np.ndarray
    c: np.ndarray
    is_diagonal: bool
    states: np.ndarray
    even_A: np.ndarray
    even_U: np.ndarray
    even_V: np.ndarray


class Room(NamedTuple):
    """What one visit computes in."""

    gates: np.ndarray
    followed: np.ndarray
    product: np.ndarray
    image: np.ndarray
    inputs: np.ndarray
    system: np.ndarray
    point: np.ndarray
    next_point: np.ndarray
    input: np.ndarray
    points: np.ndarray
    all_inputs: np.ndarray
    jacobian: np.ndarray
    itinerary: np.ndarray


def _even(matrix: np.ndarray) -> np.ndarray:
    """With a row of zeros below, if the number of rows is odd."""
    return np.ascontiguousarray(np.vstack([matrix, np.zeros((len(matrix) % 2, matrix.shape[1]))]))


@lru_cache(maxsize=1)  # the orders of one map are searched one after another
def pieces_of(relu_map: ReluMap) -> Pieces:
    """The parameters of a map as the kernels want them."""
    A, U, V, b, c = relu_map.parameters
    picks = (np.count_nonzero(V, axis=1) == 1).all() and (V.max(axis=1, initial=0.0) == 1.0).all()
    return Pieces(
        A,
        U,
        V,
        b,
        c,
        bool(np.count_nonzero(A - np.diag(np.diag(A))) == 0),
        np.argmax(V, axis=1) if picks else np.empty(0, dtype=np.int64),
        _even(A),
        _even(U),
        _even(V),
    )


def _aligned(*elements: int) -> list[np.ndarray]:
    """Flat arrays of lanes that begin where cache lines do."""
    line = 64
    memory = np.zeros(sum(elements) * LANES + line // 8)
    start = -memory.ctypes.data % line // 8
    ends = start + LANES * np.cumsum(elements)
    return [memory[end - LANES * number : end] for number, end in zip(elements, ends.tolist(), strict=True)]


def room_for(dimension: int, units: int, order: int) -> Room:
    """Room for visits of one order."""
    columns = (dimension + 2) // 2 * 2
    even, even_units = dimension + dimension % 2, units + units % 2
    product, image, inputs, system, point, next_point, one_input = _aligned(
        even * columns, even * columns, even_units * columns, even * columns, even, even, even_units
    )
    return Room(
        np.zeros((order, (units + 7) // 8 * 8), dtype=np.uint8),
        np.zeros((order, (units + 7) // 8 * 8), dtype=np.uint8),
        product,
        image,
        inputs,
        system,
        point,
        next_point,
        one_input,
        np.empty((order, dimension)),
        np.empty((order, units)),
        np.empty((dimension, dimension)),
        np.empty((order, units), dtype=np.bool_),
    )


def words_a_region(units: int) -> int:
    """Words of a packed region."""
    return (units + WORD - 1) // WORD


def packed(itineraries: np.ndarray) -> np.ndarray:
    """Region sequences (n, k, H) bool as words (n, k, W) uint64: unit l is bit l % 64 of word l // 64."""
    count, order, units = itineraries.shape
    bits = np.zeros((count, order, words_a_region(units) * WORD), dtype=np.bool_)
    bits[:, :, :units] = itineraries
    octets = np.packbits(bits, axis=-1, bitorder="little")
    return octets.view("<u8").astype(np.uint64)


def unpacked(words: np.ndarray, units: int) -> np.ndarray:
    """Inverse of `packed`."""
    octets = np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=units, bitorder="little").astype(np.bool_)


@kernel_part()
def _transposed(square):
    """An 8 x 8 matrix of bits transposed; row i is byte i."""
    t = (square ^ (square >> np.uint64(7))) & np.uint64(0x00AA00AA00AA00AA)
    square = square ^ t ^ (t << np.uint64(7))
    t = (square ^ (square >> np.uint64(14))) & np.uint64(0x0000CCCC0000CCCC)
    square = square ^ t ^ (t << np.uint64(14))
    t = (square ^ (square >> np.uint64(28))) & np.uint64(0x00000000F0F0F0F0)
    return square ^ t ^ (t << np.uint64(28))


@kernel_part()
def _open_gates(words, first, count, gates):
    """Fill gates (k, H) with the sequences words[first : first + count]: bit i of a gate is lane i."""
    order, octets = gates.shape[0], gates.shape[1] // 8
    for time in range(order):
        for octet in range(octets):
            shift = np.uint64(8 * (octet % 8))
            square = np.uint64(0)
            for lane in range(count):
                byte = (words[first + lane, time, octet // 8] >> shift) & np.uint64(255)
                square |= byte << np.uint64(8 * lane)
            square = _transposed(square)
            for unit in range(8):
                gates[time, 8 * octet + unit] = np.uint8((square >> np.uint64(8 * unit)) & np.uint64(255))


@kernel_part()
def _close_gates(gates, time, followers, first, count):
    """Pack gates[time] into followers[first : first + count, time]."""
    for word in range(followers.shape[2]):
        for lane in range(count):
            followers[first + lane, time, word] = np.uint64(0)
    for octet in range(gates.shape[1] // 8):
        square = np.uint64(0)
        for unit in range(8):
            square |= np.uint64(gates[time, 8 * octet + unit]) << np.uint64(8 * unit)
        square = _transposed(square)
        shift = np.uint64(8 * (octet % 8))
        for lane in range(count):
            byte = (square >> np.uint64(8 * lane)) & np.uint64(255)
            followers[first + lane, time, octet // 8] |= byte << shift


@kernel_part()
def _unpack(words, itinerary):
    """Fill an itinerary (k, H) with a packed sequence."""
    for time in range(itinerary.shape[0]):
        for unit in range(itinerary.shape[1]):
            bit = words[time, unit // WORD] >> np.uint64(unit % WORD)
            itinerary[time, unit] = bit & np.uint64(1) != 0


@kernel_part()
def _solve_with_pivots(pieces, words, lane, room):
    """Solve for the cycle point of one lane anew; False where there is none."""
    _unpack(words, room.itinerary)
    point = room.points[0]
    sign = solve_rotation(*pieces[:5], room.itinerary, 0, room.jacobian, point)[1]
    for i in range(point.shape[0]):
        room.point[i * LANES + lane] = point[i] if sign != 0.0 else 0.0
    return sign != 0.0


@kernel_part()
def _first_difference(one, other, lane):
    """The first time at which gates differ in a lane."""
    for time in range(one.shape[0]):
        for unit in range(one.shape[1]):
            if (one[time, unit] ^ other[time, unit]) >> lane & 1:
                return time
    return one.shape[0]


@kernel_part()
def _is_cycle(pieces, words, room):
    """Whether a sequence is that of a cycle, with all its points solved for: a roll-out loses too many digits."""
    _unpack(words, room.itinerary)
    sign, residual = virtual_cycle(*pieces[:5], room.itinerary, room.points, room.all_inputs)
    if sign == 0.0 or not residual <= RESIDUAL:
        return False
    return admissibility(pieces.V, pieces.b, room.itinerary, room.points, room.all_inputs) > -BORDER


@compiled(nogil=True, error_model="numpy")
def visit(pieces, words, first, last, virtual, room, followers, outcomes):
    """Visit the packed sequences words[first : last] (n, k, W); fill their followers and what each visit shows.

    The follower holds the regions of the orbit from the cycle point, or, if `virtual`, of the virtual cycle's points.
    """
    dimension = pieces.U.shape[0]
    columns = (dimension + 2) // 2 * 2
    order = words.shape[1]
    gates, followed = room.gates, room.followed
    passed = gates if virtual else followed
    for group in range(first, last, LANES):
        count = min(LANES, last - group)
        _open_gates(words, group, count, gates)
        product, image = room.product, room.image
        begin(pieces, columns, gates[0], product, room.inputs)
        for time in range(1, order):
            go_on(pieces, columns, gates[time], product, image, room.inputs)
            product, image = image, product
        solve(dimension, columns, product, room.system, room.point)
        safe = positive(subtract(same(MOST_GROWTH), load(room.system, 0)))
        alive = np.uint8(255)
        for lane in range(count):
            if not safe >> lane & 1 and not _solve_with_pivots(pieces, words[group + lane], lane, room):
                alive &= np.uint8(~(1 << lane))
        point, next_point = room.point, room.next_point
        differs = np.uint8(0)
        for time in range(order):
            if time > 0:
                step(pieces, point, room.input, passed[time - 1], next_point)
                point, next_point = next_point, point
            region_at(pieces, point, room.input, followed[time])
            for unit in range(gates.shape[1]):
                differs |= gates[time, unit] ^ followed[time, unit]
            _close_gates(followed, time, followers, group, count)
        size = same(0.0)
        for i in range(dimension):
            size = larger_size(size, load(point, i))
        alive &= positive(subtract(same(FAR), size))
        for lane in range(count):
            outcome = DEAD if not alive >> lane & 1 else NEW if differs >> lane & 1 else CYCLE
            growth = room.system[LANES + lane]
            if outcome == NEW and growth > LOST_DIGITS:
                time = _first_difference(gates, followed, lane)
                if growth ** (time / order) > LOST_BEFORE and _is_cycle(pieces, words[group + lane], room):
                    outcome = CYCLE
            outcomes[group + lane] = outcome
