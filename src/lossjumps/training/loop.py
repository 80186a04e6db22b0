"""The training loop: all runs of a batch side by side, recorded at every epoch, or at every update.

A run's numbers depend on its seed, its data and its configuration alone, bit for bit; `numerics` says how.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from lossjumps.errors import InputError
from lossjumps.schema import ModelConfig, TrainingConfig
from lossjumps.training.forcing import forcing_of
from lossjumps.training.losses import Evaluation
from lossjumps.training.numerics import one_thread
from lossjumps.training.optimisers import OPTIMISERS
from lossjumps.training.parameters import FlatParameters
from lossjumps.training.recording import Recording
from lossjumps.training.regularisers import regularisation
from lossjumps.training.sequences import Compiled, Sequences, StepByStep
from lossjumps.training.state import Checkpoints, TrainingState, set_states, states_of

INITIAL_PARAMETERS, SEQUENCES, NOISE = 0, 1, 2
"""Streams of randomness of a run: its generators are seeded with [seed, stream]."""


def train(
    train_series: np.ndarray,
    test_series: np.ndarray,
    model: ModelConfig,
    training: TrainingConfig,
    seeds: Sequence[int],
    report: Callable[[int, Recording], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Recording:
    """Train one network a seed.

    Parameters
    ----------
    train_series, test_series : ndarray
        Standardised series (samples, N).
    model, training : ModelConfig, TrainingConfig
        A combination that `lossjumps.training.validation.check` accepts.
    seeds : sequence of int
        One run a seed.
    report : callable, optional
        Called after every recorded epoch with the epoch and what is recorded so far.
    checkpoints : Checkpoints, optional
        What the training goes on from, and where its states are kept.  It ends with the same bits in any case.

    Returns
    -------
    Recording
        The runs in the order of their seeds.
    """
    seeds = tuple(int(seed) for seed in seeds)
    # Runs on their way to divergence overflow; that is recorded, and no reason to warn.
    with one_thread() as threads, np.errstate(over="ignore", invalid="ignore"):
        return _Trainer(train_series, test_series, model, training, seeds, threads).run(report, checkpoints)


def replay(
    train_series: np.ndarray,
    test_series: np.ndarray,
    model: ModelConfig,
    training: TrainingConfig,
    seed: int,
    first: int,
    last: int,
    report: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Repeat the training of one seed, bit for bit, and record every update of a window.

    Parameters
    ----------
    train_series, test_series, model, training
        As `train` was given them.
    seed : int
    first, last : int
        Epochs at which the window begins and ends, 0 <= first < last.
    report : callable, optional
        Called after every epoch with its number.

    Returns
    -------
    parameters : (U + 1, P) ndarray
        Before the first update of the window and after each of its U = (last - first) updates_per_epoch updates.
    losses : (U + 1,) ndarray
        loss_free at each of them.
    """
    with one_thread() as threads, np.errstate(over="ignore", invalid="ignore"):
        trainer = _Trainer(train_series, test_series, model, training, (int(seed),), threads)
        return trainer.replay(first, last, report)


def learning_rates(training: TrainingConfig) -> np.ndarray:
    """Return the learning rate of every update: from `learning_rate` to `learning_rate_end`, exponentially."""
    updates = training.epochs * training.updates_per_epoch
    return np.geomspace(training.learning_rate, training.learning_rate_end, updates)


