"""Stage *track*: finished batches, and an experiment's summary, become runs in MLflow.

The files are the truth: the database can be deleted and made again from them.  A run is found by its tag
``run_key``; its tag ``digest`` says which content it was made from, so that importing twice changes nothing, a changed
run is replaced, and one that was left half-made by an interruption is made again.

The numbers of a condition change whenever it gets another seed.  So they are no part of a run's content: importing the
experiment, which follows the statistics, sets them on the runs that are there.
"""

import hashlib
import json
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lossjumps.configuration.digest import file_digest
from lossjumps.configuration.loading import Batch, load_batch, load_events, load_settings, load_tracking
from lossjumps.configuration.source import source_digest
from lossjumps.errors import InputError
from lossjumps.progress import Progress, silent
from lossjumps.stages.files import load_plan, read_table
from lossjumps.stages.receipts import RECEIPT, SUMMARY_KEY, receipt_text
from lossjumps.stages.tables import BATCH_TABLES, STATISTICS_TABLES, Conditions
from lossjumps.stages.tracked_conditions import CONDITION_METRICS, condition_metrics
from lossjumps.stages.tracked_content import run_name
from lossjumps.stages.tracked_run import import_runs
from lossjumps.stages.tracking_notes import artifact_address, experiment_note, summary_note
from lossjumps.stages.tracking_views import VIEW_TAG, saved_view
from lossjumps.stages.whole import write_text

if TYPE_CHECKING:
    from mlflow.entities import Run

    from lossjumps.stages.tracking_store import Store

CONTENT_MODULES = ("lossjumps.stages.tracked_run",)
"""The code that decides what a run shows; when it changes, runs are imported anew."""


def run(folder: Path, progress: Progress = silent) -> None:
    """Import a batch, or an experiment whole, into MLflow; what is there already stays as it is.

    Parameters
    ----------
    folder
        A finished batch folder, or the folder of an experiment whose report is written: then its batches are
        imported, its summary, and the numbers of its conditions.
    progress
        Told every run that is imported.

    Raises
    ------
    InputError
        If the folder is neither, a file is missing or the tracking store cannot be used.
    """
    folder = Path(folder)
    if (folder / "config.yaml").is_file():
        _track_batch(load_batch(folder), progress)
    elif (folder / "plan.parquet").is_file():
        _track_experiment(folder, progress)
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
    with _open(experiment_folder) as store:
        present = store.runs()
        found = [run for key in run_keys for run in present.get(key, [])]
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


def _open(experiment_folder: Path) -> AbstractContextManager["Store"]:
    """Open the store of an experiment for writing."""
    from lossjumps.stages.tracking_store import open_store

    experiment = Path(experiment_folder).resolve()
    return open_store(load_tracking(experiment_folder).uri, experiment.parent, experiment.name)


def _track_batch(batch: Batch, progress: Progress) -> None:
    with _open(batch.experiment_folder) as store:
        _describe_experiment(store)
        present = store.runs(f"tags.batch = '{batch.name}'")
        _import_batches(store, batch.experiment_folder, [batch], present, progress)


def _track_experiment(folder: Path, progress: Progress) -> None:
    from lossjumps.stages.tracking_store import active

    window = load_events(folder).coincidence.primary_window
    numbers = condition_metrics(read_table(folder / Conditions.FILE, Conditions), window)
    batches = [load_batch(path) for path in _trained(folder)]
    with _open(folder) as store:
        _describe_experiment(store)
        present = store.runs()
        obsolete = _with_numbers_that_are_gone(present, batches, numbers)
        store.remove(obsolete)
        kept = {key: [run for run in runs if run not in obsolete] for key, runs in present.items()}
        _import_batches(store, folder, batches, kept, progress)
        digest = _import_summary(store, folder, present.get(SUMMARY_KEY, []))
        # Batches may have been imported before this plan was written, and before its statistics.
        there = active(store.runs())
        _update_tags(store, there, planned_labels(folder))
        _update_numbers(store, there, numbers)
    _write_receipt(folder, folder, {SUMMARY_KEY: digest})


def _trained(experiment_folder: Path) -> list[Path]:
    """Folders of the planned batches that have been trained; the statistics count the runs of others as missing."""
    names = sorted(load_plan(experiment_folder)["batch"].unique())
    folders = [experiment_folder / "batches" / name for name in names]
    return [folder for folder in folders if (folder / "status.parquet").is_file()]


