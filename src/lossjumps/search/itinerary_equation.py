"""The cycle equation (I - T) z = s of an itinerary, solved in balls or in rational numbers."""

from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat, fmpz, fmpz_mat

from lossjumps.search.dyadic import DyadicMap, identity, nearest_float
from lossjumps.search.polyhedron import affine_solutions, relative_interior
from lossjumps.search.unit_circle import rounded_balls

BALL_PRECISIONS = (128, 512)
"""Bits; where these do not decide, an input is likely to be exactly zero."""

RationalPoint = tuple[fmpz_mat, fmpz]


@dataclass(frozen=True, eq=False)
class Solution:
    """The points that solve an itinerary's equation, admissible or not.

    Attributes
    ----------
    signs : (k, H) int array
        Exact signs of the unit inputs.
    points : (k, M) array
        Rounded to the nearest float64.
    relative_inputs : (k, H) array
        Unit inputs over |b_l| + sum_j |V_lj| max|z|.
    determinant_sign : int
        sign det(I - T).
    rational_points : list of RationalPoint or None
        Numerators (M, 1) and common denominator of each point; None where balls decided.
    """

    signs: np.ndarray
    points: np.ndarray
    relative_inputs: np.ndarray
    determinant_sign: int
    rational_points: list[RationalPoint] | None

    @property
    def is_regular(self) -> bool:
        """Whether I - T is regular."""
        return self.determinant_sign != 0

    def period(self) -> int:
        """The smallest period of the points."""
        order = len(self.signs)
        if self.rational_points is None:
            # balls decide only where no input is zero, and then points and signs have the same period
            return order
        first, denominator = self.rational_points[0]
        for period in (divisor for divisor in range(1, order) if order % divisor == 0):
            later, later_denominator = self.rational_points[period]
            if first * later_denominator == later * denominator:
                return period
        return order


@dataclass(frozen=True, eq=False)
class SolutionSet:
    """The polyhedron of admissible solutions where I - T is singular: a point of its relative interior."""

    solution: Solution
    dimension: int


def solve_in_balls(dyadic: DyadicMap, itinerary: np.ndarray) -> Solution | None:
    """The solution, or None where balls of a few hundred bits leave a sign or the rounding of a point open."""
    for precision in BALL_PRECISIONS:
        with ctx.workprec(precision):
            solution = _ball_solution(dyadic, itinerary)
        if solution is not None:
            return solution
    return None


def ball_composition(dyadic: DyadicMap, itinerary: np.ndarray) -> tuple[arb_mat, arb_mat]:
    """Balls of the Jacobian product T and the offset s of one time round an itinerary (k, H), in the precision set."""
    return _composed(_ball_pieces(dyadic, itinerary))


def _ball_pieces(dyadic: DyadicMap, itinerary: np.ndarray) -> list[tuple[arb_mat, arb_mat]]:
    """Balls of the Jacobian and the offset at each time of an itinerary (k, H), which comes to some regions often."""
    scale = arb(2) ** dyadic.exponent
    of_region: dict[bytes, tuple[arb_mat, arb_mat]] = {}
    pieces = []
    for region in itinerary:
        key = region.tobytes()
        if key not in of_region:
            jacobian, offset = dyadic.piece(region)
            of_region[key] = arb_mat(jacobian) * scale, arb_mat(offset) * scale
        pieces.append(of_region[key])
    return pieces


def _composed(pieces: list[tuple[arb_mat, arb_mat]]) -> tuple[arb_mat, arb_mat]:
    product, shift = pieces[0]
    for jacobian, offset in pieces[1:]:
        product, shift = jacobian * product, jacobian * shift + offset
    return product, shift


