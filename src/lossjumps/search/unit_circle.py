"""Where the roots of a characteristic polynomial lie with respect to the unit circle, decided without rounding."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from flint import acb, acb_mat, arb, arb_mat, ctx, fmpz, fmpz_mat, fmpz_poly

from lossjumps.search.dyadic import nearest_float

FIRST_PRECISION = 128
"""Bits at first; doubled until all is decided."""

ROUNDING_PRECISION = 2048
"""Bits beyond which a part of a root that is still not told from zero is rounded to zero."""

SMALLEST, LARGEST = 1e-300, 1e300
"""Between these moduli float64 has all its digits."""

INSIDE, ON, OUTSIDE = -1, 0, 1


@dataclass(frozen=True, eq=False)
class Multipliers:
    """The multipliers of a cycle.

    Attributes
    ----------
    values : (M,) complex array
        The largest modulus first, as often as they are multiple; both parts are rounded to the nearest float64.
    inside, on, outside : int
        How many lie inside, exactly on and outside the unit circle.
    beyond_one, beyond_minus_one : int
        How many real multipliers are > 1, and < -1.
    roots_of_unity : tuple of int
        The orders n of the primitive n-th roots of unity among them: F^(k n) then has a singular I - T^n.
    """

    values: np.ndarray
    inside: int
    on: int
    outside: int
    beyond_one: int
    beyond_minus_one: int
    roots_of_unity: tuple[int, ...]

    @property
    def stability(self) -> str:
        """ "stable": all inside; "unstable": one outside; "neutral": none outside, at least one exactly on."""
        if self.outside:
            return "unstable"
        return "neutral" if self.on else "stable"


def multipliers_of(product: fmpz_mat, exponent: int) -> Multipliers:
    """The multipliers of a Jacobian product, given as integers (M, M) times 2^exponent, exponent <= 0."""
    return multipliers_of_polynomial(_rescaled(product.charpoly(), exponent))


def multipliers_in_ball(product: arb_mat) -> Multipliers | None:
    """The multipliers of the Jacobian products (M, M) in a ball, in the precision set.

    None where one of them may lie on the circle, where two may be equal, or where their rounding is open.
    """
    balls = acb_mat(product).eig(nonstop=True)
    if not all(root.is_finite() for root in balls):
        return None
    roots = [_real_if_alone(root, balls) for root in balls]
    placed = [(root, 1, _place(root)) for root in roots]
    if all(place is not None and _is_rounded(root) for root, _, place in placed):
        return _summary(placed, ())
    return None


def multipliers_of_polynomial(polynomial: fmpz_poly) -> Multipliers:
    """The roots of a polynomial with integer coefficients, as multipliers."""
    roots: list[tuple[acb, int, int]] = []
    roots_of_unity: set[int] = set()
    for factor, multiplicity in polynomial.factor_squarefree()[1]:
        if factor[0] == 0:
            roots.append((acb(0), multiplicity, INSIDE))
            factor = fmpz_poly(factor.coeffs()[1:])
        # roots on the circle are their own conjugate inverse, so they are roots of the reversed polynomial as well
        reciprocal = factor.gcd(fmpz_poly(factor.coeffs()[::-1]))
        roots += [(root, multiplicity, place) for root, place in _roots_off_the_circle(factor // reciprocal)]
        placed = _roots_of_reciprocal(reciprocal)
        roots += [(root, multiplicity, place) for root, place in placed]
        if any(place == ON for _, place in placed):
            orders = (int(part.is_cyclotomic()) for part, _ in reciprocal.factor()[1])
            roots_of_unity.update(order for order in orders if order)
    return _summary(roots, tuple(sorted(roots_of_unity)))


def _rescaled(polynomial: fmpz_poly, exponent: int) -> fmpz_poly:
    """The polynomial whose roots are 2^exponent times those of the given one, primitive; exponent <= 0."""
    coefficients = [value << (-exponent * power) for power, value in enumerate(polynomial.coeffs())]
    rescaled = fmpz_poly(coefficients)
    return fmpz_poly([value // rescaled.content() for value in coefficients])


def _isolated_roots(polynomial: fmpz_poly, precision: int) -> list[acb]:
    """Balls that each hold exactly one root of a squarefree polynomial; those of real roots are real."""
    if polynomial.degree() < 1:
        return []
    with ctx.workprec(precision):
        return [root for root, _ in polynomial.complex_roots()]


def _place(root: acb) -> int | None:
    """INSIDE or OUTSIDE the unit circle, or None where the ball meets it."""
    size = root.real * root.real + root.imag * root.imag
    return INSIDE if size < 1 else OUTSIDE if size > 1 else None


def _roots_off_the_circle(polynomial: fmpz_poly) -> list[tuple[acb, int]]:
    """Roots of a squarefree polynomial that has none on the circle."""
    precision = FIRST_PRECISION
    while True:
        with ctx.workprec(precision):
            roots = [(root, _place(root)) for root in _isolated_roots(polynomial, precision)]
        if all(place is not None and (precision >= ROUNDING_PRECISION or _is_rounded(root)) for root, place in roots):
            return roots
        precision *= 2


def _roots_of_reciprocal(polynomial: fmpz_poly) -> list[tuple[acb, int]]:
    """Roots of a squarefree polynomial whose roots come with their conjugate inverses.

    The conjugate inverse of a root is a root: the one whose ball it meets, when it meets one only.  Where that is
    the root itself, the root lies on the circle.
    """
    precision = FIRST_PRECISION
    while True:
        with ctx.workprec(precision):
            roots = _isolated_roots(polynomial, precision)
            placed = []
            for number, root in enumerate(roots):
                inverse = 1 / root.conjugate()
                partners = [other for other, candidate in enumerate(roots) if candidate.overlaps(inverse)]
                placed.append((root, ON if partners == [number] else _place(root)))
                if len(partners) != 1:
                    placed[-1] = root, None
        if all(place is not None and (precision >= ROUNDING_PRECISION or _is_rounded(root)) for root, place in placed):
            return placed
        precision *= 2


def _real_if_alone(root: acb, roots: list[acb]) -> acb:
    """An isolated eigenvalue of a real matrix is real where no other ball meets its conjugate."""
    conjugate = root.conjugate()
    return (
        acb(root.real) if sum(other.overlaps(conjugate) for other in roots) == 1 and root.overlaps(conjugate) else root
    )


def ball_ends(part: arb) -> tuple[float, float]:
    """The float64 nearest to the lower and to the upper end of a ball."""
    middle, middle_exponent = part.mid().man_exp()
    radius, radius_exponent = part.rad().man_exp()
    exponent = min(int(middle_exponent), int(radius_exponent), 0)
    middle <<= int(middle_exponent) - exponent
    radius <<= int(radius_exponent) - exponent
    one = fmpz(1) << -exponent
    return nearest_float(middle - radius, one), nearest_float(middle + radius, one)


def rounded_balls(balls: Iterable[arb]) -> list[float] | None:
    """The nearest float64 of each, or None where a ball leaves that open."""
    rounded = []
    for ball in balls:
        # ends that the precision set rounds outwards tell it nearly always
        low, high = float(ball.lower()), float(ball.upper())
        if low != high or not SMALLEST < abs(low) < LARGEST:
            low, high = ball_ends(ball)
            if low != high:
                return None
        rounded.append(low)
    return rounded


def _is_rounded(root: acb) -> bool:
    return rounded_balls((root.real, root.imag)) is not None


def _rounded(part: arb) -> float:
    low, high = ball_ends(part)
    return low if low == high else 0.0 if low <= 0.0 <= high else (low + high) / 2


def _summary(roots: list[tuple[acb, int, int]], roots_of_unity: tuple[int, ...]) -> Multipliers:
    rounded = [(complex(_rounded(root.real), _rounded(root.imag)), multiplicity) for root, multiplicity, _ in roots]
    values = np.array([value for value, multiplicity in rounded for _ in range(multiplicity)])
    counts = {place: sum(m for _, m, at in roots if at == place) for place in (INSIDE, ON, OUTSIDE)}
    real = [(root.real, multiplicity) for root, multiplicity, place in roots if root.imag == 0 and place == OUTSIDE]
    return Multipliers(
        values[np.lexsort((-values.imag, -values.real, -np.abs(values)))],
        counts[INSIDE],
        counts[ON],
        counts[OUTSIDE],
        sum(multiplicity for value, multiplicity in real if value > 0),
        sum(multiplicity for value, multiplicity in real if value < 0),
        roots_of_unity,
    )
