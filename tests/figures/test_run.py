import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection

from lossjumps.figures.diagram import StateAxis
from lossjumps.figures.run import run_figure, with_bifurcation
from lossjumps.figures.style import MARKS, save_png

EPOCHS = 30
AXIS = StateAxis(np.array([1.0, 0.0]), -1.5, 1.5, "somewhere", True)


@pytest.fixture
def tables():
    epochs = np.arange(EPOCHS + 1)
    history = pd.DataFrame(
        {"epoch": epochs, "loss_free": 10.0 ** (-epochs / 10), "loss_forced": 0.5, "loss_train": 0.7}
    )
    history.loc[EPOCHS, "loss_free"] = np.inf
    history["loss_recorded"] = np.nan
    history.loc[0, "loss_train"] = np.nan  # no update leads there
    cycles = pd.DataFrame({"epoch": np.tile(epochs, 2), "order": np.repeat([1, 2], EPOCHS + 1)})
    cycles["cycle"] = cycles["order"] - 1
    cycles["stable"] = cycles["order"] == 1
    cycles["largest_multiplier"] = np.where(cycles["stable"], 0.5, 3.0)
    cycles["point"] = [[1.0, 2.0]] * len(cycles)
    cycles["itinerary"] = "0110"
    bifurcations = pd.DataFrame(
        [
            (4, 0, 0.25, "nonsmooth_fold", True, True),
            (4, 0, 0.5, "nonsmooth_fold", True, True),
            (4, 1, 0.75, "centre", True, False),
            (9, 0, 0.5, "persistence", False, True),
            (19, 4, 0.5, "unresolved", True, False),
        ],
        columns=["epoch", "update", "fraction", "kind", "topological", "occupied"],
    )
    bifurcations["point"] = [[0.5, 0.0]] * len(bifurcations)
    jumps = pd.DataFrame(
        [("loss_free", 5, 1), ("loss_free", 10, -1), ("loss_free", 20, 1), ("loss_forced", 7, 1)],
        columns=["loss", "epoch", "sign"],
    )
    return history, cycles, bifurcations, jumps


epochs_of_events = st.lists(st.integers(0, 40), max_size=8)


@given(epochs_of_events, epochs_of_events, st.integers(0, 6))
def test_with_bifurcation_is_its_definition(jumps, bifurcations, window):
    found = with_bifurcation(np.array(jumps, dtype=int), np.unique(np.array(bifurcations, dtype=int)), window)
    assert found.tolist() == [any(0 <= jump - other <= window for other in bifurcations) for jump in jumps]


def verticals(axes):
    """Return the numbers of solid and of dotted lines that mark jumps."""
    lines = [part for part in axes.collections if isinstance(part, LineCollection)]
    return [len(part.get_segments()) for part in lines[:2]]


def test_jumps_are_marked_in_every_panel_solid_where_a_bifurcation_is(tables):
    figure = run_figure(*tables, title="lorenz63 gtf, seed 3", window=1, followed_order=4, axis=AXIS)
    assert figure.get_suptitle() == "lorenz63 gtf, seed 3"
    for axes in figure.axes:
        assert verticals(axes) == [1, 2]
    wide = run_figure(*tables, title="", window=6, followed_order=4, axis=AXIS)
    assert verticals(wide.axes[0]) == [2, 1]


def test_jumps_stand_on_the_curve_at_the_epoch_they_lead_to(tables):
    axes = run_figure(*tables, title="", window=1, followed_order=4, axis=AXIS).axes[0]
    drawn = {line.get_label(): line for line in axes.get_lines()}
    assert drawn["jump up"].get_xdata().tolist() == [6, 21]
    assert drawn["jump up"].get_ydata() == pytest.approx([10**-0.6, 10**-2.1])
    assert drawn["jump down"].get_xdata().tolist() == [11]
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["not finite: free-running at 1 epoch"]


def test_stable_objects_are_filled_and_unstable_ones_hollow(tables):
    axes = run_figure(*tables, title="", window=1, followed_order=4, axis=AXIS).axes[3]
    faces = {
        (line.get_marker(), line.get_markerfacecolor() == "white"): set(line.get_ydata())
        for line in axes.get_lines()
        if line.get_marker() in "os" and len(line.get_ydata())
    }
    assert faces == {("o", False): {0.5}, ("s", True): {3.0}}


def test_cycles_that_are_not_followed_are_dots(tables):
    followed, unfollowed = (
        run_figure(*tables, title="", window=1, followed_order=order, axis=AXIS).axes[1] for order in (2, 1)
    )
    assert [line.get_xdata().size for line in followed.get_lines() if line.get_marker() == "."] == [0]
    assert [line.get_xdata().size for line in unfollowed.get_lines() if line.get_marker() == "."] == [EPOCHS + 1]
    labels = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in (followed, unfollowed)]
    assert "unstable cycle (first point)" in labels[0] and "unstable cycle (first point)" not in labels[1]
    assert any(label.startswith("cycle of order above 1\n") for label in labels[1])


def test_losses_are_that_of_the_training_and_that_of_the_network_running_freely(tables):
    axes = run_figure(*tables, title="", window=1, followed_order=4, axis=AXIS).axes[0]
    curves = {line.get_label(): line.get_ydata() for line in axes.get_lines() if line.get_label().startswith("loss")}
    assert list(curves) == ["loss, training", "loss, free-running"]
    assert np.array_equal(curves["loss, training"], tables[0]["loss_train"], equal_nan=True)


def test_rug_has_a_row_a_kind_with_its_count(tables):
    axes = run_figure(*tables, title="", window=1, followed_order=4, axis=AXIS, points_per_epoch=5).axes[2]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == len(MARKS)
    assert "nonsmooth fold (1)" in labels  # two, in one epoch
    assert "unresolved (1)" in labels
    # A persistence that keeps stability is no event of the rug.
    assert "persistence with new stability (0)" in labels
    marked = sorted(x for line in axes.get_lines() for x in line.get_xdata())
    assert marked == pytest.approx([4.05, 4.1, 4.35, 19.9])


def test_every_kind_looks_different():
    assert len({mark.marker for mark in MARKS.values()}) == len(MARKS)
    assert len({mark.colour for mark in MARKS.values()}) == len(MARKS)


def test_a_run_without_any_object_or_event_is_drawn(tables):
    empty = [table.iloc[:0] for table in tables[1:]]
    figure = run_figure(tables[0].iloc[:1], *empty, title="diverged at once", window=1, followed_order=4, axis=AXIS)
    save_png(figure, io.BytesIO())


def test_saved_png_has_no_time_and_the_same_bytes_again(tables, tmp_path):
    for name in ("a.png", "b.png"):
        save_png(run_figure(*tables, title="same", window=1, followed_order=4, axis=AXIS), tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"tEXt" not in content and b"tIME" not in content


def test_a_recorded_loss_is_drawn_alone(tables):
    history, cycles, bifurcations, jumps = tables
    history = history.assign(loss_recorded=history["loss_forced"], loss_free=np.nan, loss_train=np.nan)
    jumps = jumps.assign(loss="loss_recorded")
    figure = run_figure(
        history, cycles, bifurcations, jumps, title="", window=1, followed_order=4, axis=AXIS, loss="loss_recorded"
    )
    losses = figure.axes[0]
    curves = [line.get_label() for line in losses.get_lines() if line.get_label().startswith("loss")]
    assert (curves, losses.get_ylabel()) == (["loss, recorded"], "recorded loss")
    assert not any("not finite" in text.get_text() for text in losses.texts)
