"""Cycles decided without rounding: closed forms in dyadic fractions, brute force in Fractions, what float64 loses."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.random_maps import FAMILIES, all_patterns, random_map

from lossjumps import ReluMap, find_cycles
from lossjumps.search import exact, itineraries
from lossjumps.search.certified_signs import ADMISSIBLE, UNDECIDED, VIRTUAL, certified_signs
from lossjumps.search.dyadic import DyadicMap
from lossjumps.search.exact import Continuum, ExactCycle, verify_cycles, verify_itinerary
from lossjumps.search.itinerary_equation import solve_in_balls, solve_rationally

ULP = 2.0**-52


def tent(left, right, offset):
    """z' = left z + offset for z <= 0, right z + offset beyond; right - left has to be a float64."""
    assert Fraction(right) - Fraction(left) == Fraction(right - left)
    return ReluMap.plrnn([left], [[right - left]], [offset])


def word(*times):
    return np.array([[bit == "1" for bit in time] for time in times])


def found(relu_map, *times):
    return verify_itinerary(DyadicMap(relu_map), word(*times)).found


# Fractions: elimination written out, sharing nothing with the package ------------------------------------------


def fractions_of(array):
    return [[Fraction(float(value)) for value in row] for row in np.atleast_2d(array)]


def fraction_solution(relu_map, itinerary):
    """Points, unit inputs and det(I - T) of an itinerary in Fractions; None where I - T is singular."""
    A, U, V = fractions_of(relu_map.A), fractions_of(relu_map.U), fractions_of(relu_map.V)
    b, c = [Fraction(float(x)) for x in relu_map.b], [Fraction(float(x)) for x in relu_map.c]
    size, units = len(A), len(V)

    def step(region, z, offset):
        inputs = [sum(V[u][j] * z[j] for j in range(size)) + offset * b[u] for u in range(units)]
        image = [sum(A[i][j] * z[j] for j in range(size)) + offset * c[i] for i in range(size)]
        return inputs, [image[i] + sum(U[i][u] * inputs[u] for u in range(units) if region[u]) for i in range(size)]

    def around(z, offset):
        for region in itinerary:
            z = step(region, z, offset)[1]
        return z

    columns = [around([Fraction(int(i == j)) for i in range(size)], 0) for j in range(size)]
    shift = around([Fraction(0)] * size, 1)
    rows = [[int(i == j) - columns[j][i] for j in range(size)] + [shift[i]] for i in range(size)]
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
    z = [row[-1] for row in rows]
    points, all_inputs = [], []
    for region in itinerary:
        inputs, image = step(region, z, 1)
        points.append(z)
        all_inputs.append(inputs)
        z = image
    return points, all_inputs, determinant


def is_feasible(relu_map, itinerary):
    """Whether a singular itinerary has admissible solutions, by linear programming in float64 (small integers)."""
    size = relu_map.dimension
    slopes, shift = np.eye(size), np.zeros(size)
    rows, bounds = [], []
    for region in itinerary:
        sign = np.where(region, -1.0, 1.0)
        rows.append(sign[:, None] * (relu_map.V @ slopes))
        bounds.append(-sign * (relu_map.V @ shift + relu_map.b))
        jacobian = relu_map.A + relu_map.U[:, region] @ relu_map.V[region]
        shift = jacobian @ shift + relu_map.c + relu_map.U[:, region] @ relu_map.b[region]
        slopes = jacobian @ slopes
    inequalities = {"A_ub": np.vstack(rows), "b_ub": np.concatenate(bounds)}
    equations = {"A_eq": np.eye(size) - slopes, "b_eq": shift}
    return linprog(np.zeros(size), **inequalities, **equations, bounds=(None, None), method="highs").status == 0


