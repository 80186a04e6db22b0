"""A small experiment whose numbers are worked out on paper, written to files and read back."""

import shutil

import numpy as np
import pandas as pd
import pytest
from tests.stages.whole_tables import whole

from lossjumps.analysis.events import COUNTED_KINDS, LOSSES
from lossjumps.errors import InputError
from lossjumps.schema import CoincidenceConfig
from lossjumps.stages import statistics
from lossjumps.stages.coincidences import coincidences_table
from lossjumps.stages.files import write_table
from lossjumps.stages.tables import Bifurcations, Coincidences, Comparisons, History, Jumps, Plan, Status

WINDOWS = [0, 1]

# Jumps of loss_free (up: +, down: -), folds of the occupied attractor, and epochs lived, by run.
# BPTT, seeds 0-2 in one batch (seed 2 diverged after 50 epochs), seed 9 trained in that batch but not planned.
# GTF, seeds 0-2: no jumps but one, no bifurcation before it; seed 3 is planned and not trained.
EVENTS = {
    "bptt-s0": ([+10, -40, +80], [10, 39, 60], 100, "finished"),
    "bptt-s1": ([+20], [20], 100, "finished"),
    "bptt-s2": ([+49], [47], 50, "diverged"),
    "bptt-s9": ([+5, +15], [5, 15], 100, "finished"),
    "gtf-s0": ([], [70], 100, "finished"),
    "gtf-s1": ([-30], [31], 100, "finished"),
    "gtf-s2": ([], [], 100, "finished"),
}
PLANNED = {"bptt": (0, 1, 2), "gtf": (0, 1, 2, 3)}


def plan_table():
    return pd.DataFrame(
        [
            {
                "run": f"{training}-s{seed}",
                "batch": f"{training}-late" if seed == 3 else f"{training}-early",
                "condition": training,
                "label": f"toy plrnn {training}",
                "seed": seed,
                "dataset": "toy",
                "model": "plrnn",
                "training": training,
                "training.alpha": 0.1 if training == "gtf" else None,
            }
            for training, seeds in PLANNED.items()
            for seed in seeds
        ]
    )


