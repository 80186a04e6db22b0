"""Every test system of the reference implementation, and the numbers of its figures S6, S7 and S9."""

import numpy as np
import pytest
from tests.reference_systems import CASES, SYSTEMS, system_map

from lossjumps import ReluMap, find_cycles
from lossjumps.search.exact import verify_cycles
from lossjumps.search.periodic import virtual_cycle


def check_cycle(found, expected: dict, digits: float) -> None:
    """One of the cycles found is the expected one, by a point of it; its multipliers and stability agree."""
    point = np.array(expected["point"])
    scale = digits * max(1.0, float(np.abs(point).max()))
    (cycle,) = [cycle for cycle in found if np.abs(cycle.points - point).max(axis=1).min() <= scale]
    multipliers = np.array([complex(*value) for value in expected["multipliers"]])
    np.testing.assert_allclose(np.poly(cycle.multipliers), np.poly(multipliers), rtol=digits, atol=digits)
    assert cycle.is_stable == expected["stable"]


@pytest.mark.parametrize("verify", ["float", "exact"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_all_cycles_of_the_test_systems(name, verify):
    system = SYSTEMS[name]
    max_order = system["complete_up_to_order"]
    found = find_cycles(system_map(name), max_order, verify=verify)
    assert all(found.complete.values())
    # where it is not proved that nothing lies farther out, what was searched is far larger than the cycles
    assert found.domain is None or found.domain.upper.min() > 1e8 * max(np.abs(c.points).max() for c in found)
    assert len(found) == len(system["cycles"])
    for expected in system["cycles"]:
        check_cycle(found.of_order(expected["order"]), expected, 1e-10)
    for published in system["published"]:
        cycles = found.of_order(published["order"])
        if published["order"] <= max_order and "count" in published:
            assert len(cycles) == published["count"]
        assert len(cycles) >= published.get("count_min", 0)
        if "point" in published:
            assert any(np.array_equal(np.round(c.points[0], published["decimals"]), published["point"]) for c in cycles)


@pytest.mark.parametrize("name", [name for name, system in SYSTEMS.items() if system["complete_up_to_order"] >= 16])
def test_long_cycles_are_right_to_twelve_digits(name):
    """From the orbit of a reference point alone: points and multipliers against those decided without rounding."""
    relu_map = system_map(name)
    indices = []
    for expected in SYSTEMS[name]["cycles"]:
        order = expected["order"]
        # the orbit of the rounded point of a saddle stays near it for a period
        itinerary = relu_map.region(relu_map.orbit(np.array(expected["point"]), order)[:-1])
        (exact,) = verify_cycles(relu_map, [itinerary], most_neighbours=0).cycles
        points, inputs = np.empty((order, 2)), np.empty((order, 2))
        _, residual = virtual_cycle(*relu_map.parameters, exact.itinerary, points, inputs)
        assert residual <= 1.0
        np.testing.assert_allclose(points, exact.points, rtol=0, atol=1e-12 * np.abs(points).max())
        check_cycle([exact], expected, 1e-10)
        indices.append(exact.index)
    # born in pairs
    assert sum(indices[1:]) == 0


@pytest.mark.parametrize("point", CASES["figure_s7"], ids=lambda point: f"{point['a_l']:.4f}")
def test_two_cycles_of_figure_s7(point):
    a_l = point["a_l"]
    relu_map = ReluMap.plrnn([[a_l, 0.8], [-0.4, 0.2]], [[-1.5 - a_l, 0.0], [0.9, 0.0]], [0.214, 0.0])
    found = find_cycles(relu_map, 2)
    assert all(found.complete.values())
    fixed, cycle = found.cycles
    np.testing.assert_allclose(fixed.points, [[0.107, 0.066875]], rtol=1e-12)
    np.testing.assert_allclose(sorted(fixed.multipliers), [-1.709481, 0.409481], atol=5e-7)
    # near the bifurcation at -0.48235 both ends of the cycle are far away
    np.testing.assert_allclose(cycle.points, [point["point_L"], point["point_R"]], rtol=1e-11)
    np.testing.assert_allclose(sorted(cycle.multipliers, reverse=True), point["eigenvalues"], rtol=1e-11)


def test_skew_tent_maps_of_figure_s6():
    left, offset = 0.2, 1.0
    for right in np.round(np.arange(-2.0, 2.05, 0.1), 1):
        found = find_cycles(ReluMap.plrnn([left], [[right - left]], [offset]), 2)
        fixed, cycles = found.of_order(1), found.of_order(2)
        assert (len(fixed), len(cycles)) == (right < 1.0, right < -1.0)
        for cycle in fixed:
            np.testing.assert_allclose(cycle.points, [[1.0 / (1.0 - right)]], rtol=1e-14)
            np.testing.assert_allclose(cycle.multipliers, [right], rtol=1e-14)
        for cycle in cycles:
            expected = np.array([[1.0 + right], [1.0 + left]]) / (1.0 - left * right)
            np.testing.assert_allclose(cycle.points, offset * expected, rtol=0, atol=1e-14)
            np.testing.assert_allclose(cycle.multipliers, [left * right], rtol=1e-14)


def next_region(relu_map: ReluMap, regions: np.ndarray) -> np.ndarray:
    """The region of the virtual fixed point of each region (n, H)."""
    point, inputs = np.empty((1, relu_map.dimension)), np.empty((1, relu_map.units))
    following = np.empty_like(regions)
    for number, region in enumerate(regions):
        sign, residual = virtual_cycle(*relu_map.parameters, region[None], point, inputs)
        assert sign != 0.0
        assert residual <= 1.0
        following[number] = inputs[0] > 0.0
    return following


def test_iterated_regions_of_figure_s9():
    """From each of the 1024 regions to that of its virtual fixed point, 20 times: how many different ones are left."""
    weights = 2 ** np.arange(10)
    regions = np.arange(1024)[:, None] // weights % 2 == 1
    counts = []
    for system in CASES["figure_s9"]["systems"]:
        relu_map = ReluMap.plrnn(system["A"], system["W"], system["h"])
        following = next_region(relu_map, regions) @ weights
        reached = np.arange(1024)
        counts.append([1024])
        for _ in range(20):
            reached = np.unique(following[reached])
            counts[-1].append(len(reached))
        assert counts[-1] == system["regions"]
    printed = CASES["figure_s9"]
    assert np.round(np.mean(counts, axis=0), 1).tolist() == printed["mean"]
    np.testing.assert_allclose(np.std(counts, axis=0, ddof=1), printed["standard_deviation"], rtol=1e-14)


@pytest.mark.parametrize("number", range(10))
def test_fixed_points_of_the_systems_of_figure_s9(number):
    system = CASES["figure_s9"]["systems"][number]
    found = find_cycles(ReluMap.plrnn(system["A"], system["W"], system["h"]), 1)
    assert found.complete[1]
    assert found.index_sum[1] == 0
    assert len(found) == len(system["fixed_points"])
    expected = sorted(zip(system["fixed_points"], system["spectral_radius"], system["index"], strict=True))
    cycles = sorted(found, key=lambda cycle: tuple(cycle.points[0]))
    for cycle, (point, radius, index) in zip(cycles, expected, strict=True):
        np.testing.assert_allclose(cycle.points[0], point, rtol=0, atol=1e-11)
        assert cycle.largest_multiplier == pytest.approx(radius, rel=1e-12)
        assert cycle.index == index
