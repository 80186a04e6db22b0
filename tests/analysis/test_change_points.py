"""Hand-made shifts, and what noise without shifts is taken for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmark_programs import benchmark

from lossjumps.analysis.change_points import find_shifts, is_confirmed
from lossjumps.analysis.jumps import find_jumps

program = benchmark("jumps")


def test_a_shift_is_dated_between_its_two_losses_and_sized_between_the_lines():
    level = np.concatenate([0.01 * np.arange(60), 1.0 - 0.02 * np.arange(40)])  # ends at 0.59, goes on at 1.0
    (shift,) = find_shifts(10.0**level)
    assert shift.epoch == 59
    assert shift.size == pytest.approx(1.0 - 0.59)
    (back,) = find_shifts(10.0 ** level[::-1])
    assert (back.epoch, back.size) == (39, pytest.approx(0.59 - 1.0))
    assert find_shifts(10.0**level, min_change=0.5) == ()


@given(
    st.lists(
        st.tuples(st.integers(20, 60), st.floats(-0.02, 0.02), st.floats(0.2, 2), st.booleans()), min_size=2, max_size=5
    ),
    st.integers(0, 2**32),
)
def test_shifts_between_lines_are_found_where_they_were_put(pieces, seed):
    parts, start = [], 0.0
    for length, slope, step, up in pieces:
        parts.append(start + slope * np.arange(length))
        start = parts[-1][-1] + (step if up else -step)
    level = np.concatenate(parts) + 0.002 * np.random.default_rng(seed).standard_normal(sum(map(len, parts)))
    shifts = find_shifts(10.0**level)
    assert [shift.epoch for shift in shifts] == [int(end) - 1 for end in np.cumsum([p[0] for p in pieces])[:-1]]
    for shift, (_, _, step, up) in zip(shifts, pieces, strict=False):
        assert shift.size == pytest.approx(step if up else -step, abs=0.02)


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
