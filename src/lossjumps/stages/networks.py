"""The networks of a batch wherever they were recorded, whoever trained them, and the states that belong to the data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lossjumps.configuration.loading import Batch
from lossjumps.data.none import NO_DATA
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.paths import Path
from lossjumps.maps.relu_map import ReluMap
from lossjumps.stages.files import read_arrays, read_table
from lossjumps.stages.formats import ArrayFile
from lossjumps.stages.tables import SERIES, Status, own_parameters, recorded_parameters
from lossjumps.training.models import family_of
from lossjumps.training.observation import parameter_shapes
from lossjumps.training.recorded import RECORDED
from lossjumps.training.recorded.naming import OBSERVATION, STATES
from lossjumps.training.recorded.reading import recorded_maps


@dataclass(frozen=True, eq=False)
class RunNetworks:
    """One run.

    Attributes
    ----------
    maps : list of ReluMap
        The network at every recorded point: after 0, 1, ..., E epochs, or after every update.
    segments : list of Path or None
        From each to the next; None: straight in (A, U, V, b, c).
    states : callable
        Point -> (n, M) array: data states as latent states of that point.
    nearest : callable
        Points (k, observed) -> (k,) distances from the nearest data point.
    observed : int
        The first so many states are those of the data.
    parameters : dict of str to ndarray
        The family's own parameters at every point, each (points, ...), and those of the observation.
    network : callable
        Such parameters of one point -> map.
    """

    maps: list[ReluMap]
    segments: list[Path] | None
    states: Callable[[int], np.ndarray]
    nearest: Callable[[np.ndarray], np.ndarray]
    observed: int
    parameters: dict[str, np.ndarray]
    network: Callable[[Mapping[str, np.ndarray]], ReluMap]


def latent_states(parameters: Mapping[str, np.ndarray], states: np.ndarray) -> np.ndarray:
    """Data states (n, N) as latent states: [x; L x] where a network has more states than observed."""
    if OBSERVATION not in parameters:
        return states
    return np.hstack([states, states @ parameters[OBSERVATION].T])


def epochs_of(batch: Batch) -> list[int]:
    """How many epochs are recorded of each run, the first included; raises `InputError` if they have no status."""
    last_epochs = read_table(batch.folder / Status.FILE, Status).set_index("run")["last_epoch"]
    return [int(last_epochs[run]) + 1 for run in batch.runs]


def networks_of(batch: Batch, number_of_states: int) -> Iterator[RunNetworks]:
    """Read the networks of every run of a batch, in the order of its seeds.

    Parameters
    ----------
    batch : Batch
    number_of_states : int
        Data states to take, evenly spaced along the test series or along the states that were recorded.

    Raises
    ------
    InputError
        If a file of an earlier stage is missing or not whole.
    """
    data = read_arrays(batch.data_file, SERIES)
    observed = data["train"].shape[1]
    parameters = read_arrays(batch.folder / "parameters.npz", _parameter_file(batch, observed))
    each = batch.training.points_per_epoch
    points = [(epochs - 1) * each + 1 for epochs in epochs_of(batch)]
    return (_run(batch, data, parameters, *place, number_of_states) for place in enumerate(points))


def _run(
    batch: Batch,
    data: dict[str, np.ndarray],
    parameters: dict[str, np.ndarray],
    position: int,
    points: int,
    number_of_states: int,
) -> RunNetworks:
    mine = {key: array[position] for key, array in parameters.items() if key != "seeds"}
    cloud, some = data["train"], data["test"]
    if batch.dataset.name == NO_DATA:
        cloud = some = mine[STATES][np.isfinite(mine[STATES]).all(axis=1)]
        del mine[OBSERVATION]  # the states that were recorded are latent ones
    of_run = {key: array[:points] for key, array in mine.items() if key != STATES}
    maps, segments = _maps(batch, of_run, points)
    chosen = some[np.linspace(0, len(some) - 1, number_of_states).astype(int)]

    def states(point: int) -> np.ndarray:
        return latent_states({key: array[point] for key, array in of_run.items()}, chosen)

    family = FAMILIES[batch.model.name] if batch.training.name == RECORDED else family_of(batch.model.name)
    return RunNetworks(maps, segments, states, _distance_from(cloud), cloud.shape[1], of_run, family.relu_map)


def _parameter_file(batch: Batch, observed: int) -> ArrayFile:
    if batch.training.name == RECORDED:
        return own_parameters(FAMILIES[batch.model.name].shapes)
    shapes = parameter_shapes(family_of(batch.model.name), batch.model.latent or observed, batch.model.hidden, observed)
    return recorded_parameters(shapes, len(batch.seeds), batch.training.points)


def _maps(batch: Batch, parameters: dict[str, np.ndarray], points: int) -> tuple[list[ReluMap], list[Path] | None]:
    if batch.training.name == RECORDED:
        return recorded_maps(FAMILIES[batch.model.name], parameters)
    family = family_of(batch.model.name)
    return [family.relu_map({key: array[point] for key, array in parameters.items()}) for point in range(points)], None


def _distance_from(cloud: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    tree = cKDTree(cloud)
    return lambda points: tree.query(points)[0]
