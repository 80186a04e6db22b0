"""Absorbing boxes: closed forms, orbits that end in them, cycles that lie in them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.random_maps import FAMILIES, random_map

from lossjumps import ReluMap
from lossjumps.search.boxes import Box, absorbing_box, image_bounds
from lossjumps.search.splitting import split_cycles


def test_clipped_network_in_one_dimension_by_hand():
    """z' = z / 2 + [relu(z + 1) - relu(z)] + 1: the bracket is in [0, 1], so 2 <= z <= 4; then it is 1 and z = 4."""
    box = absorbing_box(ReluMap.clipped_shallow_plrnn([0.5], [[1.0]], [[1.0]], [1.0], [1.0]))
    np.testing.assert_allclose([box.lower[0], box.upper[0]], [4.0, 4.0], atol=0.02)
    assert box.lower[0] < 4.0 < box.upper[0]


def test_inhibition_does_not_count():
    """z' = 0.9 z - 50 relu(z) + 1 is never above 1, so never below 1.9 - 50 again; its Lipschitz constant is 49.1."""
    box = absorbing_box(ReluMap.plrnn([0.9], [[-50.0]], [1.0]))
    assert box is not None
    np.testing.assert_allclose([box.lower[0], box.upper[0]], [-48.1, 1.0], atol=0.1)


def test_full_linear_part_with_large_entries():
    """[[0, 10], [0.02, 0]] has spectral radius sqrt(0.2): a bound needs its eigenvectors or two signs."""
    relu_map = ReluMap.clipped_shallow_plrnn(
        [[0.3, 10.0], [-0.03, 0.2]], [[1.0, -0.5], [0.2, 1.0]], [[1.0, 0.3], [-0.2, 1.0]], [0.1, -0.4], [0.5, -1.0]
    )
    assert np.abs(relu_map.A).sum(axis=1).max() > 10.0
    box = absorbing_box(relu_map)
    states = np.random.default_rng(0).normal(size=(100, 2)) * 1e3
    for _ in range(200):
        states = relu_map(states)
    assert np.all((states >= box.lower) & (states <= box.upper))


@pytest.mark.parametrize(
    "relu_map",
    [
        ReluMap.plrnn([0.5], [[0.6]], [1.0]),  # grows like 1.1 z
        ReluMap.plrnn([1.0], [[-0.5]], [0.0]),  # every z <= 0 is fixed
        ReluMap.clipped_shallow_plrnn([1.01], [[1.0]], [[1.0]], [0.0], [1.0]),
        ReluMap([[0.0]], [[-2.0, -2.0]], [[1.0], [-1.0]], [0.0, 0.0], [1.0]),  # tent map
    ],
)
def test_no_box_without_a_proof(relu_map):
    assert absorbing_box(relu_map) is None


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), seed=st.integers(0, 2**32 - 1))
def test_orbits_end_in_the_box_and_all_cycles_of_the_space_are_in_it(family, seed):
    generator = np.random.default_rng(seed)
    drawn = random_map(family, int(generator.integers(1, 4)), int(generator.integers(1, 4)), generator)
    shrink = generator.uniform(0.2, 0.9)
    relu_map = ReluMap(shrink * drawn.A, generator.choice([0.1, 0.4, 1.0]) * drawn.U, drawn.V, drawn.b, drawn.c)
    box = absorbing_box(relu_map)
    assume(box is not None)
    states = 100.0 * generator.normal(size=(100, relu_map.dimension))
    for _ in range(2000):
        states = relu_map(states)
    width = box.upper - box.lower
    assert np.all((states >= box.lower - 1e-6 * width) & (states <= box.upper + 1e-6 * width))
    everywhere = split_cycles(relu_map, 4)
    inside = split_cycles(relu_map, 4, box, bounded=True)
    assert inside.complete_order == everywhere.complete_order == 4
    assert [cycle.key for cycle in inside.cycles] == [cycle.key for cycle in everywhere.cycles]


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), seed=st.integers(0, 2**32 - 1))
def test_image_bounds_hold_the_image_and_touch_it_in_one_dimension(family, seed):
    generator = np.random.default_rng(seed)
    relu_map = random_map(family, int(generator.integers(1, 4)), 3, generator)
    lower = generator.normal(size=relu_map.dimension)
    box = Box(lower, lower + generator.uniform(0.0, 2.0, relu_map.dimension))
    bounds = image_bounds(relu_map, box)
    images = relu_map(generator.uniform(box.lower, box.upper, size=(2000, relu_map.dimension)))
    assert np.all((images >= bounds.lower) & (images <= bounds.upper))


@pytest.mark.parametrize("scale", [1e-18, 1e-300])
def test_the_box_of_a_chain_that_shrinks_to_its_fixed_point_contains_it(scale):
    # nearly linear: states follow one another and all end where the last one does
    A = np.diag([0.9999] * 4) + np.diag([-1.0, 1.0, -1.0], 1)
    U, V = scale * np.array([[-0.7], [-1.3], [-0.9], [0.8]]), np.array([[-0.9, 1.0, -1.0, 1.2]])
    relu_map = ReluMap(A, U, V, [-4.6], [-1.1, 1.0, 2.3, 7e-5])
    box = absorbing_box(relu_map)
    fixed_point = np.linalg.solve(np.eye(4) - A, relu_map.c)
    assert (box.lower <= fixed_point).all() and (fixed_point <= box.upper).all()
