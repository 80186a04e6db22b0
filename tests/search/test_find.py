"""Fixed points and cycles: against brute force, closed forms and published systems."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.random_maps import FAMILIES, brute_force_cycles, brute_force_fixed_points, random_map
from tests.reference_systems import system_map

from lossjumps import InputError, ReluMap, find_cycles


def tent(left, right, offset):
    """Skew tent map: z' = left z + offset for z <= 0, right z + offset beyond."""
    return ReluMap.plrnn([left], [[right - left]], [offset])


def keys(found, order=1):
    return {cycle.itinerary.tobytes() for cycle in found.of_order(order)}


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=st.integers(0, 10**6), dimension=st.integers(1, 5), units=st.integers(1, 8))
def test_fixed_points_are_those_of_brute_force(family, seed, dimension, units):
    m = random_map(family, dimension, units, np.random.default_rng(seed))
    found = find_cycles(m, 1)
    assert found.complete[1]
    expected = brute_force_fixed_points(m)
    assert keys(found) == set(expected)
    for cycle in found:
        point = expected[cycle.itinerary.tobytes()]
        np.testing.assert_allclose(cycle.points[0], point, rtol=1e-6, atol=1e-9 * np.abs(point).max())


@pytest.mark.parametrize("family", ["plrnn", "shallow", "clipped", "canonical"])
@given(seed=st.integers(0, 10**6))
def test_cycles_are_those_of_brute_force_where_they_are_certified(family, seed):
    m = random_map(family, 2, 2, np.random.default_rng(seed))
    found = find_cycles(m, 3)
    for order in (2, 3):
        if m.units * order <= 6:
            assert found.complete[order]
            assert keys(found, order) == brute_force_cycles(m, order)


@given(seed=st.integers(0, 10**6), dimension=st.integers(1, 3), units=st.integers(1, 6))
def test_what_is_found_is_a_cycle_with_the_stated_properties(seed, dimension, units):
    m = random_map("shallow", dimension, units, np.random.default_rng(seed))
    for cycle in find_cycles(m, 4, seed=seed):
        orbit = m.orbit(cycle.points[0], cycle.order)
        scale = 1e-7 * max(1.0, float(np.abs(cycle.points).max()))
        np.testing.assert_allclose(orbit[:-1], cycle.points, atol=scale, rtol=0)
        np.testing.assert_allclose(orbit[-1], cycle.points[0], atol=scale, rtol=0)
        np.testing.assert_array_equal(m.region(cycle.points), cycle.itinerary)
        product = np.eye(dimension)
        for point in cycle.points:
            product = m.jacobian(point) @ product
        np.testing.assert_allclose(np.poly(cycle.multipliers), np.poly(product), rtol=1e-6, atol=1e-8)
        assert cycle.index == np.sign(np.linalg.det(np.eye(dimension) - product))
        assert cycle.is_stable == (np.abs(np.linalg.eigvals(product)).max() < 1)


def test_skew_tent_map_in_closed_form():
    found = find_cycles(tent(0.5, -3.0, 1.0), 6)
    fixed = found.of_order(1)
    assert len(fixed) == 1
    np.testing.assert_allclose(fixed[0].points, [[1.0 / (1.0 + 3.0)]], rtol=1e-15)
    np.testing.assert_allclose(fixed[0].multipliers, [-3.0])
    two = found.of_order(2)[0]
    # x_L = mu (1 + r) / (1 - l r), x_R = mu (1 + l) / (1 - l r) = 1.5 / 2.5; multiplier l r
    np.testing.assert_allclose(sorted(two.points[:, 0]), [(1 - 3) / 2.5, 1.5 / 2.5], rtol=1e-14)
    np.testing.assert_allclose(two.multipliers, [-1.5])
    assert all(found.complete.values())


def test_full_tent_map_has_all_its_cycles():
    # conjugate to the doubling shift: the number of k-cycles is the number of Lyndon words over two letters
    found = find_cycles(tent(2.0, -2.0, 1.0), 8)
    assert [len(found.of_order(order)) for order in range(1, 9)] == [2, 1, 2, 3, 6, 9, 18, 30]
    assert all(found.complete[order] for order in range(1, 9))


