"""Roots with respect to the unit circle: polynomials whose roots are known."""

from fractions import Fraction
from math import prod

import numpy as np
from flint import arb, arb_mat, ctx, fmpz, fmpz_mat, fmpz_poly
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.search.unit_circle import multipliers_in_ball, multipliers_of, multipliers_of_polynomial


def places(multipliers):
    return multipliers.inside, multipliers.on, multipliers.outside


@given(st.data())
def test_products_of_known_factors(data):
    near_one = [Fraction(2**53 - 1, 2**53), Fraction(2**53 + 1, 2**53), Fraction(1), Fraction(0), Fraction(3, 7)]
    real = data.draw(st.lists(st.sampled_from([sign * x for x in near_one for sign in (1, -1)]), max_size=5))
    orders = data.draw(st.lists(st.sampled_from([3, 4, 5, 12]), max_size=2))
    # x^2 - 2 r c x + r^2 with |c| < 1 has two roots of modulus r
    pairs = data.draw(
        st.lists(st.tuples(st.sampled_from(near_one), st.sampled_from([Fraction(3, 5), Fraction(-1, 3)])), max_size=3)
    )
    pairs = [(radius, cosine) for radius, cosine in pairs if radius != 0]
    polynomial = prod(
        [
            *[fmpz_poly([-x.numerator, x.denominator]) for x in real],
            *[fmpz_poly.cyclotomic(order) for order in orders],
            *[quadratic(radius, cosine) for radius, cosine in pairs],
        ],
        start=fmpz_poly([1]),
    )
    if polynomial.degree() < 1:
        return
    multipliers = multipliers_of_polynomial(polynomial)
    degrees = [int(fmpz_poly.cyclotomic(order).degree()) for order in orders]
    moduli = [abs(x) for x in real] + [radius for radius, _ in pairs for _ in range(2)]
    assert places(multipliers) == (
        sum(modulus < 1 for modulus in moduli),
        sum(modulus == 1 for modulus in moduli) + sum(degrees),
        sum(modulus > 1 for modulus in moduli),
    )
    assert multipliers.beyond_one == sum(x > 1 for x in real)
    assert multipliers.beyond_minus_one == sum(x < -1 for x in real)
    expected = {*orders, *[1 for x in real if x == 1], *[2 for x in real if x == -1]}
    assert set(multipliers.roots_of_unity) == expected
    exact_reals = sorted(float(x) for x in real)
    assert sorted(value.real for value in multipliers.values if value.imag == 0) == exact_reals
    assert len(multipliers.values) == polynomial.degree()


def quadratic(radius, cosine):
    coefficients = [radius**2, -2 * radius * cosine, Fraction(1)]
    common = prod(x.denominator for x in coefficients)
    return fmpz_poly([int(x * common) for x in coefficients])


def test_salem_polynomial_of_lehmer():
    # one root outside, its inverse inside, eight on the circle that are no roots of unity
    multipliers = multipliers_of_polynomial(fmpz_poly([1, 1, 0, -1, -1, -1, -1, -1, 0, 1, 1]))
    assert places(multipliers) == (1, 8, 1)
    assert multipliers.roots_of_unity == ()
    np.testing.assert_allclose(multipliers.values[0], 1.1762808182599175, rtol=1e-15)
    assert multipliers.stability == "unstable"


def test_golden_mean_is_rounded_to_the_nearest():
    multipliers = multipliers_of_polynomial(fmpz_poly([-1, -1, 1]))
    np.testing.assert_array_equal(multipliers.values, [(1 + 5**0.5) / 2, -0.6180339887498949])


@given(seed=st.integers(0, 10**6), size=st.integers(1, 6), scale=st.sampled_from([0.2, 0.5, 1.0]))
def test_matrices_agree_with_float64_and_with_their_balls(seed, size, scale):
    generator = np.random.default_rng(seed)
    matrix = scale * generator.normal(size=(size, size))
    # more bits than a float64 has: half the sum of two float64 may lie midway between two others
    integers = fmpz_mat([[int(Fraction(x) * 2**80) + int(generator.integers(2**20)) for x in row] for row in matrix])
    multipliers = multipliers_of(integers, -80)
    values = np.linalg.eigvals(matrix)
    np.testing.assert_allclose(np.poly(multipliers.values), np.poly(values), rtol=1e-9, atol=1e-12)
    assert multipliers.inside == np.count_nonzero(np.abs(values) < 1)
    assert multipliers.outside == np.count_nonzero(np.abs(values) > 1)
    assert multipliers.beyond_one == np.count_nonzero((values.imag == 0) & (values.real > 1))
    assert multipliers.beyond_minus_one == np.count_nonzero((values.imag == 0) & (values.real < -1))
    with ctx.workprec(256):
        in_ball = multipliers_in_ball(arb_mat(integers) * arb(2) ** -80)
    np.testing.assert_array_equal(in_ball.values, multipliers.values)
    assert places(in_ball) == places(multipliers)
    assert in_ball.beyond_one == multipliers.beyond_one
    assert in_ball.beyond_minus_one == multipliers.beyond_minus_one


def test_part_midway_between_two_floats_is_rounded_to_even():
    # x^2 - (2 + 2^-52) x + 5: real parts 1 + 2^-53
    multipliers = multipliers_of_polynomial(fmpz_poly([5 * 2**52, -(2**53 + 1), 2**52]))
    np.testing.assert_array_equal(multipliers.values.real, [1.0, 1.0])
    np.testing.assert_allclose(multipliers.values.imag, [2.0, -2.0], rtol=1e-15)


def test_balls_leave_multiple_multipliers_and_the_circle_itself_to_the_polynomial():
    one = fmpz(1) << 1000
    for diagonal, expected in ((one, (0, 2, 0)), (one - 1, (2, 0, 0)), (one + 1, (0, 0, 2))):
        block = fmpz_mat(2, 2, [diagonal, one, 0, diagonal])
        assert places(multipliers_of(block, -1000)) == expected
        with ctx.workprec(128):
            assert multipliers_in_ball(arb_mat(block) * arb(2) ** -1000) is None
    with ctx.workprec(128):
        assert multipliers_in_ball(arb_mat([[-1]])) is None
        assert places(multipliers_in_ball(arb_mat([[arb(1) - arb(2) ** -100]]))) == (1, 0, 0)
