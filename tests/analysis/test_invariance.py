"""Events do not depend on the largest order that is searched, nor on how finely a path is cut."""

from itertools import pairwise

import numpy as np
import pytest
from tests.analysis.test_random_segments import random_segment
from tests.analysis.test_skew_tents import random_ends, tent

from lossjumps import find_bifurcations
from lossjumps.maps.paths import Segment


def segments(seed, count):
    """Skew tents, and random maps of all families in up to three dimensions."""
    generator = np.random.default_rng([14, seed])
    for number in range(count):
        if number % 2:
            yield random_segment(number // 2, generator, 3)
        else:
            yield Segment(*(tent(*end) for end in random_ends(generator)))


def described(events, order, low=0.0, high=1.0):
    return [
        (low + event.fraction * (high - low), event.kind, event.direction) for event in events if event.order == order
    ]


def assert_same(events, expected):
    assert [event[1:] for event in events] == [event[1:] for event in expected]
    np.testing.assert_allclose([event[0] for event in events], [event[0] for event in expected], rtol=0, atol=1e-9)


@pytest.mark.parametrize("count", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_events_of_an_order_are_the_same_for_every_larger_order_searched(count):
    looked_at = 0
    for path in segments(0, count):
        by_order = [find_bifurcations(path.start, path.end, max_order) for max_order in (1, 2, 3)]
        for order in (1, 2):
            expected = described(by_order[-1], order)
            looked_at += len(expected)
            for events in by_order[order - 1 : -1]:
                assert_same(described(events, order), expected)
    assert looked_at > count


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_events_of_fixed_points_are_the_same_however_finely_the_path_is_cut(count):
    generator = np.random.default_rng(15)
    looked_at = 0
    for path in segments(1, count):
        expected = described(find_bifurcations(path.start, path.end, 1), 1)
        looked_at += len(expected)
        cuts = [0.0, *sorted(generator.uniform(size=5)), 1.0]
        parts = []
        for low, high in pairwise(cuts):
            parts += described(find_bifurcations(path(low), path(high), 1), 1, low, high)
        assert_same(parts, expected)
    assert looked_at > 2 * count
