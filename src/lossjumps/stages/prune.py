"""`lossjumps prune`: what lies in an experiment's folder, or in MLflow, and no plan names any more."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from lossjumps.configuration import load_batch, load_tracking
from lossjumps.configuration.describe import readable_bytes, unplanned
from lossjumps.stages import track
from lossjumps.stages.files import load_plan
from lossjumps.stages.listing import BATCH, DATA, STAGES
from lossjumps.stages.track import SUMMARY_KEY


def find(folder: Path) -> list[Path]:
    """Folders of batches, data files and logs that an experiment's ``plan.parquet`` does not name.

    Raises
    ------
    InputError
        If the folder has no plan.
    """
    folder = Path(folder)
    batches = set(load_plan(folder)["batch"])
    kept = [folder / "batches" / name for name in batches]
    data = {load_batch(batch).data_file.stem for batch in kept if (batch / "config.yaml").is_file()}
    found = unplanned(folder, batches, data)
    return [*found.batches, *found.data, *unplanned_logs(folder, batches, data)]


def unplanned_logs(folder: Path, batches: Iterable[str], data: Iterable[str]) -> list[Path]:
    """Logs of batches and of data files other than these."""
    named = {BATCH: set(batches), DATA: set(data)}
    rules = {stage.name: stage.folder for stage in STAGES.values()} | {"batch_config": BATCH, "data_config": DATA}
    logs = sorted((folder / "logs").glob("*/*.log"))
    return [path for path in logs if path.stem not in named.get(rules.get(path.parent.name, ""), {path.stem})]


def unplanned_runs(folder: Path) -> list[str]:
    """Keys of an experiment's runs in MLflow that its plan does not name, whatever became of their files."""
    from lossjumps.stages.tracking_store import run_keys  # a second that the rest of the command line can do without

    experiment = folder.resolve()
    planned = {*load_plan(folder)["run"], SUMMARY_KEY}
    known = run_keys(load_tracking(folder).uri, experiment.parent, experiment.name)
    return sorted(set(known) - planned)


def prune(folder: Path, remove: bool) -> list[str]:
    """List what no plan names; remove it, in files and in MLflow, if asked to.

    A batch is kept as long as one of its seeds is planned; its other seeds' runs in MLflow are not.

    Parameters
    ----------
    folder : Path
        ``results/<experiment>``.
    remove : bool
        Whether to remove it.

    Returns
    -------
    list of str
        Lines that say what was found or removed.

    Raises
    ------
    InputError
        If the folder has no plan, or MLflow's store cannot be opened.
    """
    folder = Path(folder)
    paths, runs = find(folder), unplanned_runs(folder)
    if not paths and not runs:
        return [f"{folder}: the plan names everything"]
    total = readable_bytes(sum(_size(path) for path in paths))
    lines = [f"{readable_bytes(_size(path)):>8}  {path}" for path in paths]
    lines += [f"  MLflow  {run}" for run in runs]
    what = f"{total} in files and {len(runs)} run{'' if len(runs) == 1 else 's'} in MLflow"
    if not remove:
        return [*lines, f"{what} that no plan names; `lossjumps prune {folder} --yes` removes them"]
    if runs:
        track.remove_runs(folder, runs)
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [*lines, f"{what} removed"]


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
    return sum(inner.stat().st_size for inner in files)
