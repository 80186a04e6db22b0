"""Maps on which rounding is large beside what is decided: each list is known from exact fractions."""

import numpy as np
import pytest
from tests.search.fractions_of_maps import has_a_solution

from lossjumps import ReluMap, find_cycles

METHODS = ("auto", "complete")


def clipped(A, W1, W2, h1, h2):
    return ReluMap.clipped_shallow_plrnn(A, W1, W2, h1, h2)


def in_other_units(m, units):
    """The map of the states z * units, for powers of two."""
    return ReluMap(m.A * units[:, None] / units, m.U * units[:, None], m.V / units, m.b, m.c * units)


CYCLES_OF_ORDER_TWO = {
    "borders through the virtual fixed point": (
        ReluMap([[-0.5, -0.8], [0.0, -1.5]], [[0.2], [-1.5]], [[0.0, -0.4]], [-0.032], [1.2, -0.2]),
        1,
    ),
    "borders nearly through it": (
        ReluMap([[0.1, -1.1], [-1.5, -0.1]], [[0.1], [0.6]], [[1.7, 1.5]], [1.7939393939393937], [-1.2, -1.4]),
        1,
    ),
    "steep units": (clipped([-1.5, -1.5], [[2.0], [-1.0]], [[-1.0, 1e11]], [0.0, 0.0], [-1.0]), 2),
    "far out, not normal": (
        clipped([[-1.0, 0.5], [2.0**-38, -1.0]], [[-1.0], [2.0]], [[0.0, 2.0]], [-1.0, 0.0], [1.0]),
        2,
    ),
    "far out, sheared": (
        clipped([[-0.5, 2.0**36], [0.0, -2.0]], [[2.0], [2.0]], [[0.0, -1.0]], [0.0, -1.0], [-1.0]),
        1,
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CYCLES_OF_ORDER_TWO)
def test_no_cycle_of_order_two_is_denied(name, method):
    m, number = CYCLES_OF_ORDER_TWO[name]
    found = find_cycles(m, 2, method=method)
    assert len(found.of_order(2)) == number
    assert found.complete[2]


@pytest.mark.parametrize(("seed", "max_nodes"), [(3, 1), (29, 1000), (39, 100_000)])
def test_all_borders_through_one_point(seed, max_nodes):
    generator = np.random.default_rng(seed)
    size, units = 5, 14
    A, U = 0.5 * generator.normal(size=(size, size)), 0.5 * generator.normal(size=(size, units))
    V, point = generator.normal(size=(units, size)), generator.normal(size=size)
    m = ReluMap(A, U, V, -V @ point, point - A @ point)
    found = find_cycles(m, 1, max_nodes=max_nodes)
    # within rounding of the point, on all borders, the map is as its recession map: one more fixed point, or none
    exact = find_cycles(m, 1, method="complete", verify="exact")
    assert exact.complete[1]
    if found.complete[1]:
        assert [cycle.key for cycle in found] == [cycle.key for cycle in exact]
    assert len(exact) == {3: 2, 29: 2, 39: 4}[seed]


@pytest.mark.parametrize("exponent", [0, 20, 36, 47, 60])
def test_states_in_very_different_units(exponent):
    m = ReluMap(
        [[-1.0, -1.0], [-0.5, -1.0]], [[2.0, 2.0], [0.5, -1.0]], [[-1.0, -0.5], [0.5, 1.0]], [0.5, -0.5], [-1.0, 1.0]
    )
    found = find_cycles(in_other_units(m, 2.0 ** np.array([0, exponent])), 1)
    assert len(found) == 1
    assert found.complete[1]


def test_borders_that_meet_far_out():
    shift = 2.0**-42
    m = clipped([0.5, 0.5], [[1.0, 0.5], [0.5, -1.0]], [[1.0, 0.0], [1.0, shift]], [-1.0, 1 / shift], [1.0, 0.5])
    found = find_cycles(m, 1)
    assert len(found) == 3
    assert found.complete[1]


CANCELLING = {
    "weights of one border": (ReluMap([[0.9]], [[1e16, -1e16]], [[1.0], [1.0]], [-5.0, -5.0], [1.0]), [1]),
    "what is left of three units": (
        ReluMap(
            [[-0.8]],
            [[-5.084861919852105e16, 5.0848619198521016e16, -0.8]],
            [[2.2], [2.2], [-0.1]],
            [-0.5, -0.5, -0.8],
            [-0.1],
        ),
        [1, 1],
    ),
    "weights of nearly parallel borders": (
        ReluMap(
            [[0.9, 0.0], [0.0, -0.9]],
            [[0.0, 0.0], [-(2.0**50), 2.0**50]],
            [[1.0, 2.0**-51], [1.0, 0.0]],
            [0.0, 0.0],
            [-2.0, -0.2],
        ),
        [1, 1],
    ),
    "weights of borders that are nearly one": (
        ReluMap(
            [[-1.1, 0.0], [0.1, -0.8]],
            [[-3377699720527872.0, 3377699720527872.0], [0.0, 0.0]],
            [[0.0, 1.9], [0.0, 1.8999999999999997]],
            [-0.9999999999999999, -0.9999999999999999],
            [1.5, 0.1],
        ),
        [1, 1],
    ),
    "a narrow sliver between borders": (
        ReluMap([[0.5]], [[4.0, -4.0]], [[-1.0], [-1.0]], [1.38013376803603, 1.3801337680360293], [0.6900668840180126]),
        [1, 1, 2],
    ),
    "inputs of a chain": (
        ReluMap(
            [[1.0 - 2.0**-14, 1.5, 0.02], [0.0, 1.0 + 2.0**-14, 1.0], [0.0, 0.0, 1.0 + 2.0**-14]],
            np.zeros((3, 1)),
            [[0.5, -0.25, -0.5]],
            [0.3],
            [0.125, -0.75, -4.5e-5],
        ),
        [1],
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CANCELLING)
def test_what_cancels_hides_no_cycle(name, method):
    m, numbers = CANCELLING[name]
    found = find_cycles(m, len(numbers), method=method)
    assert [len(found.of_order(order)) for order in found.complete] == numbers
    assert all(found.complete.values())


def test_regions_of_an_ill_conditioned_chain():
    # the diagonal of I - J is 2^-14: an inverse of norm 2^42, and no pivot is small
    d = 2.0**-14
    m = ReluMap(
        [[1.0 - d, 1.4913543446168462, 0.021066100705676456], [0.0, 1.0 + d, 1.0048333248417556], [0.0, 0.0, 1.0 + d]],
        np.reshape([1.79, 2.89, -1.62, 1.92, 0.33, 2.13], (3, 2)) * 1e-13,
        np.reshape([0.502, -0.233, -0.283, -0.546, 0.816, 1.398], (2, 3)),
        [0.34432918485407715, -1.1178644829667177],
        [0.11560520381118862, -0.7307326969408251, -4.438617860395104e-05],
    )
    itineraries = [np.array([[first, second]]) for first in (False, True) for second in (False, True)]
    exact = sum(has_a_solution(m, itinerary) for itinerary in itineraries)
    assert len(find_cycles(m, 1)) == len(find_cycles(m, 1, verify="exact")) == exact


@pytest.mark.parametrize("width", 10.0 ** -np.arange(1, 10))
def test_a_narrow_box_keeps_what_lies_in_it(width):
    # z = -z / 2 - (z - 1) + 2
    m = ReluMap([[-0.5]], [[-1.0]], [[1.0]], [-1.0], [2.0])
    found = find_cycles(m, 1, box=(1.2 - width, 1.2 + 2.0 * width))
    assert found.complete[1]
    assert [float(cycle.points[0, 0]) for cycle in found] == [pytest.approx(1.2, rel=1e-15)]


@pytest.mark.parametrize("place", [0.0, 1e2, 1e4, 1e6, 1e8])
def test_a_small_tent_far_from_the_origin(place):
    # 2-cycle 0.4 0.8, 3-cycles 2/7 4/7 6/7 and 2/9 4/9 8/9: as many as of the full shift on two symbols
    m = ReluMap([[2.0]], [[-4.0]], [[1.0]], [-0.5 - place], [-place])
    found = find_cycles(m, 4, box=(place - 0.01, place + 1.02))
    assert found.complete == dict.fromkeys(range(1, 5), True)
    assert [len(found.of_order(order)) for order in range(1, 5)] == [2, 1, 2, 3]


def test_points_lost_in_rounding_are_solved_exactly():
    w, slope, bias = 2.0**47, 1.0000000000000004, 39.999999999999986
    m = ReluMap([[-0.5]], [[w, -w]], [[slope], [1.0]], [40.0, bias], [0.1])
    (exact,) = find_cycles(m, 1, verify="exact")
    for box in (None, (1.4508, 1.4709)):
        (cycle,) = find_cycles(m, 1, box=box)
        assert cycle.points[0, 0] == exact.points[0, 0]
    # both units are on: z = -z / 2 + w ((slope - 1) z + 40 - bias) + 0.1, and the differences are exact
    assert exact.points[0, 0] == pytest.approx((0.1 + w * (40.0 - bias)) / (1.5 - w * (slope - 1.0)), rel=1e-12)


def test_points_of_very_different_size_are_solved_exactly():
    w = 107374182.4
    m = ReluMap([[0.0]], [[-w, w]], [[1.0], [1.0]], [-170.01164972107173, -170.01164975087406], [171.81164972107175])
    (exact,) = find_cycles(m, 2, verify="exact").of_order(2)
    low, high = exact.points.min(), exact.points.max()
    for box in (None, (low - 1e-8, high + 1e-8)):
        (cycle,) = find_cycles(m, 2, box=box).of_order(2)
        np.testing.assert_array_equal(cycle.points, exact.points)