@pytest.mark.parametrize("slope", [8.0, 12.0, 100.0])
def test_cycles_with_huge_multipliers_are_not_lost_in_rounding(slope):
    # the same shift: multipliers of the 10-cycles are slope^10, up to 10^20
    found = find_cycles(tent(slope, -slope, 1.0), 10)
    assert [len(found.of_order(order)) for order in range(1, 11)] == [2, 1, 2, 3, 6, 9, 18, 30, 56, 99]
    assert all(found.complete.values())
    assert set(found.index_sum.values()) == {0}
    for cycle in found.of_order(10):
        np.testing.assert_allclose(cycle.largest_multiplier, slope**10, rtol=1e-12)
        images = tent(slope, -slope, 1.0)(cycle.points)
        np.testing.assert_allclose(images, np.roll(cycle.points, -1, axis=0), rtol=1e-12, atol=1e-12)


def test_index_sum_of_a_clipped_map_with_contracting_linear_part_is_one():
    generator = np.random.default_rng(3)
    for _ in range(20):
        m = ReluMap.clipped_shallow_plrnn(
            generator.uniform(-0.9, 0.9, 2),
            3 * generator.normal(size=(2, 3)),
            generator.normal(size=(3, 2)),
            generator.normal(size=2),
            generator.normal(size=3),
        )
        found = find_cycles(m, 2)
        assert found.complete[1]
        assert found.complete[2]
        assert found.index_sum == {1: 1, 2: 1}


def test_index_sum_is_none_where_nothing_is_certified():
    m = random_map("shallow", 3, 20, np.random.default_rng(0))
    found = find_cycles(m, 2, certified_units=20)
    assert found.complete == {1: True, 2: False}
    assert found.index_sum[1] is not None
    assert found.index_sum[2] is None
    assert not find_cycles(m, 1, method="scyfi").complete[1]


def test_scyfi_finds_the_fixed_points_of_large_networks_in_few_visits():
    generator = np.random.default_rng(7)
    found_all = 0
    for _ in range(10):
        m = ReluMap.plrnn(
            generator.uniform(-0.5, 0.5, 12), generator.normal(size=(12, 12)) / 4, generator.normal(size=12)
        )
        complete, walked = find_cycles(m, 1), find_cycles(m, 1, method="scyfi")
        assert keys(walked) <= keys(complete)
        assert complete.complete[1] and walked.visits[1] < 2**12 / 4
        found_all += keys(walked) == keys(complete)
    assert found_all >= 9


def test_a_continuum_of_fixed_points_is_degenerate_and_not_complete():
    identity = ReluMap.plrnn([1.0], [[0.0]], [0.0])
    found = find_cycles(identity, 1)
    # the unit has no outputs: both sides of its border are one line of fixed points
    assert len(found.degenerate) == 1
    assert not found.complete[1]
    # two half-lines: F(z) = z where two units of opposite sign cancel, once their border is passed, and before it
    halves = find_cycles(ReluMap([[1.0]], [[0.5, -0.5]], [[1.0], [1.0]], [0.0, 0.0], [0.0]), 1)
    assert [itinerary.tolist() for itinerary in halves.degenerate] == [[[False, False]], [[True, True]]]
    # z' = -z: every point lies on a 2-cycle around the fixed point
    found = find_cycles(ReluMap.plrnn([-1.0], [[0.0]], [1.0]), 2)
    assert found.complete == {1: True, 2: False}
    # a singular I - J without a solution is no continuum: z' = z + 1
    found = find_cycles(ReluMap.plrnn([1.0], [[0.0]], [1.0]), 1)
    assert found.complete[1]
    assert len(found) == 0


def test_states_of_very_different_scale_are_decided_by_their_exact_signs():
    # the unit reads the small state, whose distance from the border is far below the rounding of the large one
    apart = ReluMap(np.eye(2) * 0.5, [[2.0], [0.0]], [[1.0, 0.0]], [0.0], [1e-6, 1e7])
    for verify in ("float", "exact"):
        found = find_cycles(apart, 1, verify=verify)
        assert len(found) == 0
        assert found.complete[1]
    stays = ReluMap(np.eye(2) * 0.5, [[0.25], [0.0]], [[1.0, 0.0]], [0.0], [1e-6, 1e7])
    (fixed,) = find_cycles(stays, 1)
    np.testing.assert_allclose(fixed.points[0], [4e-6, 2e7])
    assert fixed.itinerary.all()


def test_a_border_cycle_that_attracts_whatever_the_side_is_stable():
    m = ReluMap([[0.5]], [[0.25]], [[1.0]], [0.0], [0.0])
    (fixed,) = find_cycles(m, 1)
    assert fixed.is_stable
    assert fixed.index == 1
    (saddle,) = find_cycles(ReluMap([[0.5]], [[1.5]], [[1.0]], [0.0], [0.0]), 1)
    assert not saddle.is_stable
    assert saddle.index == 0  # attracts from one side and repels on the other: nothing is left of it when it is shifted


