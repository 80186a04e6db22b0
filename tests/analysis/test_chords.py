"""Bifurcations between updates, and on the straight line that leaves them out."""

from itertools import pairwise

import numpy as np

from lossjumps import ReluMap
from lossjumps.analysis.chords import compare_with_chords
from lossjumps.maps.paths import Segment


def tent(offset):
    """A stable and an unstable fixed point for offset < 0, none beyond."""
    return ReluMap.plrnn([0.5], [[1.5]], [offset])


def segments(*offsets):
    return [Segment(tent(low), tent(high)) for low, high in pairwise(offsets)]


def test_a_pair_that_vanishes_and_returns_between_updates_is_not_on_the_chord():
    hidden, same = compare_with_chords(segments(-1.0, 1.0, -1.0, -1.0, 3.0), segments(-1.0, -1.0, 3.0), 1)
    assert hidden.chord == ()
    assert [(update, event.kind, event.direction) for update, event in hidden.updates] == [
        (0, "nonsmooth_fold", "death"),
        (1, "nonsmooth_fold", "birth"),
    ]
    np.testing.assert_allclose([event.fraction for _, event in hidden.updates], 0.5, atol=1e-9)
    assert not hidden.agrees
    assert same.agrees
    assert [event.fraction for event in same.chord] == [0.25]
    assert [(update, event.fraction) for update, event in same.updates] == [(1, 0.25)]
