"""Cycles decided without rounding, compared with Fractions, with float64 where it is certain, and in two ways."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.random_maps import FAMILIES, all_patterns, random_map
from tests.search.fractions_of_maps import fraction_solution, has_a_solution

from lossjumps import ReluMap, find_cycles
from lossjumps.search import exact
from lossjumps.search.certified_signs import ADMISSIBLE, UNDECIDED, VIRTUAL, certified_signs
from lossjumps.search.dyadic import DyadicMap
from lossjumps.search.exact import ExactCycle, verify_cycles, verify_itinerary
from lossjumps.search.itinerary_equation import solve_in_balls, solve_rationally


def check_against_fractions(relu_map, itinerary):
    verdict = verify_itinerary(DyadicMap(relu_map), itinerary)
    solution = fraction_solution(relu_map, itinerary)
    assert verdict.is_regular == (solution is not None)
    if solution is None:
        assert (verdict.found is not None) == has_a_solution(relu_map, itinerary)
        return
    points, inputs, determinant = solution
    agrees = all(
        y >= 0 if on else y <= 0
        for row, region in zip(inputs, itinerary, strict=True)
        for y, on, acts in zip(row, region, relu_map.U.any(axis=0), strict=True)
        if acts  # the state of any other unit follows from the points
    )
    assert (verdict.found is not None) == agrees
    if not agrees:
        return
    period = next(p for p in range(1, len(points) + 1) if points == points[p:] + points[:p])
    true = np.array([[y > 0 for y in row] for row in inputs[:period]])
    shift = min(range(period), key=lambda start: np.roll(true, -start, axis=0).astype(np.uint8).tobytes())
    true = np.roll(true, -shift, axis=0)
    np.testing.assert_array_equal(verdict.found.itinerary, true)
    if isinstance(verdict.found, ExactCycle):
        expected = [[float(x) for x in points[(shift + time) % period]] for time in range(period)]
        np.testing.assert_array_equal(verdict.found.points, expected)
        if np.all(np.any(relu_map.V != 0.0, axis=1)):
            assert (verdict.found.border_distance == 0.0) == any(y == 0 for row in inputs for y in row)
        if not verdict.found.on_border and period == len(itinerary):
            assert verdict.found.index == (1 if determinant > 0 else -1)


@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 3),
    units=st.integers(1, 3),
    order=st.integers(1, 2),
    digits=st.sampled_from([0, 1, 9]),
)
def test_every_itinerary_of_small_maps_is_decided_as_fractions_decide_it(seed, size, units, order, digits):
    # entries of no digits: singular systems, points on borders, repeated units and zero rows are common
    relu_map = random_map("canonical", size, units, np.random.default_rng(seed), digits)
    generator = np.random.default_rng(seed)
    words = list(product(all_patterns(units), repeat=order))
    for choice in generator.choice(len(words), min(5, len(words)), replace=False):
        check_against_fractions(relu_map, np.array(words[choice]))


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 5), units=st.integers(1, 6))
def test_generic_maps_agree_with_float64(family, seed, size, units):
    relu_map = random_map(family, size, units, np.random.default_rng(seed))
    cycles = find_cycles(relu_map, 1).cycles
    verified = verify_cycles(relu_map, [cycle.itinerary for cycle in cycles])
    assert [cycle.key for cycle in verified.cycles] == [cycle.key for cycle in cycles]
    for same, cycle in zip(verified.cycles, cycles, strict=True):
        np.testing.assert_allclose(same.points, cycle.points, rtol=1e-7, atol=1e-9 * np.abs(cycle.points).max())
        jacobian = relu_map.jacobian(same.points[0])
        values = np.linalg.eigvals(jacobian)
        np.testing.assert_allclose(np.poly(same.spectrum.values), np.poly(values), rtol=1e-6, atol=1e-6)
        assert same.index == (1 if np.linalg.det(np.eye(size) - jacobian) > 0 else -1)
        assert same.stability == ("stable" if np.abs(values).max() < 1 else "unstable")


@given(seed=st.integers(0, 10**6), size=st.integers(1, 4), units=st.integers(1, 4), order=st.integers(1, 4))
def test_what_float64_certifies_is_so_also_beside_a_border(seed, size, units, order):
    generator = np.random.default_rng(seed)
    relu_map = random_map("canonical", size, units, generator)
    itinerary = generator.integers(0, 2, (order, units)).astype(bool)
    solution = solve_rationally(DyadicMap(relu_map), itinerary)
    # move one border to within some ulps of the point: the bias changes the point where the unit is on
    biases = relu_map.b.copy()
    biases[0] -= relu_map.V[0] @ solution.points[0] + biases[0]
    biases[0] += generator.integers(-20, 21) * np.spacing(biases[0])
    for candidate in (relu_map, ReluMap(relu_map.A, relu_map.U, relu_map.V, biases, relu_map.c)):
        solution = solve_rationally(DyadicMap(candidate), itinerary)
        relative = np.empty(itinerary.shape)
        verdict, sign, _ = certified_signs(*candidate.parameters, itinerary, relative)
        right = np.where(itinerary, solution.signs > 0, solution.signs <= 0).all()
        assert verdict in ((ADMISSIBLE, UNDECIDED) if right else (VIRTUAL, UNDECIDED))
        assert sign in (0.0, solution.determinant_sign)
        decided = relative != 0.0
        np.testing.assert_array_equal(np.sign(relative[decided]), np.where(solution.signs, solution.signs, -1)[decided])
        # what lies near a border is seen to: its other side has to be looked at
        assert np.all(np.abs(relative[np.abs(solution.relative_inputs) < 1e-12]) < 1e-11)


def test_float64_certifies_generic_maps():
    generator = np.random.default_rng(1)
    verdicts = []
    for _ in range(50):
        relu_map = random_map("shallow", 10, 10, generator)
        itinerary = generator.integers(0, 2, (2, 10)).astype(bool)
        verdicts.append(certified_signs(*relu_map.parameters, itinerary, np.empty((2, 10)))[0])
    assert UNDECIDED not in verdicts


@given(seed=st.integers(0, 10**6), size=st.integers(1, 4), order=st.integers(1, 12))
def test_balls_give_what_rational_numbers_give(seed, size, order):
    generator = np.random.default_rng(seed)
    relu_map = random_map("shallow", size, 4, generator)
    dyadic = DyadicMap(relu_map)
    itinerary = generator.integers(0, 2, (order, 4)).astype(bool)
    balls, rational = solve_in_balls(dyadic, itinerary), solve_rationally(dyadic, itinerary)
    np.testing.assert_array_equal(balls.signs, rational.signs)
    np.testing.assert_array_equal(balls.points, rational.points)
    np.testing.assert_allclose(balls.relative_inputs, rational.relative_inputs, rtol=1e-13)
    assert balls.determinant_sign == rational.determinant_sign


@pytest.mark.parametrize(("size", "order"), [(6, 40), (12, 8)])
def test_long_cycles_are_the_same_in_balls_and_in_rational_numbers(size, order, monkeypatch):
    generator = np.random.default_rng(size)
    relu_map = random_map("shallow", size, 8, generator)
    itinerary = generator.integers(0, 2, (order, 8)).astype(bool)
    in_balls = exact._multipliers(DyadicMap(relu_map), itinerary)
    monkeypatch.setattr(exact, "FEW_STATES", 0)
    rational = exact._multipliers(DyadicMap(relu_map), itinerary)
    np.testing.assert_array_equal(in_balls.values, rational.values)
    assert in_balls.stability == rational.stability
