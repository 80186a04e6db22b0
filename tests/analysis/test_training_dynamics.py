"""Dynamics along a training, on one-dimensional maps whose attractors and bifurcations are known."""

import numpy as np
import pytest

from lossjumps import ReluMap
from lossjumps.analysis.epoch_search import EPOCHS_TOGETHER, Effort, search_epochs
from lossjumps.analysis.training_dynamics import analyse_training


def effort(max_order=2):
    return Effort(
        max_order=max_order,
        max_nodes=1000,
        max_visits=1000,
        certified_units=8,
        certify_every=1000,
        seed=(0, 0),
        transient=300,
        max_period=16,
    )


def tent(left, right, offset):
    return ReluMap.plrnn([left], [[right - left]], [offset])


def z_curve(offset):
    """Stable points low and high, an unstable one between: for offsets in (-2, 0) all three exist."""
    return ReluMap([[0.5]], [[2.5, -2.5]], [[1.0], [1.0]], [0.0, -1.0], [offset])


@pytest.mark.parametrize(("state", "occupied"), [(-1.0, True), (4.0, False)])
def test_a_fold_is_occupied_where_a_data_state_was_on_the_attractor_that_vanishes(state, occupied):
    maps = [z_curve(offset) for offset in (-1.0, -0.5, 0.5)]
    dynamics = analyse_training(maps, lambda epoch: np.array([[state]]), effort())
    (event,) = dynamics.events
    assert (event.epoch, event.bifurcation.kind, event.bifurcation.direction) == (1, "nonsmooth_fold", "death")
    assert event.occupied == occupied
    assert event.companions != ()
    assert [recorded.index_sum for recorded in dynamics.epochs] == [1, 1, 1]
    high = {recorded.attractors[0] for recorded in dynamics.epochs}
    assert len(high) == (2 if occupied else 1)


def test_divergence_after_a_fold_is_seen_by_the_data_state():
    maps = [tent(0.5, 2.0, offset) for offset in (-1.0, 1.0)]
    dynamics = analyse_training(maps, lambda epoch: np.array([[-1.0]]), effort())
    before, after = dynamics.epochs
    assert before.attractors[0].startswith("cycle:")
    assert after.attractors == ("diverged",)
    (event,) = dynamics.events
    assert event.occupied


def test_a_persistence_that_keeps_stability_on_the_occupied_point_is_occupied_but_not_topological():
    maps = [tent(0.5, 0.2, offset) for offset in (-1.0, 1.0)]
    dynamics = analyse_training(maps, lambda epoch: np.array([[0.3]]), effort())
    (event,) = dynamics.events
    assert event.occupied
    assert not event.bifurcation.topological
    assert dynamics.epochs[0].attractors == dynamics.epochs[1].attractors == (f"cycle:{event.object}",)


def test_occupied_cycles_above_the_largest_order_are_listed_and_not_followed():
    maps = [tent(0.3, -8.0, offset) for offset in (1.0, 1.1, 1.2)] + [tent(0.3, 0.5, 1.0)]
    dynamics = analyse_training(maps, lambda epoch: np.array([[0.3]]), effort(max_order=1))
    three = [[entry for entry in recorded.entries if entry.cycle.order == 3] for recorded in dynamics.epochs]
    assert [len(entries) for entries in three] == [1, 1, 1, 0]
    numbers = {entries[0].object for entries in three if entries}
    assert len(numbers) == 1
    assert all(recorded.attractors == (f"cycle:{next(iter(numbers))}",) for recorded in dynamics.epochs[:3])
    assert all(event.bifurcation.order == 1 for event in dynamics.events)
    followed = {entry.object for recorded in dynamics.epochs for entry in recorded.entries if entry.cycle.order == 1}
    assert not followed & numbers


def test_a_single_recorded_epoch_has_no_events():
    dynamics = analyse_training([tent(0.5, 0.2, 1.0)], lambda epoch: np.array([[0.0]]), effort())
    assert len(dynamics.epochs) == 1
    assert dynamics.events == []


@pytest.mark.slow
def test_processes_do_not_change_what_is_searched():
    generator = np.random.default_rng(0)
    start, change = generator.normal(size=(2, 6, 6)) * 0.4
    maps = [
        ReluMap.plrnn(np.full(6, 0.5), start + epoch / 100 * change, np.ones(6))
        for epoch in range(2 * EPOCHS_TOGETHER + 7)
    ]
    states = generator.normal(size=(3, 6))
    counted = []
    alone = search_epochs(maps, lambda epoch: states, effort(3), report=counted.append)
    together = search_epochs(maps, lambda epoch: states, effort(3), processes=2)
    assert counted == [EPOCHS_TOGETHER, 2 * EPOCHS_TOGETHER, len(maps)]
    assert len(alone) == len(together) == len(maps)
    for one, other in zip(alone, together, strict=True):
        assert [cycle.key for cycle in one.cycles] == [cycle.key for cycle in other.cycles]
        assert all((a.points == b.points).all() for a, b in zip(one.cycles, other.cycles, strict=True))
        assert one.found.certificate == other.found.certificate
        assert one.jacobian_norm == other.jacobian_norm
