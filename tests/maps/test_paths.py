"""Straight segments of maps."""

import numpy as np
import pytest

from lossjumps import InputError, ReluMap
from lossjumps.maps.paths import Segment


def test_ends_are_the_maps_themselves_and_between_parameters_are_mixed():
    generator = np.random.default_rng(2)
    sizes = {"A": (2, 2), "U": (2, 3), "V": (3, 2), "b": (3,), "c": (2,)}
    start, end = (ReluMap(**{name: generator.normal(size=size) for name, size in sizes.items()}) for _ in range(2))
    segment = Segment(start, end)
    assert segment(0.0) is start
    assert segment(1.0) is end
    for name in sizes:
        mixed = 0.7 * getattr(start, name) + 0.3 * getattr(end, name)
        np.testing.assert_allclose(getattr(segment(0.3), name), mixed, rtol=1e-14)


def test_maps_of_different_size_are_refused():
    one, two = (ReluMap.relu_rnn(np.eye(size), np.ones(size)) for size in (1, 2))
    with pytest.raises(InputError, match=r"maps of one size \(M, H\), got \(1, 1\) and \(2, 2\)"):
        Segment(one, two)
