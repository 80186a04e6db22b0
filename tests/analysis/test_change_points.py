"""Straight pieces against all ways to cut, hand-made shifts, and what noise without shifts is taken for."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmark_programs import benchmark

from lossjumps.analysis.change_points import find_shifts, is_confirmed, straight_pieces
from lossjumps.analysis.jumps import find_jumps

program = benchmark("jumps")


def cost(values, cuts, penalty):
    """Sum of squared residuals of numpy's own fits, and the penalties."""
    ends = [0, *cuts, len(values)]
    residuals = 0.0
    for start, end in pairwise(ends):
        time = np.arange(start, end)
        residuals += np.sum((values[start:end] - np.polyval(np.polyfit(time, values[start:end], 1), time)) ** 2)
    return residuals + penalty * len(cuts)


@given(st.lists(st.integers(-30, 30), min_size=6, max_size=13), st.integers(2, 4), st.floats(0.5, 300))
def test_no_other_way_to_cut_is_cheaper(values, minimum, penalty):
    values = np.array(values, dtype=float)
    n = len(values)
    ways = [
        cuts
        for number in range(n // minimum)
        for cuts in combinations(range(minimum, n - minimum + 1), number)
        if all(b - a >= minimum for a, b in zip((0, *cuts), (*cuts, n), strict=True))
    ]
    cuts = straight_pieces(values, penalty, minimum)
    assert tuple(cuts) in ways
    assert cost(values, cuts, penalty) <= min(cost(values, way, penalty) for way in ways) + 1e-9


def test_the_published_way_finds_the_same_pieces():
    # ruptures 1.1.10: Pelt(custom_cost=CostLinear(), min_size=4, jump=1).fit([y, 1, t]).predict(1.0)
    time = np.arange(60)
    values = np.sin(time * 7.3) * 0.3 + np.where(time < 23, 0.0, 2.0 - 0.1 * (time - 23)) + np.where(time < 41, 0, 1.5)
    assert straight_pieces(values, 1.0, 4) == [23, 41]


def test_a_shift_is_dated_between_its_two_losses_and_sized_between_the_lines():
    level = np.concatenate([0.01 * np.arange(60), 1.0 - 0.02 * np.arange(40)])  # ends at 0.59, goes on at 1.0
    (shift,) = find_shifts(10.0**level)
    assert shift.epoch == 59
    assert shift.size == pytest.approx(1.0 - 0.59)
    (back,) = find_shifts(10.0 ** level[::-1])
    assert (back.epoch, back.size) == (39, pytest.approx(0.59 - 1.0))
    assert find_shifts(10.0**level, min_change=0.5) == ()


def test_slopes_are_no_shifts():
    level = 0.001 * np.random.default_rng(0).standard_normal(200)
    assert find_shifts(10.0 ** (level - 0.05 * np.abs(np.arange(200) - 100))) == ()
    level[120:] += 1.0
    assert [shift.epoch for shift in find_shifts(10.0**level)] == [119]
    for n in range(8):
        assert find_shifts(np.geomspace(1, 1e6, n)) == ()


def test_a_jump_is_confirmed_by_a_shift_of_its_sign_beside_its_episode():
    level = 0.001 * np.random.default_rng(1).standard_normal(200)
    level[60:] += 0.8
    (jump,), shifts = find_jumps(10.0**level), find_shifts(10.0**level)
    assert jump.epoch == shifts[0].epoch == 59
    assert is_confirmed(jump, shifts)
    assert is_confirmed(replace(jump, epoch=60), shifts)
    assert is_confirmed(replace(jump, epoch=50, duration=9), shifts)
    assert not is_confirmed(replace(jump, epoch=50, duration=8), shifts)
    assert not is_confirmed(replace(jump, epoch=61), shifts)
    assert not is_confirmed(replace(jump, sign=-1), shifts)


@pytest.mark.parametrize("detector, name, bound", [
    ("robust z", "Gaussian changes", 0.02),
    ("robust z", "Gaussian level", 0.02),
    ("robust z", "autocorrelated changes (0.8)", 0.02),
    ("robust z", "autocorrelated level (0.9)", 0.02),
    ("robust z", "Laplace changes", 1.5),
    ("robust z", "Student changes, 3 degrees of freedom", 4.5),
    ("robust z", "level of noise switching twentyfold", 0.5),
    ("change points", "Gaussian changes", 0.3),
    ("change points", "Gaussian level", 0.02),
    ("change points", "autocorrelated changes (0.8)", 1.5),
    ("change points", "Student changes, 3 degrees of freedom", 6.0),
])  # fmt: skip
def test_false_alarms_per_1000_epochs(detector, name, bound):
    assert program.false_alarms(program.DETECTORS[detector], program.NOISE[name], 100) <= bound


@pytest.mark.parametrize("detector", program.DETECTORS)
def test_shifts_of_17_to_35_standard_deviations_are_found(detector):
    for name in ("Gaussian changes", "autocorrelated level (0.9)"):
        assert program.found(program.DETECTORS[detector], program.NOISE[name], 20) >= 0.95
