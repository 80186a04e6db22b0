import re
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest

from lossjumps.errors import InputError
from lossjumps.stages import report
from lossjumps.stages.summary_numbers import condition_numbers, run_counts
from lossjumps.stages.summary_text import aligned, null_names, short_label, within


@pytest.fixture(scope="module")
def experiment(reported_experiment):
    return reported_experiment


@pytest.fixture(scope="module")
def sections(experiment):
    """The text below each condition's title, by data set and training, in one line each."""
    found = {}
    for part in (experiment / "summary.md").read_text().split("\n## ")[1:]:
        dataset = part.split()[0]
        for title, below in re.findall(r"\*\*shallow_plrnn (\w+)\*\* (.*?)(?=\n\*\*|\Z)", part, flags=re.S):
            found[dataset, title] = " ".join(below.split())
    return found


def test_numbers_counted_on_paper(sections):
    text = sections["lorenz63", "bptt"]
    assert text.startswith("(2 runs, 1 diverged and counts up to then)")
    # Jumps at 3, 10, 15 of 20 epochs and at 5 of 10.
    assert "jumped 133.3 times per 1000 epochs, in 2 of 2 runs (4 of 30 epochs, 3 upwards)" in text
    # Bifurcations at 2 (a fold and a flip: one epoch), 9 and 7; the persistence changes no stability.
    assert "at 10.0% of the epochs (3; by kind: nonsmooth fold 2, degenerate flip 1, centre 1)" in text
    # The jumps at 3 and 10 have one an epoch earlier.
    assert "Of the jumps, 50.0% had a bifurcation in the same epoch or at most 1 epoch before" in text
    assert "Of the bifurcations, 66.7% had a jump in the same epoch or at most 1 epoch after" in text
    assert "data run to: at 3.3% of the epochs, and with 25.0% of the jumps" in text
    assert "With 4 jumps in all, these rates are rough." in text
    # 31 of 32 recorded epochs; one unresolved.
    assert "complete at 96.9% of the recorded epochs; 1 change of the lists could not be named and is not" in text


def test_what_cannot_be_answered_is_said(sections):
    text = sections["lorenz63", "gtf"]
    assert "The loss never jumped in 40 epochs." in text
    assert "cannot be answered here, for there is no jump." in text
    text = sections["santafe_laser", "gtf"]
    assert "No bifurcation happened." in text
    assert "in 1 of 2 runs" in text
    assert "cannot be answered here, for there is no bifurcation." in text


def test_saturation_is_said(sections):
    assert "The null saturates" in sections["santafe_laser", "bptt"]
    assert "The null saturates" not in sections["lorenz63", "bptt"]


def test_head_counts_what_can_answer(experiment):
    text = " ".join((experiment / "summary.md").read_text().split())
    assert "8 trainings in 4 conditions on 2 data sets, 150 epochs in all; 1 training diverged." in text
    conditions = pd.read_parquet(experiment / "statistics" / "conditions.parquet")
    chosen = conditions.query("loss == 'loss_free' and kind == 'any' and window == 1")
    chosen = chosen[chosen["label"] == "lorenz63 shallow_plrnn bptt"]
    more = int(chosen["p_precursor"].item() <= 0.05)
    assert f"more often than chance gives in {more} of the 1 condition that can answer (p <= 0.05 each)." in text
    assert "1 condition had no jump. 1 condition had jumps but no bifurcation." in text
    assert "1 condition had bifurcations so dense" in text


def test_every_line_fits_a_terminal(experiment):
    assert max(map(len, (experiment / "summary.md").read_text().splitlines())) <= 100


def test_summary_names_no_place_of_the_machine(experiment):
    assert str(experiment.parent) not in (experiment / "summary.md").read_text()


def test_table_repeats_what_pandas_gets_from_the_parquet_files(experiment):
    """Re-derived from the tables of the batches with pandas alone."""
    plan = pd.read_parquet(experiment / "plan.parquet")
    tables = {
        name: pd.concat(pd.read_parquet(path) for path in sorted(experiment.glob(f"batches/*/{name}.parquet")))
        for name in ("status", "jumps", "bifurcations")
    }
    conditions = pd.read_parquet(experiment / "statistics" / "conditions.parquet")
    conditions = conditions.query("loss == 'loss_free' and kind == 'any' and window == 1").set_index("label")
    block = (experiment / "summary.md").read_text().split("```")[1].splitlines()
    dataset, seen = "", 0
    for line in block[3:]:
        if not line.startswith(" "):
            dataset = line.split()[0]
            continue
        label, *cells = re.split(r"\s{2,}", line.strip())
        runs = plan.loc[plan["label"] == f"{dataset} {label}", "run"]
        status = tables["status"].set_index("run").loc[runs]
        epochs = status["last_epoch"].sum()
        jumps = tables["jumps"].query("loss == 'loss_free'")
        jumps = jumps[jumps["run"].isin(runs)][["run", "epoch"]].drop_duplicates()
        events = tables["bifurcations"].query("topological and kind != 'unresolved'")
        events = events[events["run"].isin(runs)][["run", "epoch"]].drop_duplicates()
        pairs = jumps.merge(events, on="run", suffixes=("", "_of_bifurcation"))
        hits = pairs[(pairs["epoch"] - pairs["epoch_of_bifurcation"]).between(0, 1)]
        hits = hits[["run", "epoch"]].drop_duplicates()
        chance = conditions.loc[f"{dataset} {label}"]
        answerable = len(jumps) and len(events)
        expected = [
            str(len(runs)),
            str((status["status"] == "diverged").sum()),
            f"{1000 * len(jumps) / epochs:.1f}",
            f"{100 * len(events) / epochs:.1f}%",
            f"{100 * len(hits) / len(jumps):.1f}%" if len(jumps) else "-",
            f"{100 * chance['null_precursor_mean']:.1f}%" if answerable else "-",
            f"{chance['p_precursor']:.3g}" if answerable else "-",
        ]
        assert cells == expected
        seen += 1
    assert seen == 4


