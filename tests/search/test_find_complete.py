"""Complete lists against rational brute force, near-degenerate maps included, in float64 and without rounding."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.random_maps import FAMILIES, all_patterns, random_map
from tests.search.fractions_of_maps import fraction_solution

from lossjumps import ReluMap, find_cycles
from lossjumps.search import find


def rational_fixed_points(m: ReluMap) -> tuple[dict[bytes, list[Fraction]], bool]:
    """Every fixed point of a region with regular I - J, all 2^H solved in fractions; and whether all are regular."""
    found, all_regular = {}, True
    for pattern in all_patterns(m.units):
        solution = fraction_solution(m, pattern[None, :])
        if solution is None:
            all_regular = False
            continue
        (point,), (inputs,), _ = solution
        if all((value > 0) == state for value, state in zip(inputs, pattern, strict=True)):
            found[pattern.tobytes()] = point
    return found, all_regular


DEGENERACIES = ("none", "duplicate unit", "zero row", "silent unit", "border on a fixed point", "nearly singular")


def degenerate_map(family: str, dimension: int, units: int, digits: int, how: str, seed: int) -> ReluMap:
    """A random map that is degenerate in one way."""
    generator = np.random.default_rng(seed)
    m = random_map(family, dimension, units, generator, digits)
    A, U, V, b, c = (array.copy() for array in m.parameters)
    unit = int(generator.integers(m.units))
    if how == "duplicate unit":
        other = (unit + 1) % m.units
        V[other], b[other] = V[unit], b[unit]
    elif how == "zero row":
        V[unit] = 0.0
    elif how == "silent unit":
        U[:, unit] = 0.0
    elif how == "border on a fixed point":
        for cycle in find_cycles(m, 1):
            b[unit] = -(V[unit] @ cycle.points[0])
    elif how == "nearly singular":
        # a multiplier 1 in the region with all units off, but for the last digit
        A = np.diag(np.r_[1.0 - 2.0**-52, generator.normal(size=dimension - 1)])
    return ReluMap(A, U, V, b, c)


def check_fixed_points(m: ReluMap) -> bool:
    """Compare complete lists with fractions; False where there is a continuum, about whose ends nothing is claimed."""
    expected, all_regular = rational_fixed_points(m)
    found = find_cycles(m, 1, verify="exact")
    if found.degenerate:
        assert not all_regular and not found.complete[1]
        return False
    assert found.complete[1]
    patterns = {cycle.itinerary.tobytes() for cycle in found}
    # a singular region may hold a single point, on its border
    assert patterns == set(expected) if all_regular else patterns >= set(expected)
    for cycle in found:
        if cycle.itinerary.tobytes() in expected:
            assert cycle.points[0].tolist() == [float(value) for value in expected[cycle.itinerary.tobytes()]]
    # in float64: the same but for what lies within rounding of a border, or is far away
    listed = find_cycles(m, 1)
    if listed.complete[1] and max((float(np.abs(cycle.points).max()) for cycle in found), default=0.0) < 1e8:
        assert {cycle.itinerary.tobytes() for cycle in found if cycle.border_distance > 1e-9} <= {
            cycle.itinerary.tobytes() for cycle in listed
        }
        assert {cycle.itinerary.tobytes() for cycle in listed if not cycle.near_border} <= patterns
    return True


SHAPES = st.tuples(st.sampled_from(FAMILIES), st.integers(1, 4), st.integers(1, 5), st.sampled_from([9, 1, 0]))


@given(shape=SHAPES, how=st.sampled_from(DEGENERACIES), seed=st.integers(0, 2**32 - 1))
def test_fixed_points_are_those_of_fractions(shape, how, seed):
    family, dimension, units, digits = shape
    if family == "clipped":
        units = min(units, 3)
    if family == "dendritic":
        dimension = min(dimension, 2)
    check_fixed_points(degenerate_map(family, dimension, units, digits, how, seed))


@pytest.mark.slow
def test_two_thousand_maps():
    generator, compared = np.random.default_rng(2023), 0
    for seed in range(2000):
        family, how = FAMILIES[seed % len(FAMILIES)], DEGENERACIES[seed % len(DEGENERACIES)]
        dimension, units = int(generator.integers(1, 5)), int(generator.integers(1, 7))
        if family in ("clipped", "dendritic"):
            dimension, units = min(dimension, 3), min(units, 3)
        compared += check_fixed_points(degenerate_map(family, dimension, units, (9, 9, 1, 0)[seed % 4], how, seed))
    assert compared >= 1900


def test_two_fixed_points_on_both_sides_of_a_border():
    # z' = relu(z + d) - relu(z - d) scaled: fixed points 2^-40 apart, which rounding of coordinates would merge
    gap = 2.0**-40
    m = ReluMap.plrnn([0.5], [[1.0]], [-gap])  # -2 gap on the left, 2 gap on the right
    for verify in ("float", "exact"):
        found = find_cycles(m, 1, verify=verify)
        assert sorted(cycle.points[0, 0] for cycle in found) == [-2 * gap, 2 * gap]
        assert found.complete[1] and found.index_sum[1] == 0


def test_a_box_holds_the_cycles_that_lie_in_it():
    m = ReluMap.plrnn([3.0], [[-6.0]], [1.0])  # 3 z + 1 and 1 - 3 z: fixed at -1/2 and 1/4
    found = find_cycles(m, 3, box=(-1.0, 0.0))
    assert [cycle.points[0, 0] for cycle in found] == [-0.5]
    assert found.domain.lower == -1.0 and found.domain.upper == 0.0
    assert found.complete == {1: True, 2: True, 3: True}
    assert len(find_cycles(m, 3, box=([-1.0], [1.0]))) == len(find_cycles(m, 3)) == 5


def test_a_list_that_contradicts_the_degree_is_not_called_complete(monkeypatch):
    m = ReluMap.plrnn([0.5], [[-3.5]], [1.0])
    assert find_cycles(m, 2).index_sum == {1: 1, 2: 1}
    monkeypatch.setattr(find, "degrees", lambda *_, **__: {1: 0, 2: None})
    found = find_cycles(m, 2)
    assert found.complete == {1: False, 2: True}
    assert found.index_sum == {1: None, 2: None}
    assert find_cycles(m, 2, audit=False).complete == {1: True, 2: True}


def test_complete_whatever_it_costs():
    size = 30
    generator = np.random.default_rng(3)
    m = ReluMap.plrnn(
        generator.uniform(-1, 1, size), generator.normal(size=(size, size)) / size**0.5, generator.normal(size=size)
    )
    given_up = find_cycles(m, 1, max_nodes=20, audit=False)
    assert not given_up.complete[1]
    found = find_cycles(m, 1, method="complete", audit=False)
    assert found.certificate == {1: "branching"}
    assert {cycle.key for cycle in given_up} <= {cycle.key for cycle in found}
    for cycle in found:
        np.testing.assert_allclose(m(cycle.points[0]), cycle.points[0], atol=1e-9)


def test_fixed_points_far_away():
    # 1 - 1e-11 on the left and 1 + 1e-11 on the right: about -1e11 and 1e11
    m = ReluMap.plrnn([1 - 1e-11], [[2e-11]], [-1.0])
    for max_order in (1, 2):
        found = find_cycles(m, max_order).of_order(1)
        np.testing.assert_allclose([cycle.points[0, 0] for cycle in found], [-1e11, 1e11], rtol=1e-4)
    # a multiplier 1 - 2^-50, so that I - J is singular for float64: -4.5e14, and one near the origin
    m = ReluMap([[1 - 2.0**-50, 0.3], [0.0, 0.5]], [[0.3], [0.0]], [[1.0, 0.0]], [0.0], [-1.0, 1.0])
    found = find_cycles(m, 1)
    assert len(found) == 2 and found.complete[1] and found.index_sum[1] == 0


def test_what_rounding_leaves_of_a_singular_region_is_no_fixed_point():
    # I - J is what is left of 1 - 1 with the unit's two halves clipped: no fixed point
    m = ReluMap.clipped_shallow_plrnn([1.0], [[0.3, 0.5]], [[1.6], [1.3]], [0.5], [1.0, 1.0])
    found = find_cycles(m, 1)
    assert len(found) == 0 and found.index_sum[1] in (0, None)


def test_a_continuum_leaves_multiples_of_its_order_unclaimed():
    # (z1, z2) -> (z1, -z2): a line of fixed points in a plane of 2-cycles
    m = ReluMap(np.diag([1.0, -1.0]), np.zeros((2, 1)), np.ones((1, 2)), [0.0], [0.0, 0.0])
    assert find_cycles(m, 2, verify="exact").complete == {1: False, 2: False}