def check_against_fractions(relu_map, itinerary):
    verdict = verify_itinerary(DyadicMap(relu_map), itinerary)
    solution = fraction_solution(relu_map, itinerary)
    assert verdict.is_regular == (solution is not None)
    if solution is None:
        assert (verdict.found is not None) == is_feasible(relu_map, itinerary)
        return
    points, inputs, determinant = solution
    agrees = all(
        y >= 0 if on else y <= 0
        for row, region in zip(inputs, itinerary, strict=True)
        for y, on in zip(row, region, strict=True)
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
        values = np.linalg.eigvals(same.jacobian_product)
        np.testing.assert_allclose(np.poly(same.spectrum.values), np.poly(values), rtol=1e-6, atol=1e-6)
        assert same.index == (1 if np.linalg.det(np.eye(size) - same.jacobian_product) > 0 else -1)
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
        verdict, sign = certified_signs(*candidate.parameters, itinerary, relative)
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
    in_balls = exact._linearized(DyadicMap(relu_map), itinerary)
    monkeypatch.setattr(exact, "LONG_PRODUCT", 10**9)
    rational = exact._linearized(DyadicMap(relu_map), itinerary)
    np.testing.assert_array_equal(in_balls[0], rational[0])
    np.testing.assert_array_equal(in_balls[1].values, rational[1].values)
    assert in_balls[1].stability == rational[1].stability


# On and beside a border ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-50, -300, -1060])
def test_two_fixed_points_on_both_sides_of_the_origin(exponent):
    # z* = offset / (1 - slope): slopes 1/2 and 3/2 have z* = 2 offset and -2 offset, admissible for offset < 0 and > 0
    offset = 2.0**exponent
    folded = tent(0.5, 1.5, -offset)
    left, right = verify_cycles(folded, [word("0"), word("1")]).cycles
    assert left.points == -2 * offset
    assert right.points == 2 * offset
    assert (left.stability, right.stability) == ("stable", "unstable")
    assert (left.index, right.index) == (1, -1)
    assert not left.on_border
    assert verify_cycles(tent(0.5, 1.5, offset), [word("0"), word("1")]).cycles == ()


def test_fold_point_lies_on_the_border_once():
    verified = verify_cycles(tent(0.5, 1.5, 0.0), [word("0"), word("1")])
    (cycle,) = verified.cycles
    assert cycle.points == 0.0
    assert cycle.on_border
    assert cycle.stability == "border"
    assert cycle.index == 0
    np.testing.assert_array_equal(cycle.itinerary, word("0"))


@pytest.mark.parametrize("candidate", ["0", "1"])
@pytest.mark.parametrize("offset", [2.0**-50, 0.0, -(2.0**-50)])
def test_pair_beside_a_border_is_found_from_either_side(candidate, offset):
    # the border at 1: z' = 1 + (z - 1) / 2 + relu(z - 1) - offset; the candidate may be one that does not exist
    folded = ReluMap([[0.5]], [[1.0]], [[1.0]], [-1.0], [0.5 - offset])
    cycles = verify_cycles(folded, [word(candidate)]).cycles
    expected = {2.0**-50: [1 - 2.0**-49, 1 + 2.0**-49], 0.0: [1.0], -(2.0**-50): []}
    assert [cycle.points[0, 0] for cycle in cycles] == expected[offset]
    assert [cycle.on_border for cycle in cycles] == [offset == 0.0] * len(cycles)


@pytest.mark.parametrize("candidate", ["00", "01", "10", "11"])
def test_pair_that_differs_in_two_units_of_one_border(candidate):
    # relu(y) - relu(-y) / 4 of y = z1 + z2 - 1, which cancels: z2 = 1 at the fixed points, and z1 is -+2^-51
    small = 2.0**-52
    relu_map = ReluMap(
        [[0.5, 0.25], [0.0, 0.5]],
        [[1.0, -0.25], [0.0, 0.0]],
        [[1.0, 1.0], [-1.0, -1.0]],
        [-1.0, 1.0],
        [-small - 0.25, 0.5],
    )
    left, right = verify_cycles(relu_map, [word(candidate)]).cycles
    # z1 / 2 = z1 / 4 - small on the left, z1 / 2 = z1 - small on the right
    np.testing.assert_array_equal(left.points, [[-4 * small, 1.0]])
    np.testing.assert_array_equal(right.points, [[2 * small, 1.0]])
    assert (left.index, right.index) == (1, -1)


def test_three_cycle_on_the_border_of_the_tent_map():
    # 1 -> -2 -> 0 -> 1 for slopes 1/2 and -3: a nonsmooth fold, 1/2 9 > 1 on one side and -3/4 < 1 on the other
    for times in (("1", "0", "0"), ("1", "0", "1")):
        cycle = found(tent(0.5, -3.0, 1.0), *times)
        np.testing.assert_array_equal(cycle.points, [[-2.0], [0.0], [1.0]])
        np.testing.assert_array_equal(cycle.itinerary, word("0", "0", "1"))
        assert cycle.index == 0


@pytest.mark.parametrize(("left", "right", "index"), [(0.5, -3.0, 1), (0.5, 1.5, 0), (1.5, 3.0, -1), (3.0, -1.0, 0)])
def test_index_on_a_border_is_the_local_degree(left, right, index):
    # z - F(z) crosses zero upwards, touches it, or crosses it downwards
    assert found(tent(left, right, 0.0), "0").index == index


def test_index_on_two_borders_is_that_of_the_product():
    # two tent maps side by side: the degrees multiply
    for one, other in product([(0.5, -3.0, 1), (0.5, 1.5, 0), (1.5, 3.0, -1)], repeat=2):
        relu_map = ReluMap.plrnn([one[0], other[0]], np.diag([one[1] - one[0], other[1] - other[0]]), [0.0, 0.0])
        assert found(relu_map, "00").index == one[2] * other[2]


def test_unit_that_does_not_bend_the_map_makes_no_border():
    silent = ReluMap([[0.5]], [[0.0, 1.0]], [[1.0], [0.0]], [0.0, 0.0], [0.0])
    cycle = found(silent, "00")
    assert not cycle.on_border
    assert cycle.stability == "stable"
    assert cycle.index == 1
    # the pattern with the silent unit on holds the same point
    assert found(silent, "10").key == cycle.key
    # a unit without weights and bias is never on, but nothing speaks against it
    assert found(silent, "01").key == cycle.key


def test_itinerary_that_is_run_through_twice_is_the_cycle_itself():
    cycle = found(tent(0.5, -3.0, 1.0), "1", "1")
    assert cycle.order == 1
    assert cycle.points == 0.25
    assert cycle.index_of_iterate(2) == -1
    assert cycle.index == 1


def test_too_many_borders_at_once_are_said_to_be_undecided():
    relu_map = ReluMap.plrnn(np.full(12, 0.5), np.diag(np.full(12, -1.0)), np.zeros(12))
    itinerary = np.zeros((1, 12), dtype=bool)
    verified = verify_cycles(relu_map, [itinerary], most_neighbours=100)
    assert len(verified.cycles) == 1
    assert len(verified.undecided) == 1
    assert verified.cycles[0].index is None
    assert verify_cycles(relu_map, [itinerary], most_neighbours=0).undecided == ()


# Singular systems ------------------------------------------------------------------------------------------------


def test_slope_of_exactly_one_is_a_continuum_and_one_ulp_beside_it_a_point():
    assert found(tent(1.0, -0.5, 1.0), "0") is None
    continuum = found(ReluMap.plrnn([0.5], [[0.5]], [0.0]), "1")
    assert isinstance(continuum, Continuum)
    assert continuum.dimension == 1
    assert continuum.point > 0
    for slope, point in ((0.5 + ULP / 2, -1.0), (0.5 - ULP / 2, 1.0)):
        # z (1 - 1/2 - slope) = ulp / 2 * point
        cycle = found(ReluMap.plrnn([0.5], [[slope]], [ULP / 2]), "1")
        assert (cycle is None) == (point < 0)
        assert cycle is None or cycle.points == 1.0


def test_zero_point_one_and_zero_point_nine_do_not_sum_to_one():
    # as float64 they do; the numbers that are stored sum to less than 1 - 2^-56
    assert 0.1 + 0.9 == 1.0
    gap = 1 - Fraction(0.1) - Fraction(0.9)
    assert gap != 0
    cycle = found(ReluMap.plrnn([0.1], [[0.9]], [float(abs(gap))]), "1")
    assert (cycle is None) == (gap < 0)
    cycle = found(ReluMap.plrnn([0.1], [[0.9]], [float(gap)]), "1")
    assert cycle.points == 1.0
    assert cycle.stability == ("stable" if gap > 0 else "unstable")


def test_continuum_of_two_cycles_around_a_flip():
    assert found(tent(0.5, -1.0, 1.0), "1", "1").dimension == 1
    flip = found(tent(0.5, -1.0, 1.0), "1")
    assert flip.points == 0.5
    assert flip.stability == "neutral"
    assert flip.spectrum.roots_of_unity == (2,)
    assert flip.index_of_iterate(2) == 0


def test_continuum_of_fixed_points_is_no_continuum_of_two_cycles():
    continuum = found(ReluMap.plrnn([0.5], [[0.5]], [0.0]), "1", "1")
    assert continuum.itinerary.shape == (1, 1)


def test_border_point_of_a_continuum_belongs_to_it():
    # z' = z for z <= 0, z / 2 beyond
    shrinking = tent(1.0, 0.5, 0.0)
    assert found(shrinking, "1").key == found(shrinking, "0").key
    assert isinstance(found(shrinking, "1"), Continuum)
    # z' = z - 1 for z <= 0: singular, and no solution
    verdict = verify_itinerary(DyadicMap(tent(1.0, 0.5, -1.0)), word("0"))
    assert not verdict.is_regular
    assert verdict.found is None


def test_end_of_a_continuum_has_no_index():
    # z' = z / 2 for z <= 0, z beyond: 0 has a regular piece of its own, and is not isolated
    verified = verify_cycles(tent(0.5, 1.0, 0.0), [word("0")])
    (end,), (continuum,) = verified.cycles, verified.continua
    assert end.points == 0.0
    assert end.index is None
    assert end.index_of_iterate(2) is None
    np.testing.assert_array_equal(continuum.itinerary, word("1"))


def test_singular_piece_that_is_met_in_one_point():
    # z1 = z1 + relu(-z1 - z2) + relu(z1 - z2), z2' = z2 / 2: all off solves on the line z2 = 0, where |z1| <= 0
    relu_map = ReluMap(
        [[1.0, 0.0], [0.0, 0.5]], [[1.0, 1.0], [0.0, 0.0]], [[-1.0, -1.0], [1.0, -1.0]], [0.0, 0.0], [0.0, 0.0]
    )
    cycle = found(relu_map, "00")
    np.testing.assert_array_equal(cycle.points, [[0.0, 0.0]])
    assert cycle.on_border
    # z1' - z1 = |z1| >= 0 on z2 = 0: the zero can be removed
    assert cycle.index == 0


def test_singular_piece_with_a_plane_of_solutions():
    relu_map = ReluMap.plrnn([1.0, 1.0, 0.5], np.diag([-0.5, -0.5, 0.25]), [0.0, 0.0, 1.0])
    continuum = found(relu_map, "001")
    assert continuum.dimension == 2
    assert np.all(continuum.point[:2] < 0)
    # z1 on: z1 = 0 only, and then the unit is off
    assert found(relu_map, "101").key == continuum.key


# Stability at the unit circle ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slope", "stability"), [(-1.0, "neutral"), (-1.0 + ULP / 2, "stable"), (-1.0 - ULP, "unstable")]
)
def test_stability_one_ulp_beside_minus_one(slope, stability):
    assert found(ReluMap([[slope]], [[0.0]], [[1.0]], [0.0], [1.0]), "1").stability == stability


