"""Bifurcations with closed forms: where they are, what they are called, what they do."""

import numpy as np
import pytest

from lossjumps import InputError, ReluMap, find_bifurcations, find_cycles

PRECISE = {"rtol": 0, "atol": 1e-9}


def tent(left, right, offset):
    """Skew tent map: z' = left z + offset for z <= 0, right z + offset beyond."""
    return ReluMap.plrnn([left], [[right - left]], [offset])


def s7(a_l):
    """The two-dimensional family of Figure S7."""
    return ReluMap.plrnn([[a_l, 0.8], [-0.4, 0.2]], [[-1.5 - a_l, 0], [0.9, 0]], [0.214, 0])


def only(events):
    assert len(events) == 1, [(event.kind, event.fraction) for event in events]
    return events[0]


def test_degenerate_transcritical_of_the_tent_maps_fixed_point():
    # x = mu / (1 - r) goes to infinity at r = 1; r = 0.4 + s: s = 0.6
    event = only(find_bifurcations(tent(0.2, 0.4, 1.0), tent(0.2, 1.4, 1.0), 1))
    assert (event.kind, event.order, event.direction) == ("degenerate_transcritical", 1, "death")
    assert (event.stable_before, event.stable_after, event.unit) == (True, None, None)
    np.testing.assert_allclose(event.fraction, 0.6, **PRECISE)
    back = only(find_bifurcations(tent(0.2, 1.4, 1.0), tent(0.2, 0.4, 1.0), 1))
    assert (back.kind, back.direction, back.stable_before, back.stable_after) == (event.kind, "birth", None, True)
    np.testing.assert_allclose(back.fraction, 0.4, **PRECISE)


def test_degenerate_flip_of_the_tent_maps_fixed_point_and_its_companion():
    # multiplier r = -0.5 - s passes -1 at s = 0.5; beyond it the 2-cycle has multiplier l r: stable for l = 0.2
    event = only(find_bifurcations(tent(0.2, -0.5, 1.0), tent(0.2, -1.5, 1.0), 2))
    assert (event.kind, event.order, event.direction) == ("degenerate_flip", 1, "through")
    assert (event.stable_before, event.stable_after, event.topological) == (True, False, True)
    np.testing.assert_allclose(event.fraction, 0.5, **PRECISE)
    (companion,) = event.companions
    assert companion.order == 2
    # without searching order 2 the flip is the same event
    alone = only(find_bifurcations(tent(0.2, -0.5, 1.0), tent(0.2, -1.5, 1.0), 1))
    assert (alone.kind, alone.fraction) == (event.kind, event.fraction)


def test_fold_at_which_a_two_cycle_appears_as_well():
    # l = 2, r = -1.5, mu = -1 + 4 s: for mu > 0 fixed points mu / (1 - l) and mu / (1 - r), and a 2-cycle
    event = only(find_bifurcations(tent(2.0, -1.5, -1.0), tent(2.0, -1.5, 3.0), 2))
    assert (event.kind, event.order, event.direction) == ("nonsmooth_fold", 1, "birth")
    assert (event.stable_before, event.stable_after, event.unit) == (None, False, (0, 0))
    assert [companion.order for companion in event.companions] == [2]
    np.testing.assert_allclose(event.fraction, 0.25, **PRECISE)
    assert {event.cycle.order, event.partner.order} == {1}
    np.testing.assert_allclose(sorted([event.cycle.index, event.partner.index]), [-1, 1])


def test_fold_of_a_stable_point():
    # l = 0.5 stable left for mu < 0, r = 2 unstable right
    event = only(find_bifurcations(tent(0.5, 2.0, -1.0), tent(0.5, 2.0, 1.0), 2))
    assert (event.kind, event.direction, event.stable_before, event.stable_after) == (
        "nonsmooth_fold",
        "death",
        True,
        None,
    )
    assert event.cycle.is_stable
    assert not event.partner.is_stable
    np.testing.assert_allclose(event.fraction, 0.5, **PRECISE)


def test_persistence_that_keeps_stability_is_no_topological_event():
    event = only(find_bifurcations(tent(0.5, 0.2, -1.0), tent(0.5, 0.2, 3.0), 2))
    assert (event.kind, event.direction, event.topological) == ("persistence", "through", False)
    assert (event.stable_before, event.stable_after, event.unit) == (True, True, (0, 0))
    np.testing.assert_allclose(event.fraction, 0.25, **PRECISE)


def test_persistence_from_a_stable_point_to_three_cycles():
    # l = 0.3, r = -8: an attracting 3-cycle and others are born at mu = 0
    event = only(find_bifurcations(tent(0.3, -8.0, -1.0), tent(0.3, -8.0, 1.0), 3))
    assert (event.kind, event.stable_before, event.stable_after) == ("persistence", True, False)
    assert event.topological
    assert sorted(companion.order for companion in event.companions) == [2, 3, 3]
    assert any(companion.is_stable for companion in event.companions if companion.order == 3)


