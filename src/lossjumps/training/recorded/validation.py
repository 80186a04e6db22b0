"""Which recordings can be analysed: their files are read before any job starts, each once while it does not change."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lossjumps.data.file import stamp
from lossjumps.data.registry import kind_of
from lossjumps.errors import InputError
from lossjumps.schema import ModelConfig, RecordedConfig, require
from lossjumps.training.recorded.naming import OBSERVATION
from lossjumps.training.recorded.places import depends_on_seed, places_of
from lossjumps.training.recorded.reading import read_run


@dataclass(frozen=True)
class Outline:
    """What planning has to know of a recorded run.

    Attributes
    ----------
    source : str
        Its file or folder.
    epochs : int
        E: recorded epochs but the first.
    latent : int
        States M.
    hidden : int or None
        Hidden units, for families that have some.
    numbers : int
        Parameters of an epoch.
    extra : int or None
        Observed variables N that L belongs to; None without L.
    has_states : bool
    """

    source: str
    epochs: int
    latent: int
    hidden: int | None
    numbers: int
    extra: int | None
    has_states: bool


def check_recordings(dataset: Any, model: ModelConfig, training: RecordedConfig, seeds: Sequence[int]) -> None:
    """Check that the recording of every seed is there, whole, and fits the model and the data set.

    Raises
    ------
    InputError
        Naming the file, or the key that does not fit, and what was expected.
    """
    if len(seeds) > 1 and not depends_on_seed(training.path):
        raise InputError(
            f"training.path: expected {{seed}} in it, for each of the {len(seeds)} seeds is a recording of its own, "
            f"got {training.path!r}"
        )
    observed = kind_of(dataset).n_observed(dataset)
    first = None
    for seed in seeds:
        outline = outline_of(training, model.name, seed)
        first = first or outline
        sizes, expected = (_sizes(one) for one in (outline, first))
        if sizes != expected:
            raise InputError(f"{outline.source}: expected {expected}, as {first.source} has, got {sizes}")
        _check_sizes(model, outline)
        _check_states(outline, observed, dataset.name)


def outline_of(training: RecordedConfig, family: str, seed: int) -> Outline:
    """Read the recording of one seed; raises `InputError` as `lossjumps.training.recorded.reading.read_run` does."""
    files = places_of(training, seed).files
    key = (training.path, training.losses, tuple(sorted(training.keys.items())))
    return _outline_of(key, family, seed, tuple(stamp(path) for path in files))


@lru_cache(maxsize=1024)  # a plan asks once a condition and once a batch
def _outline_of(key: tuple, family: str, seed: int, state: tuple) -> Outline:
    path, losses, names = key
    run = read_run(RecordedConfig(name="recorded", path=path, losses=losses, keys=dict(names)), family, seed)
    first = run.at(0)
    observation = run.parameters.get(OBSERVATION)
    layer = [key for key, shape in run.family.shapes.items() if shape == ("H",)]
    return Outline(
        source=path.format(seed=seed),
        epochs=len(run.loss) - 1,
        latent=run.family.relu_map(first).dimension,
        hidden=len(first[layer[0]]) if layer else None,
        numbers=sum(array[0].size for array in run.parameters.values()),
        extra=None if observation is None else observation.shape[2],
        has_states=run.states is not None,
    )


def _sizes(outline: Outline) -> str:
    hidden = "" if outline.hidden is None else f" and {outline.hidden} hidden units"
    return f"{outline.latent} states{hidden}, {outline.numbers} parameters"


def _check_sizes(model: ModelConfig, outline: Outline) -> None:
    require(
        model.latent in (None, outline.latent),
        "model.latent",
        f"null or {outline.latent}, the states in {outline.source}",
        model.latent,
    )
    if outline.hidden is None:
        require(model.hidden is None, "model.hidden", f"null ({model.name} has no hidden units)", model.hidden)
    require(
        model.hidden in (None, outline.hidden),
        "model.hidden",
        f"null or {outline.hidden}, the hidden units in {outline.source}",
        model.hidden,
    )


def _check_states(outline: Outline, observed: int, dataset: str) -> None:
    if not observed:
        if not outline.has_states:
            raise InputError(
                f"{outline.source}: missing states (n, M = {outline.latent}), states of the network that belong to the "
                "data: from them the occupied attractors are looked for; or choose a data set"
            )
    elif outline.latent < observed:
        raise InputError(
            f"{outline.source}: expected at least {observed} states, for the data set {dataset} has {observed} "
            f"variables, got {outline.latent}; dataset=none takes recorded states instead"
        )
    elif outline.latent > observed and outline.extra != observed:
        raise InputError(
            f"{outline.source}: expected L of shape (E + 1, {outline.latent - observed}, {observed}) for the states "
            f"beyond the {observed} variables of the data set {dataset}; dataset=none takes recorded states instead"
        )
    elif outline.latent == observed and outline.extra is not None:
        raise InputError(f"{outline.source}: expected no L, for the data set {dataset} has as many variables as states")
