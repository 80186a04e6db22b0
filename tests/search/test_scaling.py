"""A map in other units of measurement has the same regions and cycles, to the last bit."""

import numpy as np
import pytest

from lossjumps import ReluMap, find_cycles
from lossjumps.errors import InputError
from lossjumps.search.scaling import in_usual_units


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-500, 2.0**-70, 2.0**70, 2.0**500, 2.0**1000])
@pytest.mark.parametrize("verify", ["float", "exact"])
def test_units_of_measurement_do_not_matter(scale, verify):
    one = ReluMap([[0.2]], [[-3.0, 0.4]], [[1.0], [1.0]], [0.3, -0.2], [0.1])
    expected = find_cycles(one, 4, verify=verify)
    assert len(expected) > 1
    for m in (
        ReluMap(one.A, one.U, one.V, one.b * scale, one.c * scale),
        ReluMap(one.A, one.U / scale, one.V * scale, one.b * scale, one.c),
    ):
        found = find_cycles(m, 4, verify=verify)
        length = scale if np.any(m.c != one.c) else 1.0
        assert found.certificate == expected.certificate
        for cycle, same in zip(found, expected, strict=True):
            assert cycle.key == same.key
            np.testing.assert_array_equal(cycle.points, same.points * length)


def test_usual_maps_are_left_alone_and_what_would_be_lost_as_well():
    usual = ReluMap([[0.2]], [[-3.0]], [[1.0]], [1e-3], [1e3])
    assert in_usual_units(usual) == (usual, 0)
    # in units of the large offset the small one is no longer a normal number
    apart = ReluMap(np.eye(2), np.ones((2, 1)), [[1.0, 0.0]], [5e-324], [1e300, 0.0])
    assert in_usual_units(apart) == (apart, 0)


@pytest.mark.parametrize(
    "output, weight, offset, unit",
    [
        ([1.0], [[5e-324]], [0.1], 1),
        ([1e-200, 1.0], [[1e-200], [1.0]], [0.1, 0.2], 1),
        ([1.0, 1e200], [[1.0], [1e200]], [0.1, 0.2], 2),
    ],
)
def test_units_that_float64_cannot_put_beside_the_others_are_named(output, weight, offset, unit):
    relu_map = ReluMap([[0.5]], [output], weight, offset, [0.2])
    with pytest.raises(InputError, match=f"of unit {unit} are too far apart for float64"):
        find_cycles(relu_map, 2)


def test_tiny_numbers_that_matter_to_no_border_are_searched():
    # a dead unit, and a border where z = 5e-324
    (fixed_point,) = find_cycles(ReluMap([[0.5]], [[0.0]], [[1e-200]], [0.1], [0.2]))
    assert fixed_point.points[0, 0] == pytest.approx(0.4)
    (fixed_point,) = find_cycles(ReluMap([[0.5]], [[0.25]], [[1.0]], [-5e-324], [0.2]))
    assert fixed_point.points[0, 0] == pytest.approx(0.8)
