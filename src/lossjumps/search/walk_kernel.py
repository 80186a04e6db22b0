"""The compiled part of walks over region sequences: sets of starts, one after the other, and their rounds of visits."""

from typing import NamedTuple

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.visits import CYCLE, NEW, WORD, visit

SIDE_BY_SIDE, MOST_SIDE_BY_SIDE = 256, 4096
"""Walks that go on in one round, at least and at most: a quarter of the starts."""

ACTIVE, BEGUN, LAST, ORIGIN, SIZE, MOST, STAGE = range(7)
"""Places of the numbers of the set of starts under way.

Walks that go on, starts begun, where the starts end, which walk the start with number 0 is, walks side by side, at how
many visits the set is over, and which set it is.
"""

FOUND, VISITS, WALKS, EXPLORED, NEXT, EXPLORING, BEFORE, MOST_VISITS, MOST_EXPLORING, NUMBERS = range(7, 17)
"""Places of the numbers of the search.

Cycles found, visits, walks; cycles that were walked from around, and known when that began anew; visits that it took,
and all before the last; the most visits in all, and to begin anew; and how many numbers there are.
"""

NOTHING, BY_ORBIT, BY_VIRTUAL, AROUND, DONE = range(5)
"""What set is under way: given starts that go on one way or the other, what lies around a cycle."""

ORBIT, VIRTUAL = np.uint64(0), np.uint64(2)
"""What marks in the memory sequences whose follower is what the orbit visits, or the virtual cycle."""

NOWHERE, UNFINISHED = -1, -2
"""Where a walk ends that finds no cycle, and one for which there were not enough visits."""


class Memory(NamedTuple):
    """Sequences that were visited, as hashes, each with the walk that came first; or cycles, with their numbers."""

    marks: np.ndarray
    owners: np.ndarray
    used: np.ndarray


class Paths(NamedTuple):
    """All walks: the one that each goes on as, or itself, and the cycle that it ends in."""

    parents: np.ndarray
    ends: np.ndarray


class Starts(NamedTuple):
    """Packed sequences (n, k, W) that walks begin with: given ones, and those around the cycle whose turn it is.

    Of the given ones those from number `virtual` on go on by the virtual cycle; `is_shared` says whether the visits are
    shared by both ways.  `reached` is filled with where the given ones end.
    """

    given: np.ndarray
    around: np.ndarray
    virtual: int
    is_shared: bool
    reached: np.ndarray


class Cycles(NamedTuple):
    """The cycles found: their sequences (n, k, W), and another of the same island, or themselves."""

    words: np.ndarray
    islands: np.ndarray


class Batch(NamedTuple):
    """Walks under way: their numbers, present sequences (B, k, W), followers, and what the visit showed."""

    walks: np.ndarray
    words: np.ndarray
    followers: np.ndarray
    outcomes: np.ndarray


@compiled(nogil=True)
def hash_of(words, start):
    """63-bit hash, never 0, of a packed sequence (k, W) run through from time `start`."""
    order = words.shape[0]
    value = np.uint64(0x9E3779B97F4A7C15)
    for later in range(order):
        time = start + later
        if time >= order:
            time -= order
        for word in range(words.shape[1]):
            value = (value ^ words[time, word]) * np.uint64(0xD6E8FEB86659FD93)
            value ^= value >> np.uint64(32)
    value = value * np.uint64(0xD6E8FEB86659FD93)
    return (value ^ (value >> np.uint64(29))) | np.uint64(1)


@kernel_part()
def lowest_hash(words):
    """The lowest hash of a packed sequence (k, W) over its rotations: the same for all of them."""
    lowest = hash_of(words, 0)
    for start in range(1, words.shape[0]):
        lowest = min(lowest, hash_of(words, start))
    return lowest


