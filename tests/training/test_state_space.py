"""The state space divergence against sums written out, integrals, and what has to hold for any states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lossjumps.training import state_space
from lossjumps.training.state_space import BinnedDivergence, MixtureDivergence, divergence_from

SMOOTHING = 1e-5


def of_one_run(divergence, states):
    """The divergence of states (n, N), as two orbits where their number is even."""
    pieces = 2 if len(states) % 2 == 0 else 1
    return divergence.of(np.reshape(states, (1, pieces, -1, states.shape[-1])))[0]


def summed(counts, others):
    """sum p log(p / q) over all bins, of whole histograms."""
    p, q = ((h + SMOOTHING) / (h.sum() + SMOOTHING * h.size) for h in (counts, others))
    return np.sum(p * np.log(p / q))


def histograms(series, states, bins):
    """Counts of every bin as the definition says, those outside last."""
    margin = 0.1 * series.std(axis=0)
    margin[margin == 0] = 0.1
    edges = [
        np.linspace(low, high, bins + 1)
        for low, high in zip(series.min(0) - margin, series.max(0) + margin, strict=True)
    ]
    inside = [np.histogramdd(points, edges)[0].ravel() for points in (series, states)]
    return [np.append(h, len(points) - h.sum()) for h, points in zip(inside, (series, states), strict=True)]


# Bins ---------------------------------------------------------------------------------------------------------------


def test_two_bins_on_paper():
    """Of the data 3 of 4 are in the lower bin, of the states 1 of 4: 3/4 log 3 - 1/4 log 3; the lowest bin counts."""
    data, states = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([[0.1], [0.9], [1.0], [0.8]])
    found = of_one_run(divergence_from(data, 2), states)
    assert found == pytest.approx(0.5 * np.log(3), rel=1e-4)
    assert found == pytest.approx(summed(np.array([3, 1, 0]), np.array([1, 3, 0])), rel=1e-13)


def test_states_outside_are_no_excuse():
    """One in ten states is where the data are, as the data are: q = p / 10 everywhere."""
    data = np.random.default_rng(0).standard_normal((300, 3))
    far = np.full((2700, 3), 1e6) * np.random.default_rng(1).choice([-1, 1], (2700, 3))
    states = np.concatenate([data, far])
    assert of_one_run(divergence_from(data, 30), states) == pytest.approx(np.log(10), rel=1e-3)
    nowhere = of_one_run(divergence_from(data, 30), far)
    assert nowhere == pytest.approx(summed(*histograms(data, far, 30)), rel=1e-12)


@pytest.mark.parametrize("variables", [1, 2, 3])
def test_published_definition(variables):
    """Thirty bins, and no state outside: the bin for those changes nothing that could be seen."""
    generator = np.random.default_rng(variables)
    data = generator.standard_normal((2000, variables))
    states = 0.5 * data[generator.permutation(2000)[:1000]] + 0.1
    counts, others = histograms(data, states, 30)
    assert others[-1] == 0
    found = of_one_run(divergence_from(data, 30), states)
    assert found == pytest.approx(summed(counts[:-1], others[:-1]), rel=1e-7)


points = st.integers(1, 5).flatmap(
    lambda variables: st.tuples(
        *(
            arrays(np.float64, st.tuples(st.integers(2, 40), st.just(variables)), elements=st.floats(-9, 9, width=16))
            for _ in range(2)
        )
    )
)


@settings(max_examples=100)
@given(points, st.integers(2, 7), st.randoms(use_true_random=False))
def test_any_points(pair, bins, random):
    # Off the edges between bins, on which rounding decides.
    generator = np.random.default_rng(random.randrange(2**32))
    data, states = (points + generator.uniform(-0.01, 0.01, points.shape) for points in pair)
    divergence = divergence_from(data, bins)
    found = of_one_run(divergence, states)
    assert found == pytest.approx(max(summed(*histograms(data, states, bins)), 0.0), rel=1e-9, abs=1e-12)
    assert found >= 0
    order = list(range(len(states)))
    random.shuffle(order)
    assert of_one_run(divergence, states[order]) == pytest.approx(found, rel=1e-12, abs=1e-14)
    assert of_one_run(divergence, data) == pytest.approx(0.0, abs=1e-14)


def test_a_constant_variable_has_the_bins_of_standardised_data():
    data = np.array([[0.0, 5.0], [1.0, 5.0]])
    divergence, moved = divergence_from(data, 5), np.array([[0.0, 5.2], [1.0, 5.2]])
    assert of_one_run(divergence, data) == pytest.approx(0.0, abs=1e-14)
    assert of_one_run(divergence, moved) == pytest.approx(summed(*histograms(data, moved, 5)), rel=1e-12)


# Mixtures -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def many_points(monkeypatch):
    monkeypatch.setattr(state_space, "POINTS", 100_000)


def test_two_gaussians(many_points):
    """Of the same variance: half the squared distance."""
    data, states = np.zeros((1, 6)), np.full((1, 6), 0.5)
    assert of_one_run(divergence_from(data, 30), states) == pytest.approx(6 * 0.25 / 2, rel=0.02)


def test_mixtures_on_a_line(many_points):
    """The integral of p log(p / q)."""
    data, states = np.array([[-2.0], [0.5], [0.7], [2.0]]), np.array([[-1.0], [-0.8], [1.5]])
    x = np.linspace(-12, 12, 4001)
    p, q = (np.exp(-0.5 * (x - centres) ** 2).mean(axis=0) / np.sqrt(2 * np.pi) for centres in (data, states))
    expected = np.trapezoid(p * np.log(p / q), x)
    assert of_one_run(MixtureDivergence.from_series(data), states) == pytest.approx(expected, rel=0.03)


@settings(max_examples=50)
@given(arrays(np.float64, (20, 6), elements=st.floats(-50, 50)), st.permutations(range(20)))
def test_any_mixture(states, order):
    data = np.random.default_rng(0).standard_normal((20, 6))
    divergence = divergence_from(data, 30)
    assert isinstance(divergence, MixtureDivergence)
    found = of_one_run(divergence, states)
    assert 0 <= found < np.inf
    assert of_one_run(divergence, states[order]) == pytest.approx(found, rel=1e-12, abs=1e-14)
    assert of_one_run(divergence, data[order]) == pytest.approx(0.0, abs=1e-14)


def test_of_many_states_some_are_centres():
    """Evenly: of a circle as it is, and of one whose second half is far away, where q = p / 2."""
    data = np.sin(0.1 * np.arange(4000)[:, None] + np.arange(6))
    divergence = divergence_from(data, 30)
    assert of_one_run(divergence, data[:3000]) < 0.01
    shifted = np.concatenate([data[:1500], data[1500:3000] + 20.0])
    assert of_one_run(divergence, shifted) == pytest.approx(np.log(2), abs=0.02)


# Both ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("variables", "kind"), [(5, BinnedDivergence), (6, MixtureDivergence)])
def test_a_run_is_measured_alone_and_what_is_not_finite_is_infinitely_far(variables, kind):
    generator = np.random.default_rng(0)
    divergence = divergence_from(generator.standard_normal((50, variables)), 4)
    assert isinstance(divergence, kind)
    states = generator.standard_normal((4, 3, 7, variables))
    states[1, 2, 6, 0], states[3, 0, 0, -1] = np.nan, -np.inf
    together = divergence.of(states)
    assert np.isposinf(together[[1, 3]]).all()
    assert np.isfinite(together[[0, 2]]).all()
    for run in range(4):
        np.testing.assert_array_equal(divergence.of(states[run : run + 1])[0], together[run])


@pytest.mark.parametrize("variables", [2, 6])
def test_data_and_states_whose_squares_overflow(variables):
    huge = 1e200 * np.random.default_rng(0).standard_normal((40, variables))
    ordinary = np.random.default_rng(1).standard_normal((40, variables))
    with np.errstate(over="ignore"):
        assert of_one_run(divergence_from(huge, 9), huge) == pytest.approx(0.0, abs=1e-12)
        assert of_one_run(divergence_from(ordinary, 9), huge) > 10
        assert of_one_run(divergence_from(huge, 9), ordinary) > 1
