"""Coincidence by hand, by a naive loop, by closed forms, and by what its p does without any coupling."""

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmark_programs import benchmark

from lossjumps.analysis.coincidence import coincidence_over_windows, coverage, event_coincidence
from lossjumps.analysis.nulls import MOVING, NULLS
from lossjumps.analysis.nulls.local import BLOCK
from lossjumps.analysis.nulls.swap import STREAM
from lossjumps.errors import InputError

NO_EVENTS = np.array([], dtype=int)
program = benchmark("coincidence")


def naive_hits(jumps, bifurcations, window, lag, symmetric):
    """Precursor and trigger hits by looking at every pair."""

    def together(jump, bifurcation):
        distance = jump - lag - bifurcation
        return abs(distance) <= window if symmetric else 0 <= distance <= window

    precursor = sum(any(together(j, b) for b in set(bifurcations)) for j in set(jumps))
    trigger = sum(any(together(j, b) for j in set(jumps)) for b in set(bifurcations))
    return precursor, trigger


def test_a_tiny_example_on_paper():
    # Run 1: jumps 3, 10, 20; bifurcations 2, 3, 12, 19.  Run 2: jumps 5; bifurcations 9 (after it), 9 again.
    # Window 0: 3-3.                              1 of 4 jumps, 1 of 5 bifurcations (9 counts once)
    # Window 1: 3-2, 3-3, 20-19.                  2 of 4 jumps, 3 of 5 bifurcations
    # Window 8: and 10-2, 10-3, 20-12.            3 of 4 jumps, 4 of 5 bifurcations
    jumps, bifurcations = [[3, 10, 20], [5]], [[2, 3, 12, 19], [9, 9]]
    expected = {0: (1, 1), 1: (2, 3), 8: (3, 4)}
    for window, (precursor, trigger) in expected.items():
        result = event_coincidence(jumps, bifurcations, 25, window)
        assert (result.jumps, result.bifurcations) == (4, 5)
        assert (result.precursor_hits, result.trigger_hits) == (precursor, trigger)
        assert (result.precursor_rate, result.trigger_rate) == (precursor / 4, trigger / 5)
    # Symmetric, window 2: jump 10 has bifurcation 12, which run 2's jump 5 has not at distance 4.
    result = event_coincidence(jumps, bifurcations, 25, 2, symmetric=True)
    assert (result.precursor_hits, result.trigger_hits) == (3, 4)
    # Lag 7, window 1: 10 - 7 = 3 is at 2 + 1 and at 3 + 0; 20 - 7 = 13 is at 12 + 1; 3 and 5 come too early.
    result = event_coincidence(jumps, bifurcations, 25, 1, lag=7)
    assert (result.precursor_hits, result.trigger_hits) == (2, 3)


trains = st.lists(st.integers(0, 29), max_size=12)


@given(
    st.lists(st.tuples(trains, trains), min_size=1, max_size=3),
    st.integers(0, 40),
    st.integers(-35, 35),
    st.booleans(),
)
def test_counts_equal_a_naive_loop(runs, window, lag, symmetric):
    jumps, bifurcations = ([np.array(run[i], dtype=int) for run in runs] for i in (0, 1))
    result = event_coincidence(jumps, bifurcations, 30, window, lag=lag, symmetric=symmetric, n_surrogates=1)
    expected = np.sum([naive_hits(*run, window, lag, symmetric) for run in runs], axis=0)
    assert [result.precursor_hits, result.trigger_hits] == expected.tolist()


def test_windows_share_surrogates_and_equal_single_windows():
    generator = np.random.default_rng(0)
    jumps = [np.flatnonzero(generator.random(200) < 0.05) for _ in range(7)]
    bifurcations = [np.flatnonzero(generator.random(200) < 0.1) for _ in range(7)]
    together = coincidence_over_windows(jumps, bifurcations, 200, (5, 0, 2), n_surrogates=99, seed=4)
    for window, result in zip((5, 0, 2), together, strict=True):
        alone = event_coincidence(jumps, bifurcations, 200, window, n_surrogates=99, seed=4)
        assert alone.null == result.null
        assert (alone.p_precursor, alone.p_trigger) == (result.p_precursor, result.p_trigger)
        np.testing.assert_array_equal(alone.null_precursor, result.null_precursor)
        np.testing.assert_array_equal(alone.null_trigger, result.null_trigger)
        assert alone.expected_precursor_range == result.expected_precursor_range
        low, high = result.expected_precursor_range
        assert low < result.expected_precursor_rate < high
    other = event_coincidence(jumps, bifurcations, 200, 5, n_surrogates=99, seed=5)
    assert not np.array_equal(other.null_precursor, together[0].null_precursor)