@pytest.mark.parametrize(("radius", "stability"), [(1 - ULP / 2, "stable"), (1.0, "neutral"), (1 + ULP, "unstable")])
def test_stability_of_a_jordan_block_beside_the_circle(radius, stability):
    # a block of size 6: float64 eigenvalues of it are off by 2^(-52/6) = 0.002
    block = np.diag(np.full(6, -radius)) + np.diag(np.full(5, 100.0), 1)
    cycle = found(ReluMap(block, np.zeros((6, 1)), np.ones((1, 6)), [-1e9], np.ones(6)), "0")
    assert cycle.stability == stability
    np.testing.assert_array_equal(cycle.spectrum.values, np.full(6, -radius))


@pytest.mark.parametrize(("cosine", "sine"), [(3 / 4, 0.6614378277661477), (0.6, 0.8), (0.0, 1.0)])
def test_stability_of_rotations(cosine, sine):
    # whether a rounded rotation contracts is a question about its determinant
    cycle = found(ReluMap([[cosine, -sine], [sine, cosine]], np.zeros((2, 1)), [[0.0, 1.0]], [9.0], [1.0, 1.0]), "1")
    radius = Fraction(cosine) ** 2 + Fraction(sine) ** 2
    assert cycle.stability == ("neutral" if radius == 1 else "stable" if radius < 1 else "unstable")
    assert cycle.spectrum.roots_of_unity == ((4,) if cosine == 0.0 else ())
    np.testing.assert_array_equal(cycle.spectrum.values, [complex(cosine, sine), complex(cosine, -sine)])


