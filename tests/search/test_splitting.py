"""Cycles by itinerary splitting: closed forms, published systems, brute force over all words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.random_maps import FAMILIES, brute_force_cycles, random_map, random_maps
from tests.reference_systems import SYSTEMS, cycle_counts, system_map

from lossjumps import ReluMap, find_cycles
from lossjumps.search import itineraries
from lossjumps.search.boxes import Box, absorbing_box
from lossjumps.search.cells import refresh, tighten, whole_simplex
from lossjumps.search.degree import degrees, index_sum
from lossjumps.search.splitting import split_cycles


def counts(result) -> dict[int, int]:
    orders = [cycle.order for cycle in result.cycles]
    return {order: orders.count(order) for order in sorted(set(orders))}


def primitive_cycles(fixed_points_of_iterates: list[int]) -> dict[int, int]:
    """Numbers of k-cycles from the numbers of fixed points of F, F^2, ...: what lower orders leave, over k."""
    cycles: dict[int, int] = {}
    for order, fixed in enumerate(fixed_points_of_iterates, start=1):
        lower = sum(divisor * count for divisor, count in cycles.items() if order % divisor == 0)
        cycles[order] = (fixed - lower) // order
    return {order: count for order, count in cycles.items() if count}


def tent(slope: float) -> ReluMap:
    """z' = 1 - slope |z|."""
    return ReluMap([[0.0]], [[-slope, -slope]], [[1.0], [-1.0]], [0.0, 0.0], [1.0])


# Cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_depth_of_a_cell_is_that_of_the_linear_program_after_every_row(seed):
    generator = np.random.default_rng(seed)
    corners, count = int(generator.integers(2, 6)), 10
    rows = np.zeros((count + 1, corners))
    rows[1:] = generator.uniform(-1.0, 1.0, size=(count, corners)) + 0.3 * (seed % 2)
    inverse, basis = np.empty((corners + 1, corners + 1)), np.empty(corners + 1, dtype=np.int64)
    whole_simplex(rows, inverse, basis)
    for used in range(2, count + 2):
        solution = linprog(
            np.append(np.zeros(corners), -1.0),
            A_ub=np.column_stack([-rows[:used], np.ones(used)]),
            b_ub=np.zeros(used),
            A_eq=np.append(np.ones(corners), 0.0)[None],
            b_eq=[1.0],
            bounds=[(0.0, None)] * corners + [(None, None)],
        )
        not_empty = tighten(rows, used, inverse, basis)
        assert not_empty == (-solution.fun > 0.0)
        if not not_empty:
            break
        assert inverse[-1, 0] == pytest.approx(-solution.fun, abs=1e-9)
        fresh = inverse.copy()
        refresh(rows, fresh, basis)
        np.testing.assert_allclose(fresh, inverse, atol=1e-8 * np.abs(inverse).max())


# Closed forms -----------------------------------------------------------------------------------------------------


def test_tent_map_with_a_gap_is_a_full_shift():
    """Slope above 2: every word over two letters is one cycle, 2^k fixed points of F^k."""
    result = split_cycles(tent(2.5), 12)
    assert result.complete_order == 12
    assert counts(result) == primitive_cycles([2**order for order in range(1, 13)])
    assert counts(result)[12] == 335


def test_tent_map_of_slope_two_has_its_turning_orbit_on_a_fixed_point():
    assert counts(split_cycles(tent(2.0), 10)) == primitive_cycles([2**order for order in range(1, 11)])


def test_skew_tent_map_with_an_attracting_three_cycle():
    """Slopes 0.3 and -8: a stable 3-cycle LLR, and what a period-3 window of a unimodal map forces."""
    skew = ReluMap.plrnn([[0.3]], [[-8.3]], [1.0])
    result = split_cycles(skew, 3)
    three = [cycle for cycle in result.cycles if cycle.order == 3]
    assert counts(result) == {1: 1, 2: 1, 3: 2}
    assert sorted(cycle.is_stable for cycle in three) == [False, True]
    assert min(cycle.largest_multiplier for cycle in three) == pytest.approx(0.3 * 0.3 * 8.0)


def test_lozi_map_with_a_horseshoe_is_a_full_shift():
    """(x, y) -> (1 - 4 |x| + y, 0.3 x): expanding and contracting cones everywhere, all words occur."""
    lozi = ReluMap(
        [[0.0, 1.0], [0.3, 0.0]], [[-4.0, -4.0], [0.0, 0.0]], [[1.0, 0.0], [-1.0, 0.0]], [0.0, 0.0], [1.0, 0.0]
    )
    result = split_cycles(lozi, 10)
    assert counts(result) == primitive_cycles([2**order for order in range(1, 11)])


def test_product_of_tent_maps_and_a_contraction():
    """Fixed points of iterates multiply: 4^k for two full shifts, mixed by a change of coordinates."""
    mix = np.array([[1.0, 0.4, -0.3], [0.2, 1.0, 0.5], [-0.6, 0.1, 1.0]])
    inverse = np.linalg.inv(mix)
    turns = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    falls = np.array([[-2.5, -2.5, 0.0, 0.0], [0.0, 0.0, -2.5, -2.5], [0.0, 0.0, 0.0, 0.0]])
    product = ReluMap(
        mix @ np.diag([0.0, 0.0, 0.5]) @ inverse, mix @ falls, turns @ inverse, np.zeros(4), mix @ [1.0, 1.0, 1.0]
    )
    result = split_cycles(product, 5)
    assert counts(result) == primitive_cycles([4**order for order in range(1, 6)])


# Published systems ------------------------------------------------------------------------------------------------

