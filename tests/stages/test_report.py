import re
import shutil
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lossjumps.errors import InputError
from lossjumps.stages import report
from lossjumps.stages.summary_numbers import condition_numbers, run_counts
from lossjumps.stages.summary_text import aligned, answer, condition_text, null_names, short_label, within


@pytest.fixture(scope="module")
def experiment(reported_experiment):
    return reported_experiment


@pytest.fixture
def no_drawing(monkeypatch):
    """Figures are drawn once, for the experiment that the tests share."""
    monkeypatch.setattr(report, "save_png", lambda figure, path: path.write_bytes(b"png"))


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
    assert "The loss jumped at 4 of 30 epochs (3 upwards), in 2 of 2 runs." in text
    # Bifurcations at 2 (a fold and a flip: one epoch), 9 and 7; the persistence changes no stability.
    assert "Bifurcations at 3 epochs (nonsmooth fold 2, degenerate flip 1, centre 1); at 1 of the attractor" in text
    # The jumps at 3 and 10 have one an epoch earlier; four jumps are too few to speak of chance.
    assert "Of the jumps, 50.0% had a bifurcation, by chance" in text
    assert "too few jumps to tell." in text
    assert "chance gives" not in text
    # 31 of 32 recorded epochs; one unresolved.
    assert "complete at 96.9% of the recorded epochs." in text
    assert "1 change of the lists of objects could not be named and is not counted." in text


def test_enough_jumps_are_compared_with_chance(experiment):
    tables = report.read_tables(experiment)
    row = condition_numbers(tables, 1).iloc[0]
    # By hand: 12 jumps, 9 of them with a bifurcation, 3 with one of the occupied attractor.
    told = {"jumps": 12, "precursor_rate": 0.75, "null_precursor_mean": 0.25, "p_precursor": 0.01, "trigger_rate": 0.5}
    told |= {"null_trigger_mean": 0.5, "p_trigger": 0.4, "null": "local: a; assumes b", "occupied_bifurcations": 2}
    told |= {"occupied_precursor_rate": 0.25, "occupied_null_precursor_mean": 0.2, "occupied_p_precursor": 0.3}
    text = " ".join(condition_text(SimpleNamespace(**(row.to_dict() | told)), 1).split())
    assert "75.0% had a bifurcation, by chance 25.0% (p = 0.01, null local): more than chance gives." in text
    assert "25.0% had a bifurcation of the attractor that the data run to, by chance 20.0% (p = 0.3): no more" in text
    assert "Of the bifurcations, 50.0% had a jump in the same epoch or at most 1 epoch after, by chance 50.0%" in text
    assert "rough" not in text
    rough = condition_text(SimpleNamespace(**(row.to_dict() | told | {"jumps": 5})), 1)
    assert "With 5 jumps in all, these rates are rough." in rough


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


def test_head_answers_for_each_data_set(experiment):
    text = " ".join((experiment / "summary.md").read_text().split())
    assert "A bifurcation is a fixed point or cycle of order up to 4 of the free-running map" in text
    assert "8 trainings in 4 conditions on 2 data sets, 150 epochs in all; 1 training diverged." in text
    comparisons = pd.read_parquet(experiment / "statistics" / "comparisons.parquet")
    jumps = comparisons.query("quantity == 'jumps_per_1000_epochs' and loss == 'loss_free'").set_index("dataset")
    assert (
        "- **lorenz63 (simulated)**: jumps of the loss per 1000 epochs: 133.3 under shallow_plrnn bptt, 0.0 under"
        f" shallow_plrnn gtf (p = {jumps.at['lorenz63', 'p']:.3g} for no difference). Under shallow_plrnn bptt too few"
        " jumps to tell (4); under shallow_plrnn gtf no jump. - **santafe_laser (real)**: jumps" in text
    )
    assert "Under shallow_plrnn bptt too few jumps to tell (2); under shallow_plrnn gtf no bifurcation." in text


def numbers_of(*rows):
    columns = ["dataset", "label", "epochs", "jumps", "bifurcations", "saturated", "precursor_rate", "p_precursor"]
    table = pd.DataFrame([("d", f"d {name}", 1000, *row) for name, row in zip("abcdefg", rows, strict=False)])
    table.columns = columns
    return table.assign(jumps_per_1000_epochs=table["jumps"].astype(float), null_precursor_mean=0.25)


def test_answers_in_words():
    none = pd.DataFrame({"dataset": [], "p": []})
    more, no_more = (20, 9, False, 0.75, 0.01), (20, 9, False, 0.3, 0.2)
    dense = (20, 9, True, 1.0, 0.03)
    text = " ".join(answer(numbers_of(more, no_more, dense), none, {}).split())
    assert text == (
        "- **d**: jumps of the loss per 1000 epochs: 20.0 under a, 20.0 under b, 20.0 under c. Under a 75.0% of the"
        " jumps had a bifurcation, by chance 25.0% (p = 0.01): more than chance gives; under b 30.0% of the jumps had a"
        " bifurcation, by chance 25.0% (p = 0.2): no more than chance gives; under c bifurcations are so dense that"
        " chance alone puts one at nearly every jump."
    )
    few = (4, 9, False, 1.0, 0.01)
    text = " ".join(answer(numbers_of(more, no_more, dense, few, more), none, {}).split())
    assert "per 1000 epochs: 4.0 to 20.0 in 5 conditions." in text
    assert "more often than chance gives in 2 of the 3 conditions that can tell (p <= 0.05 each)." in text
    assert answer(numbers_of(more).assign(epochs=0), none, {}) == "- **d**: no run lived an epoch."


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
            ("too few" if len(jumps) < 5 else f"{chance['p_precursor']:.3g}") if answerable else "-",
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


def test_the_address_of_another_store_is_said(experiment, tmp_path, monkeypatch, no_drawing):
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


def test_report_again_is_the_same_text_and_drops_old_figures(experiment, tmp_path, no_drawing):
    folder = shutil.copytree(experiment, tmp_path / experiment.name)
    (folder / "figures" / "events-gone.png").write_bytes(b"old")
    report.run(folder)
    assert (folder / "summary.md").read_bytes() == (experiment / "summary.md").read_bytes()
    assert not (folder / "figures" / "events-gone.png").exists()


def test_a_run_without_counts_is_an_input_error(experiment):
    tables = report.read_tables(experiment)
    with pytest.raises(InputError, match=r"coincidences\.parquet: no rows of its primary loss within 3 epochs for run"):
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
