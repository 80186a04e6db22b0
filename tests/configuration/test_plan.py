"""Plans: runs, conditions, batches of seeds, and names that stand for one content."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml

from lossjumps.configuration import load_batch, load_dataset_config, load_settings
from lossjumps.configuration.describe import describe, readable_bytes
from lossjumps.configuration.request import Request, plan_again, workflow_request
from lossjumps.data import file, reading
from lossjumps.errors import InputError
from lossjumps.stages.files import load_plan
from lossjumps.stages.plan import plan_table
from lossjumps.stages.plan import run as write_plan
from lossjumps.stages.prepare import prepare

from .conftest import CONF


def seeds_of(plan):
    return [batch.seeds for batch in plan.batches.values()]


def begin(plan):
    """What the workflow does first: the configuration files of the plan's batches."""
    prepare(plan)
    return plan


def test_default_experiment(plan_of):
    plan = plan_of(experiment="default")
    table = plan_table(plan)
    assert len(table) == 48 and len(plan.batches) == 6
    assert table["run"].is_unique
    assert all(list(seeds) == list(range(8)) for _, seeds in table.groupby("condition")["seed"])
    assert set(zip(table["dataset"], table["training"], strict=True)) == {
        (dataset, training) for dataset in ("lorenz63", "santafe_laser", "vanderpol") for training in ("bptt", "gtf")
    }
    training = plan.conditions[0].configuration.training
    assert (training.epochs, training.updates_per_epoch) == (1000, 5)
    assert plan.folder.as_posix() == "results/default"


def test_rows_name_what_is_swept(plan_of):
    plan = plan_of("training=gtf", "training.alpha=0.1,0.25", "dataset=lorenz63", "seed=range(0,2)")
    table = plan_table(plan)
    expected = ["run", "batch", "condition", "label", "seed", "dataset", "model", "training", "training.alpha"]
    assert list(table.columns) == expected
    assert list(table["label"].unique()) == ["lorenz63 gtf alpha=0.1", "lorenz63 gtf alpha=0.25"]
    assert list(table["training.alpha"]) == [0.1, 0.1, 0.25, 0.25]
    assert (table["run"] == table["condition"] + "-s" + table["seed"].astype(str)).all()


def test_equal_configurations_are_one_condition(plan_of):
    plan = plan_of("training=gtf", "training.alpha=0.1,0.10", "dataset=lorenz63")
    assert len(plan.conditions) == 1


def test_a_forcing_strength_is_for_the_forcings_that_take_one(plan_of):
    plan = plan_of("training=bptt,gtf", "training.alpha=0.1,0.3", "dataset=lorenz63", "seed=0")
    labels = ["lorenz63 bptt", "lorenz63 gtf alpha=0.1", "lorenz63 gtf alpha=0.3"]
    assert [condition.label for condition in plan.conditions] == labels
    assert [condition.configuration.training.alpha for condition in plan.conditions] == [None, 0.1, 0.3]
    alphas = plan_table(plan)["training.alpha"]
    assert np.isnan(alphas[0]) and list(alphas[1:]) == [0.1, 0.3]
    [alone] = plan_of("training=bptt", "dataset=lorenz63", "seed=0").conditions
    assert plan.conditions[0].name == alone.name
    fixed = plan_of("training=bptt,gtf", "training.alpha=0.3", "dataset=lorenz63", "seed=0")
    assert [condition.configuration.training.alpha for condition in fixed.conditions] == [None, 0.3]
    assert "training.alpha" not in plan_table(fixed)


def test_digests_stand_for_what_matters_alone(plan_of):
    one = "dataset=lorenz63", "training=bptt", "seed=0"
    [name] = plan_of(*one).batches
    same = ["events.jumps.threshold=3", "search.max_order=3", "seeds_per_batch=3", "results=elsewhere", "search.seed=4"]
    for override in same:
        assert list(plan_of(*one, override).batches) == [name]
    for override in ["training.epochs=13", "dataset.rho=27.5", "model.hidden=5", "training.evaluation.horizon=3"]:
        assert list(plan_of(*one, override).batches) != [name]
    assert plan_of(*one[:-1], "seed=1").conditions[0].name == plan_of(*one).conditions[0].name


