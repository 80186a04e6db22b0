"""Which files the recording of a run consists of: an .npz file, or a folder of torch checkpoints, and its losses."""

import re
import string
from dataclasses import dataclass
from pathlib import Path

from lossjumps.errors import InputError
from lossjumps.maps.weight_files import TORCH_SUFFIXES
from lossjumps.schema import RecordedConfig

LOSS_SUFFIXES = (".csv", ".npy", ".npz")
STATES_FILE = "states.npy"


@dataclass(frozen=True)
class Places:
    """The files of one run.

    Attributes
    ----------
    archive : Path or None
        The .npz file; None where there are checkpoints.
    checkpoints : tuple of (int, Path)
        The number in the name of each checkpoint, ascending, and the file.
    losses : Path or None
        A file of its own with the losses.
    states : Path or None
        A file of its own with the states, beside checkpoints.
    """

    archive: Path | None
    checkpoints: tuple[tuple[int, Path], ...]
    losses: Path | None
    states: Path | None

    @property
    def files(self) -> list[Path]:
        """All of them."""
        given = [self.archive, *(path for _, path in self.checkpoints), self.losses, self.states]
        return [path for path in given if path is not None]


def depends_on_seed(text: str) -> bool:
    """Whether a path has the placeholder ``{seed}`` in it."""
    return any(field is not None for _, field, _, _ in string.Formatter().parse(text))


def places_of(training: RecordedConfig, seed: int) -> Places:
    """Find the files of one run.

    Raises
    ------
    InputError
        If a file or folder does not exist, or the checkpoints in the folder cannot be put in an order.
    """
    path = Path(training.path.format(seed=seed))
    losses = None
    if training.losses is not None:
        losses = Path(training.losses.format(seed=seed))
        if not losses.is_file():
            raise InputError(f"training.losses: expected a file, {losses} does not exist or is none (seed {seed})")
    if path.is_dir():
        states = path / STATES_FILE
        return Places(None, _checkpoints(path), losses or _losses_beside(path), states if states.is_file() else None)
    if not path.is_file():
        raise InputError(
            f"training.path: expected an .npz file or a folder of checkpoints, {path} does not exist (seed {seed})"
        )
    return Places(path, (), losses, None)


def _checkpoints(folder: Path) -> tuple[tuple[int, Path], ...]:
    numbered: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in TORCH_SUFFIXES:
            continue
        digits = re.findall(r"\d+", path.stem)
        if not digits:
            raise InputError(f"{path}: expected checkpoints with the number of their epoch in the name, as epoch_12.pt")
        number = int(digits[-1])
        if number in numbered:
            raise InputError(
                f"{path}: expected one checkpoint an epoch, {numbered[number].name} has number {number} too"
            )
        numbered[number] = path
    if not numbered:
        raise InputError(f"{folder}: expected checkpoints ({', '.join(TORCH_SUFFIXES)}), the folder has none")
    return tuple(sorted(numbered.items()))


def _losses_beside(folder: Path) -> Path | None:
    found = [path for path in (folder / f"losses{suffix}" for suffix in LOSS_SUFFIXES) if path.is_file()]
    if len(found) > 1:
        raise InputError(f"{folder}: expected one file of losses, found {' and '.join(path.name for path in found)}")
    return found[0] if found else None