def history_of(run, jumps, folds, last, status):
    """A loss that jumps tenfold where it is said to; gradients that grow tenfold in the five epochs up to a fold."""
    epoch = np.arange(last + 1)
    level = sum((np.sign(at) * (epoch > abs(at)) for at in jumps), start=np.zeros(last + 1))
    gradient = np.ones(last + 1)
    for at in folds:
        gradient[max(at - 3, 0) : at + 2] = 10.0
    columns = {"run": run, "epoch": epoch, "loss_free": 10.0**level, "grad_norm": gradient, "step_length": 1.0}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Tables of the batches; for all tests, so none changes them."""
    tmp_path = tmp_path_factory.mktemp("toy")
    write_table(tmp_path / Plan.FILE, plan_table(), Plan)
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "events.yaml").write_text(
        "coincidence: {windows: [0, 1], primary_window: 1, surrogates: 99, seed: 1}\n"
    )
    for training in PLANNED:
        events = {run: event for run, event in EVENTS.items() if run.startswith(training)}
        folder = tmp_path / "batches" / f"{training}-early"
        status = pd.DataFrame([(run, e[3], e[2], "") for run, e in events.items()])
        status.columns = ["run", "status", "last_epoch", "why"]
        jumps = [(run, abs(at), "loss_free", np.sign(at)) for run, e in events.items() for at in e[0]]
        jumps = pd.DataFrame(jumps, columns=["run", "epoch", "loss", "sign"])
        folds = [(run, at, "nonsmooth_fold", "death", True, True) for run, e in events.items() for at in e[1]]
        folds = pd.DataFrame(folds, columns=["run", "epoch", "kind", "direction", "topological", "occupied"])
        counts = coincidences_table(jumps, folds, status, tuple(events), WINDOWS)
        history = pd.concat([history_of(run, *event) for run, event in events.items()], ignore_index=True)
        tables = {Status: status, Jumps: jumps, Bifurcations: folds, Coincidences: counts, History: history}
        for schema, table in tables.items():
            write_table(folder / schema.FILE, whole(table, schema), schema)
    return tmp_path


@pytest.fixture(scope="module")
def written(experiment):
    statistics.run(experiment)
    folder = experiment / "statistics"
    return pd.read_parquet(folder / "conditions.parquet"), pd.read_parquet(folder / "comparisons.parquet")


def row(table, **keys):
    chosen = table
    for key, value in keys.items():
        chosen = chosen[chosen[key] == value]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_conditions_on_paper(written):
    conditions, _ = written
    assert len(conditions) == 2 * len(LOSSES) * len(COUNTED_KINDS) * len(WINDOWS)
    # BPTT: 3 + 1 + 1 jumps and 3 + 1 + 1 folds in 100 + 100 + 50 epochs; s9 is not in the plan.
    # Window 0: 10-10 and 20-20.  Window 1: also 40-39.  80 and 49 have none (60, and 47 two epochs before).
    bptt = row(conditions, condition="bptt", loss="loss_free", kind="any", window=1)
    assert (bptt["runs"], bptt["runs_diverged"], bptt["runs_missing"]) == (3, 1, 0)
    assert (bptt["epochs"], bptt["jumps"], bptt["jumps_up"], bptt["bifurcations"]) == (250, 5, 4, 5)
    assert (bptt["precursor_hits"], bptt["trigger_hits"]) == (3, 3)
    assert (bptt["precursor_rate"], bptt["trigger_rate"]) == (3 / 5, 3 / 5)
    assert (bptt["jumps_per_1000_epochs"], bptt["bifurcations_per_1000_epochs"]) == (20.0, 20.0)
    assert bptt["coverage"] == 10 / 250  # two epochs after each of 5 folds
    assert not bptt["saturated"]
    assert bptt["null"].startswith("local: ")  # three runs are too few to swap
    # Chance moves a fold within its block of 25 epochs.  Where a jump has a fold in its block, two of 25 epochs
    # precede it (10, 20, 40: folds at 10, 20, 39 and 49: 47): 4 x 2/25 of 5 jumps.  80 has none in its block.
    assert bptt["null_precursor_mean"] == pytest.approx(4 * 2 / 25 / 5, abs=0.04)
    assert bptt["null_precursor_low"] <= bptt["null_precursor_mean"] <= bptt["null_precursor_high"]
    # Three or four hits of four that have 2/25 each: at most 4 (2/25)^3 = 0.002; 99 surrogates can say 0.01 at best.
    assert 0.01 <= bptt["p_precursor"] <= 0.03
    same_epoch = row(conditions, condition="bptt", loss="loss_free", kind="occupied", window=0)
    assert (same_epoch["precursor_hits"], same_epoch["coverage"]) == (2, 5 / 250)

    gtf = row(conditions, condition="gtf", loss="loss_free", kind="nonsmooth_fold", window=1)
    assert (gtf["runs"], gtf["runs_diverged"], gtf["runs_missing"], gtf["epochs"]) == (3, 0, 1, 300)
    assert (gtf["jumps"], gtf["jumps_up"], gtf["bifurcations"], gtf["precursor_hits"]) == (1, 0, 2, 0)
    assert (gtf["precursor_rate"], gtf["trigger_rate"], gtf["p_precursor"]) == (0.0, 0.0, 1.0)

    nothing = row(conditions, condition="gtf", loss="loss_forced", kind="any", window=1)
    assert (nothing["jumps"], nothing["bifurcations"]) == (0, 2)
    missing = ["precursor_rate", "p_precursor", "p_trigger", "null_precursor_mean", "null_trigger_mean"]
    assert np.isnan(nothing[missing].astype(float)).all()
    # No jump followed any of the two bifurcations; the comparison of the runs says the same.
    assert nothing["trigger_rate"] == 0
    assert nothing["null"] == "nothing to compare: no jumps"


def test_comparisons_on_paper(written):
    _, comparisons = written
    assert set(comparisons["training_first"]) == {"bptt"}
    assert set(comparisons["training_second"]) == {"gtf"}
    expected = {
        # quantity, loss, kind, window: values of BPTT and of GTF by seed
        ("diverged", "", "", None): ([0, 0, 1], [0, 0, 0]),
        ("jumps_per_1000_epochs", "loss_free", "", None): ([30, 10, 20], [0, 10, 0]),
        ("jumps_up_per_1000_epochs", "loss_free", "", None): ([20, 10, 20], [0, 0, 0]),
        ("bifurcations_per_1000_epochs", "", "occupied", None): ([30, 10, 20], [10, 10, 0]),
        ("coincidences_per_1000_epochs", "loss_free", "any", 1): ([20, 10, 0], [0, 0, 0]),
        ("precursor_rate", "loss_free", "any", 1): ([2 / 3, 1, 0], [np.nan, 0, np.nan]),
        ("trigger_rate", "loss_forced", "any", 1): ([0, 0, 0], [0, 0, np.nan]),
        ("trigger_rate", "loss_free", "any", 0): ([1 / 3, 1, 0], [0, 0, np.nan]),
    }
    for (quantity, loss, kind, window), (first, second) in expected.items():
        keys = {"quantity": quantity, "loss": loss, "kind": kind}
        found = comparisons[(comparisons[list(keys)] == pd.Series(keys)).all(axis=1)]
        found = found[found["window"].isna() if window is None else (found["window"] == window)]
        assert len(found) == 1
        line = found.iloc[0]
        np.testing.assert_allclose(line["values_first"], first)
        np.testing.assert_allclose(line["values_second"], second)
        assert line["mean_first"] == pytest.approx(np.nanmean(first))
        assert line["mean_second"] == pytest.approx(np.nanmean(second))
        assert line["difference"] == pytest.approx(np.nanmean(second) - np.nanmean(first))
    jumps = row(comparisons, quantity="jumps_up_per_1000_epochs", loss="loss_free")
    # Pairs of seeds 0, 1, 2 differ by -20, -10, -20: of 8 sign patterns 2 are as extreme.
    assert jumps["p"] == 2 / 8
    assert jumps["low"] <= -50 / 3 <= jumps["high"] < 0
    rate = comparisons.query("quantity == 'precursor_rate' and loss == 'loss_free' and kind == 'any'").iloc[0]
    assert (rate["runs_first"], rate["runs_second"]) == (3, 1)
    assert np.isnan(rate["p"])
    assert rate["test"].startswith("none: ")


def test_same_bytes_again(experiment, written):
    names = ("conditions", "comparisons")
    before = [(experiment / "statistics" / f"{name}.parquet").read_bytes() for name in names]
    statistics.run(experiment)
    assert [(experiment / "statistics" / f"{name}.parquet").read_bytes() for name in names] == before


def test_only_what_differs_in_its_training_alone_is_compared(experiment):
    plan = plan_table()
    tables = statistics.planned_tables(experiment, plan)
    config = CoincidenceConfig(windows=WINDOWS, surrogates=9)
    plan["model.hidden"] = 10
    assert len(statistics.comparisons_table(plan, tables, config)) > 0
    plan["model.hidden"] = plan["training"].map({"bptt": 10, "gtf": 20})
    empty = statistics.comparisons_table(plan, tables, config)
    assert len(empty) == 0
    assert list(empty.columns) == Comparisons.names()
    plan = plan_table().assign(dataset=lambda table: table["training"].map({"bptt": "toy", "gtf": "other"}))
    assert len(statistics.comparisons_table(plan, tables, config)) == 0


def test_dense_bifurcations_are_called_saturated(experiment):
    plan = plan_table().query("training == 'bptt' and seed == 1")
    tables = statistics.planned_tables(experiment, plan)
    dense = pd.DataFrame({"run": "bptt-s1", "epoch": np.arange(0, 100, 2), "kind": "centre"})
    dense = dense.assign(topological=True, occupied=False)
    counts = coincidences_table(tables.jumps, dense, tables.status, ("bptt-s1",), WINDOWS)
    dense_tables = statistics.Tables(tables.status, tables.jumps, dense, counts)
    conditions = statistics.conditions_table(plan, dense_tables, CoincidenceConfig(windows=WINDOWS, surrogates=9))
    for window, coverage in ((0, 0.5), (1, 1.0)):
        line = row(conditions, loss="loss_free", kind="any", window=window)
        assert (line["coverage"], line["saturated"]) == (coverage, coverage > 0.8)
        assert line["p_precursor"] > 0.05
    assert not row(conditions, loss="loss_free", kind="occupied", window=1)["saturated"]


def test_a_condition_without_any_trained_run_is_listed(experiment):
    plan = pd.concat([plan_table(), plan_table().query("seed == 3").assign(condition="late", run="late-s3")])
    conditions = statistics.conditions_table(
        plan, statistics.planned_tables(experiment, plan), CoincidenceConfig(windows=WINDOWS, surrogates=9)
    )
    line = row(conditions, condition="late", loss="loss_free", kind="any", window=0)
    assert (line["runs"], line["runs_missing"], line["epochs"], line["jumps"]) == (0, 1, 0, 0)


def test_tables_that_do_not_fit_are_refused(experiment, tmp_path):
    plan = plan_table()
    tables = statistics.planned_tables(experiment, plan)
    with pytest.raises(InputError, match=r"window 7 for every run; run the stage coincidences"):
        statistics.conditions_table(plan, tables, CoincidenceConfig(windows=[1, 7], surrogates=9))
    fewer = statistics.Tables(tables.status, tables.jumps[1:], tables.bifurcations, tables.coincidences)
    with pytest.raises(InputError, match="counts of bptt do not fit its events"):
        statistics.conditions_table(plan, fewer, CoincidenceConfig(windows=WINDOWS, surrogates=9))
    with pytest.raises(InputError, match="no planned run has been trained"):
        statistics.planned_tables(experiment, plan.query("seed == 3"))
    folder = shutil.copytree(experiment, tmp_path / "toy")
    (folder / "batches" / "gtf-early" / "jumps.parquet").unlink()
    with pytest.raises(InputError, match=r"gtf-early.jumps\.parquet: file not found"):
        statistics.run(folder)


def test_the_null_model_is_the_one_that_is_asked_for(experiment, written):
    plan = plan_table()
    config = CoincidenceConfig(windows=WINDOWS, primary_window=1, surrogates=99, seed=1, null_model="poisson")
    table = statistics.conditions_table(plan, statistics.planned_tables(experiment, plan), config)
    key = {"condition": "bptt", "loss": "loss_free", "kind": "any", "window": 1}
    assert row(table, **key)["null"].startswith("poisson: ")
    assert row(written[0], **key)["null"].startswith("local: ")
