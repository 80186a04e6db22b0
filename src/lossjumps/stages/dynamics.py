"""Stage `dynamics`: fixed points, cycles, attractors and bifurcations at and between all recorded epochs of a batch.

Reads the batch's ``config.yaml``, ``parameters.npz`` and ``status.parquet``, its data file, ``settings/search.yaml``;
writes ``cycles.parquet``, ``bifurcations.parquet`` and ``attractors.parquet``.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from lossjumps.analysis.training_dynamics import Effort, TrainingDynamics, analyse_training, distance_from
from lossjumps.configuration import load_batch, load_search
from lossjumps.schema import SearchConfig
from lossjumps.search import itineraries
from lossjumps.stages.files import read_arrays, read_table, write_table
from lossjumps.training.models import family_of

CYCLES = {
    "run": "str",
    "epoch": "int64",
    "order": "int64",
    "cycle": "int64",
    "itinerary": "str",
    "point": "object",
    "largest_multiplier": "float64",
    "stable": "bool",
    "index": "int64",
    "border_distance": "float64",
    "complete": "bool",
    "repaired": "bool",
}
BIFURCATIONS = {
    "run": "str",
    "epoch": "int64",
    "fraction": "float64",
    "kind": "str",
    "order": "int64",
    "direction": "str",
    "cycle": "int64",
    "companions": "object",
    "stable_before": "boolean",
    "stable_after": "boolean",
    "topological": "bool",
    "occupied": "bool",
    "distance": "float64",
    "unit_time": "Int64",
    "unit": "Int64",
    "why": "str",
}
ATTRACTORS = {
    "run": "str",
    "epoch": "int64",
    "state": "int64",
    "attractor": "str",
    "jacobian_norm": "float64",
    "forced_certificate": "bool",
    "index_sum": "Int64",
    "fixed_points": "int64",
    "complete": "bool",
}


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
    parameters = read_arrays(batch.folder / "parameters.npz")
    last_epochs = read_table(batch.folder / "status.parquet").set_index("run")["last_epoch"]
    data = read_arrays(batch.data_file)
    observed = data["train"].shape[1]
    nearest = cKDTree(data["train"])
    some = np.linspace(0, len(data["test"]) - 1, search.attractor_states).astype(int)
    cycles, bifurcations, attractors = [], [], []
    for position, (run_key, seed) in enumerate(zip(batch.runs, batch.seeds, strict=True)):
        epochs = int(last_epochs[run_key]) + 1
        of_run = {name: array[position, :epochs] for name, array in parameters.items() if name != "seeds"}
        dynamics = analyse_training(
            [
                family_of(batch.model.name).relu_map({name: array[epoch] for name, array in of_run.items()})
                for epoch in range(epochs)
            ],
            latent_states(of_run, data["test"][some]),
            _effort(search, seed),
        )
        cycles += _cycle_rows(run_key, dynamics)
        bifurcations += _bifurcation_rows(run_key, dynamics, lambda points: nearest.query(points)[0], observed)
        attractors += _attractor_rows(run_key, dynamics, batch.training.alpha or 0.0)
        _report(run_key, dynamics)
    for name, rows, columns in (
        ("cycles", cycles, CYCLES),
        ("bifurcations", bifurcations, BIFURCATIONS),
        ("attractors", attractors, ATTRACTORS),
    ):
        write_table(batch.folder / f"{name}.parquet", pd.DataFrame(rows, columns=list(columns)).astype(columns))


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