@pytest.mark.parametrize("null", MOVING.values(), ids=MOVING.keys())
def test_a_null_moves_every_bifurcation_to_an_epoch_of_its_run(null):
    assert len({other.stream for other in MOVING.values()} | {STREAM}) == len(MOVING) + 1
    for n_steps, bifurcations in ((1, [0]), (60, [0, 1, 24, 25, 59]), (30, range(30)), (7, [])):
        bifurcations = np.array(bifurcations, dtype=np.int64)
        first, again = (null.positions(bifurcations, n_steps, 40, np.random.default_rng(3)) for _ in range(2))
        assert first.shape == (40, bifurcations.size)
        assert ((first >= 0) & (first < n_steps)).all()
        assert all(len(set(row)) == bifurcations.size for row in first.tolist())
        np.testing.assert_array_equal(first, again)


def test_poisson_null_has_its_closed_form():
    # A jump at t >= w is hit unless all of the n_b distinct bifurcations avoid its w + 1 epochs.
    n, n_b, window = 300, 20, 2
    jumps = np.array([10, 50, 51, 200, 299])
    avoid = np.prod([(n - window - 1 - i) / (n - i) for i in range(n_b)])
    bifurcations = np.arange(100, 100 + n_b)
    result = event_coincidence(jumps, bifurcations, n, window, null="poisson", n_surrogates=20_000)
    assert result.expected_precursor_rate == pytest.approx(1 - avoid, abs=0.005)
    # A bifurcation is followed by a jump at 8-10, 48-51, 198-200 and 297-299 alone: 13 of 300 epochs.
    assert result.expected_trigger_rate == pytest.approx(13 / 300, abs=0.002)


def test_circular_null_is_the_mean_over_all_shifts():
    n, window = 97, 3
    jumps, bifurcations = np.array([20, 40, 96]), np.array([5, 6, 50])
    result = event_coincidence(jumps, bifurcations, n, window, null="circular", n_surrogates=20_000)
    shifted = [naive_hits(jumps, (bifurcations + s) % n, window, 0, False) for s in range(n)]
    np.testing.assert_allclose(
        [result.expected_precursor_rate, result.expected_trigger_rate], np.mean(shifted, axis=0) / 3, atol=0.01
    )


def test_local_null_keeps_every_event_in_its_block():
    # One bifurcation in each block and jumps at the last epoch of the second block: only its bifurcation can hit.
    # It is at each of the 25 epochs equally often, and within the window at 3 of them.
    jumps, bifurcations = np.array([49]), np.array([0, 25, 50])
    result = event_coincidence(jumps, bifurcations, 75, 2, null="local", n_surrogates=20_000)
    assert BLOCK == 25
    assert result.expected_precursor_rate == pytest.approx(3 / 25, abs=0.01)
    assert result.expected_trigger_rate == pytest.approx(3 / 75, abs=0.004)
    # A block that a bifurcation fills has nowhere to shift it: the null is the observation.
    result = event_coincidence([3, 30], np.arange(25), 50, 1, null="local", n_surrogates=50)
    assert set(result.null_precursor) == {0.5}
    assert result.p_precursor == 1.0


def test_swap_null_equals_all_permutations():
    generator = np.random.default_rng(2)
    jumps = [np.flatnonzero(generator.random(60) < 0.1) for _ in range(6)]
    bifurcations = [np.flatnonzero(generator.random(60) < 0.15) for _ in range(6)]
    result = event_coincidence(jumps, bifurcations, 60, 1, null="swap", n_surrogates=20_000)
    values = []
    for order in itertools.permutations(range(6)):
        hits = sum(naive_hits(jumps[i], bifurcations[j], 1, 0, False)[0] for i, j in enumerate(order))
        values.append(hits / sum(len(jumps[i]) * len(bifurcations[j]) for i, j in enumerate(order)))
    assert set(np.round(result.null_precursor, 12)) <= set(np.round(values, 12))
    assert result.observed_precursor == pytest.approx(values[0])  # the identity comes first
    exact = np.mean(np.array(values) >= values[0] * (1 - 1e-12))
    assert result.p_precursor == pytest.approx(exact, abs=0.015)
    scale = sum(len(j) * len(b) for j, b in zip(jumps, bifurcations, strict=True)) / sum(map(len, jumps))
    assert result.expected_precursor_rate == pytest.approx(np.mean(values) * scale, abs=0.003)


