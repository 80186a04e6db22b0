"""Sums and products in twice the working precision: unevaluated sums of two float64, with an exponent of their own."""

import math

from lossjumps.compiled import kernel_part

SPLITTER = 2.0**27 + 1.0
"""Splits a float64 into two halves of 26 bits (Dekker, Numer. Math. 18, 1971)."""


@kernel_part()
def two_sum(a, b):
    """The sum of two float64, and what its rounding left out (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@kernel_part()
def two_product(a, b):
    """The product of two float64, and what its rounding left out (Dekker)."""
    product = a * b
    high_a = SPLITTER * a
    high_a = high_a - (high_a - a)
    low_a = a - high_a
    high_b = SPLITTER * b
    high_b = high_b - (high_b - b)
    low_b = b - high_b
    return product, ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b


@kernel_part()
def normalized(high, low, exponent):
    """An unevaluated sum high + low times 2^exponent with high in [1/2, 1)."""
    high, low = two_sum(high, low)
    if high == 0.0:
        return 0.0, 0.0, 0
    shift = math.frexp(high)[1]
    return math.ldexp(high, -shift), math.ldexp(low, -shift), exponent + shift


@kernel_part()
def times(number, factor):
    """A long number (high, low, exponent) times a float64."""
    high, low = two_product(number[0], factor)
    return normalized(high, low + number[1] * factor, number[2])


@kernel_part()
def product_of(one, other):
    """The product of two long numbers."""
    high, low = two_product(one[0], other[0])
    return normalized(high, low + (one[0] * other[1] + one[1] * other[0]), one[2] + other[2])


@kernel_part()
def sum_of(one, other):
    """The sum of two long numbers."""
    if one[0] == 0.0:
        return other
    if other[0] == 0.0:
        return one
    if one[2] < other[2]:
        one, other = other, one
    shift = max(other[2] - one[2], -1000)
    high, low = two_sum(one[0], math.ldexp(other[0], shift))
    return normalized(high, low + (one[1] + math.ldexp(other[1], shift)), one[2])
