"""Multipliers of cycles of any order and size: against balls of many digits, exact ones, and in closed form."""

import numpy as np
import pytest
from flint import acb_mat, arb_mat, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.random_maps import random_map

from lossjumps import ReluMap, find_cycles
from lossjumps.search.complete import cycle_of
from lossjumps.search.cycle import Cycle
from lossjumps.search.multipliers import distance_from_roots_of_unity, leading_multipliers_of, spectrum_of

BITS = 4000


def in_many_digits(jacobians):
    """Logarithms of the moduli, the largest first, over k, and cosines of the arguments, with 4000 bits."""
    with ctx.workprec(BITS):
        product = arb_mat(jacobians[0].tolist())
        for jacobian in jacobians[1:]:
            product = arb_mat(jacobian.tolist()) * product
        values = [
            (float(abs(root).log()) / len(jacobians), float(root.real / abs(root)))
            for root in acb_mat(product).eig(nonstop=True)
        ]
    return np.array(sorted(values, reverse=True)).T


def cycle_along(relu_map, itinerary):
    """A cycle with the Jacobians of an itinerary; its points are of no matter here."""
    return Cycle(np.zeros((len(itinerary), relu_map.dimension)), itinerary, relu_map, 1.0)


@given(
    seed=st.integers(0, 10**6),
    dimension=st.integers(1, 7),
    order=st.integers(1, 200),
    strength=st.floats(-4.0, 4.0),
    kind=st.sampled_from(["alike", "by turns", "scaled"]),
)
@settings(max_examples=40)
def test_all_multipliers_are_those_of_many_digits(seed, dimension, order, strength, kind):
    generator = np.random.default_rng(seed)
    jacobians = 10.0**strength * generator.normal(size=(order, dimension, dimension))
    if kind == "by turns":  # contracting and expanding
        jacobians *= 10.0 ** generator.uniform(-3, 3, (order, 1, 1))
    if kind == "scaled":
        scales = 10.0 ** generator.uniform(-6, 7, dimension)
        jacobians *= scales[:, None] / scales
    values, exponents = spectrum_of(jacobians)
    expected, cosines = in_many_digits(jacobians)
    np.testing.assert_allclose(exponents * order, expected * order, rtol=1e-14, atol=2e-9)
    ordinary = np.abs(exponents * order) < 600.0
    with np.errstate(invalid="ignore"):
        own = values.real / np.abs(values)
    # a pair of one modulus may come in either order of its real parts, and close pairs hide each other
    alone = np.array([np.sum(np.abs(expected - other) * order < 1e-6) for other in expected]) == 1
    np.testing.assert_allclose(own[ordinary & alone], cosines[ordinary & alone], atol=1e-7)
    assert np.iscomplexobj(values) == (np.abs(np.abs(cosines) - 1.0) > 1e-12).any() or not ordinary.all()


@given(seed=st.integers(0, 10**6), dimension=st.integers(2, 8), order=st.integers(2, 12))
def test_products_of_whole_numbers_have_their_characteristic_polynomial(seed, dimension, order):
    # small whole numbers: zero rows and columns, equal and defective eigenvalues, permutations
    generator = np.random.default_rng(seed)
    jacobians = generator.integers(-1, 2, (order, dimension, dimension)).astype(float)
    jacobians *= generator.random(jacobians.shape) < generator.choice([0.3, 0.6, 1.0])
    product = np.linalg.multi_dot(jacobians[::-1])
    with ctx.workprec(256):
        polynomial = [float(value) for value in arb_mat(product.tolist()).charpoly()][::-1]
    size = max(1.0, np.linalg.norm(np.linalg.multi_dot(np.abs(jacobians[::-1]))))
    difference = np.poly(spectrum_of(jacobians)[0]) - polynomial
    assert np.all(np.abs(difference) <= 1e-11 * size ** np.arange(dimension + 1))
    # zeros that the regions make are exact
    assert np.count_nonzero(spectrum_of(jacobians * (np.arange(dimension) > 0))[0]) <= dimension - 1


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_cyclic_permutations_have_the_roots_of_unity(size):
    shift = np.roll(np.eye(size), 1, axis=0)
    roots = np.sort_complex(np.exp(2j * np.pi * np.arange(size) / size))
    for repetitions in (1, size + 1, 10 * size + 1):
        values, exponents = spectrum_of(np.repeat(shift[None], repetitions, axis=0))
        np.testing.assert_allclose(np.poly(values), np.poly(roots), atol=1e-13)
        np.testing.assert_allclose(exponents, 0.0, atol=1e-14)


