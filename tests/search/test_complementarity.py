"""Fixed points as solutions of a complementarity problem: closed forms, brute force, large networks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.random_maps import FAMILIES, brute_force_fixed_points, random_map

from lossjumps import ReluMap
from lossjumps.search import solutions
from lossjumps.search.complementarity import complementarity_problem, has_one_solution
from lossjumps.search.complete import cycles_by_branching
from lossjumps.search.solutions import all_solutions

UNLIMITED = 10**9


def fixed_points(m: ReluMap, order: int = 1, threads: int = 1) -> np.ndarray:
    """First points of the cycles that branch and bound leaves, sorted."""
    result = cycles_by_branching(m, complementarity_problem(m, order), UNLIMITED, threads)
    return np.array(sorted(cycle.points[0].tolist() for cycle in result.cycles)).reshape(-1, m.dimension)


@given(
    family=st.sampled_from(FAMILIES),
    dimension=st.integers(1, 4),
    units=st.integers(1, 6),
    digits=st.sampled_from([9, 1, 0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_fixed_point_is_among_the_solutions(family, dimension, units, digits, seed):
    if family == "clipped":
        units = min(units, 4)
    if family == "dendritic":
        dimension = min(dimension, 3)
    m = random_map(family, dimension, units, np.random.default_rng(seed), digits)
    problem = complementarity_problem(m)
    if problem is None:  # I - J is singular in all regions that were tried
        return
    listed = cycles_by_branching(m, problem, UNLIMITED)
    if listed.degenerate or listed.undecided:
        return
    points = [cycle.points[0] for cycle in listed.cycles]
    for expected in brute_force_fixed_points(m).values():
        # brute force takes what is left of an exactly singular system for a point far away
        if np.abs(expected).max() < 1e10:
            assert any(np.allclose(point, expected, rtol=1e-9, atol=1e-9) for point in points)
    for cycle in listed.cycles:
        np.testing.assert_allclose(m(cycle.points[0]), cycle.points[0], rtol=1e-9, atol=1e-9)


def independent_units(number: int, two: int) -> ReluMap:
    """Independent maps z' = a z + w relu(z) + h, one fixed point each but for `two` of them, which have two."""
    # 0.5 z + 2 relu(z) - 1: -2 on the left, 2/3 on the right.  0.5 z - relu(z) + 1: 2/3 alone
    double = np.arange(number) < two
    mix = np.random.default_rng(0).permutation(number)
    return ReluMap.plrnn(
        np.full(number, 0.5), np.diag(np.where(double, 2.0, -1.0)[mix]), np.where(double, -1.0, 1.0)[mix]
    )


@pytest.mark.parametrize(("number", "two"), [(1, 1), (5, 5), (12, 7), (40, 6), (60, 0), (60, 3)])
def test_products_of_known_maps(number, two):
    points = fixed_points(independent_units(number, two))
    assert len(points) == 2**two
    assert set(np.unique(points.round(12))) <= {-2.0, round(2 / 3, 12)}


def test_coupled_network_in_disguise():
    # an invertible change of the states of independent maps: V = S^-1, so no longer a PLRNN, dense, same fixed points
    generator = np.random.default_rng(5)
    m = independent_units(24, 5)
    change = np.linalg.qr(generator.normal(size=(24, 24)))[0]
    disguised = ReluMap(change @ m.A @ change.T, change @ m.U, m.V @ change.T, m.b, change @ m.c)
    points = fixed_points(disguised) @ change
    assert sorted(map(tuple, points.round(9) + 0.0)) == sorted(map(tuple, fixed_points(m).round(9) + 0.0))


def test_a_contraction_is_settled_at_once_at_any_size():
    generator = np.random.default_rng(1)
    size = 300
    weights = generator.normal(size=(size, size))
    weights *= 0.9 / np.linalg.norm(weights, 2)
    m = ReluMap.relu_rnn(weights, generator.normal(size=size))
    problem = complementarity_problem(m)
    assert has_one_solution(problem)
    assert cycles_by_branching(m, problem, most_nodes=1).visits == 1
    (point,) = fixed_points(m)
    state = np.zeros(size)
    for _ in range(400):
        state = m(state)
    np.testing.assert_allclose(point, state, atol=1e-10)


def test_more_than_one_solution_is_never_called_one():
    assert not has_one_solution(complementarity_problem(independent_units(4, 1)))
    for seed in range(200):
        m = random_map("plrnn", 4, 4, np.random.default_rng(seed))
        if has_one_solution(complementarity_problem(m)):
            assert len(brute_force_fixed_points(m)) == 1


