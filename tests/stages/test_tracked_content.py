import numpy as np
import pandas as pd
import pytest

from lossjumps.errors import InputError
from lossjumps.stages.tracked_content import (
    epoch_series,
    event_series,
    finite_series,
    flatten,
    left_out,
    run_summary,
)


@pytest.fixture
def history():
    return pd.DataFrame(
        {
            "epoch": [0, 1, 2, 3],
            "loss_free": [1.0, 0.5, np.inf, 0.25],
            "loss_free_long": [1.0, 2.0, 3.0, np.inf],
            "loss_forced": [0.1, 0.1, 0.1, 0.05],
            "state_space_divergence": [9.0, 8.0, 7.0, 6.0],
            "loss_recorded": np.nan,
            "loss_train": [np.nan, 0.3, np.nan, 0.1],
            "grad_norm": [np.nan, 1.0, 2.0, 3.0],
            "step_length": [np.nan, 0.1, 0.1, 0.1],
        }
    )


@pytest.fixture
def cycles():
    return pd.DataFrame(
        {
            "epoch": [0, 0, 1, 3, 3],
            "order": [1, 2, 1, 3, 2],
            "stable": [True, False, False, True, True],
            "largest_multiplier": [0.5, 4.0, 1.5, 0.1, 0.2],
        }
    )


@pytest.fixture
def bifurcations():
    return pd.DataFrame(
        {
            "epoch": [2, 0, 0, 1, 2],
            "kind": ["centre", "nonsmooth_fold", "nonsmooth_fold", "persistence", "unresolved"],
            "topological": [True, True, True, False, True],
        }
    )


def named(series):
    return {one.name: one for one in series}


def test_points_that_are_not_finite_are_left_out_and_counted(history, cycles):
    series = epoch_series(history, cycles)
    free = named(series)["loss/free"]
    assert free.steps.tolist() == [0, 1, 3]
    assert free.values.tolist() == [1.0, 0.5, 0.25]
    # The columns of the epoch that ends have no value at epoch 0: that is no point left out.
    assert named(series)["loss/train"].steps.tolist() == [1, 3]
    assert left_out(series) == "loss/free 1, loss/free_long 1, loss/train 1"
    assert all(np.isfinite(one.values).all() for one in series)
    assert left_out([finite_series("a", [0], [1.0])]) == "none"


def test_objects_are_counted_at_every_epoch(history, cycles):
    series = named(epoch_series(history, cycles))
    assert series["dynamics/fixed_points"].values.tolist() == [1, 1, 0, 0]
    assert series["dynamics/cycles"].values.tolist() == [1, 0, 0, 2]
    assert series["dynamics/stable"].values.tolist() == [1, 0, 0, 2]
    assert series["dynamics/largest_multiplier"].steps.tolist() == [0, 1, 3]
    assert series["dynamics/largest_multiplier"].values.tolist() == [4.0, 1.5, 0.2]
    assert series["loss/state_space_divergence"].values.tolist() == [9.0, 8.0, 7.0, 6.0]
    assert len(series) == 11


def test_events_have_points_only_where_something_happens(bifurcations):
    jumps = pd.DataFrame(
        {"epoch": [3, 1, 2], "loss": ["loss_free", "loss_free", "loss_forced"], "size": [-0.5, 1.25, 9.0]}
    )
    series = named(event_series(bifurcations, jumps, "loss_free"))
    assert series["event/jump"].steps.tolist() == [1, 3]
    assert series["event/jump"].values.tolist() == [1.25, -0.5]
    assert series["event/bifurcation"].steps.tolist() == [0, 2]
    assert series["event/bifurcation"].values.tolist() == [2, 1]


def counts(**of_any):
    rows = [{"kind": "any", "bifurcations": 2, **of_any}, {"kind": "occupied", "bifurcations": 1, **of_any}]
    rows[1]["bifurcations"] = 1
    return pd.DataFrame(rows).assign(loss="loss_free", window=1)


def test_summary_of_a_run_by_hand(history, bifurcations):
    attractors = pd.DataFrame({"epoch": [0, 0, 1, 1, 2, 2, 3, 3], "complete": [True] * 6 + [False] * 2})
    table = counts(jumps=4, bifurcations=2, precursor_hits=1, trigger_hits=1, epochs=8, covered=6)
    summary = run_summary(history, bifurcations, attractors, table, loss="loss_free", window=1)
    assert summary["event/jumps"] == 4
    assert summary["event/jumps_per_1000"] == 500
    assert summary["event/bifurcations"] == 2
    assert summary["event/bifurcations_per_1000"] == 250
    assert summary["event/bifurcations_occupied"] == 1
    assert summary["coincidence/precursor_rate"] == 0.25
    assert summary["coincidence/trigger_rate"] == 0.5
    assert summary["coincidence/epochs_covered"] == 0.75
    assert summary["dynamics/complete_share"] == 0.75
    # Two folds in one epoch count once; a persistence that keeps stability is none.
    assert summary["event/bifurcations_nonsmooth_fold"] == 1
    assert summary["event/bifurcations_persistence"] == 0
    assert summary["event/bifurcations_unresolved"] == 1
    assert summary["loss/free_final"] == 0.25
    assert "loss/free_long_final" not in summary
    assert summary["loss/free_long_lowest"] == 1.0
    assert summary["loss/state_space_divergence_final"] == 6.0
    assert summary["training/last_epoch"] == 3


def test_rates_of_nothing_are_absent(history, bifurcations):
    attractors = pd.DataFrame({"epoch": [0], "complete": [True]})
    table = counts(jumps=0, precursor_hits=0, trigger_hits=0, epochs=8, covered=0)
    summary = run_summary(history, bifurcations, attractors, table, loss="loss_free", window=1)
    assert "coincidence/precursor_rate" not in summary
    assert summary["coincidence/trigger_rate"] == 0


def test_another_window_than_was_counted_is_an_input_error(history, bifurcations):
    table = counts(jumps=0, precursor_hits=0, trigger_hits=0, epochs=8, covered=0)
    with pytest.raises(InputError, match="no rows of loss_free within 2 epochs"):
        run_summary(history, bifurcations, pd.DataFrame(), table, loss="loss_free", window=2)


def test_flatten_makes_dotted_keys():
    nested = {"training": {"alpha": None, "evaluation": {"horizon": 20}}, "seed": 3, "windows": [0, 1]}
    assert flatten(nested) == {
        "training.alpha": "None",
        "training.evaluation.horizon": "20",
        "seed": "3",
        "windows": "[0, 1]",
    }