def _import_batches(
    store: "Store",
    experiment_folder: Path,
    batches: list[Batch],
    present: dict[str, list["Run"]],
    progress: Progress,
) -> None:
    """Import the runs of batches that are not there as they are now; removing all old ones at once saves time."""
    from lossjumps.stages.tracking_store import active, is_current

    settings, labels = load_settings(experiment_folder), planned_labels(experiment_folder)
    digests = {batch.name: _batch_digest(batch) for batch in batches}
    # Seeds of a batch that no plan names any more stay as long as they are there, and up to date.
    there = active(present)
    wanted = {
        batch.name: [key for key in batch.runs if not labels or key in labels or key in there] for batch in batches
    }
    missing = {
        name: [key for key in keys if not is_current(present.get(key, []), digests[name])]
        for name, keys in wanted.items()
    }
    store.remove([run for keys in missing.values() for key in keys for run in present.get(key, [])])
    done, total = 0, sum(map(len, missing.values()))
    for batch in batches:
        keys = missing[batch.name]
        for key in import_runs(store, batch, settings, keys, labels, digests[batch.name]):
            done += 1
            progress(done, total, key)
        _update_tags(store, {key: there[key] for key in wanted[batch.name] if key not in keys}, labels)
        _write_receipt(batch.folder, experiment_folder, dict.fromkeys(wanted[batch.name], digests[batch.name]))


def _batch_digest(batch: Batch) -> str:
    files = [batch.folder / "config.yaml", *(batch.folder / table.FILE for table in BATCH_TABLES)]
    files += [batch.experiment_folder / "settings" / f"{group}.yaml" for group in ("search", "events")]
    files += [batch.data_file] * batch.data_file.is_file()
    return content_digest(files, batch.experiment_folder)


def _write_receipt(folder: Path, experiment_folder: Path, digests: dict[str, str]) -> None:
    """Write a receipt unless it says so already: what depends on it need not run again."""
    text = receipt_text(load_tracking(experiment_folder).uri, digests)
    path = folder / RECEIPT
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _describe_experiment(store: "Store") -> None:
    store.describe(
        {
            VIEW_TAG: saved_view(),
            "mlflow.note.content": experiment_note(store.experiment_id),
            "mlflow.experimentKind": "custom_model_development",
        }
    )


def _update_tags(store: "Store", runs: dict[str, "Run"], labels: dict[str, str]) -> None:
    """Give runs the labels of the plan, and say whether it names them: it may have changed since their import."""
    for key, run in runs.items():
        tags = run.data.tags
        label = labels.get(key, tags.get("label"))
        if key == SUMMARY_KEY or label is None:
            continue
        if tags.get("label") != label:
            store.client.set_tag(run.info.run_id, "label", label)
            store.client.update_run(run.info.run_id, name=run_name(label, tags["seed"]))
        planned = "yes" if not labels or key in labels else "no"
        if tags.get("planned") != planned:
            store.client.set_tag(run.info.run_id, "planned", planned)


def _shown_numbers(run: "Run") -> dict[str, float]:
    """The numbers of its condition that a run shows."""
    return {name: value for name, value in run.data.metrics.items() if name in CONDITION_METRICS.values()}


def _with_numbers_that_are_gone(
    present: dict[str, list["Run"]], batches: list[Batch], numbers: dict[str, dict[str, float]]
) -> list["Run"]:
    """List the runs of these batches with a number that their condition no longer has: MLflow cannot take it back."""
    return [
        run
        for batch in batches
        for key in batch.runs
        for run in present.get(key, [])
        if _shown_numbers(run).keys() - numbers.get(batch.condition, {}).keys()
    ]


def _update_numbers(store: "Store", runs: dict[str, "Run"], numbers: dict[str, dict[str, float]]) -> None:
    """Set the numbers of their condition on runs; MLflow shows the last one, and keeps the older in its history."""
    for run in runs.values():
        shown = _shown_numbers(run)
        wanted = numbers.get(run.data.tags.get("condition", ""), {})
        changed = {name: value for name, value in wanted.items() if shown.get(name) != value}
        if changed:
            store.log_numbers(run, changed)


def _import_summary(store: "Store", folder: Path, present: list["Run"]) -> str:
    """Import the report of an experiment as its run `summary`; return the digest of its content."""
    from lossjumps.stages.tracking_store import is_current

    tables = {folder / table.FILE: table for table in STATISTICS_TABLES}
    figures = sorted((folder / "figures").glob("*.png"))
    report = folder / "summary.md"
    digest = content_digest([report, folder / "plan.parquet", *tables, *figures], folder)
    if is_current(present, digest):
        return digest
    store.remove(present)
    name = folder.resolve().name
    tags = {"experiment": name, "run_key": SUMMARY_KEY, "status": "finished", "results": name}
    written = int(report.stat().st_mtime * 1000)
    run_id = store.new_run(SUMMARY_KEY, tags, written)
    shown = {path.stem: artifact_address(store.experiment_id, run_id, f"figures/{path.name}") for path in figures}
    note = summary_note(report.read_text(encoding="utf-8"), shown)
    store.client.set_tag(run_id, "mlflow.note.content", note)
    store.client.log_artifact(run_id, str(report))
    for path, table in tables.items():
        store.client.log_text(run_id, read_table(path, table).to_csv(index=False), f"statistics/{path.stem}.csv")
    for figure in figures:
        store.client.log_artifact(run_id, str(figure), "figures")
    store.finish(run_id, digest, written)
    return digest
