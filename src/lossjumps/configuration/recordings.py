"""What is different in the configuration of a training made elsewhere."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from lossjumps.errors import InputError
from lossjumps.training.recorded import RECORDED

SIZES = ("model.latent", "model.hidden")
CHOSEN = {
    "dataset": "dataset=none for states that were recorded, or the data set it was trained on",
    "model": "model=FAMILY, the family of the network",
}


def check_choices(chosen: Collection[str]) -> None:
    """Refuse to take data set or model from the defaults: a recording was made of some, and does not say of which.

    Raises
    ------
    InputError
        Naming the group that no experiment and no override chose.
    """
    for group, expected in CHOSEN.items():
        if group not in chosen:
            raise InputError(f"{group}: with training={RECORDED} expected {expected}")


def own_sizes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the sizes of the network, which are in its files, open unless they were asked for."""
    return {**dict.fromkeys(SIZES), **values}


def short_paths(paths: Sequence[str]) -> dict[str, str]:
    """For people: the parts of each path that tell it from the others.

    ``runs/bptt/{seed}.npz`` and ``runs/gtf/{seed}.npz`` are bptt and gtf.
    """
    parts = {path: PurePath(path).parts for path in paths}
    shortest = min(map(len, parts.values()))
    first = min(_shared(list(parts.values())), shortest - 1)
    last = min(_shared([own[::-1] for own in parts.values()]), shortest - first - 1)
    return {path: "/".join(own[first : len(own) - last]) for path, own in parts.items()}


def _shared(sequences: Sequence[Sequence[str]]) -> int:
    """How many elements all sequences begin with."""
    levels = zip(*sequences, strict=False)
    return next((level for level, own in enumerate(levels) if len(set(own)) > 1), min(map(len, sequences)))