def test_a_nilpotent_product_has_only_zeros():
    nilpotent = np.diag([1.0, 2.0, 3.0], 1)
    for order in (1, 2, 50):
        values, exponents = spectrum_of(np.repeat(nilpotent[None], order, axis=0))
        assert not values.any()
        assert np.all(exponents == -np.inf)
    assert leading_multipliers_of(ReluMap.plrnn(nilpotent, 0 * nilpotent, np.ones(4)), np.zeros((9, 4), bool))[0] == 0.0


def test_a_diagonal_deep_in_a_turned_frame():
    # factors Q_{t+1} D Q_t' have the powers of D as multipliers, 1e+-900 among them
    generator = np.random.default_rng(0)
    order, dimension = 300, 6
    frames = np.linalg.qr(generator.normal(size=(order, dimension, dimension)))[0]
    rates = 10.0 ** np.array([3.0, 1.0, 0.001, -0.001, -1.0, -3.0])
    jacobians = np.roll(frames, -1, axis=0) @ (rates[:, None] * np.swapaxes(frames, 1, 2))
    values, exponents = spectrum_of(jacobians)
    # the factors are rounded themselves: 1e-16 of a thousand, beside a thousandth
    np.testing.assert_allclose(exponents, np.log(rates), rtol=0, atol=1e-11)
    np.testing.assert_allclose(values[1:5], rates[1:5] ** order, rtol=1e-9)
    assert values[0] == np.inf
    assert values[5] == 0.0


def test_a_cycle_knows_its_stability_and_index_where_float64_ends():
    # two rates in one frame, one of them kicked: the multipliers are 3^k and 1/3^k
    frame = np.array([[0.8, -0.6], [0.6, 0.8]])
    saddle = ReluMap.plrnn(frame @ np.diag([3.0, 1 / 3]) @ frame.T, np.zeros((2, 2)), [1.0, 2.0])
    for order in (2, 83, 700, 10_000):
        cycle = cycle_along(saddle, np.zeros((order, 2), dtype=bool))
        np.testing.assert_allclose(cycle.lyapunov_exponents, [np.log(3.0), -np.log(3.0)], rtol=1e-12)
        assert cycle.largest_multiplier == pytest.approx(3.0**order if order < 600 else np.inf, rel=1e-11)
        assert not cycle.is_stable
        assert cycle.stability_is_safe
        assert cycle.index == cycle.index_of_iterate(5) == -1
    flip = ReluMap.plrnn([-2.0, 0.5], np.zeros((2, 2)), [1.0, 1.0])
    cycle = cycle_along(flip, np.zeros((2001, 2), dtype=bool))
    assert (cycle.index, cycle.index_of_iterate(2), cycle.largest_multiplier) == (1, -1, np.inf)


def test_a_stable_cycle_of_large_and_non_normal_steps():
    # transient growth of 1e9 along the cycle, and all multipliers small
    generator = np.random.default_rng(3)
    order, dimension = 40, 6
    rates = np.array([0.9, 0.5, 0.1, 1e-3, 1e-9, 1e-20]) ** (1 / order)
    steps = np.diag(rates) + 30.0 * np.triu(generator.normal(size=(order, dimension, dimension)), 1)
    frames = np.linalg.qr(generator.normal(size=(order, dimension, dimension)))[0]
    jacobians = np.roll(frames, -1, axis=0) @ steps @ np.swapaxes(frames, 1, 2)
    expected = in_many_digits(jacobians)[0]
    values, exponents = spectrum_of(jacobians)
    product = np.linalg.multi_dot(jacobians[::-1])
    assert np.linalg.norm(product) > 1e6
    np.testing.assert_allclose(exponents * order, expected * order, atol=1e-5)
    assert np.abs(values[0]) < 1.0


