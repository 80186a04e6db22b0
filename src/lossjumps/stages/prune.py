"""`lossjumps prune`: what lies in an experiment's folder, or in MLflow, and no plan names any more."""

import shutil
from pathlib import Path

from lossjumps.configuration import load_batch, load_plan
from lossjumps.configuration.describe import Unplanned, readable_bytes, unplanned
from lossjumps.errors import InputError


def find(folder: Path) -> Unplanned:
    """What an experiment's ``plan.parquet`` does not name.

    Raises
    ------
    InputError
        If the folder has no plan.
    """
    folder = Path(folder)
    batches = set(load_plan(folder)["batch"])
    kept = [folder / "batches" / name for name in batches]
    data = {load_batch(batch).data_file.stem for batch in kept if (batch / "config.yaml").is_file()}
    return unplanned(folder, batches, data)


def unplanned_runs(folder: Path, found: Unplanned) -> list[str]:
    """Keys of the runs in unplanned batches that are not planned in another batch."""
    planned = set(load_plan(folder)["run"])
    runs = []
    for batch in found.batches:
        try:
            runs += [run for run in load_batch(batch).runs if run not in planned]
        except InputError:
            continue  # no readable configuration: nothing of it was ever imported
    return runs


def prune(folder: Path, remove: bool) -> list[str]:
    """List what no plan names; remove it, and its runs in MLflow, if asked to.

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
    found = find(folder)
    paths = [*found.batches, *found.data]
    if not paths:
        return [f"{folder}: the plan names everything"]
    total = sum(_size(path) for path in paths)
    lines = [f"{readable_bytes(_size(path)):>8}  {path}" for path in paths]
    if not remove:
        return [*lines, f"{readable_bytes(total)} that no plan names; `lossjumps prune {folder} --yes` removes it"]
    tracked = [batch for batch in found.batches if (batch / "tracked.json").is_file()]
    if tracked:
        from lossjumps.stages.track import remove_runs

        runs = unplanned_runs(folder, Unplanned(tuple(tracked), ()))
        lines.append(f"{remove_runs(folder, runs)} runs removed from MLflow")
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [*lines, f"{readable_bytes(total)} removed"]


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
    return sum(inner.stat().st_size for inner in files)
