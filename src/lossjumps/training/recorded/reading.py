"""One recorded run: its files read, checked and brought into one form."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lossjumps.data.reading import read_csv
from lossjumps.errors import InputError
from lossjumps.maps.families import FAMILIES, MapFamily
from lossjumps.maps.naming import listed
from lossjumps.maps.paths import ParameterSegment, Segment
from lossjumps.maps.paths import Path as MapPath
from lossjumps.maps.relu_map import ReluMap, numeric_array, real_array
from lossjumps.maps.weight_files import TORCH_SUFFIXES, read_entries
from lossjumps.maps.weights import scalar
from lossjumps.schema import RecordedConfig
from lossjumps.training.recorded import naming
from lossjumps.training.recorded.places import Places, places_of

EPOCH_COLUMN = "epoch"
"""Column of a .csv file of losses that says which epoch a row belongs to."""


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """What a user recorded of one training at E + 1 points, the recorded epochs.

    Attributes
    ----------
    family : MapFamily
    parameters : dict of str to ndarray
        The family's parameters, each (E + 1, ...) float64, A (E + 1, M, M), and L (E + 1, M - N, N) where there is one;
        `n_relu` (E + 1,) of integers.
    loss : (E + 1,) ndarray
        Not negative; infinite or NaN where the loss had overflowed.
    epochs : (E + 1,) ndarray of int
        The user's own number of each recorded epoch, ascending.
    states : (n, M) ndarray or None
        States of the network that belong to the data.
    last_epoch : int
        Position of the last recorded epoch before parameters that are not finite; E if there are none.
    """

    family: MapFamily
    parameters: dict[str, np.ndarray]
    loss: np.ndarray
    epochs: np.ndarray
    states: np.ndarray | None
    last_epoch: int

    @property
    def why(self) -> str:
        """Why the run ended early; empty if it did not."""
        if self.last_epoch == len(self.loss) - 1:
            return ""
        return f"parameters not finite at recorded epoch {self.epochs[self.last_epoch + 1]}"

    def at(self, epoch: int) -> dict[str, np.ndarray]:
        """The family's parameters at one recorded epoch."""
        return {key: self.parameters[key][epoch] for key in self.family.keys}


def recorded_maps(family: MapFamily, parameters: dict[str, np.ndarray]) -> tuple[list[ReluMap], list[MapPath]]:
    """The map of every recorded epoch, and the path from each to the next: straight in the family's own parameters.

    Parameters
    ----------
    family : MapFamily
    parameters : dict of str to ndarray
        Each (E + 1, ...), finite.
    """
    keys = family.keys
    points = [{key: parameters[key][epoch] for key in keys} for epoch in range(len(parameters[keys[0]]))]
    maps = [family.relu_map(point) for point in points]
    if family.is_linear:
        return maps, [Segment(*ends) for ends in pairwise(maps)]
    return maps, [ParameterSegment(family, *ends) for ends in pairwise(points)]


def read_run(training: RecordedConfig, family: str, seed: int) -> RecordedRun:
    """Read the recording of one run.

    Parameters
    ----------
    training : RecordedConfig
        Says where the files are.
    family : str
        One of `lossjumps.maps.families.FAMILIES`.
    seed : int
        Which run.

    Raises
    ------
    InputError
        If something is missing, damaged, of the wrong shape or type, or does not fit the rest.
    """
    names = naming.own_names(family, training.keys)
    places = places_of(training, seed)
    source = places.archive or places.checkpoints[0][1].parent
    entries = _archive_entries(places.archive, family) if places.archive else {}
    try:
        if places.archive:
            parameters, own_epochs = _of_archive(entries, family, names)
        else:
            parameters, own_epochs, entries = _of_checkpoints(places, family, names)
        epochs = len(own_epochs)
        last_epoch = _last_finite(parameters)
        _check_family(family, parameters)
        if "A" in parameters and parameters["A"].ndim == 2:
            parameters["A"] = _as_matrices(parameters["A"])
        states = _states(places, entries, names, family, parameters)
        if places.losses is None:
            loss = _loss_entry(entries, names.get(naming.LOSS, naming.LOSS))
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(source)) else f"{source}: {text}") from error
    if places.losses is not None:
        source, loss = places.losses, _loss_file(places.losses, names.get(naming.LOSS, naming.LOSS), own_epochs)
    try:
        _check_loss(loss, epochs, own_epochs)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    return RecordedRun(FAMILIES[family], parameters, loss, own_epochs, states, last_epoch)


