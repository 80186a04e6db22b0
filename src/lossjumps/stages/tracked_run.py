"""Making the MLflow run of one training: points, parameters, tags, data set, figure, tables."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lossjumps.configuration.loading import Batch, Settings
from lossjumps.errors import InputError
from lossjumps.figures.diagram import StateAxis
from lossjumps.figures.run import run_figure
from lossjumps.figures.style import save_png
from lossjumps.stages.files import read_table, write_table
from lossjumps.stages.formats import Table
from lossjumps.stages.losses import losses_of, primary_of
from lossjumps.stages.tables import (
    BATCH_TABLES,
    Attractors,
    Bifurcations,
    Coincidences,
    Cycles,
    History,
    Jumps,
    Status,
)
from lossjumps.stages.tracked_content import (
    Series,
    as_yaml,
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
from lossjumps.stages.tracked_data import DataEntry, data_arrays, data_entry
from lossjumps.stages.tracking_notes import artifact_address, run_note
from lossjumps.stages.whole import write_text, write_whole


def import_runs(
    store: Any, batch: Batch, settings: Settings, keys: list[str], labels: dict[str, str], digest: str
) -> Iterator[str]:
    """Make the MLflow runs of trainings of one batch; yields the key of each that is made.

    Parameters
    ----------
    store
        An open `lossjumps.stages.tracking_store.Store`.
    batch, settings
        The batch and the settings of its experiment.
    keys
        Keys of the runs to make.
    labels
        The label of every planned run, which tells swept values apart; empty before there is a plan.
    digest
        Of the content they are made from; written last, when everything else is there.

    Raises
    ------
    InputError
        If the tables lack one of the runs.
    """
    if not keys:
        return
    tables = {table: read_table(batch.folder / table.FILE, table) for table in BATCH_TABLES}
    parts = {table: dict(tuple(rows.groupby("run"))) for table, rows in tables.items()}
    data = data_arrays(batch)
    for key in keys:
        mine = {table: parts[table].get(key, rows.iloc[:0]) for table, rows in tables.items()}
        _import_run(store, batch, settings, key, labels, mine, data, digest)
        yield key


def _import_run(
    store: Any,
    batch: Batch,
    settings: Settings,
    key: str,
    labels: dict[str, str],
    tables: dict[type[Table], pd.DataFrame],
    data: dict[str, np.ndarray] | None,
    digest: str,
) -> None:
    history, status = tables[History], tables[Status]
    if history.empty or len(status) != 1:
        raise InputError(f"{batch.folder}: no history or status of run {key}; train the batch again")
    state, why = str(status["status"].iloc[0]), str(status["why"].iloc[0] or "")
    seed, label = batch.seeds[batch.runs.index(key)], labels.get(key, batch.label)
    window, loss = settings.events.coincidence.primary_window, primary_of(losses_of(batch))
    numbers = run_summary(
        history,
        tables[Bifurcations],
        tables[Attractors],
        tables[Coincidences],
        loss=loss,
        window=window,
    )
    series = [
        *epoch_series(history, tables[Cycles]),
        *event_series(tables[Bifurcations], tables[Jumps], loss),
    ]
    numbers["import/points_left_out"] = sum(one.left_out for one in series)
    # A number of the whole run is no point of a curve: at step 0 MLflow draws bars, a run each.
    series += [finite_series(name, [0], [value]) for name, value in numbers.items()]
    last_epoch = int(history["epoch"].max())
    ending = f"{state} after epoch {last_epoch}" + (f" ({why})" if why else "")
    configuration = run_configuration(batch, settings, seed)
    tags = run_tags(batch, key, seed, label) | {"status": state, "left_out": left_out(series)}
    tags |= {"why": why} if why else {}
    tags["planned"] = "yes" if not labels or key in labels else "no"
    figure = batch.folder / "figures" / f"{key}.png"
    drawn = run_figure(
        history,
        tables[Cycles],
        tables[Bifurcations],
        tables[Jumps],
        title=f"{label}, seed {seed}" + ("" if state == "finished" else f" ({state} after epoch {last_epoch})"),
        window=window,
        followed_order=settings.search.max_order,
        axis=StateAxis.of_objects(tables[Cycles]["point"]) if data is None else StateAxis.of_series(data["train"]),
        points_per_epoch=batch.training.points_per_epoch,
        loss=loss,
    )
    write_whole(figure, lambda temporary: save_png(drawn, temporary))

    written = int((batch.folder / "history.parquet").stat().st_mtime * 1000)
    run_id = store.new_run(run_name(label, seed), tags, written)
    _log(store.client, run_id, series, flatten(configuration), written)
    if data is not None:
        _log_data(store.client, run_id, data_entry(batch, data, tags["dataset"]))
    with tempfile.TemporaryDirectory() as folder:
        artifacts = Path(folder)
        (artifacts / figure.name).write_bytes(figure.read_bytes())
        write_text(artifacts / "config.yaml", as_yaml(configuration))
        for table, rows in tables.items():
            write_table(artifacts / "tables" / table.FILE, rows, table)
        store.client.log_artifacts(run_id, folder)
    address = artifact_address(store.experiment_id, run_id, figure.name)
    note = run_note(address, numbers, window=window, ending=ending)
    store.client.set_tag(run_id, "mlflow.note.content", note)
    store.finish(run_id, digest, written)


def _log(client: Any, run_id: str, series: list[Series], parameters: dict[str, str], time: int) -> None:
    """Log parameters and points; a point's time is the run's plus one millisecond an epoch.

    The points go metric by metric, so that a batch of the client's touches one or two names: a quarter faster.
    """
    from mlflow.entities import Metric, Param

    points = [
        Metric(one.name, value, time + step, step)
        for one in series
        for step, value in zip(one.steps.tolist(), one.values.tolist(), strict=True)
    ]
    client.log_batch(run_id, metrics=points, params=[Param(key, value) for key, value in parameters.items()])


def _log_data(client: Any, run_id: str, entry: DataEntry) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(entry.name, entry.digest, entry.source_type, entry.source, entry.schema, entry.profile)
    client.log_inputs(run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
