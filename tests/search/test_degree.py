"""Degrees: closed forms, and the index sums of complete lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from tests.random_maps import FAMILIES, random_map, random_maps

from lossjumps import ReluMap
from lossjumps.search.degree import degrees, index_sum, proper_orders, recession_map
from lossjumps.search.splitting import split_cycles


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (0.5, 0.5, {1: 1, 2: 1, 3: 1}),
        (3.0, 3.0, {1: -1, 2: -1, 3: -1}),
        (-3.0, -3.0, {1: 1, 2: -1, 3: 1}),
        # z - F rises on the left and falls on the right: no zero far out for one sign of a constant
        (0.5, 3.0, {1: 0, 2: 0, 3: 0}),
        (3.0, -2.0, {1: 0, 2: 0, 3: 0}),
    ],
)
def test_skew_tent_maps(left, right, expected):
    assert degrees(ReluMap.plrnn([left], [[right - left]], [0.7]), 3) == expected


def test_a_slope_of_one_far_out_leaves_the_degree_unknown():
    assert degrees(ReluMap.plrnn([1.0], [[-3.0]], [0.7]), 1) == {1: None}
    # 2-cycles far out: z' = -2 z left, -z / 2 right
    assert degrees(ReluMap.plrnn([-2.0], [[1.5]], [0.7]), 2) == {1: 1, 2: None}


@pytest.mark.parametrize("A", [[0.5, -0.3], [1.5, -0.3], [1.5, 2.5], [1.5, -2.5]])
def test_clipped_networks_have_the_degree_of_their_linear_part(A):
    generator = np.random.default_rng(2)
    relu_map = ReluMap.clipped_shallow_plrnn(
        A, generator.normal(size=(2, 4)), generator.normal(size=(4, 2)), [0.1, 0.2], generator.normal(size=4)
    )
    assert recession_map(relu_map) is None
    assert degrees(relu_map, 3) == {
        order: np.sign(np.linalg.det(np.eye(2) - np.diag(A) ** order)) for order in (1, 2, 3)
    }


def test_recession_map_is_what_a_map_looks_like_from_far():
    generator = np.random.default_rng(0)
    for family in FAMILIES:
        relu_map = random_map(family, 3, 4, generator)
        directions = generator.normal(size=(50, 3))
        far = relu_map(1e9 * directions) / 1e9
        recession = recession_map(relu_map)
        near = directions @ relu_map.A.T if recession is None else recession(directions)
        np.testing.assert_allclose(near, far, atol=1e-7)


def test_a_fixed_direction_is_found():
    """z' = z along (1, 1): R has a line of fixed points on one side."""
    recession = ReluMap.plrnn([[0.5, 0.0], [0.0, 0.25]], [[0.0, 0.5], [0.75, 0.0]], [0.0, 0.0])
    np.testing.assert_allclose(recession([1.0, 1.0]), [1.0, 1.0])
    assert proper_orders(recession, 3, 10_000) == []


@settings(max_examples=60)
@given(relu_map=random_maps(3, 4))
def test_index_sums_of_complete_lists_are_the_degree(relu_map):
    result = split_cycles(relu_map, 4, max_cells=200_000)
    known = degrees(relu_map, 4)
    assert set(known) == {1, 2, 3, 4}
    for order in range(1, result.complete_order + 1):
        if known[order] is not None and not result.degenerate and not result.undecided:
            assert index_sum(result.cycles, order) == known[order]


def test_one_missing_cycle_breaks_the_sum():
    relu_map = ReluMap.plrnn([0.9], [[-3.0]], [1.0])
    result = split_cycles(relu_map, 4)
    known = degrees(relu_map, 4)
    for cycle in result.cycles:
        rest = tuple(other for other in result.cycles if other is not cycle)
        assert index_sum(rest, cycle.order) != known[cycle.order]


def test_many_dimensions_are_beyond_the_budget_and_cost_nothing():
    size = 40
    m = ReluMap.plrnn(np.full(size, 1.5), np.random.default_rng(0).normal(size=(size, size)), np.ones(size))
    assert degrees(m, 3) == {1: None, 2: None, 3: None}
