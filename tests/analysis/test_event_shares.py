"""Shares of a step function on paper, of a fold that is built by hand, and of the placebos."""

import numpy as np
import pytest

from lossjumps import ReluMap
from lossjumps.analysis.event_shares import (
    DIRECTIONS,
    event_shares,
    matched_steps,
    parameters_on_the_way,
    steps_at,
    together,
)
from lossjumps.analysis.free_runs import FreeRuns, prediction_change


def z_curve(offset):
    """Stable points low (2 offset) and high (5 + 2 offset), the low one for offsets below 0 alone."""
    return ReluMap([[0.5]], [[2.5, -2.5]], [[1.0], [1.0]], [0.0, -1.0], [offset])


def test_shares_of_a_step_function_on_paper():
    def level(s):
        return 0.1 * s + 0.7 * (s > 0.3) + 0.2 * (s > 0.6)

    shares = event_shares(level, [], np.array([0.3, 0.6]), np.random.default_rng(0))
    assert shares.change == pytest.approx(1.0)
    assert shares.place == 0
    assert shares.share == pytest.approx(0.7 + 0.1 * 2e-3)
    assert shares.random == pytest.approx(0.1 * 2e-3, rel=1e-6)  # random places are not near the steps
    assert shares.reversed == pytest.approx(-0.1 * 2e-3)
    assert np.isnan(shares.matched)
    mirrored = event_shares(lambda s: -level(s), [level], np.array([0.3, 0.6]), np.random.default_rng(0))
    assert (mirrored.change, mirrored.share) == (-shares.change, shares.share)
    assert mirrored.matched == pytest.approx(shares.share)


def test_places_near_each_other_are_kept_apart():
    steps = steps_at(lambda s: float(s > 0.5) + 10 * (s > 0.5015), np.array([0.5015, 0.5]))
    np.testing.assert_allclose(steps, [1, 10])
    assert steps_at(lambda s: s, np.array([0.0]))[0] == pytest.approx(1e-3)  # the epoch begins there


def test_places_that_are_too_near_to_be_told_apart_are_one():
    places = np.array([0.7, 0.5, 0.5004, 0.5, 0.5009])
    assert together(places).tolist() == [1, 0, 0, 0, 0]
    steps = steps_at(lambda s: float(s > 0.5) + 10 * (s > 0.5004) + 100 * (s > 0.5009) + 1000 * (s > 0.7), places)
    np.testing.assert_allclose(steps, [111, 1000])
    assert together(np.empty(0)).size == 0


@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-9, 1e-6, 1e-4])
def test_two_folds_at_nearly_the_same_place_carry_the_jump_together(apart):
    # two copies of the map side by side; how far apart they fold must not decide what is said of the jump
    def both(place):
        offsets = -0.05 + 0.1 * place, -0.05 + 0.1 * (place - apart)
        return np.log10(np.mean([runs.loss(z_curve(offset), starts, 200) for offset in offsets]))

    runs, starts = FreeRuns(np.full((201, 2, 1), -2.0)), np.array([[-2.0], [-1.0]])
    shares = event_shares(both, [], np.array([0.5, 0.5 + apart]), np.random.default_rng(0))
    assert shares.place == 0 and 0.9 <= shares.share <= 1.0
    assert abs(shares.random) < 0.01


def test_without_places_or_change_there_is_no_share():
    nowhere = event_shares(lambda s: s, [], np.empty(0), np.random.default_rng(0))
    assert nowhere.place is None and np.isnan([nowhere.share, nowhere.random, nowhere.reversed]).all()
    assert event_shares(lambda s: 1.0, [], np.array([0.5]), np.random.default_rng(0)).place is None


@pytest.mark.parametrize("end", [0.05, 0.02])
def test_the_fold_of_the_occupied_attractor_carries_the_jump(end):
    start = -0.05
    fold = -start / (end - start)
    runs, starts = FreeRuns(np.full((201, 3, 1), -2.0)), np.array([[-2.0], [-1.0], [-0.5]])

    def level_to(other):
        return lambda place: float(
            np.log10(runs.loss(ReluMap(**parameters_on_the_way([own, other], place)), starts, 200))
        )

    own, others = (
        {name: np.array(value) for name, value in zip("AUVbc", z_curve(c).parameters, strict=True)}
        for c in (start, end)
    )
    generator = np.random.default_rng(1)
    ends = matched_steps(own, others, lambda p: ReluMap(**p), starts, generator)
    assert len(ends) == DIRECTIONS
    for one in ends:
        target = prediction_change(z_curve(start), z_curve(end), starts)
        assert prediction_change(z_curve(start), ReluMap(**one), starts) == pytest.approx(target, rel=1e-6)
        assert all((one[name] == own[name]).all() for name in "AUVb")  # what the step leaves alone
    shares = event_shares(level_to(others), [], np.array([fold]), generator)
    assert 0.9 <= shares.share <= 1.0
    assert abs(shares.random) < 0.01
    assert abs(shares.reversed) < 0.01


def share_at(start, end, horizon, starts, target):
    """The share at the one bifurcation half of the way from one map to another."""
    runs = FreeRuns(np.full((horizon + 1, len(starts), 1), target))
    own, other = (dict(zip("AUVbc", one.parameters, strict=True)) for one in (start, end))

    def level(place):
        return np.log10(runs.loss(ReluMap(**parameters_on_the_way([own, other], place)), np.array(starts), horizon))

    return event_shares(level, [], np.array([0.5]), np.random.default_rng(0)).share


def test_which_bifurcations_a_share_can_show():
    fold = z_curve(-0.05), z_curve(0.05)
    starts = [[-2.0], [-1.0]]
    assert share_at(*fold, 200, starts, -2.0) > 0.9
    assert share_at(*fold, 20, starts, -2.0) < 0.02  # the ghost has not been left
    tents = [ReluMap([[slope]], [[0.5 - slope]], [[1.0]], [0.0], [-1.0]) for slope in (0.95, 1.05, -0.9, -1.1)]
    for pair in (tents[:2], tents[2:]):  # degenerate transcritical, degenerate flip: little by little
        for horizon in (20, 200):
            assert abs(share_at(*pair, horizon, [[-0.4], [-0.6]], 0.0)) < 0.01


def test_places_on_a_way_of_several_updates_on_paper():
    way = [{"h": np.array([0.0, value]), "n_relu": np.array(2)} for value in (0.0, 4.0, 8.0, 2.0)]
    for place, value in ((0, 0), (1 / 6, 2), (0.5, 6), (5 / 6, 5), (1, 2), (-0.5, -6)):
        found = parameters_on_the_way(way, place)
        np.testing.assert_allclose(found["h"], [0.0, value], atol=1e-12)
        assert found["n_relu"] is way[0]["n_relu"] or found["n_relu"].dtype.kind == "i"
