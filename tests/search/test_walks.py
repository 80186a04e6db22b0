"""Walks with one memory: they end where walks without memory end."""

import numpy as np
import pytest
from tests.random_maps import random_map

from lossjumps.search import itineraries
from lossjumps.search.visits import CYCLE, NEW, packed, pieces_of, room_for, unpacked, visit
from lossjumps.search.walk_kernel import NOWHERE, UNFINISHED
from lossjumps.search.walks import Walks


def all_sequences(units, order):
    numbers = np.arange(2 ** (units * order))
    return (numbers[:, None] >> np.arange(units * order) & 1 == 1).reshape(-1, order, units)


def ends_without_memory(m, order, virtual):
    """Where a walk from every sequence ends: bytes of the canonical itinerary, or None."""
    sequences = all_sequences(m.units, order)
    words = packed(sequences)
    followers, outcomes = np.zeros_like(words), np.zeros(len(words), dtype=np.int64)
    visit(pieces_of(m), words, 0, len(words), virtual, room_for(m.dimension, m.units, order), followers, outcomes)
    number_of = {word.tobytes(): number for number, word in enumerate(words)}
    ends = []
    for start in range(len(words)):
        place = start
        for _ in range(len(words)):
            if outcomes[place] != NEW:
                break
            place = number_of[followers[place].tobytes()]
        found = outcomes[place] == CYCLE
        ends.append(itineraries.canonical(sequences[place]).tobytes() if found else None)
    return words, ends


@pytest.mark.parametrize("virtual", [False, True])
@pytest.mark.parametrize(("family", "dimension", "units", "order"), [("plrnn", 2, 2, 4), ("shallow", 2, 4, 2)])
def test_walks_end_where_they_would_without_memory(family, dimension, units, order, virtual):
    reached = 0
    for seed in range(8):
        generator = np.random.default_rng(seed)
        m = random_map(family, dimension, units, generator)
        words, expected = ends_without_memory(m, order, virtual)
        walks = Walks(m, order)
        starts = (words[:0], 10**6, words) if virtual else (words, 10**6)
        ends = walks.walk(*starts)
        found = [itineraries.canonical(itinerary).tobytes() for itinerary in walks.found()]
        assert len(set(found)) == len(found)
        assert [None if end == NOWHERE else found[end] for end in ends] == expected
        assert walks.visits <= len(words)
        reached += len(found)
        # all is known: nothing is visited again, and walks end where they did
        visits = walks.visits
        back = (words[:0], 10**6, words[::-1]) if virtual else (words[::-1], 10**6)
        np.testing.assert_array_equal(walks.walk(*back), ends[::-1])
        assert walks.visits == visits
    assert reached >= 8


@pytest.mark.parametrize(("family", "dimension", "units", "order"), [("plrnn", 2, 2, 4), ("shallow", 2, 4, 2)])
def test_what_differs_from_a_cycle_in_one_unit_at_one_time_is_walked_from(family, dimension, units, order):
    explored = 0
    for seed in range(8):
        m = random_map(family, dimension, units, np.random.default_rng(seed))
        words, expected = ends_without_memory(m, order, virtual=False)
        end_of = {word.tobytes(): end for word, end in zip(words, expected, strict=True)}
        walks = Walks(m, order)
        walks.walk(words[:: len(words) // 8], 10**6, most_exploring=10**6)
        number_of = {itineraries.canonical(found).tobytes(): number for number, found in enumerate(walks.found())}
        islands = walks.islands()
        for number, found in enumerate(walks.found()):
            for place in range(found.size):
                beside = found.copy()
                beside.flat[place] ^= True
                end = end_of[packed(beside[None])[0].tobytes()]
                if end is not None:
                    assert islands[number_of[end]] == islands[number]
                    explored += 1
        if len(islands):
            differs = unpacked(walks.around, units) ^ walks.found()[-1]
            np.testing.assert_array_equal(differs.reshape(-1, order * units), np.eye(order * units, dtype=bool))
    assert explored > 50


def test_threads_change_nothing():
    m = random_map("plrnn", 12, 12, np.random.default_rng(5))
    starts = packed(np.random.default_rng(0).random((2000, 4, 12)) < 0.5)
    results = []
    for threads in (1, 2, 3):
        walks = Walks(m, 4, threads)
        ends = walks.walk(starts[:1000], 5000, starts[1000:], 1000)
        results.append((ends.tolist(), walks.found().tolist(), walks.islands().tolist(), walks.visits))
    assert results[0] == results[1] == results[2]


def test_what_the_visits_do_not_suffice_for_is_unfinished():
    m = random_map("plrnn", 12, 12, np.random.default_rng(5))
    starts = packed(np.random.default_rng(0).random((500, 4, 12)) < 0.5)
    walks = Walks(m, 4)
    ends = walks.walk(starts, 40)
    assert walks.visits == 40
    assert np.count_nonzero(ends == UNFINISHED) > 400
