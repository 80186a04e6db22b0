"""Skew tent maps whose slopes and offset all move: every event of their fixed points has a closed form."""

import numpy as np
import pytest

from lossjumps import ReluMap, find_bifurcations


def tent(left, right, offset):
    """z' = left z + offset for z <= 0, right z + offset beyond."""
    return ReluMap.plrnn([left], [[right - left]], [offset])


def random_ends(generator):
    """Left slope, right slope and offset at both ends, (2, 3)."""
    return generator.uniform(-2.5, 2.5, size=(2, 3)) * [1.0, 1.0, 0.4]


def expected_events(start, end):
    """(fraction, kind, direction) of all events of the fixed points offset / (1 - slope), each on its own side."""

    def at(fraction):
        return start + fraction * (end - start)

    def root(value, column):
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = (value - start[column]) / (end[column] - start[column])
        return fraction if 0.0 < fraction < 1.0 else None

    events = []
    fraction = root(0.0, 2)
    if fraction is not None:
        left, right, _ = at(fraction)
        if (1.0 - left) * (1.0 - right) > 0.0:
            events.append((fraction, "persistence", "through"))
        else:
            # for offset > 0 the left point offset / (1 - left) exists where left > 1
            both_above = left > 1.0
            grows = end[2] > start[2]
            events.append((fraction, "nonsmooth_fold", "birth" if both_above == grows else "death"))
    for column, side in ((0, -1.0), (1, 1.0)):
        fraction = root(1.0, column)
        if fraction is not None:
            # the point lies on its side where (1 - slope) has the sign of side * offset
            exists_below_one = side * at(fraction)[2] > 0.0
            grows = end[column] > start[column]
            events.append((fraction, "degenerate_transcritical", "death" if exists_below_one == grows else "birth"))
        fraction = root(-1.0, column)
        if fraction is not None and side * at(fraction)[2] > 0.0:
            events.append((fraction, "degenerate_flip", "through"))
    return sorted(events)


def named(events):
    return [(event.fraction, event.kind, event.direction) for event in events if event.order == 1]


def agrees(found, expected, tolerance=1e-9):
    return [event[1:] for event in found] == [event[1:] for event in expected] and all(
        abs(one[0] - other[0]) <= tolerance for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_event_of_moving_tents_and_nothing_else(count):
    generator = np.random.default_rng(2)
    events = 0
    for number in range(count):
        start, end = random_ends(generator)
        expected = expected_events(start, end)
        found = named(find_bifurcations(tent(*start), tent(*end), 1))
        assert agrees(found, expected), (number, found, expected)
        events += len(expected)
    assert events > count
