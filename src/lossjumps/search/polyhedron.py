"""Systems of linear inequalities with rational coefficients, decided exactly."""

from dataclasses import dataclass

from flint import fmpq, fmpq_mat

Row = list[fmpq]


@dataclass(frozen=True, eq=False)
class RelativeInterior:
    """A point of the relative interior of a polyhedron {w: rows w + constants >= 0}.

    Attributes
    ----------
    dimension : int
        Of the polyhedron: 0 where it is one point.
    point : list of fmpq
        A point at which only those inequalities are equations that are so on the whole polyhedron.
    equations : frozenset of int
        The inequalities that are equations on the whole polyhedron.
    """

    dimension: int
    point: Row
    equations: frozenset[int]


def null_space(matrix: fmpq_mat) -> tuple[list[int], list[Row]]:
    """Pivot columns of a matrix, and a basis of its null space, one vector a free column."""
    reduced, rank = matrix.rref()
    table = reduced.tolist()
    pivots = [next(column for column, value in enumerate(row) if value != 0) for row in table[:rank]]
    basis = []
    for free in (column for column in range(matrix.ncols()) if column not in set(pivots)):
        vector = [fmpq(0)] * matrix.ncols()
        vector[free] = fmpq(1)
        for row, pivot in enumerate(pivots):
            vector[pivot] = -table[row][free]
        basis.append(vector)
    return pivots, basis


def affine_solutions(matrix: fmpq_mat, rhs: fmpq_mat) -> tuple[Row, list[Row]] | None:
    """One solution of `matrix` x = `rhs` and a basis of the null space of `matrix`; None where there is no solution."""
    rows = [[*left, right] for left, right in zip(matrix.tolist(), rhs.entries(), strict=True)]
    pivots, basis = null_space(fmpq_mat(rows))
    unknowns = matrix.ncols()
    if unknowns in pivots:
        return None
    # the last free column is that of the right-hand side: its vector is (-x, 1)
    *directions, particular = basis
    return [-value for value in particular[:unknowns]], [vector[:unknowns] for vector in directions]


def _dot(left: Row, right: Row) -> fmpq:
    return sum((one * other for one, other in zip(left, right, strict=True)), fmpq(0))


def _widest_margin(rows: list[Row], constants: Row) -> tuple[fmpq, Row, list[int]]:
    """Maximize t <= 1 with rows w + constants >= t, by the simplex method on the dual with Bland's rule.

    The dual: minimize constants l + m over l, m >= 0 with sum l + m = 1 and sum l_i rows_i = 0.

    Returns
    -------
    margin : fmpq
        The largest t.
    point : list of fmpq
        A w that reaches it.
    binding : list of int
        Inequalities with a positive weight l_i: at every optimal w they hold with equality.
    """
    directions = len(rows[0])
    count = len(rows)
    # columns: l_0 ... l_(count-1), m, then one artificial variable an equation; last the right-hand side
    table = [[fmpq(1)] * (count + 1) + [fmpq(0)] * directions + [fmpq(1)]]
    for direction in range(directions):
        unit = [fmpq(int(direction == other)) for other in range(directions)]
        table.append([row[direction] for row in rows] + [fmpq(0), *unit, fmpq(0)])
    costs = [*constants, fmpq(1), *[fmpq(0)] * (directions + 1)]
    basis = [count, *range(count + 1, count + 1 + directions)]
    costs = [cost - entry for cost, entry in zip(costs, table[0], strict=True)]

    def pivot(row: int, column: int) -> None:
        nonlocal costs
        scale = table[row][column]
        table[row] = [value / scale for value in table[row]]
        for other in range(len(table)):
            factor = table[other][column]
            if other != row and factor != 0:
                table[other] = [value - factor * above for value, above in zip(table[other], table[row], strict=True)]
        factor = costs[column]
        costs = [value - factor * above for value, above in zip(costs, table[row], strict=True)]
        basis[row] = column

    # the artificial variables are zero, so any entry of their rows serves to drive them out
    for row in range(1, directions + 1):
        column = next((column for column in range(count + 1) if table[row][column] != 0), None)
        if column is not None:
            pivot(row, column)
    while True:
        column = next((column for column in range(count + 1) if costs[column] < 0), None)
        if column is None:
            break
        ratios = [(line[-1] / line[column], basis[row], row) for row, line in enumerate(table) if line[column] > 0]
        pivot(min(ratios)[2], column)
    # the reduced cost of an artificial variable is minus its multiplier, and the multipliers are (t, -w)
    point = [costs[count + 1 + direction] for direction in range(directions)]
    binding = [basis[row] for row in range(directions + 1) if basis[row] < count and table[row][-1] > 0]
    return -costs[-1], point, binding


def relative_interior(rows: list[Row], constants: Row, directions: int) -> RelativeInterior | None:
    """The relative interior of {w in Q^directions: rows w + constants >= 0}, or None where the set is empty."""
    base = [fmpq(0)] * directions
    frame = [[fmpq(int(i == j)) for j in range(directions)] for i in range(directions)]
    equations: set[int] = set()
    while True:
        values = [_dot(row, base) + constant for row, constant in zip(rows, constants, strict=True)]
        slopes = [[_dot(row, direction) for direction in frame] for row in rows]
        free = [i for i in range(len(rows)) if i not in equations]
        # what does not vary within the frame is decided at once
        fixed = [i for i in free if not any(slopes[i])]
        if any(values[i] < 0 for i in fixed):
            return None
        equations.update(i for i in fixed if values[i] == 0)
        varying = [i for i in free if any(slopes[i])]
        if not frame or not varying:
            return RelativeInterior(len(frame), base, frozenset(equations))
        margin, weights, binding = _widest_margin([slopes[i] for i in varying], [values[i] for i in varying])
        if margin < 0:
            return None
        base = _shifted(base, frame, weights)
        if margin > 0:
            return RelativeInterior(len(frame), base, frozenset(equations))
        found = [varying[i] for i in binding]
        equations.update(found)
        _, inner = null_space(fmpq_mat([slopes[i] for i in found]))
        frame = [_shifted([fmpq(0)] * directions, frame, vector) for vector in inner]


def _shifted(base: Row, frame: list[Row], weights: Row) -> Row:
    """base + sum weights_i frame_i."""
    return [
        value + sum((weight * direction[j] for weight, direction in zip(weights, frame, strict=True)), fmpq(0))
        for j, value in enumerate(base)
    ]
