"""A hand-made experiment that is imported, and what the store holds of it."""

import sqlite3

import numpy as np

from lossjumps.stages.tracking_store import open_store

BATCH = "lorenz63-shallow_plrnn-bptt-s0-1-bbbbbbbb"
CONDITION = "lorenz63-shallow_plrnn-bptt-aaaaaaaa"
KEY = f"{CONDITION}-s"
ONE_BATCH = {("lorenz63", "bptt"): [(5, "finished", [(2, 1)], [])] * 2}
SMALL_SERIES = {
    "train": np.arange(12.0).reshape(4, 3),
    "test": np.ones((2, 3)),
    "mean": np.zeros(3),
    "standard_deviation": np.ones(3),
    "time_step": np.array(0.5),
    "noise": np.zeros((4, 3)),
}


def data_file(folder):
    return folder / "data" / "lorenz63-cccccccc.npz"


def all_runs(folder):
    with open_store(None, folder.parent, folder.name) as store:
        return store.client, {
            run.data.tags["run_key"]: run for run in store.client.search_runs([store.experiment_id], max_results=1000)
        }


def rows(folder, query):
    with sqlite3.connect(folder.parent / "mlflow.db") as database:
        return database.execute(query).fetchall()