@kernel_part()
def owner_or_remember(memory, mark, owner):
    """The owner of a hash that is known, or -1; then it is remembered as that of `owner`."""
    mask = np.uint64(memory.marks.shape[0] - 1)
    slot = (mark >> np.uint64(11)) & mask
    while memory.marks[slot] != 0:
        if memory.marks[slot] == mark:
            return memory.owners[slot]
        slot = (slot + np.uint64(1)) & mask
    memory.marks[slot] = mark
    memory.owners[slot] = owner
    memory.used[0] += 1
    return -1


@compiled(nogil=True)
def enlarge(memory, larger):
    """Copy a memory into a larger, empty one."""
    mask = np.uint64(larger.marks.shape[0] - 1)
    for old in range(memory.marks.shape[0]):
        mark = memory.marks[old]
        if mark != 0:
            slot = (mark >> np.uint64(11)) & mask
            while larger.marks[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            larger.marks[slot] = mark
            larger.owners[slot] = memory.owners[old]
    larger.used[0] = memory.used[0]


@compiled(nogil=True)
def root_of(parents, walk):
    """The walk that a walk goes on as."""
    while parents[walk] != walk:
        parents[walk] = parents[parents[walk]]
        walk = parents[walk]
    return walk


@kernel_part()
def _meet(memory, paths, mark, walk):
    """Whether a walk goes on from a sequence: one that is known makes it part of another walk, or a loop."""
    owner = owner_or_remember(memory, mark, walk)
    if owner < 0:
        return True
    root = root_of(paths.parents, owner)
    if root != walk:
        paths.parents[walk] = root
    else:
        paths.ends[walk] = NOWHERE
    return False


@kernel_part()
def _take_starts(memory, paths, batch, starts, virtual, counts):
    """Fill the batch with starts of the set that are not begun yet."""
    active, begun = counts[ACTIVE], counts[BEGUN]
    while active < counts[SIZE] and begun < counts[LAST]:
        walk = counts[ORIGIN] + begun
        if _meet(memory, paths, hash_of(starts[begun], 0) ^ virtual, walk):
            batch.walks[active] = walk
            copy_sequence(starts[begun], batch.words[active])
            active += 1
        begun += 1
    counts[ACTIVE], counts[BEGUN] = active, begun


@kernel_part()
def copy_sequence(source, target):
    """Copy a packed sequence."""
    for time in range(source.shape[0]):
        for word in range(source.shape[1]):
            target[time, word] = source[time, word]


@compiled(nogil=True)
def record(memory, known, cycles, paths, batch, counts):
    """Take in what the visits of a round showed; walks that have ended leave the batch."""
    going_on = 0
    order = batch.words.shape[1]
    virtual = VIRTUAL if counts[STAGE] == BY_VIRTUAL else ORBIT
    for place in range(counts[ACTIVE]):
        walk = batch.walks[place]
        words = batch.words[place]
        if batch.outcomes[place] == CYCLE:
            number = owner_or_remember(known, lowest_hash(words), counts[FOUND])
            if number < 0:
                number = counts[FOUND]
                copy_sequence(words, cycles.words[number])
                counts[FOUND] += 1
                for start in range(1, order):  # its rotations are the same cycle
                    owner_or_remember(memory, hash_of(words, start) ^ virtual, walk)
            paths.ends[walk] = number
        elif batch.outcomes[place] != NEW:
            paths.ends[walk] = NOWHERE
        elif _meet(memory, paths, hash_of(batch.followers[place], 0) ^ virtual, walk):
            batch.walks[going_on] = walk
            copy_sequence(batch.followers[place], batch.words[going_on])
            going_on += 1
    counts[VISITS] += counts[ACTIVE]
    counts[ACTIVE] = going_on


@kernel_part()
def _begin_set(counts, stage, first, last, origin, most):
    """Turn to a set of starts; none is begun where no visits are left for it."""
    counts[STAGE] = stage
    counts[ACTIVE] = 0
    counts[BEGUN] = first if counts[VISITS] < most else last
    counts[LAST] = last
    counts[ORIGIN] = origin
    counts[SIZE] = min(MOST_SIDE_BY_SIDE, max(SIDE_BY_SIDE, (last - first) // 4))
    counts[MOST] = most


@kernel_part()
def _next_set(cycles, paths, starts, counts):
    """Turn to the set after the one that is over: given starts one way and the other, then what lies around cycles."""
    number, origin = len(starts.given), counts[ORIGIN]
    left = counts[MOST_VISITS] - counts[VISITS]
    if counts[STAGE] == NOTHING:
        origin = counts[WALKS]
        counts[WALKS] += number
        most = counts[VISITS] + (left // 2 if starts.is_shared else left)
        _begin_set(counts, BY_ORBIT, 0, starts.virtual, origin, most)
        return
    if counts[STAGE] == BY_ORBIT:
        _begin_set(counts, BY_VIRTUAL, starts.virtual, number, origin, counts[MOST_VISITS])
        return
    if counts[STAGE] == BY_VIRTUAL:
        for start in range(number):
            starts.reached[start] = paths.ends[root_of(paths.parents, origin + start)]
    else:
        for walk in range(origin, origin + len(starts.around)):
            end = paths.ends[root_of(paths.parents, walk)]
            if end >= 0:
                cycles.islands[root_of(cycles.islands, end)] = root_of(cycles.islands, counts[EXPLORED])
        counts[EXPLORING] += counts[VISITS] - counts[BEFORE]
        counts[EXPLORED] += 1
    if counts[EXPLORED] == counts[NEXT]:
        counts[NEXT] = counts[FOUND]
        if counts[EXPLORED] == counts[FOUND] or counts[EXPLORING] >= counts[MOST_EXPLORING]:
            counts[EXPLORED] = counts[FOUND]
            counts[STAGE] = DONE
            return
    order, units = cycles.words.shape[1], starts.around.shape[0] // cycles.words.shape[1]
    for start in range(order * units):
        time, unit = start // units, start % units
        copy_sequence(cycles.words[counts[EXPLORED]], starts.around[start])
        starts.around[start, time, unit // WORD] ^= np.uint64(1) << np.uint64(unit % WORD)
    counts[BEFORE] = counts[VISITS]
    most = counts[VISITS] + max(0, counts[MOST_EXPLORING] - counts[EXPLORING])
    _begin_set(counts, AROUND, 0, order * units, counts[WALKS], min(counts[MOST_VISITS], most))
    counts[WALKS] += order * units


@compiled(nogil=True)
def begin_round(memory, known, cycles, paths, batch, starts, counts):
    """Fill the batch, from one set of starts after the other; whether there is anything to visit, and room."""
    while counts[STAGE] != DONE and _has_room(memory, known, cycles, paths, batch, starts, counts):
        given = starts.around if counts[STAGE] == AROUND else starts.given
        _take_starts(memory, paths, batch, given, VIRTUAL if counts[STAGE] == BY_VIRTUAL else ORBIT, counts)
        counts[ACTIVE] = min(counts[ACTIVE], counts[MOST] - counts[VISITS])
        if counts[ACTIVE] > 0:
            return True
        _next_set(cycles, paths, starts, counts)
    return False


@kernel_part()
def _has_room(memory, known, cycles, paths, batch, starts, counts):
    """Whether there is room for a round and for the next set, whatever is found."""
    batch_size, order = batch.words.shape[:2]
    return (
        4 * (memory.used[0] + batch_size * (order + 1)) <= 3 * memory.marks.shape[0]
        and 4 * (known.used[0] + batch_size) <= 3 * known.marks.shape[0]
        and counts[FOUND] + batch_size <= cycles.words.shape[0]
        and counts[WALKS] + max(len(starts.given), len(starts.around)) <= paths.parents.shape[0]
    )


@compiled(nogil=True)
def walk_rounds(pieces, memory, known, cycles, paths, batch, starts, counts, room):
    """Rounds on one thread, as long as there is something to visit and room."""
    while begin_round(memory, known, cycles, paths, batch, starts, counts):
        virtual = counts[STAGE] == BY_VIRTUAL
        visit(pieces, batch.words, 0, counts[ACTIVE], virtual, room, batch.followers, batch.outcomes)
        record(memory, known, cycles, paths, batch, counts)
