"""Walks over region sequences, side by side, with a memory: where each sequence leads is asked once.

SCYFI's step takes a region sequence to the one that the orbit from its cycle point visits, so every sequence has one
follower and all walks are paths in one graph.  A walk that comes to a known sequence goes on as the walk that was there
before it: it ends where that one ends.  Followers depend on nothing but the sequence, and the memory is written in the
order of the walks, so threads do not change what is found.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lossjumps.lanes import LANES
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.visits import pieces_of, room_for, unpacked, visit, words_a_region
from lossjumps.search.walk_kernel import (
    ACTIVE,
    BY_VIRTUAL,
    DONE,
    FOUND,
    MOST_EXPLORING,
    MOST_SIDE_BY_SIDE,
    MOST_VISITS,
    NOTHING,
    NUMBERS,
    SIDE_BY_SIDE,
    STAGE,
    UNFINISHED,
    VISITS,
    WALKS,
    Batch,
    Cycles,
    Memory,
    Paths,
    Starts,
    begin_round,
    enlarge,
    record,
    root_of,
    walk_rounds,
)

WORTH_THREADS = 2_000_000
"""Multiplications in a full round from which it is shared by threads."""


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
    enlarge(memory, larger)
    return larger


def _continued(array: np.ndarray, longer: np.ndarray) -> np.ndarray:
    """The longer array, with the rows of the other for its first."""
    longer[: len(array)] = array
    return longer


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
        self.around = np.zeros((order * relu_map.units, *self.shape), np.uint64)
        self.memory, self.known = empty_memory(1024), empty_memory(512)
        self.paths = Paths(np.empty(0, np.int64), np.empty(0, np.int64))
        self.cycles = Cycles(np.zeros((0, *self.shape), np.uint64), np.empty(0, np.int64))
        self.counts = np.zeros(NUMBERS, np.int64)
        self.multiplications = order * relu_map.dimension**2 * (relu_map.units + relu_map.dimension)

    @property
    def visits(self) -> int:
        """Region sequences solved."""
        return int(self.counts[VISITS])

    @property
    def walks(self) -> int:
        """Walks, also those that were never begun for want of visits."""
        return int(self.counts[WALKS])

    @property
    def count(self) -> int:
        """Cycles found; also those that repeat a lower one."""
        return int(self.counts[FOUND])

    def found(self) -> np.ndarray:
        """Itineraries (n, k, H) bool of the cycles found."""
        return unpacked(self.cycles.words[: self.count], self.units)

    def islands(self) -> np.ndarray:
        """For each cycle found a number (n,) that it shares with those whose surroundings walks led from or to."""
        return np.array([root_of(self.cycles.islands, number) for number in range(self.count)], dtype=np.int64)

    def walk(
        self,
        starts: np.ndarray,
        most_visits: int,
        virtual_starts: np.ndarray | None = None,
        most_exploring: int = 0,
    ) -> np.ndarray:
        """Walk from packed sequences (n, k, W), then from what lies around each new cycle, until there are no new ones.

        Parameters
        ----------
        starts : (n, k, W) uint64 array
            Walks from these go on with the regions of orbits.
        most_visits : int
            Visits, with those of earlier walks, after which all walks end.
        virtual_starts : (m, k, W) uint64 array, optional
            Walks from these go on with the regions of virtual cycles; the others then get half of the visits.
        most_exploring : int
            Visits that may be spent around cycles before a search around new ones is begun.

        Returns
        -------
        (n + m,) int array
            Number of the cycle that each walk ends in, `NOWHERE` or `UNFINISHED`.
        """
        given = starts if virtual_starts is None else np.concatenate([starts, virtual_starts])
        given = np.ascontiguousarray(given, dtype=np.uint64)
        reached = np.empty(len(given), np.int64)
        of_starts = Starts(given, self.around, len(starts), virtual_starts is not None, reached)
        size = min(MOST_SIDE_BY_SIDE, max(SIDE_BY_SIDE, max(len(given), len(self.around)) // 4))
        batch = Batch(
            np.zeros(size, np.int64),
            np.zeros((size, *self.shape), np.uint64),
            np.zeros((size, *self.shape), np.uint64),
            np.zeros(size, np.int64),
        )
        self.counts[STAGE] = NOTHING
        self.counts[MOST_VISITS], self.counts[MOST_EXPLORING] = most_visits, most_exploring
        rounds = walk_rounds if self.threads == 1 or size * self.multiplications < WORTH_THREADS else self._shared
        while self.counts[STAGE] != DONE:
            self._make_room(size, max(len(given), len(self.around)))
            rounds(
                self.pieces,
                self.memory,
                self.known,
                self.cycles,
                self.paths,
                batch,
                of_starts,
                self.counts,
                self.rooms[0],
            )
        return reached

    def _make_room(self, size: int, starts: int) -> None:
        """Room for several rounds and sets."""
        self.memory = with_room(self.memory, 4 * size * (self.order + 1))
        self.known = with_room(self.known, 4 * size)
        if len(self.cycles.words) < self.count + size:
            length = 2 * len(self.cycles.words) + 4 * size
            self.cycles = Cycles(
                _continued(self.cycles.words, np.zeros((length, *self.shape), np.uint64)),
                _continued(self.cycles.islands, np.arange(length)),
            )
        if len(self.paths.parents) < self.walks + starts:
            length = 2 * len(self.paths.parents) + 4 * starts
            self.paths = Paths(
                _continued(self.paths.parents, np.arange(length)),
                _continued(self.paths.ends, np.full(length, UNFINISHED)),
            )

    def _shared(self, pieces, memory, known, cycles, paths, batch, starts, counts, room) -> None:
        """As `walk_rounds`, the visits shared by threads."""
        with ThreadPoolExecutor(self.threads) as pool:
            while begin_round(memory, known, cycles, paths, batch, starts, counts):
                active, virtual = int(counts[ACTIVE]), bool(counts[STAGE] == BY_VIRTUAL)
                share = -(-active // (self.threads * LANES)) * LANES
                parts = [
                    pool.submit(
                        visit,
                        pieces,
                        batch.words,
                        low,
                        min(low + share, active),
                        virtual,
                        own,
                        batch.followers,
                        batch.outcomes,
                    )
                    for low, own in zip(range(0, active, share), self.rooms, strict=False)
                ]
                for part in parts:
                    part.result()
                record(memory, known, cycles, paths, batch, counts)
