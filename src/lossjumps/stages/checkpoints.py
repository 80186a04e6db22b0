"""Checkpoints of a training in its batch folder: whole, and of this very training, or not used.

``checkpoint/epochs-<first>-<last>.npz`` hold what was recorded at some epochs, ``checkpoint/state.npz`` what the
training goes on from and which of those files belong to it.  A checkpoint adds the epochs since the last one and then
replaces the state, so that what is on the disk is one whole checkpoint at every moment.  Copies of the same training
that run at once write the same numbers; a file that another of them has removed is written again.
"""

import importlib.metadata
import logging
import shutil
import time
from pathlib import Path

import numpy as np

from lossjumps.configuration.digest import digest, file_digest
from lossjumps.configuration.loading import Batch
from lossjumps.configuration.source import source_digest
from lossjumps.progress import LOGGER
from lossjumps.stages.whole import write_whole
from lossjumps.training.recording import HISTORY, Recording
from lossjumps.training.state import TrainingState, as_bytes, from_bytes

FOLDER, STATE = "checkpoint", "state.npz"
LIBRARIES = ("numpy", "torch", "numba", "llvmlite")
"""Whose versions decide a training's bits."""


class BatchCheckpoints:
    """The checkpoints of a batch's training: `lossjumps.training.state.Checkpoints` on a disk.

    Parameters
    ----------
    batch : Batch
    points_per_epoch : int
        Recorded points of the parameters an epoch.
    seconds : float
        Between two that are written.
    """

    def __init__(self, batch: Batch, points_per_epoch: int, seconds: float) -> None:
        self.batch, self.points_per_epoch, self.seconds = batch, points_per_epoch, seconds
        self.folder = batch.folder / FOLDER
        self._parts: list[tuple[int, int]] = []
        self._last: tuple[TrainingState, Recording] | None = None
        self._written = time.monotonic()
        self._fingerprint = ""

    def load(self, recording: Recording) -> TrainingState | None:
        """See `lossjumps.training.state.Checkpoints`."""
        if not (self.folder / STATE).is_file():
            return None
        try:
            arrays = _read(self.folder / STATE)
            told = from_bytes(arrays["checkpoint"])
            if told["training"] != self._training():
                self._note("is of another training, version or library, and not used")
                return None
            state = TrainingState.from_arrays(arrays)
            parts = [(int(first), int(last)) for first, last in told["parts"]]
            rows = [(first, last, _read(self.folder / _name(first, last))) for first, last in parts]
            for first, last, part in rows:
                recording.parameters[:, self._points(first, last)] = part["parameters"]
                for name, values in zip(HISTORY, part["history"], strict=True):
                    recording.history[name][:, first : last + 1] = values
        except FileNotFoundError:  # another copy of this training has just ended, or somebody tidied up
            self._note("is not whole, and not used")
            return None
        except (OSError, ValueError, KeyError) as error:
            self._note(f"is not whole ({' '.join(str(error).split())}), and not used")
            return None
        self._parts = parts
        self._note(f"found: the training goes on from epoch {state.epoch}")
        return state

    def keep(self, state: TrainingState, recording: Recording) -> None:
        """See `lossjumps.training.state.Checkpoints`."""
        self._last = state, recording
        if time.monotonic() - self._written >= self.seconds:
            self.write()

    def write(self) -> None:
        """Write the last state that is known, unless it is written or there is none."""
        if self._last is None or (self._parts and self._parts[-1][1] == self._last[0].epoch):
            return
        state, recording = self._last
        try:
            self._write(state, recording)
        except FileNotFoundError:  # another copy of this training has ended, and removed the folder meanwhile
            self._write(state, recording)
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove all of it: the training has ended, and its files are written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, state: TrainingState, recording: Recording) -> None:
        parts = self._parts if all((self.folder / _name(*part)).is_file() for part in self._parts) else []
        first, last = parts[-1][1] + 1 if parts else 0, state.epoch
        rows = {
            "parameters": recording.parameters[:, self._points(first, last)],
            "history": np.stack([recording.history[name][:, first : last + 1] for name in HISTORY]),
        }
        _write(self.folder / _name(first, last), rows)
        parts = [*parts, (first, last)]
        told = {"training": self._training(), "parts": parts}
        _write(self.folder / STATE, {"checkpoint": as_bytes(told), **state.to_arrays()})
        self._parts = parts

    def _points(self, first: int, last: int) -> slice:
        """Where the parameters of some epochs are recorded: the points that lead to each, its own the last."""
        each = self.points_per_epoch
        return slice((first - 1) * each + 1 if first else 0, last * each + 1)

    def _training(self) -> str:
        """What stands for all that decides the training's bits; made when it is first needed, that takes a moment."""
        if not self._fingerprint:
            self._fingerprint = digest(
                [
                    file_digest(self.batch.folder / "config.yaml"),
                    file_digest(self.batch.data_file),
                    source_digest("lossjumps.stages.train"),
                    *(importlib.metadata.version(name) for name in LIBRARIES),
                ]
            )
        return self._fingerprint

    def _note(self, text: str) -> None:
        logging.getLogger(LOGGER).info(f"{self.folder}: {text}")


def _name(first: int, last: int) -> str:
    return f"epochs-{first}-{last}.npz"


def _read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file; an error of some kind if it is not whole."""
    with open(path, "rb") as stream:
        try:
            with np.load(stream, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except Exception as error:  # zipfile, zlib and numpy have one each
            raise ValueError(f"{path.name}: {error}") from error


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    write_whole(path, write)
