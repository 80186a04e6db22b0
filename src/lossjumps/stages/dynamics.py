"""Stage `dynamics`: fixed points, cycles and attractors at all epochs of a batch, and the bifurcations between them.

Reads the batch's ``config.yaml``, ``parameters.npz`` and ``status.parquet``, its data file, ``settings/search.yaml``;
writes ``cycles.parquet``, ``bifurcations.parquet`` and ``attractors.parquet``.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lossjumps.analysis.epoch_search import Effort
from lossjumps.analysis.training_dynamics import TrainingDynamics, analyse_training, distance_from
from lossjumps.configuration import load_batch, load_search
from lossjumps.progress import LOGGER, Progress, silent
from lossjumps.schema import SearchConfig
from lossjumps.search import itineraries
from lossjumps.stages.files import as_table, write_table
from lossjumps.stages.networks import epochs_of, networks_of
from lossjumps.stages.tables import Attractors, Bifurcations, Cycles


def run(folder: Path, progress: Progress = silent, processes: int = 1) -> None:
    """Analyse every run of a batch.

    Parameters
    ----------
    folder : Path
        The batch's folder.
    progress : callable
        Told how many epochs of how many are searched, with the run.
    processes : int
        Processes that share the epochs of a run; they do not change the result.

    Raises
    ------
    InputError
        If a file of an earlier stage is missing or not whole.
    """
    batch = load_batch(folder)
    search = load_search(batch.experiment_folder)
    all_networks = networks_of(batch, search.attractor_states)
    epochs = epochs_of(batch)
    each = batch.training.points_per_epoch
    before, total = 0, sum(epochs)
    cycles, bifurcations, attractors = [], [], []
    for run_key, seed, own_epochs, networks in zip(batch.runs, batch.seeds, epochs, all_networks, strict=True):

        def report(points: int, before: int = before, run_key: str = run_key) -> None:
            progress(before + points // each, total, run_key)

        effort = effort_of(search, seed)
        dynamics = analyse_training(networks.maps, networks.states, effort, networks.segments, each, processes, report)
        cycles += _cycle_rows(run_key, dynamics)
        bifurcations += _bifurcation_rows(run_key, dynamics, networks.nearest, networks.observed)
        attractors += _attractor_rows(run_key, dynamics, batch.training.alpha or 0.0)
        before += own_epochs
        progress(before, total, run_key)
        for order in range(2, search.max_order + 1):
            logging.getLogger(LOGGER).info(f"{run_key}: {_said_of_search(dynamics, order)}")
    for schema, rows in ((Cycles, cycles), (Bifurcations, bifurcations), (Attractors, attractors)):
        write_table(batch.folder / schema.FILE, as_table(rows, schema), schema)


def _said_of_search(dynamics: TrainingDynamics, order: int) -> str:
    """How completely the cycles of an order are known along a run, and what that took."""
    certified = sum(recorded.complete[order] for recorded in dynamics.epochs)
    said = f"order {order}: certified complete at {certified} of {len(dynamics.epochs)} epochs"
    walked = [recorded.searched[order] for recorded in dynamics.epochs if order in recorded.searched]
    if not walked:
        return said
    visits = sum(one.visits for one in walked)
    missing = np.array([np.inf if one.missing is None else one.missing for one in walked])
    return (
        f"{said}, searched at {len(walked)} with {sum(one.walks for one in walked)} walks and {visits} visits; "
        f"cycles estimated to be missing at an epoch: {np.median(missing):.1f} (median), {missing.max():.1f} (largest)"
    )


def effort_of(search: SearchConfig, seed: int) -> Effort:
    """How hard a configuration asks to search, for the run of a seed."""
    return Effort(
        max_order=search.max_order,
        max_nodes=search.max_nodes,
        max_visits=search.max_visits,
        certified_units=search.certified_units,
        certify_every=search.certify_every,
        seed=(search.seed, seed),
        transient=search.transient,
        max_period=search.max_period,
    )


def _cycle_rows(run_key: str, dynamics: TrainingDynamics) -> list[tuple]:
    return [
        (
            run_key,
            epoch,
            entry.cycle.order,
            entry.object,
            itineraries.text(entry.cycle.itinerary),
            entry.cycle.points[0],
            entry.cycle.largest_multiplier,
            entry.cycle.is_stable,
            entry.cycle.index,
            entry.cycle.border_distance,
            recorded.complete.get(entry.cycle.order, False),
            entry.repaired,
        )
        for epoch, recorded in enumerate(dynamics.epochs)
        for entry in recorded.entries
    ]


def _bifurcation_rows(
    run_key: str, dynamics: TrainingDynamics, nearest: Callable[[np.ndarray], np.ndarray], observed: int
) -> list[tuple]:
    rows = []
    for event in dynamics.events:
        bifurcation = event.bifurcation
        unit_time, unit = bifurcation.unit or (None, None)
        rows.append(
            (
                run_key,
                event.epoch,
                event.update,
                bifurcation.fraction,
                bifurcation.kind,
                bifurcation.order,
                bifurcation.direction,
                event.object,
                bifurcation.cycle.points[0],
                list(event.companions),
                bifurcation.stable_before,
                bifurcation.stable_after,
                bifurcation.topological,
                event.occupied,
                distance_from(nearest, bifurcation.cycle, observed),
                unit_time,
                unit,
                bifurcation.why,
            )
        )
    return rows


def _attractor_rows(run_key: str, dynamics: TrainingDynamics, alpha: float) -> list[tuple]:
    return [
        (
            run_key,
            epoch,
            state,
            attractor,
            recorded.jacobian_norm,
            (1.0 - alpha) * recorded.jacobian_norm < 1.0,
            recorded.index_sum,
            sum(entry.cycle.order == 1 for entry in recorded.entries),
            recorded.complete[1],
        )
        for epoch, recorded in enumerate(dynamics.epochs)
        for state, attractor in enumerate(recorded.attractors)
    ]
