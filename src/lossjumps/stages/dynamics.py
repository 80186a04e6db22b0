"""Stage `dynamics`: fixed points, cycles, attractors and bifurcations at and between all recorded epochs of a batch.

Reads the batch's ``config.yaml``, ``parameters.npz`` and ``status.parquet``, its data file, ``settings/search.yaml``;
writes ``cycles.parquet``, ``bifurcations.parquet`` and ``attractors.parquet``.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from lossjumps.analysis.training_dynamics import Effort, TrainingDynamics, analyse_training, distance_from
from lossjumps.configuration import load_batch, load_search
from lossjumps.schema import SearchConfig
from lossjumps.search import itineraries
from lossjumps.stages.files import as_table, read_arrays, read_table, write_table
from lossjumps.stages.tables import SERIES, Attractors, Bifurcations, Cycles, Status, recorded_parameters
from lossjumps.training.models import family_of
from lossjumps.training.observation import parameter_shapes


def run(folder: Path) -> None:
    """Analyse every run of a batch.

    Parameters
    ----------
    folder : Path
        The batch's folder.

    Raises
    ------
    InputError
        If a file of an earlier stage is missing or not whole.
    """
    batch = load_batch(folder)
    search = load_search(batch.experiment_folder)
    data = read_arrays(batch.data_file, SERIES)
    observed = data["train"].shape[1]
    family, latent = family_of(batch.model.name), batch.model.latent or observed
    shapes = parameter_shapes(family, latent, batch.model.hidden, observed)
    expected = recorded_parameters(shapes, len(batch.seeds), batch.training.epochs)
    parameters = read_arrays(batch.folder / "parameters.npz", expected)
    last_epochs = read_table(batch.folder / Status.FILE, Status).set_index("run")["last_epoch"]
    nearest = cKDTree(data["train"])
    some = np.linspace(0, len(data["test"]) - 1, search.attractor_states).astype(int)
    cycles, bifurcations, attractors = [], [], []
    for position, (run_key, seed) in enumerate(zip(batch.runs, batch.seeds, strict=True)):
        epochs = int(last_epochs[run_key]) + 1
        of_run = {name: array[position, :epochs] for name, array in parameters.items() if name != "seeds"}
        dynamics = analyse_training(
            [family.relu_map({name: array[epoch] for name, array in of_run.items()}) for epoch in range(epochs)],
            latent_states(of_run, data["test"][some]),
            _effort(search, seed),
        )
        cycles += _cycle_rows(run_key, dynamics)
        bifurcations += _bifurcation_rows(run_key, dynamics, lambda points: nearest.query(points)[0], observed)
        attractors += _attractor_rows(run_key, dynamics, batch.training.alpha or 0.0)
        _report(run_key, dynamics)
    for schema, rows in ((Cycles, cycles), (Bifurcations, bifurcations), (Attractors, attractors)):
        write_table(batch.folder / schema.FILE, as_table(rows, schema), schema)


def latent_states(parameters: dict[str, np.ndarray], states: np.ndarray) -> Callable[[int], np.ndarray]:
    """Data states (n, N) as latent states of each epoch: [x; L x] where a network has more states than observed."""
    if "L" not in parameters:
        return lambda epoch: states
    return lambda epoch: np.hstack([states, states @ parameters["L"][epoch].T])


def _effort(search: SearchConfig, seed: int) -> Effort:
    return Effort(
        max_order=search.max_order,
        max_regions=search.max_regions,
        certified_words=search.certified_words,
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
                bifurcation.fraction,
                bifurcation.kind,
                bifurcation.order,
                bifurcation.direction,
                event.object,
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


def _report(run_key: str, dynamics: TrainingDynamics) -> None:
    topological = sum(event.bifurcation.topological for event in dynamics.events)
    unresolved = sum(event.bifurcation.kind == "unresolved" for event in dynamics.events)
    complete = sum(recorded.complete[1] for recorded in dynamics.epochs)
    print(
        f"{run_key}: {topological} bifurcations, {unresolved} unresolved; "
        f"fixed points complete at {complete} of {len(dynamics.epochs)} epochs",
        file=sys.stderr,
        flush=True,
    )
