"""Linear regions against formulas, random points and what degenerate arrangements do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.random_maps import FAMILIES, random_map

from lossjumps import ReluMap
from lossjumps.search.regions import linear_regions


def zaslavsky(units, dimension):
    return sum(math.comb(units, i) for i in range(dimension + 1))


@pytest.mark.parametrize(("dimension", "units"), [(1, 1), (1, 7), (2, 10), (3, 20), (4, 9), (3, 2), (5, 3), (2, 70)])
def test_generic_arrangement_has_the_number_of_cells_of_zaslavskys_formula(dimension, units):
    generator = np.random.default_rng(dimension * 100 + units)
    m = random_map("canonical", dimension, units, generator)
    regions = linear_regions(m)
    assert regions.complete
    assert len(regions.patterns) == zaslavsky(units, dimension)
    assert len(np.unique(regions.patterns, axis=0)) == len(regions.patterns)


@pytest.mark.parametrize("family", FAMILIES)
@given(
    seed=st.integers(0, 10**6), dimension=st.integers(1, 4), units=st.integers(1, 7), digits=st.sampled_from([0, 1, 9])
)
def test_every_region_that_points_fall_into_is_listed(family, seed, dimension, units, digits):
    generator = np.random.default_rng(seed)
    m = random_map(family, dimension, units, generator, digits)
    regions = linear_regions(m)
    assert regions.complete
    listed = {pattern.tobytes() for pattern in regions.patterns}
    points = generator.normal(size=(400, dimension)) * 10.0 ** generator.uniform(-2, 2, size=(400, 1))
    assert {pattern.tobytes() for pattern in m.region(points)} <= listed


@pytest.mark.parametrize(("dimension", "units", "spread"), [(3, 6, 3e-7), (6, 9, 1e-3), (8, 11, 5e-3)])
def test_nearly_parallel_borders_keep_their_vertices(dimension, units, spread):
    generator = np.random.default_rng(1)
    normals = np.eye(1, dimension) + spread * generator.normal(size=(units, dimension))
    m = ReluMap(
        np.zeros((dimension, dimension)),
        np.ones((dimension, units)),
        normals,
        generator.normal(size=units),
        np.zeros(dimension),
    )
    regions = linear_regions(m)
    assert regions.complete
    assert len(regions.patterns) >= zaslavsky(units, dimension)


def test_orthants_of_a_plrnn_and_slabs_of_parallel_borders():
    m = random_map("plrnn", 6, 6, np.random.default_rng(0))
    assert len(linear_regions(m).patterns) == 2**6
    # two bases cut each axis at two thresholds: three intervals an axis
    dendritic = ReluMap.dendritic_plrnn(np.full(3, 0.5), np.eye(3), np.zeros(3), [1.0, 2.0], [[0.0] * 3, [1.0] * 3])
    assert len(linear_regions(dendritic).patterns) == 3**3


def test_units_without_weights_do_not_divide_the_space():
    m = ReluMap([[0.5]], [[1.0, 1.0]], [[0.0], [0.0]], [1.0, -1.0], [0.0])
    regions = linear_regions(m)
    np.testing.assert_array_equal(regions.patterns, [[True, False]])
    assert regions.complete


def test_gives_up_beyond_its_limit_and_says_so():
    m = random_map("plrnn", 10, 10, np.random.default_rng(0))
    regions = linear_regions(m, max_regions=1000)
    assert not regions.complete
    assert not linear_regions(random_map("canonical", 10, 100, np.random.default_rng(0))).complete