def test_what_is_lost_in_rounding_is_not_safe():
    # exactly stable, but a change of the Jacobians in their last digits makes it unstable: 0.9 beside a step of 1e16
    jacobian = np.array([[0.9, 1e16], [0.0, 0.9]])
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    lost = ReluMap.plrnn(turn @ jacobian @ turn.T, np.zeros((2, 2)), [1.0, 1.0])
    assert not cycle_along(lost, np.zeros((1, 2), dtype=bool)).stability_is_safe
    safe = ReluMap.plrnn(jacobian, np.zeros((2, 2)), [1.0, 1.0])
    for order in (1, 3):
        cycle = cycle_along(safe, np.zeros((order, 2), dtype=bool))
        assert cycle.stability_is_safe
        assert cycle.largest_multiplier == pytest.approx(0.9**order, rel=1e-12)


@given(seed=st.integers(0, 10**6), dimension=st.integers(1, 6), order=st.integers(1, 10), strength=st.floats(-1.0, 1.0))
def test_the_fast_way_agrees_on_the_leading_ones(seed, dimension, order, strength):
    generator = np.random.default_rng(seed)
    weights = 10.0**strength * generator.normal(size=(dimension, dimension))
    relu_map = ReluMap.plrnn(generator.uniform(-1, 1, dimension), weights, np.zeros(dimension))
    cycle = cycle_along(relu_map, generator.integers(0, 2, (order, dimension)).astype(bool))
    all_of_them, leading = cycle.multipliers, cycle.leading_multipliers
    right = np.abs(all_of_them) >= min(0.5, np.abs(all_of_them[0]))
    np.testing.assert_allclose(np.abs(leading[right]), np.abs(all_of_them[right]), rtol=1e-8)
    assert cycle.largest_multiplier == np.abs(leading[0])


@pytest.mark.parametrize("family", ["plrnn", "shallow", "clipped", "relu_rnn"])
def test_float_multipliers_are_the_exact_ones(family):
    compared = 0
    for seed in range(6):
        relu_map = random_map(family, 3, 4, np.random.default_rng(seed))
        exact = {cycle.key: cycle for cycle in find_cycles(relu_map, 4, verify="exact")}
        for cycle in find_cycles(relu_map, 4):
            # rounding of the Jacobians themselves is all that differs
            np.testing.assert_allclose(
                np.abs(cycle.multipliers), np.abs(exact[cycle.key].multipliers), rtol=1e-9, atol=1e-14
            )
            assert cycle.is_stable == exact[cycle.key].is_stable
            assert cycle.index == exact[cycle.key].index
            compared += 1
    assert compared > 5


def test_distance_from_roots_of_unity():
    third = np.exp(2j * np.pi / 3)
    multipliers = np.array([np.inf, third, np.conj(third), 0.0])
    assert distance_from_roots_of_unity(multipliers, 3) < 1e-15
    assert distance_from_roots_of_unity(multipliers, 2) == pytest.approx(abs(third**2 - 1.0))
    assert distance_from_roots_of_unity(np.array([-1.0, 1.999]), 10_000) < 1e-11
    assert distance_from_roots_of_unity(np.array([1e300, -3.0]), 2) == np.inf


@pytest.mark.parametrize("order", [83, 500])
def test_cycles_of_high_order_and_beyond_float64_are_decided(order):
    # two tent maps side by side in turned coordinates: every itinerary is a cycle, multipliers are powers of the slopes
    slopes = np.array([5.0, 7.0])
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    tents = ReluMap(turn * slopes @ turn.T, turn * (-2.0 * slopes), turn.T, np.zeros(2), turn @ np.ones(2))
    itinerary = np.random.default_rng(order).integers(0, 2, (order, 2)).astype(bool)
    cycle = cycle_of(tents, itinerary)
    assert cycle.order == order
    np.testing.assert_allclose(cycle.lyapunov_exponents, np.log(slopes[::-1]), rtol=1e-13)
    assert (cycle.is_stable, cycle.largest_multiplier == np.inf) == (False, order == 500)
    signs = np.prod(np.where(itinerary, -1.0, 1.0), axis=0)
    assert cycle.index == np.prod(-signs)
    # z_t = (z_{t+1} - 1) / slope_t, once and again
    ahead = np.array([np.roll(np.where(cycle.itinerary, -slopes, slopes), -time, axis=0)[:40] for time in range(order)])
    np.testing.assert_allclose(cycle.points @ turn, -(1.0 / np.cumprod(ahead, axis=1)).sum(axis=1), atol=1e-14)
