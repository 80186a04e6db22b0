"""Straight segments of maps."""

import numpy as np
import pytest
from tests.random_maps import family_parameters

from lossjumps import InputError, ReluMap
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.paths import ParameterSegment, Segment


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


def test_a_segment_of_a_familys_own_parameters():
    """Basis weights times W is a product: halfway between two networks it is not the mean of their products."""
    family = FAMILIES["dendritic_plrnn"]
    generator = np.random.default_rng(3)
    start, end = (family_parameters("dendritic_plrnn", generator) for _ in range(2))
    segment = ParameterSegment(family, start, end)
    assert all((segment(0.0).U == family.relu_map(start).U).ravel())
    assert all((segment(1.0).U == family.relu_map(end).U).ravel())
    mixed = {name: 0.75 * start[name] + 0.25 * end[name] for name in start}
    z = generator.normal(size=3)
    basis = sum(alpha * np.maximum(z - theta, 0) for alpha, theta in zip(mixed["alphas"], mixed["thetas"], strict=True))
    np.testing.assert_allclose(segment(0.25)(z), mixed["A"] * z + mixed["W"] @ basis + mixed["h"], rtol=1e-13)
    straight = Segment(family.relu_map(start), family.relu_map(end))
    assert np.abs(segment(0.25).U - straight(0.25).U).max() > 0.01


@pytest.mark.parametrize("name", ["canonical", "plrnn", "shallow_plrnn", "relu_rnn"])
def test_linear_families_have_the_same_segments(name):
    family = FAMILIES[name]
    generator = np.random.default_rng(4)
    assert family.is_linear
    start, end = (family_parameters(name, generator) for _ in range(2))
    own, straight = ParameterSegment(family, start, end), Segment(family.relu_map(start), family.relu_map(end))
    for one, other in zip(own(0.3).parameters, straight(0.3).parameters, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-14)