PUBLISHED = [name for name, system in SYSTEMS.items() if system["complete_up_to_order"] >= 16]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_systems_in_the_whole_plane(name):
    order = SYSTEMS[name]["complete_up_to_order"]
    result = split_cycles(system_map(name), order)
    assert result.complete_order == order
    assert not result.degenerate and not result.undecided
    assert counts(result) == cycle_counts(name)


# Brute force ------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(relu_map=random_maps(3, 3))
def test_cycles_are_those_of_brute_force(relu_map):
    max_order = max(1, min(4, 9 // relu_map.units))
    result = split_cycles(relu_map, max_order)
    assert result.complete_order == max_order
    assert not result.degenerate and not result.undecided
    for order in range(1, max_order + 1):
        found = {itineraries.key(cycle.itinerary)[1] for cycle in result.cycles if cycle.order == order}
        assert found == brute_force_cycles(relu_map, order)


@settings(max_examples=40, deadline=None)
@given(family=st.sampled_from(FAMILIES), seed=st.integers(0, 2**32 - 1))
def test_cycles_in_a_box_are_those_of_the_space_that_lie_in_it(family, seed):
    generator = np.random.default_rng(seed)
    relu_map = random_map(family, int(generator.integers(1, 4)), 2, generator)
    everywhere = split_cycles(relu_map, 4)
    box = Box(-generator.uniform(0.1, 3.0, relu_map.dimension), generator.uniform(0.1, 3.0, relu_map.dimension))
    inside = {
        cycle.key for cycle in everywhere.cycles if np.all((cycle.points >= box.lower) & (cycle.points <= box.upper))
    }
    result = split_cycles(relu_map, 4, box)
    assert result.complete_order == 4
    assert {cycle.key for cycle in result.cycles} == inside


def test_units_that_switch_together_or_do_not_matter_change_nothing_but_the_itineraries():
    relu_map, expected = system_map("plrnn__16_cycle_2D"), cycle_counts("plrnn__16_cycle_2D")
    A, U, V, b, c = relu_map.parameters
    # the same unit twice with half the output each, one silent unit, one that is always on and one always off
    padded = ReluMap(
        A,
        np.column_stack([U[:, :1] / 2, U[:, 1:], U[:, :1] / 2, [0.0, 0.0], [0.1, -0.2], [1.0, 1.0]]),
        np.vstack([V, 2.0 * V[:1] / 2.0, [1.0, -0.3], [0.0, 0.0], [0.0, 0.0]]),
        np.array([*b, 0.0, 0.2, 1.0, -1.0]),
        c - [0.1, -0.2],
    )
    plain, result = split_cycles(relu_map, 16), split_cycles(padded, 16)
    assert counts(result) == expected
    for one, other in zip(plain.cycles, result.cycles, strict=True):
        np.testing.assert_array_equal(other.itinerary, padded.region(other.points))
        assert sorted(one.points[:, 0]) == pytest.approx(sorted(other.points[:, 0]), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_random_search_finds_is_in_the_list(seed):
    """High orders in three dimensions, where words of transients are left out."""
    generator = np.random.default_rng(seed)
    relu_map = ReluMap.clipped_shallow_plrnn(
        generator.uniform(0.3, 0.9, 3),
        generator.normal(size=(3, 7)),
        generator.normal(size=(7, 3)),
        0.3 * generator.normal(size=3),
        generator.normal(size=7),
    )
    result = split_cycles(relu_map, 9, absorbing_box(relu_map), bounded=True)
    listed = {cycle.key for cycle in result.cycles}
    assert result.complete_order >= 6
    searched = [cycle for cycle in find_cycles(relu_map, result.complete_order, method="scyfi", max_visits=20_000)]
    assert {cycle.key for cycle in searched} <= listed
    known = degrees(relu_map, result.complete_order)
    assert all(index_sum(result.cycles, order) == degree for order, degree in known.items())


def test_a_budget_that_ends_leaves_lower_orders_complete():
    relu_map = tent(2.5)
    result = split_cycles(relu_map, 30, max_cells=2000)
    assert 4 <= result.complete_order < 30
    assert counts(result) == primitive_cycles([2**order for order in range(1, result.complete_order + 1)])


def test_a_continuum_of_cycles_is_degenerate():
    """z' = -2 z left and -z / 2 right of 0: every point but 0 is on a 2-cycle."""
    result = split_cycles(ReluMap([[-2.0]], [[1.5]], [[1.0]], [0.0], [0.0]), 4)
    assert counts(result) == {1: 1}
    assert [itinerary.tolist() for itinerary in result.degenerate if len(itinerary) == 2] == [[[False], [True]]]


def test_borders_through_one_point_cost_no_more_than_others():
    """All borders W2 z = 0 of a clipped network meet at 0: not every one of their 2^H patterns there is a cell."""
    generator = np.random.default_rng(5)
    M, H = 2, 14
    relu_map = ReluMap.clipped_shallow_plrnn(
        generator.uniform(0.3, 0.9, M),
        generator.normal(size=(M, H)),
        generator.normal(size=(H, M)),
        generator.normal(size=M),
        generator.normal(size=H),
    )
    result = split_cycles(relu_map, 1)
    # lines in the plane: 1 + lines + crossings; the H lines through 0 count as one crossing with H - 1 extra cells
    crossings = H * (H - 1) + H * (H - 1) // 2 + (H - 1)
    assert result.cells[1] == 1 + 2 * H + crossings


def test_a_linear_map_has_its_fixed_point_only():
    result = split_cycles(ReluMap([[0.5, 1.0], [0.0, -2.0]], [[0.0], [0.0]], [[1.0, 1.0]], [0.3], [1.0, 3.0]), 6)
    assert counts(result) == {1: 1}
    np.testing.assert_allclose(result.cycles[0].points, [[4.0, 1.0]], atol=1e-12)
