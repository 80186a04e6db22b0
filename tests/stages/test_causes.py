"""Causes of jumps of networks made by hand: one state, two attractors, and a loss measured where they are."""

import numpy as np
import pandas as pd
import pytest
from tests.analysis.test_training_dynamics import effort, z_curve

from lossjumps.analysis.free_runs import FreeRuns
from lossjumps.analysis.training_dynamics import analyse_training
from lossjumps.maps.relu_map import ReluMap
from lossjumps.schema import EventsConfig
from lossjumps.stages.causes import LONG, SHORT, Evaluation, RunCauses, RunTables
from lossjumps.stages.files import as_table
from lossjumps.stages.networks import RunNetworks
from lossjumps.stages.tables import Causes

TARGET = -2.0


def causes_of(offsets, starts, epoch, step_lengths=None):
    """The row of a jump at an epoch of a network with these offsets, whose data are constant."""
    maps = [z_curve(offset) for offset in offsets]
    states = np.array(starts, dtype=float)[:, None]
    dynamics = analyse_training(maps, lambda _: states, effort())
    runs = FreeRuns(np.concatenate([states[None], np.full((200, len(starts), 1), TARGET)]))
    epochs = len(offsets)
    losses = {name: [runs.loss(one, states, horizon) for one in maps] for name, horizon in ((SHORT, 20), (LONG, 200))}
    steps = np.ones(epochs) if step_lengths is None else np.array(step_lengths, dtype=float)
    history = pd.DataFrame({**losses, "step_length": steps, "grad_norm_max": np.ones(epochs)})
    events = pd.DataFrame(
        [
            (e.epoch, e.update, e.bifurcation.fraction, e.bifurcation.kind, e.object, e.occupied)
            for e in dynamics.events
            if e.bifurcation.topological
        ],
        columns=["epoch", "update", "fraction", "kind", "cycle", "occupied"],
    )
    tables = RunTables(
        history,
        {SHORT: np.array([epoch])},
        dict(tuple(events.groupby("epoch"))),
        {at: list(recorded.attractors) for at, recorded in enumerate(dynamics.epochs)},
        {
            at: {f"cycle:{entry.object}" for entry in recorded.entries if entry.cycle.is_stable}
            for at, recorded in enumerate(dynamics.epochs)
        },
        set(),
    )
    parameters = {name: np.stack([getattr(one, name) for one in maps]) for name in "AUVbc"}
    networks = RunNetworks(
        maps, None, lambda _: states, lambda points: points, 1, parameters, lambda own: ReluMap(**own)
    )
    evaluation = Evaluation(runs, {SHORT: 20, LONG: 200}, median_step=1.0)
    own = RunCauses(networks, tables, evaluation, EventsConfig(), 2, seed=0, points_per_epoch=1)
    table, again = (as_table([{"run": "toy-s0"} | own.of(epoch, SHORT, 1)], Causes) for _ in range(2))
    pd.testing.assert_frame_equal(table, again, check_exact=True)
    return table.iloc[0]


def test_the_fold_of_the_occupied_attractor_is_the_cause():
    row = causes_of([-0.06, -0.05, 0.05, 0.06], [-2.0, -1.0], 1)
    assert (row.events, row.kind, bool(row.occupied), row.cause) == (1, "nonsmooth_fold", True, "bifurcation")
    assert row.fraction == pytest.approx(0.5, abs=1e-9)
    assert 0.9 <= row.share_long <= 1.0
    assert max(abs(row.share_random), abs(row.share_reversed), abs(row.share_long_random)) < 0.01
    assert row.attractor_change == "unexplained_attractor_change"  # by itself: the fold explains it
    assert row.change > 0.5


def test_a_start_that_crosses_its_basin_boundary_is_a_basin_switch():
    row = causes_of([-1.3, -1.2, -1.0, -0.9], [0.55], 1)  # the boundary moves from 0.6 to 0.5
    assert (row.events, row.kind, row.cause) == (0, "", "basin_switch")
    assert row.change > 0.5
    assert np.isnan(row.share) and pd.isna(row.cycle)


def test_what_is_found_nearby_as_well_is_counted():
    row = causes_of([1e-4] * 40, [-2.0], 20)
    assert row.ghost_steps >= 10
    counts = ["others", "others_ghost", "others_attractor_change", "others_step_spike"]
    assert row[counts].tolist() == [8, 8, 0, 0]
    # the boundary between the basins passes the state in every epoch
    restless = causes_of([-1.3, -1.0] * 20, [0.55], 20, step_lengths=[np.nan, *[1.0] * 39])
    assert restless[counts].tolist() == [8, 0, 8, 0]
    assert causes_of([-1.0] * 4, [-2.0], 1)[counts].tolist() == [0] * 4  # nothing is further than three epochs away


def test_a_ghost_and_a_long_step_are_causes_where_nothing_else_is():
    lingering = causes_of([1e-4, 2e-4, 3e-4, 4e-4], [-2.0], 1)
    assert lingering.ghost_steps >= 10 and lingering.cause == "ghost"
    quiet = [-1.03, -1.02, -1.01, -1.0]
    spike = causes_of(quiet, [-2.0], 1, step_lengths=[np.nan, 1, 5, 1])
    assert (spike.step_ratio, spike.gradient_ratio, spike.cause) == (5.0, 1.0, "step_spike")
    assert causes_of(quiet, [-2.0], 1).cause == "unknown"