def test_two_cycle_of_figure_s7_flips_and_escapes_where_published():
    start, end = 0.3, 0.6
    flip = only(find_bifurcations(s7(start), s7(end), 2))
    assert (flip.kind, flip.order) == ("degenerate_flip", 2)
    # det(I + T) = 0 is linear in a_l for the RL cycle: 0.546341463...
    np.testing.assert_allclose(start + flip.fraction * (end - start), 0.5463414634146341, atol=1e-9)
    start, end = 0.3, -0.6
    escape = only(find_bifurcations(s7(start), s7(end), 2))
    assert (escape.kind, escape.order, escape.direction) == ("degenerate_transcritical", 2, "death")
    np.testing.assert_allclose(start + escape.fraction * (end - start), -0.4823529411764706, atol=1e-9)


def test_two_cycle_of_the_tent_map():
    # multiplier l r of the 2-cycle at mu = 1, l = -0.5 - s ... flips where l r = -1, escapes where l r = 1
    event = only(find_bifurcations(tent(0.25, -3.0, 1.0), tent(0.5, -3.0, 1.0), 2))
    assert (event.kind, event.order) == ("degenerate_flip", 2)
    np.testing.assert_allclose(0.25 + 0.25 * event.fraction, 1.0 / 3.0, atol=1e-9)


def rotation(radius, angle):
    return radius * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_centre_bifurcation_of_known_angle():
    # a spiral whose radius 0.5 + s passes 1 at s = 0.5, away from the border
    angle = 2.0

    def spiral(radius):
        linear = rotation(radius, angle)
        return ReluMap(linear, np.array([[0.3], [0.1]]), np.array([[1.0, 0.0]]), np.array([-5.0]), np.zeros(2))

    event = only(find_bifurcations(spiral(0.5), spiral(1.5), 1))
    assert (event.kind, event.direction, event.stable_before, event.stable_after) == ("centre", "through", True, False)
    np.testing.assert_allclose(event.fraction, 0.5, **PRECISE)
    np.testing.assert_allclose(np.abs(np.angle(event.cycle.multipliers)), [angle, angle], atol=1e-9)


def test_centre_in_three_dimensions_is_found_although_the_determinant_passes_no_value():
    def spiral(radius):
        linear = np.zeros((3, 3))
        linear[:2, :2] = rotation(radius, 1.0)
        linear[2, 2] = 0.3
        return ReluMap(linear, np.ones((3, 1)), np.array([[1.0, 0.0, 0.0]]), np.array([-5.0]), np.zeros(3))

    event = only(find_bifurcations(spiral(0.9), spiral(1.1), 1))
    assert event.kind == "centre"
    np.testing.assert_allclose(event.fraction, 0.5, **PRECISE)


def test_objects_that_escape_together_are_one_event():
    # z' = a z + kinks that cancel far out: at a = 1 one object goes out at one end and one comes in at the other
    def flat_outside(a):
        return ReluMap([[a]], [[1.0, -1.0]], [[1.0], [1.0]], [1.0, -1.0], [-1.0])

    event = only(find_bifurcations(flat_outside(0.9), flat_outside(1.1), 1))
    assert event.kind == "degenerate_transcritical"
    assert len(event.companions) == 1
    np.testing.assert_allclose(event.fraction, 0.5, **PRECISE)


def test_a_unit_without_output_causes_no_event():
    start = ReluMap([[0.5]], [[0.0]], [[1.0]], [0.0], [-1.0])
    end = ReluMap([[0.5]], [[0.0]], [[1.0]], [0.0], [1.0])
    assert find_bifurcations(start, end, 1) == ()


def test_an_object_that_folds_back_twice_is_two_events():
    # a Z-shaped curve: y = z - 0.9 steep between; fixed points z = g(z) + mu with slopes 0.5, 3, 0.5
    def z_curve(mu):
        return ReluMap([[0.5]], [[2.5, -2.5]], [[1.0], [1.0]], [0.0, -1.0], [mu])

    # left branch: z = mu / 0.5 <= 0; right branch: 0.5 z = 2.5 + mu with z >= 1: folds at mu = 0 and mu = -2
    death, *rest = sorted(find_bifurcations(z_curve(-3.0), z_curve(1.0), 1), key=lambda event: event.fraction)
    birth = death
    (death,) = rest
    assert (birth.kind, birth.direction) == ("nonsmooth_fold", "birth")
    assert (death.kind, death.direction) == ("nonsmooth_fold", "death")
    np.testing.assert_allclose(-3.0 + 4.0 * birth.fraction, -2.0, atol=1e-9)
    np.testing.assert_allclose(-3.0 + 4.0 * death.fraction, 0.0, atol=1e-9)


def test_units_that_share_a_border_cross_it_as_one():
    # two equal units of half the weight are one unit: the same fold and the same persistence
    def twins(left, right, offset):
        half = 0.5 * (right - left)
        return ReluMap([[left]], [[half, half]], [[1.0], [2.0]], [0.0, 0.0], [offset])

    fold = only(find_bifurcations(twins(0.5, 1.5, -1.0), twins(0.5, 1.5, 1.0), 1))
    assert (fold.kind, fold.direction) == ("nonsmooth_fold", "death")
    persistence = only(find_bifurcations(twins(0.5, 0.2, -1.0), twins(0.5, 0.2, 3.0), 1))
    assert persistence.kind == "persistence"
    np.testing.assert_allclose([fold.fraction, persistence.fraction], [0.5, 0.25], **PRECISE)