def test_swap_leaves_out_runs_that_lived_for_another_number_of_epochs():
    generator = np.random.default_rng(9)
    jumps = [np.flatnonzero(generator.random(80) < 0.1) for _ in range(7)]
    bifurcations = [np.flatnonzero(generator.random(80) < 0.1) for _ in range(7)]
    complete = event_coincidence(jumps, bifurcations, 80, 1, null="swap", n_surrogates=99)
    options = {"null": "swap", "n_surrogates": 99}
    with_dead = event_coincidence([[3], *jumps], [[3], *bifurcations], [10] + [80] * 7, 1, **options)
    np.testing.assert_array_equal(with_dead.null_precursor, complete.null_precursor)
    assert with_dead.p_trigger == complete.p_trigger
    assert with_dead.precursor_hits == complete.precursor_hits + 1
    with pytest.raises(InputError, match="6 runs of the same length, got 5"):
        event_coincidence(jumps, bifurcations, [80] * 5 + [81, 82], 1, **options)
    alone = event_coincidence(jumps, bifurcations, [80] * 5 + [81, 82], 1, n_surrogates=99)
    assert alone.null["precursor"].startswith("local: ")
    # All jumps are in a run that cannot be exchanged: nothing for swap to say.
    alone = event_coincidence([[3]] + [NO_EVENTS] * 7, [[3], *bifurcations], [10] + [80] * 7, 1, n_surrogates=99)
    assert alone.null["precursor"].startswith("local: ")


def test_auto_is_the_larger_p_and_says_which():
    generator = np.random.default_rng(8)
    jumps = [np.flatnonzero(generator.random(150) < 0.05) for _ in range(6)]
    bifurcations = [np.flatnonzero(generator.random(150) < 0.1) for _ in range(6)]
    options = {"n_surrogates": 199, "seed": 3}
    auto, swap, local = (
        event_coincidence(jumps, bifurcations, 150, 1, null=null, **options) for null in ("auto", "swap", "local")
    )
    for direction in ("precursor", "trigger"):
        p_auto, p_swap, p_local = (getattr(result, f"p_{direction}") for result in (auto, swap, local))
        assert p_auto == max(p_swap, p_local)
        name = "swap" if p_swap >= p_local else "local"
        assert auto.null[direction].startswith(f"{name}: ")
        assert "assumes" in auto.null[direction]
    few = event_coincidence(jumps[:5], bifurcations[:5], 150, 1, **options)
    assert few.null["precursor"].startswith("local: ")
    with pytest.raises(InputError, match="at least 6 runs of the same length, got 5"):
        event_coincidence(jumps[:5], bifurcations[:5], 150, 1, null="swap")


@pytest.mark.parametrize(
    "jumps, bifurcations, missing", [([], [1, 2], "jumps"), ([3], [], "bifurcations"), ([], [], "jumps")]
)
def test_nothing_to_compare_is_nan_not_an_error(jumps, bifurcations, missing):
    result = event_coincidence(jumps, bifurcations, 10, 1, n_surrogates=9)
    values = [result.p_precursor, result.p_trigger, result.expected_precursor_rate, result.expected_trigger_rate]
    assert np.isnan([*values, *result.null_precursor, *result.null_trigger]).all()
    # Of events that exist none is a hit; of none there is no share.
    np.testing.assert_equal(result.precursor_rate, 0.0 if jumps else np.nan)
    np.testing.assert_equal(result.trigger_rate, 0.0 if bifurcations else np.nan)
    assert result.null_precursor.shape == result.null_trigger.shape == (9,)
    assert (result.precursor_hits, result.trigger_hits) == (0, 0)
    assert result.null["precursor"] == f"nothing to compare: no {missing}"


def test_runs_that_never_share_events_are_compared_without_a_crash():
    jumps = [[5]] * 3 + [NO_EVENTS] * 3
    bifurcations = [NO_EVENTS] * 3 + [[5]] * 3
    result = event_coincidence(jumps, bifurcations, 10, 0, n_surrogates=99)
    assert (result.precursor_rate, result.p_precursor, result.expected_precursor_rate) == (0.0, 1.0, 0.0)


def test_coverage_counts_the_epochs_that_would_be_hit():
    assert coverage([0, 1, 8], 10, 0) == 3
    assert coverage([0, 1, 8], 10, 2) == 6  # 0, 1, 2, 3, 8, 9
    assert coverage([], 10, 5) == 0
    assert coverage(NO_EVENTS, 0, 5) == 0


def rejections(make, null, n_experiments):
    """Share of experiments with p <= 0.05, precursor and trigger."""
    generator = np.random.default_rng(17)
    rejected = np.zeros(2)
    for seed in range(n_experiments):
        jumps, bifurcations, n = make(generator)
        result = event_coincidence(jumps, bifurcations, n, 1, null=null, n_surrogates=99, seed=seed)
        rejected += np.array([result.p_precursor, result.p_trigger]) <= 0.05
    return rejected / n_experiments


