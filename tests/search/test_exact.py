"""Cycles decided without rounding: closed forms in dyadic fractions, and what float64 loses."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from lossjumps import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.dyadic import DyadicMap
from lossjumps.search.exact import Continuum, verify_cycles, verify_itinerary

ULP = 2.0**-52


def tent(left, right, offset):
    """z' = left z + offset for z <= 0, right z + offset beyond; right - left has to be a float64."""
    assert Fraction(right) - Fraction(left) == Fraction(right - left)
    return ReluMap.plrnn([left], [[right - left]], [offset])


def word(*times):
    return np.array([[bit == "1" for bit in time] for time in times])


def found(relu_map, *times):
    return verify_itinerary(DyadicMap(relu_map), word(*times)).found


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
