"""Hand-made losses with known jumps; false alarms are in test_change_points.py, beside those of the other detector."""

import numpy as np
import pytest

from lossjumps.analysis.jumps import find_jumps
from lossjumps.errors import InputError


def loss_of(changes):
    """The loss with these changes of log10, starting at 1."""
    return 10.0 ** np.concatenate([[0.0], np.cumsum(changes)])


def quiet(n, seed=0, scale=0.01):
    return scale * np.random.default_rng(seed).standard_normal(n)


def epochs(jumps):
    return [jump.epoch for jump in jumps]


def test_a_shift_down_is_dated_between_its_two_losses():
    loss = np.concatenate([np.full(50, 4.0), np.full(50, 1.0)])  # loss[49] = 4, loss[50] = 1: the jump is at 49
    (jump,) = find_jumps(loss)
    assert (jump.epoch, jump.sign, jump.shape, jump.duration) == (49, -1, "shift", 1)
    assert jump.size == pytest.approx(-np.log10(4.0))
    assert jump.score == pytest.approx(np.log10(4.0) / 1e-3)  # a constant loss: the floor is the spread


def test_spike_shift_and_ramp_in_a_noisy_loss():
    changes = quiet(400)
    changes[60], changes[63] = 1.0, -1.0  # up, and back three epochs later
    changes[150] = -0.8  # down to stay
    changes[250:254] = 0.3  # up in four steps
    changes[330:332] = 0.5, 0.5  # two halves: one epoch carries half of it
    spike, down, ramp, halves = find_jumps(loss_of(changes))
    assert (spike.epoch, spike.sign, spike.shape, spike.duration) == (60, 1, "spike", 4)
    assert spike.size == pytest.approx(1.0, abs=0.1)
    assert (down.epoch, down.sign, down.shape, down.duration) == (150, -1, "shift", 1)
    assert down.size == pytest.approx(changes[150])
    assert (ramp.epoch, ramp.sign, ramp.shape, ramp.duration) == (250, 1, "ramp", 4)
    assert ramp.size == pytest.approx(1.2)
    assert (halves.epoch, halves.shape, halves.duration) == (330, "shift", 2)


def test_a_spike_that_comes_back_slowly_lasts_until_half_of_it_is_left():
    changes = quiet(200, scale=1e-3)
    changes[100] = 0.5
    changes[101:110] = -0.055  # each step too small to be a jump; five of them take more than half of the spike
    (jump,) = find_jumps(loss_of(changes))
    assert (jump.epoch, jump.shape, jump.duration) == (100, "spike", 6)


def test_the_onset_of_turbulence_is_a_jump_and_turbulence_is_not():
    changes = quiet(300, scale=0.005)
    changes[150:] = 0.1 * np.random.default_rng(1).standard_normal(150)
    changes[150] = 1.0
    assert epochs(find_jumps(loss_of(changes))) == [150]
    changes[150] = 0.1
    assert find_jumps(loss_of(changes)) == ()


def test_a_steep_smooth_descent_is_no_jump():
    changes = -0.3 * 0.8 ** np.arange(300)
    assert find_jumps(loss_of(changes + quiet(300, scale=1e-3))) == ()


@pytest.mark.parametrize("spacing", [1, 4, 8, 20])
def test_jumps_close_together_do_not_hide_each_other(spacing):
    changes = quiet(400, seed=spacing)
    places = 150 + spacing * np.arange(8)
    changes[places] = np.where(np.arange(8) % 2, 0.4, -0.5)
    jumps = find_jumps(loss_of(changes))
    if spacing <= 3:  # one episode
        assert epochs(jumps) == [150]
        assert jumps[0].duration >= spacing * 7
    else:
        assert epochs(jumps) == places.tolist()


def test_small_and_weak_changes_are_no_jumps():
    changes = quiet(200, scale=1e-3)
    changes[100] = 0.09  # 90 sigma, yet below min_change
    assert find_jumps(loss_of(changes)) == ()
    assert epochs(find_jumps(loss_of(changes), min_change=0.05)) == [100]
    changes = quiet(200, scale=0.1)
    changes[100] = 0.5  # 5 sigma
    assert find_jumps(loss_of(changes)) == ()
    assert epochs(find_jumps(loss_of(changes), threshold=4)) == [100]


def test_a_quantised_loss_flickers_without_jumping():
    generator = np.random.default_rng(3)
    loss = generator.choice([2.0, 3.0], size=500, p=[0.8, 0.2])  # most changes 0, the others +-0.18
    assert find_jumps(loss) == ()
    loss[300:] += 60.0
    assert epochs(find_jumps(loss)) == [299]


