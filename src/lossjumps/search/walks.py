"""Walks over region sequences, side by side, with a memory: where each sequence leads is asked once.

SCYFI's step takes a region sequence to the one that the orbit from its cycle point visits, so every sequence has one
follower and all walks are paths in one graph.  A walk that comes to a known sequence goes on as the walk that was there
before it: it ends where that one ends.  Followers depend on nothing but the sequence, and the memory is written in the
order of the walks, so threads do not change what is found.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.lanes import LANES
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.visits import CYCLE, NEW, pieces_of, room_for, unpacked, visit, words_a_region

SIDE_BY_SIDE, MOST_SIDE_BY_SIDE = 256, 4096
"""Walks that go on in one round, at least and at most: a quarter of the starts."""

WORTH_THREADS = 2_000_000
"""Multiplications in a full round from which it is shared by threads."""

ACTIVE, BEGUN, FOUND, VISITS = range(4)
"""Places of the counters of a search: walks under way, starts begun, cycles found, and visits."""

ORBIT, VIRTUAL = np.uint64(0), np.uint64(2)
"""What marks in the memory sequences whose follower is what the orbit visits, or the virtual cycle."""

NOWHERE, UNFINISHED = -1, -2
"""Where a walk ends that finds no cycle, and one for which there were not enough visits."""


class Memory(NamedTuple):
    """Sequences that were visited, as hashes, each with the walk that came first; and the same for cycles found."""

    marks: np.ndarray
    owners: np.ndarray
    used: np.ndarray


class Paths(NamedTuple):
    """All walks: the one that each goes on as, or itself, and the cycle that it ends in."""

    parents: np.ndarray
    ends: np.ndarray


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
def _enlarge(memory, larger):
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
def _take_starts(memory, paths, batch, starts, first_walk, virtual, counts):
    """Fill the batch with starts not begun yet."""
    active, begun = counts[ACTIVE], counts[BEGUN]
    while active < batch.walks.shape[0] and begun < starts.shape[0]:
        walk = first_walk + begun
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
def _record(memory, cycles, paths, batch, virtual, ends, counts):
    """Take in what the visits of a round showed; walks that have ended leave the batch."""
    going_on = 0
    order = batch.words.shape[1]
    for place in range(counts[ACTIVE]):
        walk = batch.walks[place]
        words = batch.words[place]
        if batch.outcomes[place] == CYCLE:
            known = owner_or_remember(cycles, lowest_hash(words), counts[FOUND])
            if known < 0:
                known = counts[FOUND]
                copy_sequence(words, ends[known])
                counts[FOUND] += 1
                for start in range(1, order):  # its rotations are the same cycle
                    owner_or_remember(memory, hash_of(words, start) ^ virtual, walk)
            paths.ends[walk] = known
        elif batch.outcomes[place] != NEW:
            paths.ends[walk] = NOWHERE
        elif _meet(memory, paths, hash_of(batch.followers[place], 0) ^ virtual, walk):
            batch.walks[going_on] = walk
            copy_sequence(batch.followers[place], batch.words[going_on])
            going_on += 1
    counts[VISITS] += counts[ACTIVE]
    counts[ACTIVE] = going_on


@compiled(nogil=True)
def _begin_round(memory, cycles, paths, batch, starts, first_walk, virtual, ends, counts, most_visits):
    """Fill the batch; whether there is anything to visit, and room for all that may be found."""
    _take_starts(memory, paths, batch, starts, first_walk, virtual, counts)
    counts[ACTIVE] = min(counts[ACTIVE], most_visits - counts[VISITS])
    return counts[ACTIVE] > 0 and _has_room(memory, cycles, batch, ends, counts)


@kernel_part()
def _has_room(memory, cycles, batch, ends, counts):
    """Whether the memory has room for a round, whatever it finds."""
    batch_size, order = batch.words.shape[:2]
    return (
        4 * (memory.used[0] + batch_size * (order + 1)) <= 3 * memory.marks.shape[0]
        and 4 * (cycles.used[0] + batch_size) <= 3 * cycles.marks.shape[0]
        and counts[FOUND] + batch_size <= ends.shape[0]
    )


@compiled(nogil=True)
def _walk_rounds(pieces, memory, cycles, paths, batch, starts, first_walk, virtual, ends, counts, most_visits, room):
    """Rounds on one thread, as long as there is something to visit and room."""
    while _begin_round(memory, cycles, paths, batch, starts, first_walk, virtual, ends, counts, most_visits):
        visit(pieces, batch.words, 0, counts[ACTIVE], virtual != ORBIT, room, batch.followers, batch.outcomes)
        _record(memory, cycles, paths, batch, virtual, ends, counts)


@compiled(nogil=True)
def _ends_of(paths, first, last, found):
    """Fill `found` with where each of the walks first ... last - 1 ends."""
    for walk in range(first, last):
        found[walk - first] = paths.ends[root_of(paths.parents, walk)]


def empty_memory(size: int) -> Memory:
    return Memory(np.zeros(size, np.uint64), np.zeros(size, np.int64), np.zeros(1, np.int64))


def with_room(memory: Memory, entries: int) -> Memory:
    """The memory, or a larger one, that stays at most half full with so many entries more."""
    size = len(memory.marks)
    while size < 2 * (int(memory.used[0]) + entries):
        size *= 2
    if size == len(memory.marks):
        return memory
    larger = empty_memory(size)
    _enlarge(memory, larger)
    return larger


class Walks:
    """The walks of one order on one map, and what they found.

    Parameters
    ----------
    relu_map : ReluMap
    order : int
    threads : int
        They do not change the result.
    """

    def __init__(self, relu_map: ReluMap, order: int, threads: int = 1) -> None:
        self.order, self.units, self.threads = order, relu_map.units, threads
        self.pieces = pieces_of(relu_map)
        self.rooms = [room_for(relu_map.dimension, relu_map.units, order) for _ in range(threads)]
        self.shape = (order, words_a_region(relu_map.units))
        self.memory, self.cycles = empty_memory(1024), empty_memory(512)
        self.paths = Paths(np.empty(0, np.int64), np.empty(0, np.int64))
        self.ends = np.zeros((0, *self.shape), np.uint64)
        self.counts = np.zeros(4, np.int64)
        self.walks = 0
        self.multiplications = order * relu_map.dimension**2 * (relu_map.units + relu_map.dimension)

    @property
    def visits(self) -> int:
        """Region sequences solved."""
        return int(self.counts[VISITS])

    @property
    def count(self) -> int:
        """Cycles found; also those that repeat a lower one."""
        return int(self.counts[FOUND])

    def found(self, first: int) -> np.ndarray:
        """Itineraries (n, k, H) bool of the cycles found, from number `first` on."""
        return unpacked(self.ends[first : self.count], self.units)

    def walk(self, starts: np.ndarray, most_visits: int, virtual: bool = False) -> np.ndarray:
        """Walk from packed sequences (n, k, W) until all walks have ended, or there are so many visits in all.

        Returns
        -------
        (n,) int array
            Number of the cycle that each walk ends in, `NOWHERE` or `UNFINISHED`.
        """
        starts = np.ascontiguousarray(starts, dtype=np.uint64)
        first, self.walks = self.walks, self.walks + len(starts)
        size = min(MOST_SIDE_BY_SIDE, max(SIDE_BY_SIDE, len(starts) // 4))
        batch = Batch(
            np.zeros(size, np.int64),
            np.zeros((size, *self.shape), np.uint64),
            np.zeros((size, *self.shape), np.uint64),
            np.zeros(size, np.int64),
        )
        self.paths = Paths(
            np.concatenate([self.paths.parents, np.arange(first, self.walks)]),
            np.concatenate([self.paths.ends, np.full(len(starts), UNFINISHED)]),
        )
        self.counts[ACTIVE] = self.counts[BEGUN] = 0
        self.memory = with_room(self.memory, len(starts))
        rounds = _walk_rounds if self.threads == 1 or size * self.multiplications < WORTH_THREADS else self._shared
        while (self.counts[BEGUN] < len(starts) or self.counts[ACTIVE] > 0) and self.visits < most_visits:
            self._make_room(size)
            rounds(
                self.pieces,
                self.memory,
                self.cycles,
                self.paths,
                batch,
                starts,
                first,
                VIRTUAL if virtual else ORBIT,
                self.ends,
                self.counts,
                most_visits,
                self.rooms[0],
            )
        ends = np.empty(len(starts), np.int64)
        _ends_of(self.paths, first, self.walks, ends)
        return ends

    def _make_room(self, size: int) -> None:
        """Room for several rounds."""
        self.memory = with_room(self.memory, 4 * size * (self.order + 1))
        self.cycles = with_room(self.cycles, 4 * size)
        if len(self.ends) < self.counts[FOUND] + size:
            longer = np.zeros((2 * len(self.ends) + 4 * size, *self.shape), np.uint64)
            longer[: len(self.ends)] = self.ends
            self.ends = longer

    def _shared(
        self, pieces, memory, cycles, paths, batch, starts, first_walk, virtual, ends, counts, most_visits, room
    ) -> None:
        """As `_walk_rounds`, the visits shared by threads."""
        with ThreadPoolExecutor(self.threads) as pool:
            while _begin_round(memory, cycles, paths, batch, starts, first_walk, virtual, ends, counts, most_visits):
                active = int(counts[ACTIVE])
                share = -(-active // (self.threads * LANES)) * LANES
                parts = [
                    pool.submit(
                        visit,
                        pieces,
                        batch.words,
                        low,
                        min(low + share, active),
                        virtual != ORBIT,
                        own,
                        batch.followers,
                        batch.outcomes,
                    )
                    for low, own in zip(range(0, active, share), self.rooms, strict=False)
                ]
                for part in parts:
                    part.result()
                _record(memory, cycles, paths, batch, virtual, ends, counts)
