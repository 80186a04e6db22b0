"""The whole pipeline on a tiny experiment, by Snakemake, in a copy of the project; and what re-runs after a change."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.random_maps import brute_force_fixed_points

from lossjumps.configuration import load_batch
from lossjumps.configuration.needs import dynamics_megabytes, training_megabytes
from lossjumps.configuration.request import Request, workflow_request
from lossjumps.search import itineraries
from lossjumps.stages.files import load_plan, read_table
from lossjumps.stages.listing import BATCH_TABLES, STAGES
from lossjumps.stages.plan import run as write_plan
from lossjumps.stages.prepare import folders, prepare
from lossjumps.stages.tables import STATISTICS_TABLES, Cycles, Status
from lossjumps.training.models import family_of

PROJECT = Path(__file__).parents[1]
PAIR = "dataset=santafe_laser"
"""The half of the smoke experiment that runs here; the slow tests run the whole."""
RUN_STAGES = ("dataset", "train", "dynamics", "jumps", "causes", "coincidences")


class Tree:
    """A copy of the project in which Snakemake runs with the copy's own source."""

    def __init__(self, folder):
        self.folder = folder
        package, logger = "src/lossjumps", "src/snakemake_logger_plugin_lossjumps"
        for name in ("Snakefile", "environment.yml", "workflows", "profiles", "conf", package, logger):
            source, target = PROJECT / name, folder / name
            if source.is_dir():
                # compiled code as well, valid where the sources' times are kept; not what is being written meanwhile
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.tmp.*", "*.pyc.*"))
            else:
                shutil.copy(source, target)

    def snakemake(self, *arguments, overrides=PAIR):
        config = ["experiment=smoke", f"overrides={overrides}"]
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *arguments, "--config", *config],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder / "src")},
            capture_output=True,
            text=True,
        )

    def planned(self, *overrides):
        """Number of jobs of each rule that Snakemake would run, and all that it says."""
        done = self.snakemake("-n", "--quiet", "host", overrides=" ".join([PAIR, *overrides]))
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", said, re.DOTALL)
        counts = {name: int(count) for name, count in (line.split() for line in table[1].splitlines())}
        del counts["total"]
        return counts, said

    def edit(self, name, old, new):
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """BPTT and GTF on a real recording, finished on two cores."""
    tree = Tree(tmp_path_factory.mktemp("project"))
    done = tree.snakemake("--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    tree.output = done
    return tree


@pytest.fixture
def restored(tree):
    """The tree, whose source and configuration are as before after the test."""
    saved = {path: path.read_bytes() for name in ("src", "conf") for path in (tree.folder / name).rglob("*.[py]*")}
    saved = {path: content for path, content in saved.items() if path.suffix in (".py", ".yaml")}
    yield tree
    for path, content in saved.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


def test_one_command_leaves_every_file_of_the_contract(tree):
    experiment = tree.folder / "results" / "smoke"
    plan = load_plan(experiment)
    assert len(plan) == 4 and plan["condition"].nunique() == 2
    for name in plan["batch"].unique():
        batch = experiment / "batches" / name
        for file in ("config.yaml", "parameters.npz", *BATCH_TABLES, "tracked.json"):
            assert (batch / file).is_file()
        runs = set(plan[plan["batch"] == name]["run"])
        assert set(read_table(batch / Status.FILE, Status)["run"]) == runs
        figures = list((batch / "figures").glob("*.png"))
        assert {path.stem for path in figures} == runs
        # the plan knows what the title of a figure has to tell
        planned = (experiment / "plan.parquet").stat().st_mtime_ns
        assert all(planned < path.stat().st_mtime_ns for path in figures)
    for file in ("summary.md", "statistics/conditions.parquet", "statistics/comparisons.parquet", "tracked.json"):
        assert (experiment / file).is_file()
    assert (experiment.parent / "mlflow.db").is_file()
    assert len(list((experiment / "data").glob("*.npz"))) == 1


def test_fixed_points_of_the_trained_networks_are_those_of_brute_force(tree):
    compared = 0
    for folder in sorted((tree.folder / "results" / "smoke" / "batches").iterdir()):
        batch = load_batch(folder)
        parameters = dict(np.load(folder / "parameters.npz"))
        fixed = read_table(folder / Cycles.FILE, Cycles).query("order == 1")
        for position, run in enumerate(batch.runs):
            for epoch in (0, 5, batch.training.epochs):
                of_epoch = {name: array[position, epoch] for name, array in parameters.items() if name != "seeds"}
                expected = brute_force_fixed_points(family_of(batch.model.name).relu_map(of_epoch))
                listed = fixed[(fixed["run"] == run) & (fixed["epoch"] == epoch)]
                assert listed["complete"].all()
                points = {row.itinerary: row.point for row in listed.itertuples()}
                assert set(points) == {itineraries.text(np.frombuffer(key, dtype=bool)) for key in expected}
                for key, point in expected.items():
                    found = points[itineraries.text(np.frombuffer(key, dtype=bool))]
                    np.testing.assert_allclose(found, point, rtol=1e-9, atol=1e-12)
                compared += len(expected)
    assert compared > 0


def test_the_plan_comes_first_and_the_summary_last(tree):
    summary = (tree.folder / "results" / "smoke" / "summary.md").read_text()
    said = tree.output.stderr
    assert said.index("4 trainings: 2 conditions with 2 seeds each, in 2 batches") < said.index("steps on 2 cores: ")
    assert summary in tree.output.stdout


def test_a_second_time_prints_the_summary_alone_even_after_comments_have_changed(restored):
    for path in (restored.folder / "src").rglob("*.py"):
        path.write_text(path.read_text() + "\n# A remark.\n")
    restored.edit("src/lossjumps/stages/train.py", '"""', '"""Changed. ')
    files = {path: path.stat().st_mtime_ns for path in (restored.folder / "results" / "smoke" / "batches").rglob("*.*")}
    done = restored.snakemake("--cores", "2")
    assert done.returncode == 0 and "1 of 1 steps" in done.stdout + done.stderr
    assert (restored.folder / "results" / "smoke" / "summary.md").read_text() in done.stdout
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_a_jump_threshold_re_runs_jumps_and_what_follows(tree):
    assert tree.planned("events.jumps.threshold=5")[0] == {
        "settings": 2,  # those of the events, and the overrides, which are on record as well
        "plan": 1,
        "jumps": 2,
        "causes": 2,
        "coincidences": 2,
        "statistics": 1,
        "report": 1,
        "track": 2,
        "track_summary": 1,
        "all": 1,
    }


def test_code_and_configuration_files_re_run_what_depends_on_them(restored):
    restored.edit("conf/tracking/default.yaml", "uri: null", "uri: sqlite:///other.db")
    for stage in ("coincidences", "report"):
        restored.edit(f"src/lossjumps/stages/{stage}.py", "def run(", "CHANGED = 1\n\n\ndef run(")
    assert restored.planned()[0] == {
        "settings": 1,
        "coincidences": 2,
        "statistics": 1,
        "report": 1,
        "store": 1,
        "track": 2,
        "track_summary": 1,
        "all": 1,
    }


def test_new_seeds_are_trained_alone(tree):
    planned, said = tree.planned("seed=range(0,4)")
    assert [planned[rule] for rule in ("batch_config", "train", "dynamics", "jumps", "track")] == [2, 2, 2, 2, 2]
    assert "dataset" not in planned
    trained = set(re.findall(r"Train (\S+)", said))
    assert len(trained) == 2 and all("-s2-3-" in name for name in trained)


def test_fewer_seeds_train_nothing(tree):
    after = {"settings", "plan", "statistics", "report", "track", "track_summary", "all"}
    assert set(tree.planned("seed=1")[0]) == after


@pytest.mark.slow
def test_jobs_reserve_the_memory_that_their_batches_are_estimated_to_take(tree):
    message = "{wildcards.batch}", "{wildcards.batch} in {resources.mem_mb} MB"
    overrides = f"{PAIR} training.epochs=3000"
    for rule in ("train", "dynamics"):
        tree.edit(f"workflows/rules/{rule}.smk", f'{message[0]}"\n    shell', f'{message[1]}"\n    shell')
    done = tree.snakemake("-n", overrides=overrides)
    for rule in ("train", "dynamics"):
        tree.edit(f"workflows/rules/{rule}.smk", message[1], message[0])
    batches = workflow_request({"experiment": "smoke", "overrides": overrides}, tree.folder / "conf").plan().batches
    for name, batch in batches.items():
        assert f"Train {name} in {training_megabytes(batch)} MB" in done.stdout + done.stderr
        assert f"Find the dynamics of {name} in {dynamics_megabytes(batch)} MB" in done.stdout + done.stderr


def test_bad_input_is_one_line_before_anything_starts(tree):
    done = tree.snakemake("-n", overrides="training.epoch=5")
    lines = [line for line in done.stderr.splitlines() if "profile" not in line]
    assert done.returncode == 2 and done.stdout == ""
    assert len(lines) == 1 and lines[0].startswith("lossjumps: training.epoch: unknown key; ")


def rows_of(folder, name, run):
    table = pd.read_parquet(folder / name)
    return table[table["run"] == run].reset_index(drop=True)


def in_this_process(tree, *overrides):
    """Plan a part of the smoke experiment and run the stages of its batches."""
    plan = Request("smoke", overrides, tree.folder / "conf").plan()
    prepare(plan)
    for name in RUN_STAGES:
        for folder in folders(plan, STAGES[name]):
            STAGES[name].module.run(folder)
    write_plan(plan.folder, tree.folder / "conf")
    return plan


@pytest.mark.parametrize("dataset", ["santafe_laser", "lorenz63"])
def test_a_run_does_not_depend_on_its_batch_nor_on_the_process(tree, monkeypatch, dataset):
    """Each seed alone in its batch, in this process: the same bits as two side by side, the laser's by Snakemake."""
    monkeypatch.chdir(tree.folder)
    plan = in_this_process(tree, f"dataset={dataset}", f"results=alone/{dataset}", "seeds_per_batch=1")
    together = Path("results/smoke")
    if f"dataset={dataset}" != PAIR:
        together = in_this_process(tree, f"dataset={dataset}", "results=together").folder
    place = load_plan(together).set_index("run")["batch"]
    assert len(plan.batches) == 4 and place.nunique() == 2
    for batch in plan.batches.values():
        [seed] = batch.seeds
        run = f"{batch.condition.name}-s{seed}"
        alone, other = plan.folder / "batches" / batch.name, together / "batches" / place[run]
        for name in BATCH_TABLES:
            pd.testing.assert_frame_equal(rows_of(alone, name, run), rows_of(other, name, run), check_exact=True)
        mine, theirs = np.load(alone / "parameters.npz"), np.load(other / "parameters.npz")
        [row] = np.flatnonzero(theirs["seeds"] == seed)
        assert sorted(mine) == sorted(theirs)
        for name in mine:
            assert mine[name][0].tobytes() == theirs[name][row].tobytes()


def test_parameters_recorded_at_updates_are_conditions_of_their_own_with_coincidences_by_epoch(tree, monkeypatch):
    """One update an epoch: whatever is recorded then, the results are the same."""
    monkeypatch.chdir(tree.folder)
    chosen = "training=bptt", "seed=1", "training.epochs=30", "training.learning_rate=0.2"
    plan = in_this_process(
        tree, PAIR, *chosen, "training.updates_per_epoch=1", "training.record=epoch,update", "results=recorded"
    )
    epochs, updates = plan.batches.values()
    assert updates.condition.label.endswith("record=update")
    places = [plan.folder / "batches" / batch.name for batch in (epochs, updates)]
    for name in BATCH_TABLES:
        one, other = (pd.read_parquet(place / name).drop(columns="run") for place in places)
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert len(pd.read_parquet(places[0] / "bifurcations.parquet")) > 0


@pytest.mark.slow
def test_same_bytes_on_one_core_as_on_two(tree):
    for cores, results in (("1", "alone_at_work"), ("2", "side_by_side")):
        done = tree.snakemake("--cores", cores, overrides=f"results={results}")
        assert done.returncode == 0, done.stdout + done.stderr
    first, second = tree.folder / "alone_at_work" / "smoke", tree.folder / "side_by_side" / "smoke"
    files = [path.relative_to(first) for suffix in ("parquet", "npz") for path in first.rglob(f"*.{suffix}")]
    assert len(files) == 1 + 2 + len(STATISTICS_TABLES) + 4 * (1 + len(BATCH_TABLES))
    for path in files:
        assert (first / path).read_bytes() == (second / path).read_bytes(), path


@pytest.mark.slow
def test_a_failing_batch_stops_no_other(tree):
    # What planning cannot know: a simulation that overflows.
    (tree.folder / "conf" / "dataset" / "exploding.yaml").write_text(
        "name: lorenz63\nrho: 1.0e+30\nlength_train: 150\nlength_test: 150\n"
    )
    overrides = "dataset=exploding,vanderpol training=bptt seed=0 training.epochs=1 results=failing"
    done = tree.snakemake("--cores", "2", overrides=overrides)
    experiment = tree.folder / "failing" / "smoke"
    assert done.returncode == 1
    assert len(list(experiment.glob("batches/vanderpol-*/tracked.json"))) == 1
    assert not (experiment / "summary.md").exists()
    [log] = experiment.glob("logs/dataset/exploding-*.log")
    assert log.read_text().startswith("lossjumps: dataset lorenz63: ") and log.read_text().count("\n") == 1
    [data] = {path.with_suffix("").relative_to(tree.folder) for path in experiment.glob("data/exploding-*.yaml")}
    assert f"FAILED  dataset {data.name}\n  {log.read_text()}  log     {log.relative_to(tree.folder)}\n" in done.stderr
    assert f"  repeat  lossjumps dataset {data}\n" in done.stderr
    assert re.search(r"\n1 of \d+ steps failed, \d+ done, \d+ not begun, in \d+:\d\d:\n", done.stderr)