class _Trainer:
    """The state of a batch in training."""

    def __init__(self, train_series, test_series, model, training, seeds, threads):
        self.training = training
        self.engine = Compiled(threads) if training.device == "cpu" else StepByStep()
        self.place = {"dtype": getattr(torch, training.precision), "device": device_of(training)}
        self.layout = FlatParameters.of(model, observed=train_series.shape[1])
        self.strengths = forcing_of(training.name).strengths(training.sequence_length, training.alpha)
        initial = self.layout.initial([np.random.default_rng([seed, INITIAL_PARAMETERS]) for seed in seeds])
        self.flat = initial.detach().to(**self.place).requires_grad_()
        self.generators = [[np.random.default_rng([seed, stream]) for seed in seeds] for stream in (SEQUENCES, NOISE)]
        self.series = self._tensor(train_series)
        self.evaluation = Evaluation.from_series(self._tensor(test_series), training.evaluation)
        self.learning_rates = learning_rates(training)
        self.optimiser = OPTIMISERS[training.optimiser](self.flat)
        self.recording = Recording.empty(seeds, training.epochs, training.points, self.layout.size)
        self.alive = np.ones(len(seeds), dtype=bool)

    def run(self, report, checkpoints: Checkpoints | None) -> Recording:
        state = checkpoints.load(self.recording) if checkpoints else None
        way: list[np.ndarray] = []
        if state is None:
            self._record(0, self._evaluate(), [self._parameters()])
        else:
            self._go_on_from(state)
        for epoch in range(state.epoch + 1 if state else 1, self.training.epochs + 1):
            if report is not None:
                report(epoch - 1, self.recording)
            way.clear()
            losses, norms = self._update_epoch(epoch, lambda: way.append(self._parameters()))
            self._end_diverged_runs(epoch, losses)
            if not self.alive.any():
                return self.recording
            updates = {
                "loss_train": losses.mean(axis=1),
                "grad_norm": norms.mean(axis=1),
                "grad_norm_max": norms.max(axis=1),
                "step_length": self._step_length(epoch),
                "learning_rate": np.full(len(losses), self.learning_rates[epoch * self.training.updates_per_epoch - 1]),
            }
            self._record(epoch, self._evaluate() | updates, way[-self.training.points_per_epoch :])
            if checkpoints:
                checkpoints.keep(self._state(epoch), self.recording)
        if report is not None:
            report(self.training.epochs, self.recording)
        return self.recording

    def _state(self, epoch: int) -> TrainingState:
        arrays = {"parameters": self._parameters(), **self.optimiser.state()}
        last_epoch, why = self.recording.last_epoch.copy(), list(self.recording.why)
        return TrainingState(epoch, arrays, [states_of(generators) for generators in self.generators], last_epoch, why)

    def _go_on_from(self, state: TrainingState) -> None:
        with torch.no_grad():
            self.flat.copy_(torch.from_numpy(state.arrays["parameters"]))
        self.optimiser.set_state(state.arrays)
        for generators, states in zip(self.generators, state.generators, strict=True):
            set_states(generators, states)
        self.recording.last_epoch[:] = state.last_epoch
        self.recording.why[:] = state.why
        self.alive = np.array([not why for why in state.why])

    def replay(self, first: int, last: int, report: Callable[[int], None] | None) -> tuple[np.ndarray, np.ndarray]:
        """Parameters and loss_free of the first run at every update of a window; see `replay` of the module."""
        parameters, losses = [], []

        def record() -> None:
            parameters.append(self._parameters()[0])
            losses.append(self._evaluate()["loss_free"][0])

        for epoch in range(1, last + 1):
            if epoch == first + 1:
                record()
            self._update_epoch(epoch, record if epoch > first else None)
            if report is not None:
                report(epoch)
        return np.array(parameters), np.array(losses)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64)).to(**self.place)

    def _starts(self) -> torch.Tensor:
        """Draw the first samples of the sequences of an epoch, with replacement: (updates, S, B)."""
        training, (generators, _) = self.training, self.generators
        last = len(self.series) - training.sequence_length - 1
        size = (training.updates_per_epoch, training.batch_size)
        starts = np.stack([g.integers(0, last, size, endpoint=True) for g in generators], axis=1)
        return torch.from_numpy(starts).to(self.place["device"])

    def _noise(self) -> torch.Tensor | None:
        """Draw the noise of an update, (S, T, B, N)."""
        training, (_, generators) = self.training, self.generators
        if not training.input_noise:
            return None
        size = (training.sequence_length, training.batch_size, self.series.shape[1])
        return self._tensor(np.stack([training.input_noise * g.standard_normal(size) for g in generators]))

    def _update_epoch(self, epoch: int, updated: Callable[[], None] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Make the updates of an epoch, and call what wants to know of each; training losses and gradient norms.

        Both are (S, updates).
        """
        losses, norms = [], []
        first = (epoch - 1) * self.training.updates_per_epoch
        for update, starts in enumerate(self._starts(), start=first):
            loss, gradient = self._gradient(Sequences(self.series, starts, self.strengths, self._noise()))
            length = lengths(gradient.cpu().numpy())
            losses.append(loss)
            norms.append(length)
            self.optimiser.step(self._clipped(gradient, length), self.learning_rates[update])
            if updated is not None:
                updated()
        return np.stack(losses, axis=1), np.stack(norms, axis=1)

    def _gradient(self, sequences: Sequences) -> tuple[np.ndarray, torch.Tensor]:
        """The loss of every run (S,), and its gradient (S, P)."""
        network = self.layout.network(self.flat)
        loss = self.engine.loss(network, sequences)
        further = regularisation(network, self.flat, self.training)
        if further is not None:
            loss = loss + further
        # The runs share no number: the gradient of the sum is each run's own.
        [gradient] = torch.autograd.grad(loss, self.flat, torch.ones_like(loss))
        return loss.detach().cpu().numpy(), gradient

    def _clipped(self, gradient: torch.Tensor, length: np.ndarray) -> torch.Tensor:
        """The gradients, those longer than `gradient_clip` scaled down to it."""
        longest = self.training.gradient_clip
        if longest is None:
            return gradient
        return gradient * self._tensor(longest / np.maximum(length, longest))[:, None]

    def _end_diverged_runs(self, epoch: int, losses: np.ndarray) -> None:
        finite_parameters = torch.isfinite(self.flat.detach()).all(dim=1).cpu().numpy()
        for run in np.flatnonzero(self.alive):
            bad = np.flatnonzero(~np.isfinite(losses[run]))
            if bad.size:
                why = f"training loss {losses[run, bad[0]]} at update {bad[0] + 1} of epoch {epoch}"
            elif not finite_parameters[run]:
                why = f"parameters not finite after epoch {epoch}"
            else:
                continue
            self.alive[run] = False
            self.recording.why[run] = why

    def _step_length(self, epoch: int) -> np.ndarray:
        before = (epoch - 1) * self.training.points_per_epoch
        return lengths(self._parameters() - self.recording.parameters[:, before])

    def _parameters(self) -> np.ndarray:
        """A copy of the parameters of all runs as they are now: (S, P), float64."""
        return self.flat.detach().cpu().numpy().astype(np.float64)

    def _evaluate(self) -> dict[str, np.ndarray]:
        with torch.no_grad():
            return self.evaluation.losses(self.layout.network(self.flat), self.engine)

    def _record(self, epoch: int, numbers: dict[str, np.ndarray], way: list[np.ndarray]) -> None:
        """Write down an epoch, with the parameters (S, P) at the points that led there, its own the last."""
        alive = self.alive
        end = epoch * self.training.points_per_epoch + 1
        for point, parameters in enumerate(way, start=end - len(way)):
            self.recording.parameters[alive, point] = parameters[alive]
        self.recording.last_epoch[alive] = epoch
        for name, values in numbers.items():
            self.recording.history[name][alive, epoch] = values[alive]


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Euclidean lengths (S,) of the vectors (S, P) of runs, each by itself: the order of the sum is its own."""
    return np.array([np.sqrt(np.sum(vector * vector)) for vector in vectors.astype(np.float64)])


def device_of(training: TrainingConfig) -> torch.device:
    """The device that a configuration asks for.

    Raises
    ------
    InputError
        If this machine has none, or this build of torch does not use it.
    """
    device = torch.device(training.device)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"training.device: expected cpu, or a GPU that torch {torch.__version__} finds on this machine "
            f"({torch.cuda.device_count()} found), got {training.device}"
        )
    return device
