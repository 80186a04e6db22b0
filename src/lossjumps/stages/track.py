"""Stage *track*: finished batches, and an experiment's summary, become runs in MLflow.

The files are the truth: the database can be deleted and made again from them.  A run is found by its tag
``run_key``; its tag ``digest`` says which content it was made from, so that importing twice changes nothing, a changed
run is replaced, and one that was left half-made by an interruption is made again.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from lossjumps.configuration.digest import file_digest
from lossjumps.configuration.loading import Batch, Settings, load_batch, load_settings, load_tracking
from lossjumps.configuration.source import source_digest
from lossjumps.errors import InputError
from lossjumps.figures.run import run_figure
from lossjumps.figures.style import save_png
from lossjumps.progress import Progress, silent
from lossjumps.stages.files import load_plan, read_table, write_text, write_whole
from lossjumps.stages.losses import losses_of, primary_of
from lossjumps.stages.tables import BATCH_TABLES, STATISTICS_TABLES
from lossjumps.stages.tracked_content import (
    Series,
    epoch_series,
    event_series,
    finite_series,
    flatten,
    left_out,
    run_configuration,
    run_name,
    run_summary,
    run_tags,
)
from lossjumps.stages.tracking_views import VIEW_TAG, saved_view

CONTENT_MODULES = ("lossjumps.stages.tracked_content", "lossjumps.figures.run")
"""The code that decides what a run shows; when it changes, runs are imported anew."""
RECEIPT = "tracked.json"
SUMMARY_KEY = "summary"
NOTE_LENGTH = 7000
"""Characters of the summary that fit into a note; MLflow cuts at 8000."""

EXPERIMENT_NOTE = """\
Each run is one training with one seed; the run `summary` carries the tables and the figures of the whole experiment.

- **Epoch** is the step of every chart. A jump or a bifurcation at epoch e lies between e and e + 1.
- `loss/free`, `loss/free_long`: free-running from data states, short and long; `loss/forced`: with forcing. The same
  evaluation for every run, whatever it was trained with.
- `loss/recorded`: the loss that came with a training made elsewhere; where no other is measured, `event/jump` is its.
- `event/jump`: signed change of log10 `loss/free`, only where it jumped. `event/bifurcation`: number of bifurcations,
  only where there are some (a fixed point or cycle appears, vanishes or changes stability).
- `coincidence/precursor_rate`: share of a run's jumps with a bifurcation within the tolerance window before;
  `coincidence/epochs_covered`: what a jump at a uniformly random epoch would reach. Nulls and p: run `summary`.
