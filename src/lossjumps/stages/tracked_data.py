"""The data set of a run as MLflow shows it in its column *Dataset*: name, digest, place, shapes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossjumps.configuration.digest import file_digest
from lossjumps.configuration.loading import Batch
from lossjumps.stages.files import read_arrays
from lossjumps.stages.tables import SERIES

DIGEST_DIGITS = 8


@dataclass(frozen=True)
class DataEntry:
    """What MLflow stores of a data set; source, schema and profile are JSON in MLflow's form."""

    name: str
    digest: str
    """Of the data file's content."""
    source_type: str
    source: str
    schema: str
    profile: str


def data_arrays(batch: Batch) -> dict[str, np.ndarray] | None:
    """Read the data file of a batch; None if there is none, or it holds no samples."""
    if not batch.data_file.is_file():
        return None
    arrays = read_arrays(batch.data_file, SERIES)
    return arrays if arrays["train"].size else None


def data_entry(batch: Batch, arrays: Mapping[str, np.ndarray], name: str) -> DataEntry:
    """Describe the data file of a batch.

    The place is relative to the folder of all results: results may be moved, and a path names people and machines.

    Parameters
    ----------
    batch, arrays
        The batch, and what its data file holds.
    name
        What to call the data set.
    """
    series = {part: arrays[part] for part in ("train", "test")}
    place = f"{batch.experiment_folder.resolve().name}/data/{batch.data_file.name}"
    profile = {
        "num_rows": len(series["train"]),
        "num_rows_test": len(series["test"]),
        "num_elements": series["train"].size,
        "variables": series["train"].shape[1],
        "time_step": float(arrays["time_step"]),
        "observation_noise": batch.dataset.noise,
    }
    return DataEntry(
        name=name,
        digest=file_digest(batch.data_file)[:DIGEST_DIGITS],
        source_type="local",
        source=json.dumps({"uri": place}),
        schema=json.dumps({"mlflow_tensorspec": {"features": _tensors(series), "targets": None}}),
        profile=json.dumps(profile),
    )


def _tensors(series: dict[str, np.ndarray]) -> str:
    specs: list[dict[str, Any]] = [
        {"name": name, "type": "tensor", "tensor-spec": {"dtype": str(array.dtype), "shape": list(array.shape)}}
        for name, array in series.items()
    ]
    return json.dumps(specs)
