"""Where walks start from."""

import numpy as np
from tests.random_maps import random_map

from lossjumps import ReluMap
from lossjumps.search.starts import RandomStarts, from_lower_cycles
from lossjumps.search.visits import unpacked


def test_lower_cycles_are_repeated_and_joined():
    generator = np.random.default_rng(0)
    one, two = np.array([[True]]), np.array([[True], [False]])
    starts = from_lower_cycles([one, two], 3, generator)
    texts = {"".join("1" if bit else "0" for bit in start.ravel()) for start in starts}
    assert "111" in texts
    assert {text.count("0") for text in texts if text != "111"} == {1}
    assert all(start.shape == (3, 1) for start in starts)


def test_random_starts_are_what_orbits_visit_and_regions_drawn_independently():
    m = ReluMap.plrnn([0.5], [[-0.2]], [1.0])  # every orbit runs to a fixed point with the unit on
    random = RandomStarts(m, np.random.default_rng(0), np.empty((0, 1), dtype=bool))
    drawn = unpacked(random.draw(400, 6), 1)[:, :, 0]
    followed, independent = drawn[:200], drawn[200:]
    assert followed.all(axis=1).mean() > 0.9
    assert 0.4 < independent.mean() < 0.6


def test_independent_regions_are_those_given():
    patterns = np.random.default_rng(1).random((5, 9)) < 0.5
    m = random_map("shallow", 3, 9, np.random.default_rng(2))
    drawn = unpacked(RandomStarts(m, np.random.default_rng(0), patterns).independent(100, 2), 9)
    given = {pattern.tobytes() for pattern in patterns}
    assert {region.tobytes() for region in drawn.reshape(-1, 9)} == given


def test_starts_of_a_diverging_map_are_region_sequences_still():
    random = RandomStarts(ReluMap.plrnn([1e160], [[1e160]], [1.0]), np.random.default_rng(0), np.empty((0, 1), bool))
    assert random.draw(20, 4).shape == (20, 4, 1)