def test_clipped_units_are_tied_together():
    # z' = 0.5 z + 4 (relu(z + 1) - relu(z)) - 3 in each coordinate: fixed at -6, at 2 and, between, at -2/7
    one = ReluMap.clipped_shallow_plrnn([0.5], [[4.0]], [[1.0]], [-3.0], [1.0])
    np.testing.assert_allclose(fixed_points(one).ravel(), [-6.0, -2 / 7, 2.0])
    three = ReluMap.clipped_shallow_plrnn(np.full(3, 0.5), 4 * np.eye(3), np.eye(3), np.full(3, -3.0), np.ones(3))
    assert len(fixed_points(three)) == 27
    # many units: 2 only, in every coordinate, and each of the 2^60 patterns but one has to be excluded
    size = 30
    many = ReluMap.clipped_shallow_plrnn(np.full(size, 0.5), np.eye(size), np.eye(size), np.zeros(size), np.ones(size))
    np.testing.assert_allclose(fixed_points(many), np.full((1, size), 2.0))


def lyndon_words(letters: int, length: int) -> int:
    """Primitive necklaces (Moebius inversion of letters^length)."""

    def moebius(n: int) -> int:
        factors = [p for p in range(2, n + 1) if n % p == 0 and all(p % q for q in range(2, p))]
        return 0 if any(n % (p * p) == 0 for p in factors) else (-1) ** len(factors)

    return sum(moebius(d) * letters ** (length // d) for d in range(1, length + 1) if length % d == 0) // length


@pytest.mark.parametrize("order", range(1, 11))
def test_cycles_of_a_full_shift(order):
    # the tent map of slope 3 escapes from the unit interval but for a Cantor set on which it is the full shift
    m = ReluMap.plrnn([3.0], [[-6.0]], [1.0])
    found = cycles_by_branching(m, complementarity_problem(m, order), UNLIMITED)
    assert len(found.cycles) == lyndon_words(2, order)
    assert not found.degenerate and not found.undecided


@pytest.mark.parametrize("serial_nodes", [1000, 50_000])
def test_threads_and_budgets(serial_nodes, monkeypatch):
    monkeypatch.setattr(solutions, "SERIAL_NODES", serial_nodes)
    generator, size = np.random.default_rng(7), 30
    multipliers = generator.uniform(-1, 1, size)
    m = ReluMap.plrnn(multipliers, 0.2 * generator.normal(size=(size, size)) / size**0.5, generator.normal(size=size))
    problem = complementarity_problem(m)
    alone, together = (all_solutions(problem, UNLIMITED, threads) for threads in (1, 2))
    assert alone.finished and together.finished and alone.nodes > 4000
    assert alone.nodes == together.nodes
    np.testing.assert_array_equal(alone.itineraries, together.itineraries)
    for threads in (1, 2):
        assert all_solutions(problem, alone.nodes, threads).finished
        given_up = all_solutions(problem, alone.nodes - 1, threads)
        assert not given_up.finished and len(given_up.itineraries) == 0


@pytest.mark.parametrize("distance", [2.0**-10, 2.0**-22, 2.0**-30, 2.0**-40])
def test_fixed_points_far_out_are_listed(distance):
    # slope 1 - distance where the first state is positive
    size = 10
    on = np.full(size, -1.7)
    on[0] = 0.5 - distance
    m = ReluMap.plrnn(np.full(size, 0.5), np.diag(on), np.ones(size))
    (point,) = fixed_points(m)
    np.testing.assert_allclose(point, [1.0 / distance] + [1.0 / 2.2] * (size - 1))
    # slope 1 + distance, and a level below zero: in each of three states one point on either side
    on[:3] = 0.5 + distance
    level = np.append(np.full(3, -1.0), np.ones(size - 3))
    points = fixed_points(ReluMap.plrnn(np.full(size, 0.5), np.diag(on), level))
    assert len(points) == 2**3
    assert {tuple(point[:3] > 0.0) for point in points} == set(itertools.product([False, True], repeat=3))
    np.testing.assert_allclose(np.unique(points[:, 0]), [-2.0, 1.0 / distance])


def test_cycles_far_out_are_listed():
    distance = 2.0**-40
    m = ReluMap([[-(0.5 - distance)]], [[-2.0 + 0.5 - distance]], [[1.0]], [0.0], [1.0])
    (cycle,) = cycles_by_branching(m, complementarity_problem(m, 2), UNLIMITED).cycles
    np.testing.assert_allclose(np.abs(cycle.points).max(), 0.5 / distance, rtol=1e-3)


def test_no_problem_where_all_regions_are_singular():
    # a direction with multiplier 1 that no unit sees
    assert (
        complementarity_problem(ReluMap([[1.0, 0.0], [0.0, 0.5]], [[0.0], [1.0]], [[0.0, 1.0]], [0.0], [0.0, 1.0]))
        is None
    )
