"""Books that balance: following against fresh complete searches between random maps."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from tests.random_maps import FAMILIES, random_map

from lossjumps import ReluMap, find_cycles
from lossjumps.analysis.books import keep_books
from lossjumps.maps.paths import Segment


def segment_between(family, generator, length):
    dimension, units = int(generator.integers(1, 4)), int(generator.integers(1, 7))
    start, other = (random_map(family, dimension, units, generator) for _ in range(2))
    mixed = [a + length * b for a, b in zip(start.parameters, other.parameters, strict=True)]
    return Segment(start, ReluMap(*mixed))


def alive_between(books, fraction):
    """Objects that the events say are alive at a fraction, from those at the start."""
    alive = Counter(entry.object for entry in books.lists[0])
    at_start = set(alive)
    for booked in books.events[0]:
        if booked.fraction > fraction or booked.event is None:
            continue
        change = {"birth": 1, "death": -1, "through": 0}[booked.event.direction]
        for name in (booked.object, booked.partner):
            if name is not None:
                alive[name] += change
        for name, _ in booked.companions:
            alive[name] += -1 if name in at_start else 1
    return +alive


@pytest.mark.parametrize("family", FAMILIES)
def test_forward_survivors_are_what_a_fresh_search_finds_and_counts_balance_in_between(family):
    generator = np.random.default_rng(17)
    looked_at = 0
    for _ in range(40):
        path = segment_between(family, generator, 0.3)
        lists = [find_cycles(end, 1).cycles for end in (path.start, path.end)]
        books = keep_books(lists, lambda _, path=path: path)
        assert not any(entry.repaired for entries in books.lists for entry in entries)
        assert all(booked.event is not None for booked in books.events[0])
        at_end = {entry.object for entry in books.lists[1]}
        assert set(alive_between(books, 1.0)) == at_end
        for fraction in generator.uniform(size=3):
            expected = find_cycles(path(fraction), 1)
            assert sum(alive_between(books, fraction).values()) == len(expected)
            looked_at += len(expected)
    assert looked_at > 40


def test_a_cycle_the_search_missed_is_found_by_following_and_marked():
    path = Segment(ReluMap.plrnn([0.5], [[1.5]], [-1.0]), ReluMap.plrnn([0.5], [[1.5]], [-0.9]))
    full = [find_cycles(end, 1).cycles for end in (path.start, path.end)]
    assert [len(cycles) for cycles in full] == [2, 2]
    books = keep_books([full[0], ()], lambda _: path)
    assert [entry.repaired for entry in books.lists[1]] == [True] * len(full[1])
    assert {entry.cycle.key for entry in books.lists[1]} == {cycle.key for cycle in full[1]}
    books = keep_books([(), full[1]], lambda _: path)
    assert {entry.cycle.key for entry in books.lists[0]} == {cycle.key for cycle in full[0]}


def test_an_object_keeps_its_number_along_a_training_and_loses_it_in_a_fold():
    # z' = 0.5 z - 1.5 relu(-z...) : a stable left and an unstable right point, that meet at mu = 0
    def tent(mu):
        return ReluMap.plrnn([0.5], [[1.5]], [mu])

    maps = [tent(mu) for mu in (-3.0, -2.0, -1.0, 1.0, -1.0)]
    lists = [find_cycles(m, 1).cycles for m in maps]
    assert [len(cycles) for cycles in lists] == [2, 2, 2, 0, 2]
    segments = [Segment(a, b) for a, b in pairwise(maps)]
    books = keep_books(lists, segments.__getitem__)
    numbers = [tuple(entry.object for entry in entries) for entries in books.lists]
    assert numbers == [(0, 1), (0, 1), (0, 1), (), (2, 3)]
    assert [len(events) for events in books.events] == [0, 0, 1, 1]
    assert {books.events[2][0].object, books.events[2][0].partner} == {0, 1}
    assert books.events[2][0].event.direction == "death"
    assert books.events[3][0].event.direction == "birth"


def test_higher_orders_balance_where_lists_are_complete():
    generator = np.random.default_rng(23)
    unresolved = events = 0
    for _ in range(60):
        path = segment_between("plrnn", generator, 0.3)
        if path.start.units > 2:
            continue
        lists = [find_cycles(end, 3) for end in (path.start, path.end)]
        assert all(found.complete[order] for found in lists for order in (1, 2, 3))
        books = keep_books([found.cycles for found in lists], lambda _, path=path: path)
        assert not any(entry.repaired for entries in books.lists for entry in entries)
        unresolved += sum(booked.event is None for booked in books.events[0])
        events += len(books.events[0])
    assert events > 20
    assert unresolved <= 0.02 * events