def test_infinite_nan_and_zero_losses_are_a_decade_beyond_the_others():
    base = loss_of(quiet(200, scale=1e-3))
    for value, sign in ((np.inf, 1), (np.nan, 1), (0.0, -1)):
        loss = base.copy()
        loss[80:] = value
        (jump,) = find_jumps(loss)
        assert (jump.epoch, jump.sign, jump.shape) == (79, sign, "shift")
        assert jump.size == pytest.approx(sign, abs=0.05)
    loss = base.copy()
    loss[-1] = np.inf  # the last epoch of a run that diverges
    assert epochs(find_jumps(loss)) == [199]
    assert find_jumps(np.full(100, np.inf)) == ()
    assert find_jumps(np.zeros(100)) == ()


def test_too_short_a_series_has_no_jumps():
    for n in range(7):
        assert find_jumps(np.geomspace(1, 1e6, n) if n else np.empty(0)) == ()
    loss = np.array([1, 1, 1, 1, 1, 1, 100.0, 100.0])  # five changes of 0 before the jump: just enough
    assert epochs(find_jumps(loss)) == [5]
    assert find_jumps(loss[1:]) == ()


def test_the_scale_of_the_loss_does_not_matter():
    changes = quiet(400, seed=5)
    changes[[70, 200, 300]] = 0.4, -1.0, 2.0
    jumps = find_jumps(loss_of(changes))
    for factor in (1e-6, 7.0, 1e9):
        scaled = find_jumps(factor * loss_of(changes))
        assert epochs(scaled) == epochs(jumps) == [70, 200, 300]
        assert [jump.shape for jump in scaled] == [jump.shape for jump in jumps]
        np.testing.assert_allclose([j.size for j in scaled], [j.size for j in jumps])
        np.testing.assert_allclose([j.score for j in scaled], [j.score for j in jumps], rtol=1e-6)


def test_time_reversal_flips_the_sign_of_shifts():
    changes = quiet(400, seed=6)
    changes[[70, 200, 300]] = 0.4, -1.0, 2.0
    loss = loss_of(changes)
    forward, backward = find_jumps(loss), find_jumps(loss[::-1])[::-1]
    assert [399 - jump.epoch for jump in backward] == epochs(forward)
    assert [-jump.sign for jump in backward] == [jump.sign for jump in forward] == [1, -1, 1]
    np.testing.assert_allclose([-j.size for j in backward], [j.size for j in forward])
    np.testing.assert_allclose([j.score for j in backward], [j.score for j in forward])


@pytest.mark.parametrize(
    "loss, message",
    [
        (np.ones((3, 4)), "one value an epoch"),
        ([1.0, -0.5, 1.0], "got -0.5 at epoch 1"),
        (["a", "b"], "series of real numbers"),
        ([1 + 2j], "series of real numbers"),
    ],
)
def test_bad_losses_are_refused_in_one_line(loss, message):
    with pytest.raises(InputError, match=message) as error:
        find_jumps(loss)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "option",
    [{"threshold": 0}, {"min_change": -1}, {"window": 4}, {"gap": 0}, {"floor": 0.0}],
    ids=lambda o: next(iter(o)),
)
def test_options_out_of_range_are_named(option):
    with pytest.raises(InputError, match=next(iter(option))):
        find_jumps(np.ones(100), **option)


def test_the_way_back_from_an_excursion_is_no_jump():
    generator = np.random.default_rng(6)
    level = -2.5 + 0.004 * generator.normal(size=200)
    level[101] += 0.099  # a step below `min_change`, then back a little farther
    level[102] -= 0.005
    assert level[101] - level[102] > 0.1
    assert find_jumps(10**level) == ()
    level[150:] += 0.5  # a level that stays is a jump, down as well as up
    (jump,) = find_jumps(10**level)
    assert (jump.epoch, jump.sign, jump.shape) == (149, 1, "shift")
    (jump,) = find_jumps(10**-level)
    assert (jump.epoch, jump.sign) == (149, -1)


def test_a_jump_up_out_of_a_steep_descent_is_no_return():
    generator = np.random.default_rng(7)
    level = -0.05 * np.arange(120) + 0.003 * generator.normal(size=120)
    level[80:] += 0.3
    (jump,) = find_jumps(10**level)
    assert (jump.epoch, jump.sign) == (79, 1)


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_change_of_exactly_the_smallest_size_counts_however_it_is_rounded(steps):
    loss = 10.0 ** np.concatenate([np.full(20, 0.1 * steps), np.full(20, 0.1 * (steps + 1))])
    assert [jump.epoch for jump in find_jumps(loss, min_change=0.1)] == [19]