# Long cycles -----------------------------------------------------------------------------------------------------

EIGHTY_THREE = {
    "A": [0.9777689, 0.96461297],
    "W": [[0.0, -0.14375], [0.675053080000001, 0.0]],
    "h": [0.37298253, -0.97931491],
}


def test_published_cycle_of_order_83():
    relu_map = ReluMap.plrnn(**EIGHTY_THREE)
    start = relu_map.orbit(np.array([-0.9525100026264379, -0.0011749171772471164]), 20_000)[-1]
    stable = relu_map.region(relu_map.orbit(start, 82))
    dyadic = DyadicMap(relu_map)
    cycle = verify_itinerary(dyadic, stable).found
    assert cycle.order == 83
    assert cycle.stability == "stable"
    # published multipliers
    np.testing.assert_allclose(cycle.spectrum.values, [-0.8003923836411905, -0.12399580030242174], rtol=1e-9)
    point = cycle.points[np.argmin(np.abs(cycle.points[:, 1] + 0.0011749171772471164))]
    np.testing.assert_allclose(point, [-0.9525100026264379, -0.0011749171772471164], rtol=1e-10)
    partner = relu_map.region(relu_map.orbit(np.array([-0.8973866828392167, -0.1428454155191955]), 82))
    saddle = verify_itinerary(dyadic, partner).found
    assert saddle.stability == "unstable"
    assert saddle.index == -cycle.index
    np.testing.assert_allclose(saddle.spectrum.values, [1.7787344290968599, 0.06153602689017079], rtol=1e-9)


def test_cycles_with_huge_multipliers():
    # the full tent map of slope 100: all 99 10-cycles exist, with multipliers of modulus exactly 10^20
    relu_map = tent(100.0, -100.0, 1.0)
    words = {
        itineraries.key(np.array(bits, bool)[:, None]): np.array(bits, bool)[:, None]
        for bits in product((0, 1), repeat=10)
    }
    verified = verify_cycles(relu_map, [bits for bits in words.values() if itineraries.is_primitive(bits)])
    assert len(verified.cycles) == 99
    assert {abs(cycle.spectrum.values[0].real) for cycle in verified.cycles} == {1e20}
    assert all(cycle.stability == "unstable" for cycle in verified.cycles)


def test_parameters_of_any_size():
    # multipliers of 2^-1000, inputs of 2^1000
    relu_map = ReluMap([[2.0**-1000]], [[2.0**-900]], [[2.0**-100]], [-(2.0**1000)], [2.0**1000])
    cycle = found(relu_map, "0")
    assert cycle.points == 2.0**1000
    assert cycle.spectrum.values == 2.0**-1000
    assert found(ReluMap([[0.5]], [[1.0]], [[1e300]], [-1e-300], [0.0]), "0").points == 0.0
