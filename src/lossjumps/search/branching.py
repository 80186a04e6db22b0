"""Branch and bound over the on/off states of units: every solution of a linear complementarity problem.

Each unit c has two non-negative variables, r_c = relu(x_c) and w_c = relu(-x_c), one of which is zero, and the
problem is a dictionary of simplex type

    w = q + N r,    further rows e = p + X r,    r, w, e >= 0,    r_c w_c = 0.

A node has decided some units: off fixes r_c = 0, on fixes w_c = 0.  Dual simplex steps on the others show that many
nodes have no solution long before all units are decided: a row of the dictionary with a negative constant and no
positive coefficient is a certificate (Farkas), which is checked against the problem's own numbers before the node is
dropped.  What the steps cannot refuse is branched on, so their rounding costs time and never a solution.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part

FEASIBLE = 1e-10
"""A constant above minus this counts as non-negative; the constants of a problem are at most 1 in size."""

PIVOT = 1e-8
"""Smallest coefficient that is pivoted on: what is below may be rounding, and is relaxed instead."""

FAR = 1e6
"""A certificate has to hold, with all rounding, for every solution whose unknowns are at most this large."""


@kernel_part(error_model="numpy", fastmath={"reassoc", "contract"})
def _pivot(dictionary, basic, nonbasic, column, row, ratios):
    """Exchange a nonbasic variable with a basic one."""
    columns = dictionary.shape[0]
    rows = dictionary.shape[1]
    inverse = 1.0 / dictionary[column, row]
    for i in range(rows):
        ratios[i] = dictionary[column, i] * inverse
    for j in range(columns):
        factor = dictionary[j, row]
        if j != column and factor != 0.0:
            changed = dictionary[j]  # taken here, or else the loop below is not vectorised
            for i in range(rows):
                changed[i] -= ratios[i] * factor
            changed[row] = -factor * inverse
    entering = dictionary[column]
    for i in range(rows):
        entering[i] = ratios[i]
    entering[row] = inverse
    leaving = basic[row]
    basic[row] = nonbasic[column]
    nonbasic[column] = leaving


@kernel_part()
def _is_fixed(variable, units, state):
    """Whether a variable is fixed to zero by the state of its unit."""
    if variable < units:
        return state[variable] < 0
    if variable < 2 * units:
        return state[variable - units] > 0
    return False


@kernel_part(error_model="numpy", fastmath={"reassoc", "contract"})
def _is_certificate(root, rounding, dictionary, basic, nonbasic, state, row, sign, weights):
    """Whether a row, taken with a sign, proves that a node has no solution, by the numbers of the root.

    The row is a combination of the root's rows; its weights are read off the dictionary, made to have the signs that
    a proof needs, and the combination is added up again from the root, whose numbers are known up to `rounding`.
    """
    units = root.shape[0] - 1
    rows = root.shape[1]
    for i in range(rows):
        weights[i] = 0.0
    if basic[row] >= units:
        weights[basic[row] - units] = sign
    for j in range(units):
        if nonbasic[j] >= units:
            weights[nonbasic[j] - units] = -sign * dictionary[j, row]
    constant = 0.0
    error = 0.0
    for i in range(rows):
        if weights[i] < 0.0 and not _is_fixed(units + i, units, state):
            weights[i] = 0.0
        constant += weights[i] * root[units, i]
        error += abs(weights[i]) * rounding[i]
    constant += error
    if not constant < 0.0:
        return False
    excess = 0.0
    for j in range(units):
        if state[j] >= 0:
            coefficient = 0.0
            column = root[j]
            for i in range(rows):
                coefficient += weights[i] * column[i]
            excess += max(coefficient + error, 0.0)
    return excess * FAR <= -constant


@kernel_part(error_model="numpy")
def _column_to_pivot_on(dictionary, nonbasic, state, row, either_sign):
    """The column of a free variable with the largest entry of a row, by size or with its sign; -1 where all vanish."""
    units = dictionary.shape[0] - 1
    largest = PIVOT
    column = -1
    for j in range(units):
        entry = abs(dictionary[j, row]) if either_sign else dictionary[j, row]
        if entry > largest and not _is_fixed(nonbasic[j], units, state):
            largest = entry
            column = j
    return column


@kernel_part(error_model="numpy")
def _fix(root, rounding, dictionary, basic, nonbasic, state, unit, ratios, weights):
    """Make the variable that the state of `unit` fixes nonbasic; False where that proves there is no solution."""
    units = root.shape[0] - 1
    variable = unit if state[unit] < 0 else units + unit
    row = -1
    for i in range(root.shape[1]):
        if basic[i] == variable:
            row = i
    if row < 0:
        return True
    column = _column_to_pivot_on(dictionary, nonbasic, state, row, True)
    if column >= 0:
        _pivot(dictionary, basic, nonbasic, column, row, ratios)
        return True
    # the variable is a constant here: zero is possible or not, whatever the others are
    constant = dictionary[units, row]
    if abs(constant) <= FEASIBLE:
        return True
    sign = 1.0 if constant < 0.0 else -1.0
    return not _is_certificate(root, rounding, dictionary, basic, nonbasic, state, row, sign, weights)


@kernel_part(error_model="numpy")
def _may_have_a_solution(root, rounding, dictionary, basic, nonbasic, state, ratios, weights):
    """Dual simplex steps until no constant is negative; False where a certificate ends them."""
    units = root.shape[0] - 1
    rows = root.shape[1]
    constants = dictionary[units]
    for _ in range(2 * rows + 10):
        smallest = -FEASIBLE
        row = -1
        for i in range(rows):
            if constants[i] < smallest:
                smallest = constants[i]
                row = i
        if row < 0:
            return True
        column = _column_to_pivot_on(dictionary, nonbasic, state, row, False)
        if column < 0:
            return not _is_certificate(root, rounding, dictionary, basic, nonbasic, state, row, 1.0, weights)
        _pivot(dictionary, basic, nonbasic, column, row, ratios)
    return True


@kernel_part(error_model="numpy")
def _unit_to_branch_on(dictionary, basic, nonbasic, state, value):
    """The undecided unit whose two variables have the largest product at the vertex; -1 where all are decided."""
    units = dictionary.shape[0] - 1
    constants = dictionary[units]
    for j in range(units):
        value[nonbasic[j]] = -1.0
    for i in range(basic.shape[0]):
        value[basic[i]] = max(constants[i], 0.0)
    chosen = -1
    largest = -np.inf
    for unit in range(units):
        if state[unit] == 0:
            on, off = value[unit], value[units + unit]
            product = on * off if on >= 0.0 and off >= 0.0 else -1.0
            if product > largest:
                largest = product
                chosen = unit
    return chosen


@compiled(nogil=True, error_model="numpy")
def branch(root, rounding, decided, most_nodes, deepest, found):
    """Decide units one after another, wherever a solution cannot be excluded.

    Parameters
    ----------
    root : (H + 1, H + E) array
        The dictionary, by columns: those of r, then the constants; rows are w, then e.
    rounding : (H + E,) array
        Largest error of the numbers of each row.
    decided : (H,) int8 array
        Units decided beforehand: 1 on, -1 off, 0 to be decided.
    most_nodes : int
        Give up beyond this many nodes.
    deepest : int
        Decide at most this many units more; H for all of them.
    found : (n, H) int8 array
        Filled with the states of what could not be excluded.

    Returns
    -------
    nodes : int
        Nodes looked at.
    number : int
        Rows of `found` that are filled; one more than there is room for, where that was too small.
    """
    units = root.shape[0] - 1
    rows = root.shape[1]
    levels = min(deepest, units) + 1
    dictionaries = np.empty((levels, units + 1, rows))
    basics = np.empty((levels, rows), np.int64)
    nonbasics = np.empty((levels, units), np.int64)
    states = np.zeros((levels, units), np.int8)
    chosen = np.zeros(levels, np.int64)
    children = np.zeros(levels, np.int64)
    ratios = np.empty(rows)
    weights = np.empty(rows)
    value = np.empty(units + rows)
    for j in range(units + 1):
        for i in range(rows):
            dictionaries[0, j, i] = root[j, i]
    for i in range(rows):
        basics[0, i] = units + i
    for j in range(units):
        nonbasics[0, j] = j
    nodes = 0
    number = 0
    for unit in range(units):
        states[0, unit] = decided[unit]
        if decided[unit] != 0 and not _fix(
            root, rounding, dictionaries[0], basics[0], nonbasics[0], states[0], unit, ratios, weights
        ):
            return nodes, number
    depth = 0
    entered = True
    while depth >= 0:
        dictionary, basic, nonbasic, state = dictionaries[depth], basics[depth], nonbasics[depth], states[depth]
        if entered:
            nodes += 1
            if nodes > most_nodes:
                return nodes, number
            children[depth] = 0
            if not _may_have_a_solution(root, rounding, dictionary, basic, nonbasic, state, ratios, weights):
                children[depth] = 2
            else:
                unit = _unit_to_branch_on(dictionary, basic, nonbasic, state, value)
                chosen[depth] = unit
                if unit < 0 or depth == levels - 1:
                    if number == found.shape[0]:
                        return nodes, number + 1
                    for j in range(units):
                        found[number, j] = state[j]
                    number += 1
                    children[depth] = 2
        entered = False
        if children[depth] == 2:
            depth -= 1
            continue
        unit = chosen[depth]
        below = depth + 1
        for j in range(units + 1):
            for i in range(rows):
                dictionaries[below, j, i] = dictionary[j, i]
        for i in range(rows):
            basics[below, i] = basic[i]
        for j in range(units):
            nonbasics[below, j] = nonbasic[j]
            states[below, j] = state[j]
        states[below, unit] = -1 if children[depth] == 0 else 1
        children[depth] += 1
        if _fix(
            root, rounding, dictionaries[below], basics[below], nonbasics[below], states[below], unit, ratios, weights
        ):
            depth = below
            entered = True
    return nodes, number