def unequal_lives(generator):
    """A trend that all runs share, of which those that diverge early see only the early part."""
    lengths = np.concatenate([generator.integers(50, 600, 4), np.full(8, 600)])
    decay = 0.01 + 0.15 * np.exp(-np.arange(600) / 80)
    trains = [[np.flatnonzero(generator.random(n) < decay[:n]) for n in lengths] for _ in range(2)]
    return *trains, lengths.tolist()


@pytest.mark.parametrize("name", program.SCENARIOS)
def test_the_primary_p_is_valid_without_coupling(name):
    assert program.shares(program.SCENARIOS[name], "auto", 8, 100, surrogates=99).max() <= 0.07


def test_the_primary_p_is_valid_where_runs_end_early():
    assert rejections(unequal_lives, "auto", 100).max() <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("name", program.SCENARIOS)
def test_the_primary_p_is_valid_in_1000_experiments(name):
    assert program.shares(program.SCENARIOS[name], "auto", 8, 1000).max() <= 0.07


@pytest.mark.parametrize("null, name", [(null, name) for null, names in program.ASSUMED.items() for name in names])
def test_each_null_holds_its_level_where_its_assumption_does(null, name):
    # 7 % and three standard errors of that in 100 experiments
    assert program.shares(program.SCENARIOS[name], null, 8, 100, ties=True, surrogates=99).max() <= 0.07 + 0.077


@pytest.mark.slow
@pytest.mark.parametrize("null, name", [(null, name) for null, names in program.ASSUMED.items() for name in names])
def test_each_null_holds_its_level_in_1000_experiments(null, name):
    shares = program.shares(program.SCENARIOS[name], null, 8, 1000, ties=True)
    assert 0.03 <= shares.min() <= shares.max() <= 0.07


@pytest.mark.parametrize(
    "null, name", [("circular", "common trend"), ("poisson", "common trend"), ("swap", "phase of each run")]
)
def test_a_null_misleads_where_its_assumption_fails(null, name):
    assert program.shares(program.SCENARIOS[name], null, 8, 20, surrogates=99).min() > 0.5


def test_busy_phases_that_are_brief_are_for_shorter_blocks():
    brief = partial(program.phase_of_each_run, spread=20)
    assert program.shares(brief, "auto", 8, 100, surrogates=99).min() > 0.07
    assert program.shares(brief, "short_local", 8, 100, surrogates=99).max() <= 0.07 + 0.077


@pytest.mark.parametrize("name", program.POWER)
def test_jumps_that_follow_bifurcations_are_noticed(name):
    for runs, least in ((8, 0.8), (16, 0.95)):
        assert program.shares(program.POWER[name], "auto", runs, 30, surrogates=99).min() >= least


def test_p_is_uniform_or_conservative_under_independence():
    generator = np.random.default_rng(23)
    p = []
    for seed in range(300):
        jumps, bifurcations = program.uniform(generator, 8)
        result = event_coincidence(jumps, bifurcations, program.EPOCHS, 2, null="swap", n_surrogates=99, seed=seed)
        p.append(result.p_precursor)
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 300)
    assert np.mean(np.array(p) <= 0.5) > 0.3  # it is a p-value, not the constant 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"jumps": [10]}, "jumps: expected epochs 0 ... 9, run 0 has 10"),
        ({"bifurcations": [[1, -2]]}, "bifurcations: expected epochs 0 ... 9, run 0 has -2"),
        ({"jumps": [1.5]}, "jumps: .*integer epochs"),
        ({"jumps": [[1], [2]]}, "bifurcations: expected 2 runs"),
        ({"jumps": "abc"}, "jumps: expected an array"),
        ({"n_steps": [10, 10]}, "n_steps: expected one number"),
        ({"n_steps": 9.5}, "n_steps: expected integers"),
        ({"window": -1}, "window: expected an integer >= 0"),
        ({"window": True}, "window: expected an integer >= 0"),
        ({"lag": 0.5}, "lag: expected an integer"),
        ({"null": "shuffle"}, f"null: expected one of auto, {', '.join(NULLS)}, got 'shuffle'"),
        ({"n_surrogates": 0}, "n_surrogates: expected an integer >= 1"),
        ({"seed": -1}, "seed: expected an integer >= 0"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    defaults = {"jumps": [1, 5], "bifurcations": [2], "n_steps": 10, "window": 1}
    with pytest.raises(InputError, match=message) as error:
        event_coincidence(**(defaults | arguments))
    assert "\n" not in str(error.value)
