"""Maps on which rounding is large beside what is decided: each list is known from exact fractions."""

import numpy as np
import pytest

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


@pytest.mark.parametrize("max_nodes", [1, 1000, 100_000])
@pytest.mark.parametrize("seed", [3, 29, 39])
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