def test_comparison_is_that_of_the_table(experiment):
    comparisons = pd.read_parquet(experiment / "statistics" / "comparisons.parquet")
    row = comparisons.query("dataset == 'lorenz63' and quantity == 'jumps_per_1000_epochs' and loss == 'loss_free'")
    assert len(row) == 1
    # 3 of 20 epochs and 1 of 10: 125 per 1000 on average over runs.
    text = " ".join((experiment / "summary.md").read_text().split())
    assert "Jumps: 0.0 against 125.0, difference -125.0" in text
    assert row["mean_first"].item() == pytest.approx(125)


def test_runs_that_the_plan_does_not_name_do_not_count(experiment, tmp_path):
    folder = shutil.copytree(experiment, tmp_path / "fewer")
    before = condition_numbers(report.read_tables(folder), 1).set_index("condition")
    plan = pd.read_parquet(folder / "plan.parquet")
    plan[plan["dataset"] == "lorenz63"].to_parquet(folder / "plan.parquet")
    tables = report.read_tables(folder)
    assert set(tables.status["run"]) == set(plan.loc[plan["dataset"] == "lorenz63", "run"])
    after = condition_numbers(tables, 1).set_index("condition")
    pd.testing.assert_frame_equal(after, before.loc[after.index])


def test_the_address_of_another_store_is_said(experiment, tmp_path, monkeypatch):
    folder = shutil.copytree(experiment, tmp_path / experiment.name)
    assert "`make ui`" in (experiment / "summary.md").read_text()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@tracking.lab:5000")
    report.run(folder)
    text = (folder / "summary.md").read_text()
    assert "http://tracking.lab:5000" in text
    assert "make ui" not in text and "secret" not in text


def test_a_data_set_under_a_name_of_the_users_has_its_origin(experiment):
    plan = pd.read_parquet(experiment / "plan.parquet").replace({"dataset": {"santafe_laser": "cell"}})
    assert report.origins_of(experiment, plan) == {"lorenz63": "simulated", "cell": "real"}


def test_figures_of_the_experiment(experiment):
    assert {path.name for path in (experiment / "figures").iterdir()} == {
        "overview.png",
        "events-lorenz63.png",
        "events-santafe_laser.png",
    }


def test_report_again_is_the_same_text_and_drops_old_figures(experiment, tmp_path):
    folder = shutil.copytree(experiment, tmp_path / experiment.name)
    (folder / "figures" / "events-gone.png").write_bytes(b"old")
    report.run(folder)
    assert (folder / "summary.md").read_bytes() == (experiment / "summary.md").read_bytes()
    assert not (folder / "figures" / "events-gone.png").exists()


def test_a_run_without_counts_is_an_input_error(experiment):
    tables = report.read_tables(experiment)
    with pytest.raises(InputError, match=r"coincidences\.parquet: no rows of loss_free within 3 epochs for run"):
        run_counts(tables, 3)


def test_rates_without_epochs_are_dashes_not_warnings(make_experiment, tmp_path):
    folder = make_experiment(
        tmp_path / "none", {("lorenz63", "bptt"): [(0, "diverged", [], []), (0, "diverged", [], [])]}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report.run(folder)
    line = next(line for line in (folder / "summary.md").read_text().splitlines() if line.startswith("  shallow"))
    assert re.split(r"\s{2,}", line.strip())[1:] == ["2", "2", "-", "-", "-", "-", "-"]
    numbers = condition_numbers(report.read_tables(folder), 1)
    assert np.isnan(numbers["bifurcation_share"].item())


def test_small_pieces_of_text():
    assert within(0) == "in the same epoch"
    assert within(5) == "in the same epoch or at most 5 epochs before"
    assert null_names("swap: this; assumes that") == ["swap"]
    assert null_names("precursor local: a; assumes b; trigger swap: c") == ["local", "swap"]
    assert null_names("nothing to compare: no jumps") == ["none"]
    assert short_label("lorenz63 shallow_plrnn bptt", "lorenz63") == "shallow_plrnn bptt"
    assert len(short_label("lorenz63 " + "x" * 80, "lorenz63")) <= 34
    lines = aligned([["heading"], ["a", "1"], ["bcd", "22"]], [("", ""), ("", "n")])
    assert lines == ["", "      n", "heading", "a     1", "bcd  22"]
