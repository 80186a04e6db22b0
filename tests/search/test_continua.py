"""Continua of cycles around cycles of lower order."""

import numpy as np

from lossjumps import ReluMap, find_cycles
from lossjumps.search.continua import continua_around


def test_continua_of_twice_the_order_around_a_border_cycle():
    # F(z) = -z on both sides of the border that the fixed point lies on
    m = ReluMap([[-1.0]], [[0.5, -0.5]], [[1.0], [1.0]], [0.0, 0.0], [0.0])
    found = find_cycles(m, 2)
    assert len(found.of_order(1)) == 1
    assert not found.complete[2]
    # in the plane: a half turn on one side of the border z_1 = 0, along which z_2 is reversed; contraction on the other
    flip = ReluMap([[-0.5, 0.0], [0.0, -1.0]], [[0.25], [0.0]], [[1.0, 0.0]], [0.0], [0.0, 0.0])
    found = find_cycles(flip, 2)
    assert found.degenerate
    assert not found.complete[2]


def test_rotations_of_finite_order_and_others():
    # about the fixed point (0, 0), on one side of the border z_1 = 5: a turn by a fifth of the full circle, rounded
    angle = 2.0 * np.pi / 5.0
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    m = ReluMap(turn, [[0.5], [0.0]], [[1.0, 0.0]], [-5.0], [0.0, 0.0])
    (fixed,) = [cycle for cycle in find_cycles(m, 1) if np.abs(cycle.points).max() < 1.0]
    assert continua_around(m, [fixed], 5) == []  # float64 has no such rotation
    quarter = ReluMap([[0.0, -1.0], [1.0, 0.0]], m.U, m.V, m.b, m.c)
    (fixed,) = [cycle for cycle in find_cycles(quarter, 1) if np.abs(cycle.points).max() < 1.0]
    assert continua_around(quarter, [fixed], 3) == []
    (itinerary,) = continua_around(quarter, [fixed], 4)
    assert itinerary.shape == (4, 1) and not itinerary.any()


def test_more_pieces_than_are_looked_at_are_said_to_be_unknown():
    # fixed at zero, on all eleven borders
    size = 11
    m = ReluMap.plrnn(np.full(size, -0.5), -0.1 * np.eye(size), np.zeros(size))
    (fixed,) = find_cycles(m, 1)
    assert continua_around(m, [fixed], 2) is None
