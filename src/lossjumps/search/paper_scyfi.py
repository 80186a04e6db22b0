"""SCYFI as published, for comparison: one walk after another, without memory.

Eisenmann, Monfared, Göring, Durstewitz, "Bifurcations and loss jumps in RNN training", NeurIPS 2023, with the counters
of the authors' implementation.  What differs: cycles are told apart by their itineraries, not by rounded coordinates.
"""

import sys
from collections.abc import Iterator

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.starts import RandomStarts
from lossjumps.search.visits import CYCLE, NEW, pieces_of, room_for, unpacked, visit, words_a_region
from lossjumps.search.walked import Walked

DRAWS = 256
"""Random sequences that are drawn at once."""


def paper_counters(order: int) -> tuple[int, int]:
    """Starts without success before giving up, and steps a start (N_out, N_in): the reference implementation's."""
    outer = 10 if order < 8 else 40 if order < 30 else 100
    inner = 20 if order < 3 else 60 if order < 6 else 300 if order < 8 else 1080 if order < 20 else 1115
    return outer, inner


class _OneAtATime:
    """Region sequences visited one by one."""

    def __init__(self, relu_map: ReluMap, order: int) -> None:
        self.units = relu_map.units
        self.pieces = pieces_of(relu_map)
        self.room = room_for(relu_map.dimension, relu_map.units, order)
        self.follower = np.zeros((1, order, words_a_region(relu_map.units)), np.uint64)
        self.outcome = np.zeros(1, np.int64)
        self.visits = 0

    def visit(self, words: np.ndarray) -> tuple[np.ndarray, int]:
        """Follower (1, k, W) of a sequence, and what the visit shows."""
        visit(self.pieces, words, 0, 1, False, self.room, self.follower, self.outcome)
        self.visits += 1
        return self.follower.copy(), int(self.outcome[0])


def _draws(random: RandomStarts, order: int) -> Iterator[np.ndarray]:
    """Random sequences (1, k, W), without end."""
    while True:
        yield from random.independent(DRAWS, order)[:, None]


def walk_as_published(
    relu_map: ReluMap,
    order: int,
    generator: np.random.Generator,
    *,
    patterns: np.ndarray | None = None,
    counters: tuple[int, int] | None = None,
    max_visits: int | None = None,
    most_cycles: int | None = None,
) -> Walked:
    """Search the cycles of one order with the loops of the paper.

    Parameters
    ----------
    relu_map : ReluMap
    order : int
    generator : numpy.random.Generator
        Source of the random sequences.
    patterns : (R, H) bool array, optional
        Regions that sequences are drawn from; with none, the regions of random states.
    counters : (int, int), optional
        Starts without success before giving up, and steps a start; `paper_counters` by default.
    max_visits : int, optional
        Solve at most this many region sequences; no limit by default.
    most_cycles : int, optional
        Stop at so many cycles; no limit by default.

    Returns
    -------
    Walked
        With no estimate of what is missing.
    """
    outer, inner = counters or paper_counters(order)
    most_visits, most_cycles = max_visits or sys.maxsize, most_cycles or sys.maxsize
    random = RandomStarts(relu_map, generator, np.empty((0, relu_map.units), bool) if patterns is None else patterns)
    draws = _draws(random, order)
    sequences = _OneAtATime(relu_map, order)
    hits: dict[bytes, int] = {}
    draw, starts = 0, 0
    while starts <= outer and sequences.visits < most_visits and len(hits) < most_cycles:
        words, steps = next(draws), 0
        draw += 1
        while steps < inner and sequences.visits < most_visits and len(hits) < most_cycles:
            steps += 1
            follower, outcome = sequences.visit(words)
            if outcome == NEW:
                words = follower
                continue
            if outcome == CYCLE:
                itinerary = unpacked(words[0], relu_map.units)
                if itineraries.is_primitive(itinerary):
                    key = itineraries.canonical(itinerary).tobytes()
                    if key not in hits:
                        steps = starts = 0
                    hits[key] = hits.get(key, 0) + 1
            words = next(draws)
            draw += 1
        starts += 1
    found = [np.frombuffer(key, dtype=np.bool_).reshape(order, -1) for key in hits]
    return Walked.of(found, hits.values(), visits=sequences.visits, walks=draw, random_starts=draw, missing=None)