def _ball_solution(dyadic: DyadicMap, itinerary: np.ndarray) -> Solution | None:
    pieces = _ball_pieces(dyadic, itinerary)
    product, point = _composed(pieces)
    system = arb_mat(identity(dyadic.relu_map.dimension)) - product
    determinant = system.det()
    if determinant.contains(0):
        return None
    try:
        point = system.solve(point)
    except ZeroDivisionError:
        return None
    scale = arb(2) ** dyadic.input_exponent
    inputs, biases = arb_mat(dyadic.inputs) * scale, arb_mat(dyadic.biases) * scale
    points, values, signs = [], [], []
    for jacobian, offset in pieces:
        rounded = rounded_balls(point.entries())
        row = (inputs * point + biases).entries()
        if rounded is None or any([value.contains(0) and not value.is_zero() for value in row]):
            return None
        points.append(rounded)
        values.append([float(value) for value in row])
        signs.append([(value > 0) - (value < 0) for value in row])
        point = jacobian * point + offset
    points, values, signs = np.array(points), np.array(values), np.array(signs, dtype=np.int8)
    if np.any((signs == 0) & np.any(dyadic.relu_map.V != 0.0, axis=1)):
        return None
    return Solution(signs, points, dyadic.relative(values, signs, points), 1 if determinant > 0 else -1, None)


def _system(dyadic: DyadicMap, itinerary: np.ndarray) -> tuple[fmpz_mat, fmpz_mat]:
    """I - T and s, times one power of two."""
    product, shift = dyadic.composition(itinerary)
    one = fmpz(1) << (-dyadic.exponent * len(itinerary))
    return identity(dyadic.relu_map.dimension) * one - product, shift


def solve_rationally(dyadic: DyadicMap, itinerary: np.ndarray) -> Solution | None:
    """The solution, or None where I - T is singular."""
    system, shift = _system(dyadic, itinerary)
    determinant = system.det()
    if determinant == 0:
        return None
    numerators, denominator = system.solve(shift).numer_denom()
    return _rational_solution(dyadic, itinerary, numerators, denominator, 1 if determinant > 0 else -1)


def _rational_solution(
    dyadic: DyadicMap, itinerary: np.ndarray, numerators: fmpz_mat, denominator: fmpz, determinant_sign: int
) -> Solution:
    orbit = dyadic.orbit(itinerary, numerators, denominator)
    points = np.array([[nearest_float(value, below) for value in above.entries()] for above, below in orbit])
    inputs = [dyadic.unit_inputs(above, below) for above, below in orbit]
    signs = np.array([[(value > 0) - (value < 0) for value in row] for row in inputs], dtype=np.int8)
    values = [dyadic.rounded_inputs(row, below) for row, (_, below) in zip(inputs, orbit, strict=True)]
    return Solution(signs, points, dyadic.relative(np.array(values), signs, points), determinant_sign, orbit)


def solve_singular(dyadic: DyadicMap, itinerary: np.ndarray) -> SolutionSet | None:
    """The solutions with the assumed signs, inputs of zero included, where I - T is singular; None where there is none.

    The solutions are z = z_0 + N w with the null space N of I - T, and the signs are inequalities for w.
    """
    system, shift = _system(dyadic, itinerary)
    solutions = affine_solutions(fmpq_mat(system), fmpq_mat(shift))
    if solutions is None:
        return None
    particular, directions = solutions
    frame = fmpq_mat([list(row) for row in zip(*directions, particular, strict=True)])
    scale = fmpq(1, fmpz(1) << -dyadic.exponent)
    rows, constants = [], []
    unit = fmpq(2) ** dyadic.input_exponent
    inputs, biases = fmpq_mat(dyadic.inputs) * unit, (fmpq_mat(dyadic.biases) * unit).entries()
    for region in itinerary:
        for on, bias, (*slopes, constant), acts in zip(
            region, biases, (inputs * frame).tolist(), dyadic.has_outputs, strict=True
        ):
            if not acts:
                continue
            sign = 1 if on else -1
            rows.append([sign * slope for slope in slopes])
            constants.append(sign * (constant + bias))
        jacobian, offset = dyadic.piece(region)
        size = frame.nrows()
        shifts = fmpq_mat(size, frame.ncols(), [
            offset[i, 0] if j == frame.ncols() - 1 else 0 for i in range(size) for j in range(frame.ncols())
        ])  # fmt: skip
        frame = (fmpq_mat(jacobian) * frame + shifts) * scale
    interior = relative_interior(rows, constants, len(directions))
    if interior is None:
        return None
    first = [
        start
        + sum((weight * direction[i] for weight, direction in zip(interior.point, directions, strict=True)), fmpq(0))
        for i, start in enumerate(particular)
    ]
    numerators, denominator = fmpq_mat([[value] for value in first]).numer_denom()
    return SolutionSet(_rational_solution(dyadic, itinerary, numerators, denominator, 0), interior.dimension)