def test_a_fixed_point_on_its_border_is_found_once_and_said_to_be_unsafe():
    m = ReluMap.shallow_plrnn([0.5, 0.25], [[1.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], [0.0, 0.0])
    (fixed,) = find_cycles(m, 1)
    np.testing.assert_array_equal(fixed.points, [[0.0, 0.0]])
    assert fixed.near_border
    (twin,) = find_cycles(ReluMap([[0.5]], [[0.1, 0.1]], [[1.0], [1.0]], [0.0, 0.0], [0.0]), 1)
    assert twin.near_border
    (interior,) = find_cycles(tent(0.5, 0.2, 1.0), 1)
    assert not interior.near_border


def test_same_seed_same_result_and_starts_are_walked_first():
    m = random_map("shallow", 3, 12, np.random.default_rng(11))
    once, again = (find_cycles(m, 5, seed=4) for _ in range(2))
    assert [cycle.key for cycle in once] == [cycle.key for cycle in again]
    assert all((a.points == b.points).all() for a, b in zip(once, again, strict=True))
    teacher = system_map("plrnn__16_cycle_2D")
    cycles = find_cycles(teacher, 16).of_order(16)
    walked = find_cycles(teacher, 16, method="scyfi", starts=cycles, max_visits=2)
    assert keys(walked, 16) == {cycle.itinerary.tobytes() for cycle in cycles}


def test_random_starts_reach_every_unit_where_the_regions_are_not_all_listed():
    # the only fixed point has the last unit on, which the first patterns in binary order have off
    size = 12
    m = ReluMap.plrnn(np.full(size, 0.5), np.zeros((size, size)), -np.ones(size) + 2 * (np.arange(size) == size - 1))
    (fixed,) = find_cycles(m, 1, max_nodes=1)
    np.testing.assert_allclose(fixed.points[0], 2 * (-np.ones(size) + 2 * (np.arange(size) == size - 1)))


def test_progress_is_a_line_an_order(capsys):
    find_cycles(tent(0.5, -3.0, 1.0), 2, progress=True)
    assert capsys.readouterr().err.splitlines() == [
        "order 1 of 2: 1 found, complete by regions, 2 visits",
        "order 2 of 2: 1 found, complete by splitting, 3 visits",
    ]


def test_each_order_is_told_to_a_function():
    said = []
    find_cycles(tent(0.5, -3.0, 1.0), 3, progress=lambda *step: said.append(step))
    assert [step[:2] for step in said] == [(1, 3), (2, 3), (3, 3)]
    assert said[0][2].startswith("1 found, complete by regions")
    with pytest.raises(InputError, match="progress: expected True, False or a function"):
        find_cycles(tent(0.5, -3.0, 1.0), progress="yes")


def test_bad_arguments_are_refused():
    m = tent(0.5, -3.0, 1.0)
    for arguments, message in (
        ({"max_order": 0}, "max_order: expected an integer >= 1, got 0"),
        ({"max_order": 2.0}, "max_order: expected an integer >= 1"),
        ({"method": "guess"}, "method: expected one of auto, complete, scyfi, scyfi-paper, got 'guess'"),
        ({"max_visits": 0}, "max_visits"),
        ({"seed": -1}, "seed: expected an integer >= 0"),
        (
            {"box": 1.0},
            r"box: expected lower and upper bounds, .* shape \(1,\), lower < upper, got 1.0",
        ),
        ({"box": (1, 0)}, "box: expected lower and upper"),
        ({"box": (0, np.inf)}, "box: expected lower and upper"),
        ({"box": ([0, 0], [1, 1])}, "box: expected lower and upper"),
        ({"verify": "symbolic"}, "verify: expected one of float, exact, got 'symbolic'"),
        ({"threads": 0}, "threads: expected an integer >= 1"),
        (
            {"starts": [np.zeros((1, 3), dtype=bool)]},
            r"starts: expected cycles or .* of shape \(k, 1\)",
        ),
    ):
        with pytest.raises(InputError, match=message):
            find_cycles(m, **({"max_order": 1} | arguments))
    # no unit sees the first state, which has multiplier 1, and there are too many regions
    borders = np.random.default_rng(0).normal(size=(60, 12)) * (np.arange(12) > 0)
    unseen = ReluMap(np.eye(12), np.ones((12, 60)) * (np.arange(12) > 0)[:, None], borders, np.ones(60), np.ones(12))
    with pytest.raises(InputError, match='method="complete": no way is known'):
        find_cycles(unseen, 1, method="complete")