def test_events_do_not_depend_on_the_units_of_the_states():
    for scale in (1e-9, 1e9):
        fold = only(find_bifurcations(tent(0.5, 2.0, -scale), tent(0.5, 2.0, scale), 1))
        assert fold.kind == "nonsmooth_fold"
        np.testing.assert_allclose(fold.fraction, 0.5, **PRECISE)


def test_lists_that_are_given_are_not_searched_again_and_what_they_lack_is_followed_all_the_same():
    start, end = tent(0.5, 2.0, -1.0), tent(0.5, 2.0, 1.0)
    nothing = find_cycles(end, 1)
    assert len(nothing) == 0
    assert find_bifurcations(end, end, 1, found0=nothing, found1=nothing) == ()
    fold = only(find_bifurcations(start, end, 1, found0=nothing, found1=nothing))
    assert (fold.kind, fold.direction) == ("nonsmooth_fold", "death")


def test_an_event_at_the_very_end_has_a_fraction_below_one():
    for event in find_bifurcations(tent(0.5, 2.0, -1.0), tent(0.5, 2.0, 0.0), 1):
        assert 0.0 <= event.fraction < 1.0


def test_path_is_followed_instead_of_the_segment():
    start, end = tent(0.5, 0.2, -1.0), tent(0.5, 0.2, 1.0)
    event = only(find_bifurcations(start, end, 1, path=lambda s: tent(0.5, 0.2, -1.0 + 2.0 * s**2)))
    np.testing.assert_allclose(event.fraction, np.sqrt(0.5), **PRECISE)
    with pytest.raises(InputError, match=r"path: expected path\(1\) to be the map m1"):
        find_bifurcations(start, end, 1, path=lambda s: start)
    with pytest.raises(InputError, match="maps of one size"):
        find_bifurcations(start, s7(0.3), 1)


def test_objects_that_live_inside_the_path_only():
    # the pair of fixed points exists where the offset is negative, between 0.3 and 0.7
    def path(s):
        return tent(0.5, 2.0, (s - 0.3) * (s - 0.7))

    birth, death = find_bifurcations(path(0.0), path(1.0), 1, path=path)
    assert [(event.kind, event.direction) for event in (birth, death)] == [
        ("nonsmooth_fold", "birth"),
        ("nonsmooth_fold", "death"),
    ]
    np.testing.assert_allclose([birth.fraction, death.fraction], [0.3, 0.7], **PRECISE)


@pytest.mark.parametrize(("sign", "directions"), [(1.0, ["birth", "death"]), (-1.0, ["death", "birth"])])
def test_an_object_that_comes_from_infinity_and_goes_back_or_goes_there_and_returns(sign, directions):
    # the fixed point 1 / (1 - r) exists where r < 1; r passes 1 at 0.4 and back at 0.6
    def path(s):
        return tent(0.2, 1.0 + sign * (s - 0.4) * (s - 0.6), 1.0)

    events = find_bifurcations(path(0.0), path(1.0), 1, path=path)
    assert [event.kind for event in events] == ["degenerate_transcritical"] * 2
    assert [event.direction for event in events] == directions
    np.testing.assert_allclose([event.fraction for event in events], [0.4, 0.6], **PRECISE)


def test_an_object_that_crosses_a_border_and_returns_within_a_step():
    def path(s):
        return tent(0.5, -2.0, (s - 0.5) * (s - 0.502))

    events = find_bifurcations(path(0.0), path(1.0), 1, path=path)
    assert [event.kind for event in events] == ["persistence"] * 2
    assert [(event.stable_before, event.stable_after) for event in events] == [(False, True), (True, False)]
    np.testing.assert_allclose([event.fraction for event in events], [0.5, 0.502], **PRECISE)


def test_stability_that_is_lost_and_regained_within_a_step_is_two_flips():
    def path(s):
        return tent(0.2, -1.0 + (s - 0.5) * (s - 0.501), 1.0)

    events = find_bifurcations(path(0.0), path(1.0), 1, path=path)
    assert [(event.kind, event.stable_before) for event in events] == [
        ("degenerate_flip", True),
        ("degenerate_flip", False),
    ]
    np.testing.assert_allclose([event.fraction for event in events], [0.5, 0.501], **PRECISE)


def test_two_pairs_that_meet_at_the_same_fraction_are_two_folds():
    # two tents side by side: one folds at 0.5, the other keeps its two fixed points
    def pair(offset):
        return ReluMap.plrnn([0.5, 0.5], np.diag([1.5, 1.5]), [offset, -1.0])

    events = find_bifurcations(pair(-1.0), pair(1.0), 1)
    assert [(event.kind, event.direction) for event in events] == [("nonsmooth_fold", "death")] * 2
    np.testing.assert_allclose([event.fraction for event in events], [0.5, 0.5], **PRECISE)
    ends = {(event.cycle.key, event.partner.key) for event in events}
    assert len(ends) == 2