def test_names_are_the_same_in_another_process(plan_of, tmp_path):
    program = (
        "import json, sys; from lossjumps.configuration.request import Request;"
        "print(json.dumps(list(Request('smoke', [], sys.argv[1]).plan().batches)))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(CONF)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == list(plan_of().batches)


def test_chunks_are_cut_at_fixed_boundaries(plan_of):
    one = "dataset=lorenz63", "training=bptt"
    assert seeds_of(plan_of(*one, "seed=range(0,20)")) == [tuple(range(8)), tuple(range(8, 16)), (16, 17, 18, 19)]
    assert seeds_of(plan_of(*one, "seed=6,7,8,9")) == [(6, 7), (8, 9)]
    assert seeds_of(plan_of(*one, "seed=range(0,5)", "seeds_per_batch=2")) == [(0, 1), (2, 3), (4,)]


def test_batches_that_were_begun_are_kept(plan_of):
    one = "dataset=lorenz63", "training=bptt"
    begin(plan_of(*one, "seed=range(0,3)"))
    assert seeds_of(plan_of(*one, "seed=range(0,3)")) == [(0, 1, 2)]
    assert seeds_of(plan_of(*one, "seed=range(0,8)")) == [(0, 1, 2), (3, 4, 5, 6, 7)]
    assert seeds_of(plan_of(*one, "seed=range(0,3)", "seeds_per_batch=1")) == [(0, 1, 2)]
    begin(plan_of(*one, "seed=range(0,8)"))
    assert seeds_of(plan_of(*one, "seed=range(0,10)")) == [(0, 1, 2), (3, 4, 5, 6, 7), (8, 9)]
    assert seeds_of(plan_of(*one, "seed=0,1", "training.epochs=13")) == [(0, 1)]


def test_fewer_seeds_than_a_batch_holds(plan_of):
    one = "dataset=lorenz63", "training=bptt"
    begin(plan_of(*one, "seed=range(0,4)"))
    plan = plan_of(*one, "seed=1,3")
    assert seeds_of(plan) == [(0, 1, 2, 3)]
    assert [row["seed"] for row in plan.rows] == [1, 3]


def test_no_seed_is_planned_twice_where_batches_overlap(plan_of):
    one = "dataset=lorenz63", "training=bptt"
    begin(plan_of(*one, "seed=range(0,3)"))
    other = plan_of(*one, "seed=range(0,5)", "results=other")
    assert seeds_of(other) == [(0, 1, 2, 3, 4)]
    [batch] = other.batches.values()
    folder = other.folder.parent.parent / "results" / "smoke" / "batches" / batch.name
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(batch.text + "\n")
    plan = plan_of(*one, "seed=range(0,5)")
    assert seeds_of(plan) == [(0, 1, 2, 3, 4)]
    assert [row["seed"] for row in plan.rows] == [0, 1, 2, 3, 4]
    assert seeds_of(plan_of(*one, "seed=range(0,3)")) == [(0, 1, 2)]


def test_damaged_batch_folders_are_passed_over(plan_of):
    one = "dataset=lorenz63", "training=bptt", "seed=0,1"
    plan = begin(plan_of(*one))
    [name] = plan.batches
    for text in ("", "a: [", "seeds: 3", "condition: x\nseeds: [5]\n"):
        (plan.folder / "batches" / name / "config.yaml").write_text(text)
        assert list(plan_of(*one).batches) == [name]


def test_files_read_back_as_the_planned_objects(plan_of):
    plan = begin(plan_of("training.learning_rate=1e-05"))
    write_plan(plan.folder, CONF)
    table = load_plan(plan.folder)
    assert table.equals(plan_table(plan))
    for name, planned in plan.batches.items():
        batch = load_batch(plan.folder / "batches" / name)
        configuration = planned.condition.configuration
        assert (batch.dataset, batch.model, batch.training) == (
            configuration.dataset,
            configuration.model,
            configuration.training,
        )
        assert batch.training.learning_rate == 1e-5
        assert (batch.name, batch.condition, batch.seeds) == (name, planned.condition.name, planned.seeds)
        assert set(batch.runs) == set(table[table["batch"] == name]["run"])
        assert load_dataset_config(batch.data_file.with_suffix(".yaml")) == configuration.dataset
        assert batch.experiment_folder == plan.folder
    shared = plan.conditions[0].configuration
    settings = load_settings(plan.folder)
    assert (settings.search, settings.events, settings.tracking) == (shared.search, shared.events, shared.tracking)
    assert plan_again(plan.folder, CONF).rows == plan.rows


def test_files_are_not_written_again_without_need(plan_of):
    plan = begin(plan_of())
    files = [path for path in plan.folder.rglob("*.yaml")]
    before = {path: path.stat().st_mtime_ns for path in files}
    begin(plan_of())
    assert files and {path: path.stat().st_mtime_ns for path in files} == before


def test_the_content_of_a_file_is_part_of_its_data_set(plan_of, tmp_path):
    one = ("dataset=file", "dataset.path=mine.npy", "training=bptt", "seed=0")
    series = np.random.default_rng(0).standard_normal((800, 2))
    np.save(tmp_path / "mine.npy", series)
    first = plan_of(*one)
    np.save(tmp_path / "mine.npy", series + 1)
    second = plan_of(*one)
    assert set(first.data).isdisjoint(second.data)
    assert set(first.batches).isdisjoint(second.batches)
    np.save(tmp_path / "mine.npy", series)
    assert plan_of(*one).rows == first.rows


def test_a_file_is_read_and_hashed_once_however_many_conditions_share_it(plan_of, tmp_path, monkeypatch):
    series = np.random.default_rng(1).standard_normal((800, 3))
    np.savetxt(tmp_path / "mine.csv", series, delimiter=",")
    asked = []
    monkeypatch.setattr(file, "read_table", lambda *given, read=file.read_table: asked.append("read") or read(*given))
    monkeypatch.setattr(reading, "sha256", lambda text, of=reading.sha256: asked.append("hash") or of(text))
    shared = ("dataset=file", "dataset.path=mine.csv", "seed=0", "dataset.columns=[0],[1,2]", "model.hidden=3,4")
    assert len(plan_of(*shared).conditions) == 8
    assert sorted(asked) == ["hash", "read"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training=bptt", "training.alpha=0.3"], "training.alpha: expected null"),
        (["training=gtf", "training.alpha=null"], "training.alpha: expected the forcing strength"),
        (["model.latent=2", "dataset=lorenz63"], "model.latent: expected null or at least 3"),
        (["training.sequence_length=400"], "training.sequence_length: expected less than dataset.length_train"),
        (
            ["training=bptt", "training.alpha=0.1,0.3"],
            r"training.alpha: expected null .*in the condition lorenz63 bptt",
        ),
        (["training=bptt,gtf", "training.alpha=0.3,2"], r"\(in the condition lorenz63 gtf alpha=2\)"),
        (["dataset=file", "dataset.path=nowhere.csv"], "nowhere.csv"),
        (
            ["dataset=santafe_laser", "dataset.length_train=9900"],
            "dataset santafe_laser: expected at least 10208 samples",
        ),
        (
            ["dataset=file", "dataset.path=mine.csv", "dataset.columns=[v]", "dataset.length_train=500"],
            "at least 800 samples .*, found 750",
        ),
        (
            ["dataset=file", "dataset.path=mine.csv", "dataset.columns=[u]"],
            "column 'u' of the training series is constant",
        ),
        (
            ["dataset=file", "dataset.path=mine.csv", "dataset.columns=[w]"],
            "mine.csv: expected finite numbers, found nan",
        ),
        (
            ["dataset=file", "dataset.path=mine.csv", "dataset.columns=[t]"],
            "dataset.columns: mine.csv has no column 't'",
        ),
    ],
)
def test_impossible_combinations_are_refused_before_anything_runs(plan_of, tmp_path, overrides, message):
    values = np.random.default_rng(0).standard_normal((750, 3)) * [1, 0, 1]
    values[699, 2] = np.nan
    np.savetxt(tmp_path / "mine.csv", values, delimiter=",", header="v,u,w", comments="")
    with pytest.raises(InputError, match=message) as caught:
        plan_of(*overrides)
    assert "\n" not in str(caught.value)


