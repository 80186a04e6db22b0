"""What a training goes on from: a copy of all that its further updates depend on, after a whole epoch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lossjumps.training.recording import Recording


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A training after an epoch, beside what it has recorded until then."""

    epoch: int
    arrays: dict[str, np.ndarray]
    """Parameters and what the optimiser remembers, each with the run as its first axis, or one number for all."""
    generators: list[list[dict]]
    """For every kind of randomness the state of each run's generator."""
    last_epoch: np.ndarray
    """(S,) of the recording."""
    why: list[str]
    """Of the recording."""

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays of numbers, for a file."""
        told = {"epoch": self.epoch, "generators": self.generators, "why": self.why}
        return {f"{PREFIX}{name}": array for name, array in self.arrays.items()} | {
            "last_epoch": self.last_epoch,
            "told": as_bytes(told),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TrainingState":
        """What `to_arrays` made."""
        told = from_bytes(arrays["told"])
        held = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
        return cls(told["epoch"], held, told["generators"], arrays["last_epoch"], told["why"])


class Checkpoints(Protocol):
    """Where the states of a training are kept."""

    def load(self, recording: Recording) -> TrainingState | None:
        """The last state that was kept, what was recorded until then filled into the recording; None without one."""

    def keep(self, state: TrainingState, recording: Recording) -> None:
        """Take note of the state after an epoch; it may be written, and rows of the recording up to it."""


PREFIX = "state_"


def as_bytes(told: object) -> np.ndarray:
    """Plain data as an array of bytes (JSON)."""
    return np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)


def from_bytes(array: np.ndarray) -> dict:
    """What `as_bytes` made."""
    return json.loads(array.tobytes().decode())


def states_of(generators: Sequence[np.random.Generator]) -> list[dict]:
    """The states of generators, plain data."""
    return [generator.bit_generator.state for generator in generators]


def set_states(generators: Sequence[np.random.Generator], states: Sequence[dict]) -> None:
    """Put generators back into states that `states_of` gave."""
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state