def _archive_entries(path: Path, family: str) -> dict[str, Any]:
    try:
        entries = read_entries(path, (".npz",))
        if naming.FAMILY in entries and str(entries[naming.FAMILY]) != family:
            raise InputError(f"family: the file says {str(entries[naming.FAMILY])!r}, model is {family}")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return entries


def _of_archive(
    entries: dict[str, Any], family: str, names: dict[str, str]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Parameters with their epoch axis, and the user's numbers of the epochs."""
    units = {}
    if naming.RELU_UNITS in FAMILIES[family].keys:
        place = names.get(naming.RELU_UNITS, naming.RELU_UNITS)
        if place in entries:
            units = {place: scalar(entries, place)}
    found = naming.parameters_in(entries | units, family, names)
    known = naming.used_entries(family, names)
    # An entry that is not read may be a misspelt name.
    unknown = [key for key in entries if key not in known and key.rpartition(".")[2] not in known]
    if unknown:
        raise InputError(f"unknown {listed(unknown)}: {family} has the keys {', '.join(naming.nameable(family))}")
    recorded = {key: array for key, array in found.items() if key != naming.RELU_UNITS}
    for key, array in recorded.items():
        if array.ndim == 0:
            raise InputError(f"{key}: expected the epoch as its first axis, got a single number")
    first, epochs = next((key, len(array)) for key, array in recorded.items())
    for key, array in recorded.items():
        if len(array) != epochs:
            raise InputError(f"{key}: expected {epochs} epochs along its first axis, as {first} has, got {len(array)}")
    if naming.RELU_UNITS in found:
        found[naming.RELU_UNITS] = np.full(epochs, found[naming.RELU_UNITS])
    place = names.get(naming.EPOCHS, naming.EPOCHS)
    numbers = np.arange(epochs)
    if place in entries:
        numbers = real_array(entries[place], place, (epochs,))
        if (numbers != np.round(numbers)).any() or (np.diff(numbers) <= 0).any():
            raise InputError(f"{place}: expected integers that grow from each recorded epoch to the next")
    return _float64(found), numbers.astype(np.int64)


def _of_checkpoints(
    places: Places, family: str, names: dict[str, str]
) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, Any]]:
    """Parameters, the numbers of the checkpoints, and the losses inside them as an entry if all have one."""
    points, losses = [], []
    place = names.get(naming.LOSS, naming.LOSS)
    for _, path in places.checkpoints:
        try:
            entries = read_entries(path, TORCH_SUFFIXES)
            point = naming.parameters_in(entries, family, names)
            for key, array in point.items() if points else ():
                if key not in points[0] or array.shape != points[0][key].shape:
                    other = points[0][key].shape if key in points[0] else "none"
                    raise InputError(f"{key}: expected the shape of the first checkpoint, {other}, got {array.shape}")
            if place in entries:
                losses.append(numeric_array(entries[place], place).reshape(-1))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        points.append(point)
    numbers = np.array([number for number, _ in places.checkpoints], dtype=np.int64)
    parameters = {key: np.stack([point[key] for point in points]) for key in points[0]}
    inside = {place: np.concatenate(losses)} if len(losses) == len(points) else {}
    return _float64(parameters), numbers, inside


