"""Rotations, periods and keys of itineraries."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lossjumps.search import itineraries

words = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6))


@given(words, st.integers(0, 5))
def test_rotations_share_one_canonical_form_and_it_is_the_smallest(word, shift):
    rotated = np.roll(word, shift, axis=0)
    np.testing.assert_array_equal(itineraries.canonical(word), itineraries.canonical(rotated))
    assert itineraries.key(word) == itineraries.key(rotated)
    smallest = min(np.roll(word, s, axis=0).tobytes() for s in range(len(word)))
    assert itineraries.canonical(word).tobytes() == smallest


@given(words, st.integers(2, 4))
def test_a_repeated_word_is_not_primitive(word, repetitions):
    assert not itineraries.is_primitive(np.tile(word, (repetitions, 1)))
    distinct = {np.roll(word, s, axis=0).tobytes() for s in range(len(word))}
    assert itineraries.is_primitive(word) == (len(distinct) == len(word))


@given(words)
def test_text_is_read_back(word):
    np.testing.assert_array_equal(itineraries.from_text(itineraries.text(word), len(word)), word)
