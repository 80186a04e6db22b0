"""Points of cycles of any order: against balls of many digits, and in closed form."""

import numpy as np
import pytest
from flint import arb_mat, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from lossjumps import ReluMap
from lossjumps.search.dyadic import DyadicMap, identity
from lossjumps.search.itinerary_equation import ball_composition
from lossjumps.search.periodic import virtual_cycle

BITS = 2000


def solve(relu_map, itinerary):
    """Points, unit inputs, sign det(I - T) and residual of an itinerary."""
    points = np.empty((len(itinerary), relu_map.dimension))
    inputs = np.empty(itinerary.shape)
    sign, residual = virtual_cycle(*relu_map.parameters, itinerary, points, inputs)
    return points, inputs, sign, residual


def in_many_digits(relu_map, itinerary):
    """The points, rounded, and sign det(I - T): each rotation solved for by itself, with 2000 bits."""
    dyadic = DyadicMap(relu_map)
    points = []
    with ctx.workprec(BITS):
        for shift in range(len(itinerary)):
            product, offset = ball_composition(dyadic, np.roll(itinerary, -shift, axis=0))
            system = arb_mat(identity(relu_map.dimension)) - product
            points.append([float(value) for value in system.solve(offset).entries()])
        determinant = system.det()
    return np.array(points), 1.0 if determinant > 0 else -1.0


def strong_map(generator, dimension, units, strength, scales):
    """A map whose steps expand or contract by about `strength`, its states of the given scales."""
    A = strength * generator.normal(size=(dimension, dimension)) / np.sqrt(dimension)
    U = strength * generator.normal(size=(dimension, units)) / np.sqrt(dimension)
    V = generator.normal(size=(units, dimension))
    b, c = generator.normal(size=units), generator.normal(size=dimension)
    return ReluMap(scales[:, None] * A / scales, scales[:, None] * U, V / scales, b, scales * c)


@given(
    seed=st.integers(0, 10**6),
    dimension=st.integers(1, 8),
    units=st.integers(1, 6),
    order=st.integers(1, 40),
    strength=st.floats(-1.0, 1.0),
    scaled=st.booleans(),
)
@settings(max_examples=40)
def test_points_are_those_of_many_digits(seed, dimension, units, order, strength, scaled):
    generator = np.random.default_rng(seed)
    scales = 10.0 ** generator.uniform(-6, 7, dimension) if scaled else np.ones(dimension)
    relu_map = strong_map(generator, dimension, units, 10.0**strength, scales)
    itinerary = generator.integers(0, 2, (order, units)).astype(bool)
    points, inputs, sign, residual = solve(relu_map, itinerary)
    expected, expected_sign = in_many_digits(relu_map, itinerary)
    assert residual <= 1.0
    assert sign == expected_sign
    # each state for itself, be it 1e-6 or 1e7
    assert np.all(np.abs(points - expected) <= 1e-10 * np.abs(expected).max(axis=0))
    sizes = np.abs(relu_map.b) + np.abs(points) @ np.abs(relu_map.V).T
    assert np.all(np.abs(inputs - points @ relu_map.V.T - relu_map.b) <= 1e-14 * sizes)


@pytest.mark.parametrize("slope", [0.25, 3.0, 1e3])
@pytest.mark.parametrize("order", [83, 2000, 10_000])
def test_points_of_a_full_shift_in_closed_form(order, slope):
    # z' = +-slope z + offset: the sum over the past of a contraction, over the future of an expansion
    generator = np.random.default_rng(order)
    signs = generator.choice([-1.0, 1.0], order)
    relu_map = ReluMap.plrnn([slope], [[-2 * slope]], [1.0])
    points, _, sign, residual = solve(relu_map, (signs < 0)[:, None])
    assert residual <= 1.0
    assert sign == (1.0 if slope < 1.0 else -np.prod(signs))
    expected = np.empty(order)
    reach = 60
    for time in range(order):
        later = signs[(time + np.arange(reach)) % order] * slope
        earlier = signs[(time - 1 - np.arange(reach)) % order] * slope
        past = 1.0 + np.cumprod(earlier).sum()
        future = -(1.0 / np.cumprod(later)).sum()
        expected[time] = past if slope < 1.0 else future
    np.testing.assert_allclose(points[:, 0], expected, rtol=1e-13, atol=1e-13)


