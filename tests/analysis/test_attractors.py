"""Occupied attractors of maps whose attractors are known, and the largest Jacobian norm against brute force."""

import numpy as np
import pytest
from tests.random_maps import FAMILIES, random_map

from lossjumps import ReluMap
from lossjumps.analysis.attractors import largest_jacobian_norm, occupied_attractors
from lossjumps.search.regions import linear_regions


def tent(left, right, offset):
    return ReluMap.plrnn([left], [[right - left]], [offset])


def statuses(m, states, transient=200, max_period=32):
    return [attractor.status for attractor in occupied_attractors(m, np.array(states), transient, max_period)]


def test_fixed_point_cycle_chaos_and_divergence():
    (fixed,) = occupied_attractors(tent(0.5, 0.2, 1.0), np.array([[3.0]]), 200, 32)
    assert fixed.status == "cycle"
    np.testing.assert_allclose(fixed.cycle.points, [[1.25]], rtol=1e-15)
    (two,) = occupied_attractors(tent(0.2, -3.0, 1.0), np.array([[0.3]]), 200, 32)
    assert two.cycle.order == 2
    assert statuses(tent(1.5, -1.5, 1.0), [[0.3]]) == ["aperiodic"]
    assert statuses(tent(0.5, 2.0, 1.0), [[0.3]], transient=100) == ["diverged"]


def test_two_attractors_are_told_apart():
    # stable points on both sides of an unstable one
    m = ReluMap([[0.5]], [[2.5, -2.5]], [[1.0], [1.0]], [0.0, -1.0], [-1.0])
    low, high = occupied_attractors(m, np.array([[-1.0], [2.5]]), 200, 32)
    np.testing.assert_allclose(low.cycle.points, [[-2.0]])
    np.testing.assert_allclose(high.cycle.points, [[3.0]])


def test_states_that_arrive_at_one_cycle_at_different_times_share_it():
    # after as many steps an orbit and the one that is a step ahead are at the two points of its 2-cycle
    m = tent(0.2, -3.0, 1.0)
    state = np.array([0.3])
    one, other = occupied_attractors(m, np.array([state, m(state)]), 200, 32)
    assert one.cycle.order == 2
    assert other.cycle is one.cycle


def test_slow_convergence_is_recognised_by_its_regions():
    (slow,) = occupied_attractors(tent(0.5, 0.9999, 1.0), np.array([[1.0]]), 50, 16)
    assert slow.status == "cycle"
    np.testing.assert_allclose(slow.cycle.points, [[1.0 / (1.0 - 0.9999)]], rtol=1e-9)


def test_rotation_of_irrational_angle_is_aperiodic():
    turn = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    m = ReluMap(turn, np.zeros((2, 1)), np.array([[1.0, 0.0]]), np.zeros(1), np.zeros(2))
    assert statuses(m, [[1.0, 0.0]]) == ["aperiodic"]


def test_a_slow_spiral_outwards_is_bounded_motion_until_it_has_left():
    # |mu| = 1 + 1e-5: the orbit hardly moves outwards for thousands of steps, and then meets the border
    turn = (1.0 + 1e-5) * np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    inside = ReluMap(turn, np.array([[-0.5], [0.0]]), np.array([[1.0, 0.0]]), np.array([-5.0]), np.zeros(2))
    angles = np.linspace(0.0, 6.0, 16)
    states = 0.5 * np.column_stack([np.cos(angles), np.sin(angles)])
    assert statuses(inside, states, max_period=64) == ["aperiodic"] * 16
    # |mu| = 1.01 and no unit with an output: on its way after a thousand steps, gone after some thousand
    away = ReluMap(1.01 * turn, np.zeros((2, 1)), np.array([[1.0, 0.0]]), np.array([-5.0]), np.zeros(2))
    assert statuses(away, states[:1], transient=1000) == ["diverged"]


@pytest.mark.parametrize("family", FAMILIES)
def test_largest_norm_is_the_largest_over_all_regions(family):
    generator = np.random.default_rng(8)
    for _ in range(10):
        m = random_map(family, 3, 6, generator)
        regions = linear_regions(m)
        norms = [np.linalg.norm(m.A + m.U[:, pattern] @ m.V[pattern], 2) for pattern in regions.patterns]
        np.testing.assert_allclose(largest_jacobian_norm(m, regions), max(norms), rtol=1e-12)


def test_without_all_regions_the_norm_is_a_bound():
    m = random_map("shallow", 3, 8, np.random.default_rng(8))
    exact = largest_jacobian_norm(m, linear_regions(m))
    assert largest_jacobian_norm(m, linear_regions(m, max_regions=10)) >= exact
