"""Cycles of small maps in Fractions: elimination written out, sharing nothing with the package."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from lossjumps import ReluMap

Row = list[Fraction]
"""An affine form of the first point: its M coefficients, then its constant."""


def _fractions(array: np.ndarray) -> list[Row]:
    return [[Fraction(float(value)) for value in row] for row in np.atleast_2d(array)]


def _combined(weights: Row, rows: list[Row], constant: Fraction) -> Row:
    """Sum of forms by their weights, and a constant."""
    sums = [sum(weight * row[j] for weight, row in zip(weights, rows, strict=True)) for j in range(len(rows[0]))]
    return [*sums[:-1], sums[-1] + constant]


def _along(relu_map: ReluMap, itinerary: np.ndarray) -> tuple[list[list[Row]], list[list[Row]]]:
    """States and unit inputs along an itinerary as forms of the first point; the last state is where it comes to."""
    A, U, V = _fractions(relu_map.A), _fractions(relu_map.U), _fractions(relu_map.V)
    (b,), (c,) = _fractions(relu_map.b), _fractions(relu_map.c)
    size = len(A)
    state = [[Fraction(int(i == j)) for j in range(size + 1)] for i in range(size)]
    states, all_inputs = [state], []
    for region in itinerary:
        inputs = [_combined(weights, state, bias) for weights, bias in zip(V, b, strict=True)]
        on = [[weight * int(is_on) for weight, is_on in zip(row, region, strict=True)] for row in U]
        image = [_combined(weights, state, constant) for weights, constant in zip(A, c, strict=True)]
        state = [
            _combined([Fraction(1), *weights], [row, *inputs], Fraction(0))
            for weights, row in zip(on, image, strict=True)
        ]
        states.append(state)
        all_inputs.append(inputs)
    return states, all_inputs


def _value(row: Row, point: Row) -> Fraction:
    return sum((a * x for a, x in zip(row[:-1], point, strict=True)), row[-1])


def _closing(states: list[list[Row]]) -> list[Row]:
    """The first point less the last: the forms that are zero on a cycle."""
    return [
        [a - z for a, z in zip(first, last, strict=True)] for first, last in zip(states[0], states[-1], strict=True)
    ]


def fraction_solution(
    relu_map: ReluMap, itinerary: np.ndarray
) -> tuple[list[Row], list[list[Fraction]], Fraction] | None:
    """Points, unit inputs and det(I - T) of an itinerary; None where I - T is singular."""
    states, inputs = _along(relu_map, itinerary)
    rows = [[*row[:-1], -row[-1]] for row in _closing(states)]
    size = len(rows)
    determinant = Fraction(1)
    for column in range(size):
        pivot = next((row for row in range(column, size) if rows[row][column] != 0), None)
        if pivot is None:
            return None
        if pivot != column:
            rows[pivot], rows[column] = rows[column], rows[pivot]
            determinant = -determinant
        determinant *= rows[column][column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(size):
            if row != column:
                factor = rows[row][column]
                rows[row] = [value - factor * above for value, above in zip(rows[row], rows[column], strict=True)]
    start = [row[-1] for row in rows]
    points = [[_value(row, start) for row in state] for state in states[:-1]]
    return points, [[_value(row, start) for row in at_a_time] for at_a_time in inputs], determinant


def has_a_solution(relu_map: ReluMap, itinerary: np.ndarray) -> bool:
    """Whether some orbit closes after the itinerary and stays in its regions or on their borders.

    Units without outputs may have any state.

    Fourier and Motzkin: each equation gives a coordinate by the others; then each coordinate that is left lies between
    all of its lower bounds and all of its upper ones where each lower one is at most each upper one.
    """
    states, inputs = _along(relu_map, itinerary)
    equations = _closing(states)
    at_least_zero = [
        row if on else [-value for value in row]
        for at_a_time, region in zip(inputs, itinerary, strict=True)
        for row, on, acts in zip(at_a_time, region, relu_map.U.any(axis=0), strict=True)
        if acts
    ]
    while equations:
        equation = equations.pop()
        column = next((j for j, value in enumerate(equation[:-1]) if value != 0), None)
        if column is None:
            if equation[-1] != 0:
                return False
            continue
        equations = [_without(column, row, equation) for row in equations]
        at_least_zero = [_without(column, row, equation) for row in at_least_zero]
    for column in range(relu_map.dimension):
        lower = [row for row in at_least_zero if row[column] > 0]
        upper = [row for row in at_least_zero if row[column] < 0]
        between = [_without(column, above, below) for below in lower for above in upper]
        at_least_zero = _distinct([*(row for row in at_least_zero if row[column] == 0), *between])
    return all(row[-1] >= 0 for row in at_least_zero)


def _without(column: int, row: Row, other: Row) -> Row:
    """A row plus the multiple of another one that makes its entry in a column zero."""
    factor = row[column] / other[column]
    return [value - factor * its for value, its in zip(row, other, strict=True)]


def _distinct(rows: Iterable[Row]) -> list[Row]:
    """Rows that differ by more than a positive factor."""
    scaled = ([value / max(map(abs, row)) if any(row) else value for value in row] for row in rows)
    return [list(row) for row in dict.fromkeys(map(tuple, scaled))]
