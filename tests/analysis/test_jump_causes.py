"""Causes by hand, and the bistable map whose start crosses the boundary between two basins."""

import numpy as np
import pytest
from tests.analysis.test_training_dynamics import effort, z_curve

from lossjumps.analysis.jump_causes import (
    CAUSES,
    OTHERS,
    Evidence,
    attractor_change,
    other_epochs,
    ratio_to_surroundings,
)
from lossjumps.analysis.training_dynamics import analyse_training


def test_a_start_that_crosses_a_basin_boundary_is_a_basin_switch():
    # The unstable point between the basins is at -offset / 2: at 0.5 before and at 0.6 after, the state between.
    dynamics = analyse_training([z_curve(-1.0), z_curve(-1.2)], lambda epoch: np.array([[0.55], [3.0]]), effort())
    assert dynamics.events == []
    before, after = (recorded.attractors for recorded in dynamics.epochs)
    assert before[0] == before[1] and after[0] != before[0] and after[1] == before[1]
    stable = [
        {f"cycle:{entry.object}" for entry in recorded.entries if entry.cycle.is_stable} for recorded in dynamics.epochs
    ]
    assert attractor_change(before, after, *stable, set()) == "basin_switch"
    assert attractor_change(before, after, stable[0], set(), set()) == "unexplained_attractor_change"
    assert attractor_change(before, before, *stable, set()) == ""


def test_motion_that_is_not_followed_explains_nothing():
    # a long cycle and aperiodic motion are not told apart, and what neither is listed at cannot be said to go on
    assert attractor_change(["aperiodic"], ["cycle:7"], set(), {"cycle:7"}, {"cycle:7"}) == ""
    assert attractor_change(["aperiodic"], ["cycle:1"], {"cycle:1"}, {"cycle:1"}, set()) == (
        "unexplained_attractor_change"
    )
    assert attractor_change(["cycle:1"], ["diverged"], {"cycle:1"}, {"cycle:1"}, set()) == "basin_switch"
    assert attractor_change(["cycle:1"], ["diverged"], {"cycle:1"}, set(), set()) == "unexplained_attractor_change"


NOTHING = {
    "share": np.nan,
    "occupied": False,
    "measured": True,
    "attractor_change": "",
    "ghost_steps": 0,
    "step_ratio": 1.0,
}


@pytest.mark.parametrize(
    "evidence, cause",
    [
        ({}, "unknown"),
        ({"step_ratio": 3.0}, "step_spike"),
        ({"step_ratio": np.nan}, "unknown"),
        ({"ghost_steps": 10}, "ghost"),
        ({"step_ratio": 5.0, "ghost_steps": 12}, "step_spike"),
        ({"ghost_steps": 12, "attractor_change": "basin_switch"}, "basin_switch"),
        ({"attractor_change": "basin_switch", "occupied": True}, "unknown"),
        ({"attractor_change": "basin_switch", "occupied": True, "share": 0.5}, "bifurcation"),
        ({"share": 0.49}, "unknown"),
        ({"share": 0.9, "attractor_change": "unexplained_attractor_change"}, "bifurcation"),
        ({"occupied": True, "measured": False}, "bifurcation"),
    ],
)
def test_the_first_cause_with_evidence_is_named(evidence, cause):
    assert Evidence(**(NOTHING | evidence)).cause == cause
    assert cause in CAUSES


def test_other_epochs_are_near_and_quiet():
    for seed in range(20):
        drawn = other_epochs(50, np.array([30, 50, 58]), 70, 25, np.random.default_rng(seed))
        assert len(drawn) == OTHERS and (np.diff(drawn) > 0).all()
        assert drawn.min() >= 25 and drawn.max() <= 69
        assert np.abs(drawn[:, None] - [30, 50, 58]).min() > 3
    everywhere = other_epochs(0, np.array([0]), 9, 25, np.random.default_rng(0))
    assert everywhere.tolist() == [4, 5, 6, 7, 8]
    assert other_epochs(2, np.array([2]), 4, 25, np.random.default_rng(0)).size == 0


def test_ratio_to_surroundings_on_paper():
    values = np.array([np.nan, 2.0, 4.0, 12.0, 6.0, 100.0])
    assert ratio_to_surroundings(values, 3, 2) == 12 / 4.0 * 4 / 5  # 2, 4, 6, 100: median 5
    assert ratio_to_surroundings(values, 1, 1) == 0.5  # 4 alone
    assert np.isnan(ratio_to_surroundings(values, 0, 1))
    assert np.isnan(ratio_to_surroundings(np.zeros(4), 1, 2))
