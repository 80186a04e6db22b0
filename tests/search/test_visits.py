"""Visits of region sequences, many side by side: against numpy, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.random_maps import FAMILIES, random_map

from lossjumps import ReluMap
from lossjumps.search.visits import CYCLE, DEAD, NEW, packed, pieces_of, room_for, unpacked, visit


def visited(m, words, virtual=False):
    """Followers (n, k, H) and outcomes (n,) of itineraries (n, k, H)."""
    count, order, units = words.shape
    followers, outcomes = np.zeros_like(packed(words)), np.zeros(count, dtype=np.int64)
    room = room_for(m.dimension, units, order)
    visit(pieces_of(m), packed(words), 0, count, virtual, room, followers, outcomes)
    return unpacked(followers, units), outcomes


def points_by_numpy(m, word, virtual):
    """Points (k, M) of the orbit from the cycle point of a word, or of its virtual cycle; None where singular."""
    product, shift = np.eye(m.dimension), np.zeros(m.dimension)
    for pattern in word:
        jacobian = m.A + m.U[:, pattern] @ m.V[pattern]
        product = jacobian @ product
        shift = jacobian @ shift + m.c + m.U[:, pattern] @ m.b[pattern]
    if np.linalg.cond(np.eye(m.dimension) - product) > 1e6 or np.abs(product).max() > 1e5:
        return None
    points = [np.linalg.solve(np.eye(m.dimension) - product, shift)]
    for pattern in word[:-1]:
        inputs = m.V @ points[-1] + m.b
        points.append(m.A @ points[-1] + m.U @ (inputs * pattern if virtual else np.maximum(inputs, 0.0)) + m.c)
    return np.array(points)


@pytest.mark.parametrize("family", FAMILIES)
@given(
    seed=st.integers(0, 10**6),
    dimension=st.integers(1, 6),
    units=st.integers(1, 9),
    order=st.integers(1, 5),
    virtual=st.booleans(),
)
def test_followers_are_those_that_numpy_finds_one_by_one(family, seed, dimension, units, order, virtual):
    generator = np.random.default_rng(seed)
    m = random_map(family, dimension, units, generator)
    words = generator.random((11, order, m.units)) < 0.5
    followers, outcomes = visited(m, words, virtual)
    for word, follower, outcome in zip(words, followers, outcomes, strict=True):
        points = points_by_numpy(m, word, virtual)
        if points is None:
            continue
        inputs = points @ m.V.T + m.b
        scale = np.abs(points).max() * np.abs(m.V).sum(axis=1) + np.abs(m.b)
        safe = np.abs(inputs) > 1e-6 * scale
        np.testing.assert_array_equal(follower[safe], (inputs > 0.0)[safe])
        if safe.all():
            assert outcome == (CYCLE if np.array_equal(inputs > 0.0, word) else NEW)


@given(st.integers(1, 130), st.integers(1, 3), st.integers(0, 10**6))
def test_packed_sequences_are_unpacked_to_themselves(units, order, seed):
    words = np.random.default_rng(seed).random((5, order, units)) < 0.5
    np.testing.assert_array_equal(unpacked(packed(words), units), words)
    assert packed(words).shape == (5, order, -(-units // 64))


def test_units_beyond_a_word_are_compared_as_well():
    generator = np.random.default_rng(2)
    m = random_map("shallow", 2, 150, generator)
    m = ReluMap(m.A / 4, m.U / 40, m.V, m.b, m.c)  # a contraction
    word = m.region(m.orbit(np.zeros(2), 400)[-1:])
    (follower,), (outcome,) = visited(m, word[None])
    assert outcome == CYCLE
    np.testing.assert_array_equal(follower, word)
    word[0, 149] ^= True
    assert visited(m, word[None])[1] == [NEW]


def test_a_sequence_without_cycle_point_and_a_diverging_orbit_are_dead_ends():
    shift = ReluMap.plrnn([1.0], [[0.0]], [1.0])  # z' = z + 1
    assert visited(shift, np.zeros((1, 2, 1), dtype=bool))[1] == [DEAD]
    steep = ReluMap.plrnn([1e150], [[1e150]], [1.0])
    assert visited(steep, np.ones((1, 4, 1), dtype=bool))[1] == [DEAD]


@settings(max_examples=20)
@given(st.integers(0, 2**10 - 1))
def test_cycles_whose_multipliers_hide_all_digits_are_recognised(number):
    # z' = 1 - 100 |z|: conjugate to the doubling shift, so each of the 2^10 words is a cycle; multipliers are 10^20
    m = ReluMap.plrnn([100.0], [[-200.0]], [1.0])
    word = (number >> np.arange(10) & 1 == 1)[None, :, None]
    assert visited(m, word)[1] == [CYCLE]
