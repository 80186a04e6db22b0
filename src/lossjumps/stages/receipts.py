"""Receipts of imports into MLflow, and whether they are still true.

The store is no file that Snakemake can watch: it may lie on a server, and every import changes it.  So a receipt says
what was imported, and where; and a small file of the experiment, which all imports depend on, names the store and
counts how often it had to be filled anew.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from lossjumps.configuration.loading import read_mapping
from lossjumps.configuration.plan import Plan
from lossjumps.errors import InputError
from lossjumps.stages.tracking_address import database_file, store_name, tracking_uri

STORE_FILE = "store.yaml"
SUMMARY_KEY = "summary"
RECEIPT = "tracked.json"

_FINISHED_RUNS = """
    select run_key.value, digest.value from runs
    join experiments on experiments.experiment_id = runs.experiment_id
    join tags run_key on run_key.run_uuid = runs.run_uuid and run_key.key = 'run_key'
    join tags digest on digest.run_uuid = runs.run_uuid and digest.key = 'digest'
    where experiments.name = ? and experiments.lifecycle_stage = 'active'
    and runs.lifecycle_stage = 'active' and runs.status = 'FINISHED'
"""


def receipt_text(configured_uri: str | None, digests: dict[str, str]) -> str:
    """Return the receipt of an import.

    Parameters
    ----------
    configured_uri
        ``tracking.uri`` of the configuration, or None.
    digests
        By run key: of the content that its MLflow run was made from.
    """
    return json.dumps({"store": store_name(configured_uri), "runs": digests}, indent=1, sort_keys=True) + "\n"


def store_text(plan: Plan) -> str:
    """Return what the file ``store.yaml`` of an experiment should hold, without the last line break.

    It stays as it is as long as the store is the same and holds what the receipts say.  Otherwise its number goes up,
    so that everything is imported: into another store, or again into a database that was deleted.  A server is not
    asked what it holds.

    Parameters
    ----------
    plan
        What is planned now; receipts of other runs do not matter, as `lossjumps prune` removes those.
    """
    uri = plan.conditions[0].configuration.tracking.uri
    now = _read(plan.folder / STORE_FILE)
    number = now.get("filled") if isinstance(now.get("filled"), int) else 0
    if number == 0 or now.get("store") != store_name(uri) or not _all_true(plan, uri):
        number += 1
    return f"store: {json.dumps(store_name(uri))}\nfilled: {number}"


def _all_true(plan: Plan, uri: str | None) -> bool:
    """Tell whether the store holds every planned run that a receipt says it does."""
    experiment = plan.folder.resolve()
    planned: dict[Path, list[str]] = {plan.folder: [SUMMARY_KEY]}
    for row in plan.rows:
        planned.setdefault(plan.folder / "batches" / row["batch"], []).append(row["run"])
    receipts = [(_read(place / RECEIPT), runs) for place, runs in planned.items() if (place / RECEIPT).is_file()]
    database = database_file(tracking_uri(uri, experiment.parent))
    held = _finished_runs(database, experiment.name) if receipts and database else None
    return all(_is_true(receipt, store_name(uri), runs, held) for receipt, runs in receipts)


def _read(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML or JSON file; empty if there is no such file, or it holds something else."""
    try:
        return read_mapping(path)
    except InputError:
        return {}


def _is_true(receipt: dict[str, Any], store: str, runs: list[str], held: set[tuple[str, str]] | None) -> bool:
    digests = receipt.get("runs")
    if receipt.get("store") != store or not isinstance(digests, dict):
        return False
    return held is None or all((run, digests[run]) in held for run in runs if run in digests)


def _finished_runs(database: Path, experiment: str) -> set[tuple[str, str]]:
    """Return key and digest of every finished run of an experiment; none if this is no database of MLflow's.

    By SQL: this is asked whenever the Snakefile is read, and MLflow alone takes more than a second to import.
    """
    if not database.is_file():
        return set()
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
            return set(connection.execute(_FINISHED_RUNS, [experiment]))
    except sqlite3.Error:
        return set()