- Charts draw a sample of the points; the figure among a run's artifacts draws all of them.
- Group by the tags `dataset`, `training`, `alpha`, `condition`. Tag `left_out`: points that are not finite, not drawn.
"""


def run(folder: Path, progress: Progress = silent) -> None:
    """Import a batch, or the summary of an experiment, into MLflow; what is there already stays as it is.

    Parameters
    ----------
    folder
        A finished batch folder, or the folder of an experiment whose report is written.
    progress
        Told every run of a batch.

    Raises
    ------
    InputError
        If the folder is neither, a file is missing or the tracking store cannot be used.
    """
    folder = Path(folder)
    if (folder / "config.yaml").is_file():
        _track_batch(load_batch(folder), progress)
    elif (folder / "plan.parquet").is_file():
        _track_summary(folder)
    else:
        raise InputError(f"{folder}: expected a batch folder with config.yaml or an experiment with plan.parquet in it")


def remove_runs(experiment_folder: Path, run_keys: list[str]) -> int:
    """Remove runs from MLflow; returns how many there were.

    Parameters
    ----------
    experiment_folder
        ``results/<experiment>``.
    run_keys
        Keys of runs, as in the column ``run`` of the plan; one that MLflow does not know is passed over.
    """
    from lossjumps.stages.tracking_store import open_store

    experiment = Path(experiment_folder).resolve()
    with open_store(load_tracking(experiment_folder).uri, experiment.parent, experiment.name) as store:
        found = [run for key in run_keys for run in store.runs(key)]
        store.remove(found)
    return len(found)


def content_digest(files: list[Path], base: Path) -> str:
    """Return the digest of files, by name and content, and of the code that makes MLflow runs of them.

    Parameters
    ----------
    files
        Files inside `base`; their order does not matter.
    base
        Folder that names are relative to: moving an experiment changes nothing.

    Raises
    ------
    InputError
        If a file is missing.
    """
    for path in files:
        if not path.is_file():
            raise InputError(f"{path}: file not found")
    named = sorted((path.relative_to(base).as_posix(), file_digest(path)) for path in files)
    return hashlib.sha256(json.dumps([named, _code_digests()]).encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def _code_digests() -> list[str]:
    return [source_digest(module) for module in CONTENT_MODULES]


def planned_labels(experiment_folder: Path) -> dict[str, str]:
    """Return the label of every planned run, which tells swept values apart; empty before there is a plan.

    A batch does not know what is swept beside it: its own label is the same for every value.
    """
    if not (Path(experiment_folder) / "plan.parquet").is_file():
        return {}
    plan = load_plan(experiment_folder)
    return dict(zip(plan["run"], plan["label"], strict=True))


def _track_batch(batch: Batch, progress: Progress) -> None:
    from lossjumps.stages.tracking_store import open_store

    settings = load_settings(batch.experiment_folder)
    files = [batch.folder / "config.yaml", *(batch.folder / table.FILE for table in BATCH_TABLES)]
    files += [batch.experiment_folder / "settings" / f"{group}.yaml" for group in ("search", "events")]
    digest = content_digest(files, batch.experiment_folder)
    labels = planned_labels(batch.experiment_folder)
    experiment = batch.experiment_folder.resolve()
    with open_store(settings.tracking.uri, experiment.parent, experiment.name) as store:
        present = {key: store.runs(key) for key in batch.runs}
        missing = [key for key in batch.runs if not _is_current(present[key], digest)]
        store.remove([old for key in missing for old in present[key]])
        _relabel(store, [run for key in batch.runs if key not in missing for run in present[key]], labels)
        if missing:
            _describe_experiment(store)
            tables = {table.__name__.lower(): read_table(batch.folder / table.FILE, table) for table in BATCH_TABLES}
            parts = {name: dict(tuple(table.groupby("run"))) for name, table in tables.items()}
            for done, key in enumerate(missing, start=1):
                mine = {name: parts[name].get(key, table.iloc[:0]) for name, table in tables.items()}
                _import_run(store, batch, settings, key, labels.get(key, batch.label), mine, digest)
                progress(done, len(missing), key)
    write_text(batch.folder / RECEIPT, json.dumps(dict.fromkeys(batch.runs, digest), indent=1, sort_keys=True) + "\n")


def _is_current(runs: list[Any], digest: str) -> bool:
    """Tell whether there is exactly one run, finished, made from this content."""
    return len(runs) == 1 and runs[0].info.status == "FINISHED" and runs[0].data.tags.get("digest") == digest


def _relabel(store: Any, runs: list[Any], labels: dict[str, str]) -> None:
    """Give runs that are there the labels of the plan: another sweep may tell more, or less, of the same training."""
    for run in runs:
        tags = run.data.tags
        label = labels.get(tags.get("run_key"))
        if label is not None and tags.get("label") != label:
            store.client.set_tag(run.info.run_id, "label", label)
            store.client.update_run(run.info.run_id, name=run_name(label, tags["seed"]))


def _describe_experiment(store: Any) -> None:
    store.client.set_experiment_tag(store.experiment_id, "mlflow.note.content", EXPERIMENT_NOTE)
    store.client.set_experiment_tag(store.experiment_id, "mlflow.experimentKind", "custom_model_development")
    store.client.set_experiment_tag(store.experiment_id, VIEW_TAG, saved_view())


def _import_run(
    store: Any, batch: Batch, settings: Settings, key: str, label: str, tables: dict[str, pd.DataFrame], digest: str
) -> None:
    """Make the MLflow run of one training; its digest is written last, when everything is there."""
    history, status = tables["history"], tables["status"]
    if history.empty or len(status) != 1:
        raise InputError(f"{batch.folder}: no history or status of run {key}; train the batch again")
    state, seed = str(status["status"].iloc[0]), batch.seeds[batch.runs.index(key)]
    window = settings.events.coincidence.primary_window
    loss = primary_of(losses_of(batch))
    series = [
        *epoch_series(history, tables["cycles"]),
        *event_series(tables["bifurcations"], tables["jumps"], loss),
    ]
    summary = run_summary(
        history,
        tables["bifurcations"],
        tables["attractors"],
        tables["coincidences"],
        loss=loss,
        window=window,
    )
    summary["import/points_left_out"] = sum(one.left_out for one in series)
    last_epoch = int(history["epoch"].max())
    series += [finite_series(name, [last_epoch], [value]) for name, value in summary.items()]
    configuration = run_configuration(batch, settings, seed)
    tags = run_tags(batch, key, seed, label) | {
        "status": state,
        "why": str(status["why"].iloc[0] or ""),
        "left_out": left_out(series),
    }
    title = f"{label}, seed {seed}" + ("" if state == "finished" else f" ({state} after epoch {last_epoch})")
    path = batch.folder / "figures" / f"{key}.png"
    figure = run_figure(
        history,
        tables["cycles"],
        tables["bifurcations"],
        tables["jumps"],
        title=title,
        window=window,
        followed_order=settings.search.max_order,
        loss=loss,
    )
    write_whole(path, lambda temporary: save_png(figure, temporary))
    written = int((batch.folder / "history.parquet").stat().st_mtime * 1000)
    run_id = _new_run(store, run_name(label, seed), tags, written)
    _log(store, run_id, series, flatten(configuration), written)
    store.client.log_artifact(run_id, str(path))
    store.client.log_text(run_id, yaml.safe_dump(configuration, sort_keys=False), "config.yaml")
    _finish(store, run_id, digest, written)


def _new_run(store: Any, name: str, tags: dict[str, str], time: int) -> str:
    """Make an MLflow run that starts at `time` (milliseconds): when the files were written, not when imported."""
    run = store.client.create_run(store.experiment_id, start_time=time, tags=tags, run_name=name)
    return run.info.run_id


def _log(store: Any, run_id: str, series: list[Series], parameters: dict[str, str], time: int) -> None:
    """Log parameters and points; a point's time is the run's plus one millisecond an epoch.

    The points go metric by metric, so that a batch of the client's touches one or two names: a quarter faster.
    """
    from mlflow.entities import Metric, Param

    points = [
        Metric(one.name, value, time + step, step)
        for one in series
        for step, value in zip(one.steps.tolist(), one.values.tolist(), strict=True)
    ]
    store.client.log_batch(run_id, metrics=points, params=[Param(key, value) for key, value in parameters.items()])


def _finish(store: Any, run_id: str, digest: str, time: int) -> None:
    store.client.set_tag(run_id, "digest", digest)
    store.client.set_terminated(run_id, status="FINISHED", end_time=time)


def _track_summary(folder: Path) -> None:
    """Import the report of an experiment as its run `summary`."""
    from lossjumps.stages.tracking_store import open_store

    tables = {folder / table.FILE: table for table in STATISTICS_TABLES if (folder / table.FILE).is_file()}
    figures = sorted((folder / "figures").glob("*.png"))
    report = folder / "summary.md"
    digest = content_digest([report, folder / "plan.parquet", *tables, *figures], folder)
    experiment = folder.resolve()
    with open_store(load_tracking(folder).uri, experiment.parent, experiment.name) as store:
        present = store.runs(SUMMARY_KEY)
        if not _is_current(present, digest):
            store.remove(present)
            _describe_experiment(store)
            text = report.read_text(encoding="utf-8")
            note = (
                text
                if len(text) <= NOTE_LENGTH
                else text[:NOTE_LENGTH].rpartition("\n")[0] + "\n\n(cut; see summary.md)"
            )
            tags = {
                "experiment": experiment.name,
                "run_key": SUMMARY_KEY,
                "status": "finished",
                "results": experiment.name,
                "mlflow.note.content": note,
            }
            written = int(report.stat().st_mtime * 1000)
            run_id = _new_run(store, SUMMARY_KEY, tags, written)
            store.client.log_artifact(run_id, str(report))
            for path, schema in tables.items():
                text = read_table(path, schema).to_csv(index=False)
                store.client.log_text(run_id, text, f"statistics/{path.stem}.csv")
            for figure in figures:
                store.client.log_artifact(run_id, str(figure), "figures")
            _finish(store, run_id, digest, written)
        # Batches may have been imported before this plan was written.
        _relabel(store, store.all_runs(), planned_labels(folder))
    write_text(folder / RECEIPT, json.dumps({SUMMARY_KEY: digest}, indent=1) + "\n")
