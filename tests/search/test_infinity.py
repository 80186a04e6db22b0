"""Recession maps against maps of the line, whose orbits far out are products of two slopes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lossjumps import ReluMap, find_cycles
from lossjumps.search.infinity import proper_orders, recession_map

SLOPES = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])


def line(left, right, level):
    """z' = level + left z for z < 0.3, with slope right beyond."""
    return ReluMap([[left]], [[right - left]], [[1.0]], [-0.3], [level])


def fixes_a_direction(left, right, order):
    for start in (-1.0, 1.0):
        z = start
        for _ in range(order):
            z *= right if z > 0.0 else left
        if z == start:
            return True
    return False


@given(left=SLOPES, right=SLOPES, level=st.sampled_from([-1.0, 0.0, 0.7]))
def test_orders_without_a_fixed_direction(left, right, level):
    m = line(left, right, level)
    expected = [order for order in range(1, 7) if not fixes_a_direction(left, right, order)]
    assert proper_orders(m, 6, max_cells=100_000) == expected


@given(left=SLOPES, right=SLOPES)
def test_far_out_the_map_and_its_recession_map_differ_by_a_constant(left, right):
    m = line(left, right, 0.7)
    recession = recession_map(m)
    for z in (-1e6, 1e6):
        far = left * z if recession is None else recession(np.array([z]))[0]
        assert abs(m(np.array([z]))[0] - far) < 2.0


def test_bounded_parts_of_clipped_units_vanish_far_out():
    m = ReluMap.clipped_shallow_plrnn([0.5, -0.2], [[1.0], [2.0]], [[1.0, 1.0]], [0.0, 0.0], [0.7])
    assert recession_map(m) is None
    assert proper_orders(m, 3, max_cells=1) == [1, 2, 3]
    assert proper_orders(line(0.5, 2.0, 0.7), 0, max_cells=1000) == []
    assert proper_orders(ReluMap(-np.eye(2), m.U, m.V, m.b, m.c), 3, max_cells=1) == [1, 3]


def test_a_cycle_beyond_what_is_split_is_found_or_not_denied():
    # slopes -2 and -(1 - 2d) / 2 around zero: the 2-cycle reaches out to 1 / (2 d)
    distance = 2.0**-40
    m = ReluMap([[-(0.5 - distance)]], [[-2.0 + 0.5 - distance]], [[1.0]], [0.0], [1.0])
    found = find_cycles(m, 2)
    assert found.complete[2]
    (far,) = found.of_order(2)
    np.testing.assert_allclose(np.abs(far.points).max(), 0.5 / distance, rtol=1e-3)
    # and where only the splitting is affordable, the list is one of all that lie nearer
    nearer = find_cycles(m, 2, max_nodes=1, max_visits=1)
    assert nearer.complete[2]
    assert len(nearer.of_order(2)) == 0
    assert 1e9 < nearer.domain.upper[0] < 0.5 / distance
