"""A hand-made experiment: few runs, few epochs, events that can be counted on paper."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.stages.tracking import BATCH, SMALL_SERIES, data_file
from tests.stages.whole_tables import whole

from lossjumps.configuration.objects import to_mapping
from lossjumps.configuration.registries import dataset_object, model_object, training_object
from lossjumps.schema import EventsConfig, SearchConfig, TrackingConfig
from lossjumps.stages import coincidences, report, statistics, track, tracked_run, tracking_store
from lossjumps.stages.files import write_arrays, write_table
from lossjumps.stages.tables import BATCH_TABLES, SERIES, Plan

STATES = 2

# Per condition and seed: last epoch, status, jumps (epoch, sign), bifurcations (epoch, kind, topological, occupied).
EVENTS = {
    ("lorenz63", "bptt"): [
        (
            20,
            "finished",
            [(3, 1), (10, 1), (15, -1)],
            [
                (2, "nonsmooth_fold", True, True),
                (2, "degenerate_flip", True, False),
                (9, "nonsmooth_fold", True, False),
                (14, "persistence", False, False),
                (17, "unresolved", True, False),
            ],
        ),
        (10, "diverged", [(5, 1)], [(7, "centre", True, False)]),
    ],
    ("lorenz63", "gtf"): [
        (20, "finished", [], [(4, "nonsmooth_fold", True, False)]),
        (20, "finished", [], []),
    ],
    ("santafe_laser", "bptt"): [
        (20, "finished", [(6, 1)], [(epoch, "nonsmooth_fold", True, True) for epoch in range(20)]),
        (20, "finished", [(8, -1)], [(epoch, "persistence", True, False) for epoch in range(20)]),
    ],
    ("santafe_laser", "gtf"): [
        (20, "finished", [(6, 1)], []),
        (20, "finished", [], []),
    ],
}
"""The events of the hand-made experiment."""


def batch_name(dataset: str, training: str) -> str:
    """Return the name of the batch folder of a condition."""
    return f"{dataset}-shallow_plrnn-{training}-s0-1-bbbbbbbb"


def write_batch(folder: Path, dataset: str, training: str, seeds: list) -> None:
    """Write config.yaml and the tables of a batch, as the stages before *track* would."""
    condition = f"{dataset}-shallow_plrnn-{training}-aaaaaaaa"
    config = {
        "dataset": to_mapping(dataset_object({"name": dataset})),
        "model": to_mapping(model_object({"name": "shallow_plrnn", "hidden": 4})),
        "training": to_mapping(training_object({"name": training, "alpha": 0.1 if training == "gtf" else None})),
        "seeds": list(range(len(seeds))),
        "condition": condition,
        "label": f"{dataset} shallow_plrnn {training}",
        "data": f"{dataset}-cccccccc",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    tables: dict[str, list] = {
        name: [] for name in ("history", "status", "cycles", "bifurcations", "attractors", "jumps", "causes")
    }
    for seed, (last, status, jumps, bifurcations) in enumerate(seeds):
        run = f"{condition}-s{seed}"
        epochs = np.arange(last + 1)
        loss = 10.0 ** (-epochs / 10 - seed)
        history = pd.DataFrame({"run": run, "epoch": epochs, "loss_free": loss})
        history["loss_free_long"], history["loss_forced"] = 2 * loss, loss / 2
        history["state_space_divergence"] = 4 * loss
        history["loss_recorded"], history["recorded_epoch"] = np.nan, pd.NA
        for column in ("loss_train", "grad_norm", "grad_norm_max", "step_length", "learning_rate"):
            history[column] = np.where(epochs == 0, np.nan, 0.25)
        if status == "diverged":
            history.loc[history["epoch"] == last, ["loss_free", "loss_free_long"]] = np.inf
        tables["history"].append(history)
        tables["status"].append(
            pd.DataFrame(
                {"run": [run], "status": [status], "last_epoch": [last], "why": ["loss" * (status == "diverged")]}
            )
        )
        cycles = pd.DataFrame({"run": run, "epoch": np.tile(epochs, 2), "order": np.repeat([1, 2], last + 1)})
        cycles["cycle"] = cycles["order"] - 1
        cycles["itinerary"] = "0000"
        cycles["point"] = [[0.5, -0.5, 0.25]] * len(cycles)
        cycles["largest_multiplier"] = np.where(cycles["order"] == 1, 0.5, 2.0 + cycles["epoch"])
        cycles["stable"] = cycles["order"] == 1
        cycles["index"], cycles["border_distance"], cycles["complete"] = 1, 0.1, True
        tables["cycles"].append(cycles)
        tables["bifurcations"].append(
            pd.DataFrame(
                [
                    (run, epoch, 0.5, kind, 1, "birth", 0, [], False, True, topological, occupied, 0.1, 0, 0)
                    for epoch, kind, topological, occupied in bifurcations
                ],
                columns=[
                    *("run", "epoch", "fraction", "kind", "order", "direction", "cycle", "companions"),
                    *("stable_before", "stable_after", "topological", "occupied", "distance", "unit_time", "unit"),
                ],
            )
            .assign(point=[[0.5, -0.5, 0.25]] * len(bifurcations))
            .astype({"run": "str", "epoch": "int64", "kind": "str", "topological": "bool", "occupied": "bool"})
        )
        attractors = pd.DataFrame({"run": run, "epoch": np.repeat(epochs, STATES)})
        attractors["state"] = np.tile(np.arange(STATES), last + 1)
        attractors["attractor"], attractors["complete"] = "cycle:0", attractors["epoch"] != 20
        tables["attractors"].append(attractors)
        tables["jumps"].append(
            pd.DataFrame(
                [(run, epoch, "loss_free", 0.5 * sign, sign, "shift", 1, 9.0, "robust") for epoch, sign in jumps],
                columns=["run", "epoch", "loss", "size", "sign", "shape", "duration", "score", "detector"],
            ).astype({"run": "str", "epoch": "int64", "loss": "str", "size": "float64", "sign": "int64"})
        )
        causes = tables["jumps"][-1][["run", "epoch", "loss", "sign"]].copy()
        counts = [sum(1 for event in bifurcations if event[0] == epoch and event[2]) for epoch in causes["epoch"]]
        causes["events"] = np.array(counts, dtype=np.int64)
        causes["share"] = np.where(causes["events"] > 0, 0.75, np.nan)
        causes["cause"] = np.where(causes["events"] > 0, "bifurcation", "unknown")
        tables["causes"].append(causes)
    schemas = {schema.FILE.removesuffix(".parquet"): schema for schema in BATCH_TABLES}
    for name, parts in tables.items():
        table = whole(pd.concat(parts, ignore_index=True), schemas[name])
        write_table(folder / f"{name}.parquet", table, schemas[name])
    coincidences.run(folder)


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """Whatever server this computer logs to, tests do not."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def make_experiment():
    """Return a function that writes an experiment into a folder, with its statistics unless `compared` is false."""

    def make(folder: Path, events: dict = EVENTS, compared: bool = True) -> Path:
        (folder / "settings").mkdir(parents=True)
        chosen = EventsConfig()
        chosen.coincidence.surrogates = 19
        for group, config in (("search", SearchConfig()), ("events", chosen), ("tracking", TrackingConfig())):
            (folder / "settings" / f"{group}.yaml").write_text(yaml.safe_dump(to_mapping(config)))
        plan = []
        for (dataset, training), seeds in events.items():
            name = batch_name(dataset, training)
            write_batch(folder / "batches" / name, dataset, training, seeds)
            condition = f"{dataset}-shallow_plrnn-{training}-aaaaaaaa"
            plan += [
                (
                    f"{condition}-s{seed}",
                    name,
                    condition,
                    f"{dataset} shallow_plrnn {training}",
                    seed,
                    dataset,
                    training,
                )
                for seed in range(len(seeds))
            ]
        table = pd.DataFrame(plan, columns=["run", "batch", "condition", "label", "seed", "dataset", "training"])
        write_table(folder / Plan.FILE, whole(table.assign(model="shallow_plrnn"), Plan), Plan)
        if compared:
            statistics.run(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def reported_experiment(make_experiment, tmp_path_factory):
    """The hand-made experiment with its statistics and report; for all tests, so none writes into it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder = make_experiment(tmp_path_factory.mktemp("results") / "paper")
        report.run(folder)
    return folder


@pytest.fixture(scope="session")
def tracked_experiment(reported_experiment, tmp_path_factory):
    """An experiment that is imported whole; making the database takes seconds, so the tests share it and add to it."""
    folder = shutil.copytree(reported_experiment, tmp_path_factory.mktemp("tracked") / "paper")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        write_arrays(data_file(folder), SMALL_SERIES, SERIES)
        track.run(folder / "batches" / BATCH)
        track.run(folder)
    return folder


@pytest.fixture
def no_drawing(monkeypatch):
    """Figures are tested elsewhere, and seen among the artifacts of the experiment that the tests share."""
    monkeypatch.setattr(tracked_run, "run_figure", lambda *tables, title, **options: title)
    monkeypatch.setattr(tracked_run, "save_png", lambda title, path: path.write_text(title))


@pytest.fixture
def no_collection(monkeypatch):
    """What would be deleted for good; that starts MLflow's own command, which takes seconds."""
    collected = []
    monkeypatch.setattr(tracking_store, "_collect", lambda uri, identities: collected.extend(identities))
    return collected
