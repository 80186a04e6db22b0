import io

import numpy as np
import pandas as pd
import pytest

from lossjumps.figures.experiment import overview_figure, raster_figure, training_colours
from lossjumps.figures.style import save_png


@pytest.fixture
def conditions():
    rows = [
        ("c0", "lorenz63 plrnn bptt", "lorenz63", "bptt", 40, 12, 0.5, 0.3, 0.2, 0.4, 0.001),
        ("c1", "lorenz63 plrnn gtf", "lorenz63", "gtf", 0, 3, np.nan, np.nan, np.nan, np.nan, np.nan),
        ("c2", "laser plrnn bptt", "laser", "bptt", 2, 0, np.nan, np.nan, np.nan, np.nan, np.nan),
    ]
    columns = ["condition", "label", "dataset", "training", "jumps", "bifurcations", "precursor_rate"]
    columns += ["null_precursor_mean", "null_precursor_low", "null_precursor_high", "p_precursor"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def runs():
    rows = [
        ("r0", "c0", "lorenz63 plrnn bptt", 0, 200, 30, 8, "finished"),
        ("r1", "c0", "lorenz63 plrnn bptt", 1, 100, 10, 4, "diverged"),
        ("r2", "c1", "lorenz63 plrnn gtf", 0, 200, 0, 3, "finished"),
        ("r3", "c2", "laser plrnn bptt", 0, 200, 2, 0, "finished"),
    ]
    return pd.DataFrame(
        rows, columns=["run", "condition", "label", "seed", "epochs", "jumps", "bifurcations", "status"]
    )


def test_overview_draws_rates_per_1000_epochs_and_their_mean(conditions, runs):
    jumps, bifurcations, _ = overview_figure(conditions, runs, title="t", window=1).axes
    drawn = [line.get_xdata().tolist() for line in jumps.get_lines()]
    assert drawn[0] == [150.0, 100.0]
    assert drawn[1] == [125.0]
    assert bifurcations.get_lines()[0].get_xdata().tolist() == [40.0, 40.0]
    assert [label.get_text() for label in jumps.get_yticklabels()] == ["plrnn bptt", "plrnn gtf", "plrnn bptt"]


def test_overview_says_where_there_is_no_answer(conditions, runs):
    axes = overview_figure(conditions, runs, title="t", window=1).axes[2]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["p = 0.001  (40 jumps)", "no jumps: no answer", "no bifurcations: no answer"]
    observed = [line for line in axes.get_lines() if line.get_marker() == "D"]
    assert [line.get_xdata() for line in observed] == [[0.5]]
    chance = axes.get_lines()[0]
    assert list(chance.get_xdata()) == [0.2, 0.4]


def test_raster_has_each_epoch_once_in_the_row_of_its_run(runs):
    jumps = pd.DataFrame({"run": ["r0", "r0", "r1"], "epoch": [10, 10, 20]})
    bifurcations = pd.DataFrame(
        {
            "run": ["r0", "r0", "r3"],
            "epoch": [9, 9, 5],
            "kind": ["centre", "centre", "unresolved"],
            "topological": True,
        }
    )
    panels = raster_figure(runs, jumps, bifurcations, title="t").axes
    assert [axes.get_title(loc="left") for axes in panels] == list(runs["label"].unique())
    # Per run: its line, its bifurcations, its jumps.
    segments = [[part.get_segments() for part in axes.collections] for axes in panels]
    assert [len(part) for part in segments[0]] == [1, 1, 1, 1, 0, 1]
    assert segments[0][1][0][:, 0].tolist() == [9.5, 9.5]
    assert segments[0][2][0][:, 0].tolist() == [10.5, 10.5]
    assert segments[0][5][0][:, 0].tolist() == [20.5, 20.5]
    assert [len(part) for part in segments[2]] == [1, 0, 0]
    crosses = [line for line in panels[0].get_lines() if line.get_marker() == "x"]
    assert [line.get_xdata() for line in crosses] == [[100]]


def test_figures_can_be_saved(conditions, runs):
    save_png(overview_figure(conditions, runs, title="t", window=0), io.BytesIO())
    nothing = pd.DataFrame({"run": [], "epoch": [], "kind": [], "topological": []}).astype({"run": str, "kind": str})
    save_png(raster_figure(runs, nothing[["run", "epoch"]], nothing, title="t"), io.BytesIO())


def test_trainings_keep_their_colours_in_any_order():
    assert training_colours(pd.Series(["gtf", "bptt"])) == training_colours(pd.Series(["bptt", "gtf", "gtf"]))
