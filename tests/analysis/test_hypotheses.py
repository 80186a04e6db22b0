"""Numbers of a run by hand, and the mean of the local null by its surrogates."""

import numpy as np
import pytest
from tests.benchmark_programs import benchmark

from lossjumps.analysis.coincidence import event_coincidence
from lossjumps.analysis.hypotheses import excess_hits, expected_hits, gradient_growth, jump_odds

program = benchmark("coincidence")


def test_expected_hits_are_the_mean_of_the_local_null():
    generator = np.random.default_rng(0)
    jumps, bifurcations = (np.flatnonzero(generator.random(130) < rate) for rate in (0.1, 0.15))
    for window in (0, 1, 5):
        result = event_coincidence(jumps, bifurcations, 130, window, null="local", n_surrogates=20_000)
        expected = expected_hits(jumps, bifurcations, 130, window)
        assert expected / len(jumps) == pytest.approx(result.expected_precursor_rate, abs=0.005)
        assert excess_hits(jumps, bifurcations, 130, window) == pytest.approx(result.precursor_hits - expected)


def test_expected_hits_on_paper():
    # The fold is at each of the 25 epochs equally often, at 11 or 12 in two of them; a jump in another block has none.
    assert expected_hits(np.array([12, 60]), np.array([3]), 75, 1) == pytest.approx(2 / 25)
    # Blocks 0 ... 24 and 25 ... 29: a jump at 25 is hit by a fold at 24 (1 of 25) or at 25 (1 of 5).
    assert expected_hits(np.array([25]), np.array([3, 27]), 30, 1) == pytest.approx(1 - (24 / 25) * (4 / 5))
    nothing = np.array([], dtype=int)
    assert excess_hits(nothing, np.array([3]), 30, 1) == excess_hits(np.array([3]), nothing, 30, 1) == 0.0


def test_gradient_growth_on_paper():
    norms = np.ones(100)
    norms[56:61] = 100.0  # the five epochs up to 60: growth 2 at 58, 59, 60, 61 and 62, where most of five are large
    growth = gradient_growth(norms, np.array([60]))
    # block 50 ... 74; growth 2 at 58 ... 62, else 0
    assert growth == pytest.approx(2 - 5 * 2 / 25)
    assert gradient_growth(norms, np.array([90])) == pytest.approx(0.0)
    assert gradient_growth(10.0 ** (0.01 * np.arange(200)), np.array([70, 130])) == pytest.approx(0.0)  # steady growth
    assert np.isnan(gradient_growth(norms, np.array([5])))  # no past
    assert np.isnan(gradient_growth(norms, np.array([], dtype=int)))
    assert np.isnan(gradient_growth(norms[:20], np.array([10])))


def test_jumps_at_long_steps_are_not_taken_for_those_at_bifurcations():
    generator = np.random.default_rng(3)
    runs = {name: [] for name in ("jumps", "bifurcations", "steps", "norms")}
    for _ in range(12):
        steps, norms = np.exp(generator.normal(size=(2, 500)))
        risky = 1 / (1 + np.exp(4 - 1.5 * np.log(steps)))
        runs["jumps"].append(np.flatnonzero(generator.random(500) < risky))
        runs["bifurcations"].append(np.flatnonzero(generator.random(500) < risky))  # long steps make these as well
        runs["steps"].append(steps)
        runs["norms"].append(norms)
    jumps, bifurcations, *given = runs.values()
    lengths = [500] * 12
    odds = jump_odds(jumps, bifurcations, lengths, 0, given)
    assert odds.p[1] < 1e-6  # the step length
    assert odds.p[0] > 0.05
    assert jump_odds(jumps, bifurcations, lengths, 0).p[0] < 0.01
    plain = event_coincidence(runs["jumps"], runs["bifurcations"], 500, 0)
    assert plain.p_precursor <= 0.05  # which the coincidence alone cannot tell
    few = jump_odds([run[:0] for run in jumps], bifurcations, lengths, 0, given)
    assert np.isnan(few.coefficients).all()


@pytest.mark.parametrize("name", ["uniform", "phase of each run"])
def test_the_odds_ratio_allows_for_busy_phases(name):
    assert program.odds_share(program.SCENARIOS[name], 8, 20) <= 0.2


def test_steps_accounted_for_hide_what_bifurcations_do_by_steps():
    for mediated in (False, True):
        primary, odds, given = program.steps_share(mediated, 8)
        assert min(primary, odds) >= 0.5
        assert given <= 0.25