def _float64(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with np.errstate(over="ignore"):
        return {
            key: array if key == naming.RELU_UNITS else np.ascontiguousarray(array, dtype=np.float64)
            for key, array in parameters.items()
        }


def _last_finite(parameters: dict[str, np.ndarray]) -> int:
    """Position of the last recorded epoch before the first that is not finite."""
    epochs = len(next(iter(parameters.values())))
    if epochs < 2:
        raise InputError(f"expected at least 2 recorded epochs, got {epochs}")
    finite = np.ones(epochs, dtype=bool)
    for array in parameters.values():
        finite &= np.isfinite(array.reshape(epochs, -1)).all(axis=1)
    if not finite[0]:
        raise InputError("expected finite parameters at the first recorded epoch, got NaN or infinity")
    return epochs - 1 if finite.all() else int(np.argmin(finite)) - 1


def _check_family(family: str, parameters: dict[str, np.ndarray]) -> None:
    """Check the shapes, which are those of every epoch, at the first one."""
    first = {key: array[0] for key, array in parameters.items()}
    try:
        relu_map = FAMILIES[family].relu_map(first)
        if naming.OBSERVATION in first:
            real_array(first[naming.OBSERVATION], naming.OBSERVATION, ("M - N", "N"))
            if sum(first[naming.OBSERVATION].shape) != relu_map.dimension:
                raise InputError(f"L: expected shape (M - N, N) with M = {relu_map.dimension}, got {first['L'].shape}")
    except InputError as error:
        raise InputError(f"{error}; the first axis of a recorded parameter is the epoch") from error


def _as_matrices(diagonals: np.ndarray) -> np.ndarray:
    """Diagonals (E + 1, M) as matrices (E + 1, M, M)."""
    matrices = np.zeros((*diagonals.shape, diagonals.shape[1]))
    unit = np.arange(diagonals.shape[1])
    matrices[:, unit, unit] = diagonals
    return matrices


def _states(
    places: Places, entries: dict[str, Any], names: dict[str, str], family: str, parameters: dict[str, np.ndarray]
) -> np.ndarray | None:
    place = names.get(naming.STATES, naming.STATES)
    given = entries.get(place)
    if places.states is not None:
        try:
            place, given = places.states.name, np.load(places.states, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{places.states}: not a whole .npy file of numbers ({error})") from error
    if given is None:
        return None
    dimension = FAMILIES[family].relu_map({key: array[0] for key, array in parameters.items()}).dimension
    return real_array(given, place, ("n", dimension))


def _loss_entry(entries: dict[str, Any], place: str) -> np.ndarray:
    if place not in entries:
        raise InputError(
            f"missing {listed([place])}, the loss at every recorded epoch: save it, or name its file by training.losses"
        )
    return numeric_array(entries[place], place)


def _loss_file(path: Path, name: str, own_epochs: np.ndarray) -> np.ndarray:
    """Read losses from a file; those of a .csv file that has a column `epoch` by the numbers of the epochs."""
    try:
        if path.suffix == ".npz":
            return _loss_entry(read_entries(path, (".npz",)), name)
        if path.suffix == ".npy":
            return numeric_array(np.load(path, allow_pickle=False), name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a whole .npy file of numbers ({error})") from error
    columns, values = read_csv(path)
    if not columns and values.shape[1] == 1:
        return values[:, 0]
    if name not in columns:
        raise InputError(f"{path}: expected a column {name} in its header, found {', '.join(columns) or 'no header'}")
    losses = values[:, columns.index(name)]
    if EPOCH_COLUMN not in columns:
        return losses
    by_epoch = dict(zip(values[:, columns.index(EPOCH_COLUMN)], losses, strict=True))
    missing = [int(epoch) for epoch in own_epochs if float(epoch) not in by_epoch]
    if missing:
        raise InputError(f"{path}: expected a row for every recorded epoch, found none for epoch {missing[0]}")
    return np.array([by_epoch[float(epoch)] for epoch in own_epochs])


def _check_loss(loss: np.ndarray, epochs: int, own_epochs: np.ndarray) -> None:
    if loss.shape != (epochs,):
        got = f"{len(loss)} numbers" if loss.ndim == 1 else f"shape {loss.shape}"
        raise InputError(f"loss: expected {epochs} numbers, one at each recorded epoch like the parameters, got {got}")
    negative = np.flatnonzero(loss < 0)
    if negative.size:
        raise InputError(
            f"loss: expected numbers >= 0, as jumps are changes of its logarithm, got {loss[negative[0]]} at epoch "
            f"{own_epochs[negative[0]]}"
        )
    if not np.isfinite(loss).any():
        raise InputError("loss: expected finite numbers, all are NaN or infinite")