def test_a_saddle_with_multipliers_beyond_all_bounds():
    # diag(100, 1/100) in turned coordinates, with kicks: T has entries of 1e+-2000 and is not of this world
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    kicks = np.array([1.0, -2.0])
    linear = turn @ np.diag([100.0, 0.01]) @ turn.T
    relu_map = ReluMap(linear, turn @ kicks[:, None], np.zeros((1, 2)), [1.0], [0.0, 0.0])
    kicked = np.random.default_rng(0).integers(0, 2, 1000).astype(bool)
    points, _, sign, residual = solve(relu_map, kicked[:, None])
    assert residual <= 1.0
    assert sign == -1.0
    ahead = np.array([np.roll(kicked, -time)[:30] for time in range(1000)])
    behind = np.array([np.roll(kicked[::-1], time)[:30] for time in range(1000)])
    expanding = -(ahead * 100.0 ** -np.arange(1.0, 31.0)).sum(axis=1) * kicks[0]
    contracting = (behind * 0.01 ** np.arange(30.0)).sum(axis=1) * kicks[1]
    expected = np.column_stack([expanding, contracting]) @ turn.T
    np.testing.assert_allclose(points, expected, rtol=0, atol=1e-14)


@given(seed=st.integers(0, 10**6), dimension=st.integers(1, 5), order=st.integers(1, 6))
def test_the_answer_is_the_same_wherever_the_period_begins(seed, dimension, order):
    generator = np.random.default_rng(seed)
    relu_map = strong_map(generator, dimension, dimension, 4.0, np.ones(dimension))
    itinerary = generator.integers(0, 2, (order, dimension)).astype(bool)
    points, _, sign, _ = solve(relu_map, itinerary)
    for shift in range(1, order):
        rotated, _, rotated_sign, _ = solve(relu_map, np.ascontiguousarray(np.roll(itinerary, -shift, axis=0)))
        assert rotated_sign == sign
        scale = np.abs(points).max()
        np.testing.assert_allclose(np.roll(rotated, shift, axis=0), points, rtol=0, atol=1e-11 * scale)


def test_what_has_no_solution_is_said_to_have_none():
    nothing = ReluMap.plrnn([1.0], [[0.0]], [1.0])
    for order in (1, 2, 50):
        assert solve(nothing, np.zeros((order, 1), dtype=bool))[2] == 0.0
    # singular over two steps of 4 and 1/4 alone
    turning = ReluMap.plrnn([4.0], [[-3.75]], [1.0])
    assert solve(turning, np.array([[False], [True]]))[2] == 0.0
    assert solve(turning, np.array([[False], [True], [True]]))[2] == 1.0


def test_a_solution_that_is_lost_in_rounding_misses_the_residual():
    # I - T is 1e-17 off singular: the point is anywhere along a line 1e17 long
    relu_map = ReluMap([[0.1, 0.9], [0.9, 0.1 - 1e-17]], np.zeros((2, 1)), np.zeros((1, 2)), [0.0], [0.3, 0.7])
    _, _, sign, residual = solve(relu_map, np.zeros((1, 1), dtype=bool))
    assert sign == 0.0 or residual > 1.0


def test_a_cycle_through_the_origin_is_not_taken_for_singular():
    # 0.1 + 0.2 - 0.3 is 5e-17 in float64 and the point as small, next to what is added up
    relu_map = ReluMap([[0.5, 0.3], [0.2, 0.4]], [[1.0], [0.0]], [[0.0, 0.0]], [-0.3], [0.1 + 0.2, 0.0])
    points, _, sign, residual = solve(relu_map, np.ones((40, 1), dtype=bool))
    assert (sign, residual <= 1.0) == (1.0, True)
    np.testing.assert_allclose(points, 0.0, atol=1e-15)


@given(seed=st.integers(0, 10**6), dimension=st.integers(2, 6), order=st.integers(1, 12))
def test_states_that_are_zero_are_exactly_so(seed, dimension, order):
    # the first states of a skew map get nothing from outside, and stay zero; the others see them strongly
    generator = np.random.default_rng(seed)
    A = 2.0 * np.tril(generator.normal(size=(dimension, dimension)))
    relu_map = ReluMap.plrnn(A, np.zeros_like(A), generator.normal(size=dimension) * (np.arange(dimension) >= 2))
    points, _, sign, residual = solve(relu_map, np.zeros((order, dimension), dtype=bool))
    assert sign != 0.0
    assert residual <= 1.0
    assert np.all(points[:, :2] == 0.0)
    switched_off = ReluMap.relu_rnn(
        4.0 * generator.normal(size=(dimension, dimension)), generator.normal(size=dimension)
    )
    itinerary = generator.integers(0, 2, (order, dimension)).astype(bool)
    points, _, _, residual = solve(switched_off, itinerary)
    assert residual <= 1.0
    assert np.all(np.roll(points, -1, axis=0)[~itinerary] == 0.0)
