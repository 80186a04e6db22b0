"""Segments between independent random maps of all families: books that balance, and fresh searches in between."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
from tests.random_maps import FAMILIES, random_map

from lossjumps import find_cycles
from lossjumps.analysis.books import keep_books
from lossjumps.analysis.interior import look_inside
from lossjumps.maps.paths import Segment

MOST_UNITS = {
    "plrnn": 8,
    "shallow": 10,
    "clipped": 5,
    "dendritic": 8,
    "almost_linear": 8,
    "relu_rnn": 8,
    "canonical": 9,
}
"""H, or bases times M (dendritic); a clipped network has twice as many units."""


def random_segment(number, generator, max_dimension=8):
    """A segment between two independent maps of one family."""
    family = FAMILIES[number % len(FAMILIES)]
    dimension = int(generator.integers(1, max_dimension + 1))
    units = int(generator.integers(1, MOST_UNITS[family] + 1))
    return Segment(*(random_map(family, dimension, units, generator) for _ in range(2)))


def books_of(path, max_order=1):
    found = [find_cycles(end, max_order) for end in (path.start, path.end)]
    books = keep_books([one.cycles for one in found], lambda _: path, partial(look_inside, max_order=max_order))
    return found, books


def imbalance(found, books):
    """What does not balance between the two lists of one segment, in words; None where all does."""
    (events,) = books.events
    unresolved = [booked.why for booked in events if booked.event is None]
    if unresolved:
        return f"unresolved: {unresolved[0]}"
    missed = [entry.cycle.key for entries in books.lists for entry in entries if entry.repaired]
    if missed:
        return f"missed: {missed}"
    alive = Counter(entry.object for entry in books.lists[0])
    index = sum(cycle.index for cycle in found[0].of_order(1))
    for booked in events:
        change = {"birth": 1, "death": -1, "through": 0}[booked.event.direction]
        alive.update({name: change for name in (booked.object, booked.partner) if name is not None})
        for name, state in booked.companions:
            alive[name] += 1 if state.fraction > booked.fraction else -1
        if booked.event.kind == "degenerate_transcritical":
            escaping = [booked.state, *(state for _, state in booked.companions)]
            index += sum(
                int(state.sign) * (1 if state.fraction > booked.fraction else -1)
                for state in escaping
                if len(state.itinerary) == 1
            )
    if any(count < 0 for count in alive.values()):
        return "an object dies that was not alive"
    if +alive != Counter(entry.object for entry in books.lists[1]):
        return "births and deaths do not lead from one list to the other"
    if index != sum(cycle.index for cycle in found[1].of_order(1)):
        return "index sums differ"
    return None


def predicted(books, fraction):
    """Itineraries that exist at a fraction, as the books say."""
    return {
        (len(arc.itinerary), arc.itinerary.tobytes())
        for arc, _ in books.arcs[0]
        if arc.low.fraction < fraction < arc.high.fraction
    }


def between_events(books, generator, count):
    """Random fractions that are no nearer to an event than 1e-6."""
    ends = np.array([end.fraction for arc, _ in books.arcs[0] for end in (arc.low, arc.high)] or [0.0])
    fractions = generator.uniform(size=count)
    return [float(fraction) for fraction in fractions if np.abs(ends - fraction).min() > 1e-6]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_books_of_fixed_points_balance_between_random_maps(seed):
    generator = np.random.default_rng([11, seed])
    count = 1000 if seed else 28
    unbalanced, events = [], 0
    for number in range(count):
        found, books = books_of(random_segment(number, generator))
        assert all(one.complete[1] for one in found)
        trouble = imbalance(found, books)
        events += len(books.events[0])
        if trouble is not None:
            unbalanced.append((number, trouble))
    assert all(trouble.startswith("unresolved") for _, trouble in unbalanced), unbalanced
    assert len(unbalanced) <= count / 1000, unbalanced
    assert events > count


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_books_up_to_order_three_balance_where_lists_are_complete(seed):
    generator = np.random.default_rng([12, seed])
    count = 100 if seed else 7
    unbalanced, events = [], 0
    for number in range(count):
        found, books = books_of(random_segment(number, generator, 3), 3)
        if not all(one.complete[order] for one in found for order in (1, 2, 3)):
            continue
        trouble = imbalance(found, books)
        events += len(books.events[0])
        if trouble is not None:
            unbalanced.append((number, trouble))
    assert all(trouble.startswith("unresolved") for _, trouble in unbalanced), unbalanced
    assert len(unbalanced) <= 0.01 * count, unbalanced
    assert events > count


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_fresh_search_between_the_events_finds_what_the_books_say(seed):
    generator = np.random.default_rng([13, seed])
    looked_at = 0
    for number in range(100 if seed else 7):
        path = random_segment(number, generator)
        _, books = books_of(path)
        for fraction in between_events(books, generator, 20):
            found = find_cycles(path(fraction), 1)
            assert found.complete[1]
            assert {cycle.key for cycle in found} == predicted(books, fraction), (number, fraction)
            looked_at += len(found)
    assert looked_at > 70