def test_the_description_counts_what_is_planned(plan_of):
    plan = plan_of()
    text = describe(plan)
    assert "8 trainings: 4 conditions with 2 seeds each, in 4 batches\n" in text and "results/smoke" in text
    assert "lorenz63 bptt, lorenz63 gtf, santafe_laser bptt, santafe_laser gtf\n" in text
    assert "training=bptt,gtf\n" in text and max(map(len, text.splitlines())) <= 80
    assert "MLflow's store included" in text
    assert "unplanned" not in text and "begun" not in text
    begin(plan)
    smaller = describe(plan_of("training=bptt", "dataset=lorenz63"))
    assert "begun       1 of 1 batch before; what is done and unchanged stays\n" in smaller
    assert "3 batch folders and 1 data file" in smaller and "lossjumps prune results/smoke" in smaller


def test_the_description_of_many_conditions_names_some(plan_of):
    text = describe(plan_of("training=gtf", "training.alpha=0.1,0.2,0.3,0.4,0.5", "seed=0"))
    assert "10 trainings: 10 conditions with 1 seed each" in text and "\n              and 2 more\n" in text
    assert "lorenz63 gtf alpha=0.1, " in text and "santafe_laser gtf alpha=0.3" in text
    assert "santafe_laser gtf alpha=0.4" not in text and max(map(len, text.splitlines())) <= 80


def test_sizes_are_told_in_readable_units():
    assert [readable_bytes(n) for n in (0, 999, 1500, 12_345_678, 2e12)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "12 MB",
        "2.0 TB",
    ]


def test_an_experiment_of_ones_own_is_not_passed_over_for_its_name(tmp_path):
    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf" / "experiment" / "single.yaml").write_text("kind: training\n")
    with pytest.raises(InputError, match=r"single.yaml: expected another name"):
        Request("single", [], tmp_path / "conf").plan()


def test_workflow_configuration():
    request = workflow_request({"experiment": "smoke", "overrides": "a=1 b=choice(1, 2)"}, "conf")
    assert (request.experiment, request.overrides) == ("smoke", ["a=1", "b=choice(1, 2)"])
    assert workflow_request({"overrides": ["a=1"]}, "conf").overrides == ["a=1"]
    assert workflow_request({}, "conf").experiment == "default"
    with pytest.raises(InputError, match=r"--config override: unknown key.*did you mean overrides?"):
        workflow_request({"override": "a=1"}, "conf")
    with pytest.raises(InputError, match="expected overrides="):
        workflow_request({"overrides": {"a": 1}}, "conf")


def test_an_experiments_folder_is_planned_again_from_its_own_copy(plan_of, tmp_path):
    plan = begin(plan_of("seed=range(0,3)"))
    assert yaml.safe_load((plan.folder / "settings" / "experiment.yaml").read_text())["sweep"]["seed"] == "range(0,3)"
    with pytest.raises(InputError, match=r"expected the folder of an experiment"):
        plan_again(tmp_path, CONF)
    moved = tmp_path / "moved" / "smoke"
    moved.parent.mkdir()
    plan.folder.rename(moved)
    with pytest.raises(InputError, match=r"not this folder"):
        plan_again(moved, CONF)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "expected a batch folder with config.yaml"),
        (lambda path: path.write_text("seeds: [0]\n"), "config.yaml: key condition is missing"),
        (lambda path: path.write_text(path.read_text().replace("epochs:", "epoch:")), "training.epoch: unknown key"),
        (lambda path: path.write_text("]"), "config.yaml: line 1: expected YAML"),
        (lambda path: damage(path, seeds=3), "config.yaml: seeds: expected a list of distinct integers >= 0, got 3"),
        (lambda path: damage(path, seeds=["a"]), "config.yaml: seeds: expected a list of distinct integers"),
        (lambda path: damage(path, seeds=[]), "config.yaml: seeds: expected a list of distinct integers"),
        (lambda path: damage(path, seeds=[1, 1]), "config.yaml: seeds: expected a list of distinct integers"),
        (lambda path: damage(path, dataset="lorenz63"), "config.yaml: dataset: expected a mapping, got 'lorenz63'"),
        (lambda path: damage(path, model={"name": "foo"}), "config.yaml: model.name: unknown model 'foo'"),
        (lambda path: damage(path, training={"name": ["gtf"]}), "config.yaml: training.name: unknown training"),
        (lambda path: damage(path, data=None), "config.yaml: data: expected text, got null"),
    ],
)
def test_a_batch_that_cannot_be_read(plan_of, change, message):
    plan = begin(plan_of())
    folder = plan.folder / "batches" / next(iter(plan.batches))
    change(folder / "config.yaml")
    with pytest.raises(InputError, match=message) as caught:
        load_batch(folder)
    assert "\n" not in str(caught.value)


def damage(path, **keys):
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))


def test_settings_that_cannot_be_read(plan_of, tmp_path):
    with pytest.raises(InputError, match=r"search.yaml: file not found"):
        load_settings(tmp_path)
    plan = begin(plan_of())
    (plan.folder / "settings" / "events.yaml").write_text("jumps: {threshold: no}\n")
    with pytest.raises(InputError, match=r"events.yaml: events.jumps.threshold: expected a number"):
        load_settings(plan.folder)
