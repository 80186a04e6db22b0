"""Networks along sequences of data: squared errors, and losses with gradients, compiled or step by step in torch.

Both ways are the same function; the tests compare them.  The compiled one (`Compiled`) is for processors: it makes a
run's bits independent of the runs beside it and of the number of threads.  The other (`StepByStep`) is the reference,
and for GPUs, where all runs of a batch are one tensor program.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from lossjumps.lanes import LANES
from lossjumps.training import sequence_kernel as kernel
from lossjumps.training.network import Network


@dataclass(frozen=True, eq=False)
class Sequences:
    """B sequences of T steps for each of S runs, out of one series."""

    series: torch.Tensor
    """(samples, N)."""
    starts: torch.Tensor
    """(S, B) integers: the first sample of each; a sequence has T + 1 of them."""
    strengths: np.ndarray
    """(T,) of a forcing (`lossjumps.training.forcing`)."""
    noise: torch.Tensor | None = None
    """(S, T, B, N) added to the data that enter a network, not to those it is compared with."""


class Engine(Protocol):
    """A way to run networks along sequences; all errors are of the N observed states, averaged over B and N."""

    def loss(self, network: Network, sequences: Sequences) -> torch.Tensor:
        """The mean squared error of every run (S,), float64; differentiable by all tensors of the network."""

    def errors(self, network: Network, sequences: Sequences) -> np.ndarray:
        """The mean squared error of every run at every step (S, T), float64."""

    def errors_and_states(self, network: Network, sequences: Sequences, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """`errors`, and the observed states (S, B, n, N) of n = `steps` further, free-running steps, float64."""


class StepByStep:
    """Torch operations, one after the other, on whatever device the tensors are."""

    def loss(self, network: Network, sequences: Sequences) -> torch.Tensor:
        """See `Engine`."""
        return self._run(network, sequences, 0)[0].mean(dim=1)

    def errors(self, network: Network, sequences: Sequences) -> np.ndarray:
        """See `Engine`."""
        return self.errors_and_states(network, sequences, 0)[0]

    def errors_and_states(self, network: Network, sequences: Sequences, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine`."""
        with torch.inference_mode():
            errors, states = self._run(network, sequences, steps)
            return errors.cpu().numpy(), states.double().cpu().numpy()

    def _run(self, network: Network, sequences: Sequences, further: int) -> tuple[torch.Tensor, torch.Tensor]:
        strengths = [float(strength) for strength in sequences.strengths]
        steps = torch.arange(len(strengths) + 1, device=sequences.starts.device)
        starts = sequences.starts.expand(len(network.U), -1)
        data = sequences.series[starts + steps[:, None, None]]
        entering = data[:-1] if sequences.noise is None else data[:-1] + sequences.noise.transpose(0, 1)
        if network.L is not None:
            entering = torch.cat((entering, entering @ network.L.transpose(1, 2)), dim=-1)
        # As rows: states are (S, B, M).
        U, c, b = network.U.transpose(1, 2), network.c.unsqueeze(1), network.b.unsqueeze(1)
        reads = list(network.reads)
        V = None if network.V is None else network.V.transpose(1, 2)
        A = network.A.unsqueeze(1) if network.A.dim() == 2 else network.A.transpose(1, 2)
        state, predictions = entering[0], []
        for time, strength in enumerate(strengths + [0.0] * further):
            if strength == 1.0:
                state = entering[time]
            elif strength != 0.0:
                state = (1.0 - strength) * state + strength * entering[time]
            units = ((state[..., reads] if V is None else state @ V) + b).relu()
            state = (A * state if network.A.dim() == 2 else state @ A) + c + units @ U
            predictions.append(state)
        observed = torch.stack(predictions, dim=1)[..., : data.shape[-1]]
        errors = observed[:, : len(strengths)] - data[1:].transpose(0, 1)
        return errors.double().square().mean(dim=(2, 3)), observed[:, len(strengths) :].transpose(1, 2)


class Compiled:
    """One compiled kernel for all steps, forward and backward, on some threads."""

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._rooms: dict[tuple, list[kernel.Scratch]] = {}

    def loss(self, network: Network, sequences: Sequences) -> torch.Tensor:
        """See `Engine`."""
        named = (network.A, network.U, network.V, network.b, network.c, network.L)
        return _CompiledLoss.apply(self, sequences, network.reads, *named)

    def errors(self, network: Network, sequences: Sequences) -> np.ndarray:
        """See `Engine`."""
        return self.errors_and_states(network, sequences, 0)[0]

    def errors_and_states(self, network: Network, sequences: Sequences, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine`."""
        named = (network.A, network.U, network.V, network.b, network.c, network.L)
        errors, _, states = self.compute(named, network.reads, sequences, gradients=False, further=steps)
        return errors, states

    def compute(
        self,
        named: tuple[torch.Tensor | None, ...],
        reads: tuple[int, ...],
        sequences: Sequences,
        gradients: bool,
        further: int = 0,
    ) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """Errors (S, T), the gradients of their means over the steps by A, U, V, b, c and L, if asked for, and states.

        The gradients by V and L are empty arrays where those are None.  States: `Engine.errors_and_states`.
        """
        A, U, V, b, c, L = (None if tensor is None else tensor.detach().contiguous().numpy() for tensor in named)
        runs, latent, units = U.shape
        observed, steps = sequences.series.shape[1], len(sequences.strengths)
        batch, dtype = sequences.starts.shape[1], U.dtype
        networks = kernel.Networks(
            A if A.ndim == 3 else A[:, :, None],
            U,
            np.empty((runs, units, 0), dtype) if V is None else V,
            np.array(reads, dtype=np.int64),
            b,
            c,
            np.empty((runs, 0, observed), dtype) if L is None else L,
        )
        noise = np.empty((0, 0, 0, 0), dtype) if sequences.noise is None else sequences.noise.numpy()
        # A copy: numba compiles again for an array that cannot be written.
        starts = np.array(np.broadcast_to(sequences.starts.numpy(), (runs, batch)))
        data = kernel.Data(sequences.series.numpy(), starts, noise, sequences.strengths.astype(dtype))
        parts = (networks.A, networks.U, networks.V, networks.b, networks.c, networks.L) if gradients else ()
        sizes = [part[0].size for part in parts]
        chunks = -(-batch // LANES)
        errors = np.empty((runs, chunks, steps))
        slopes = np.empty((runs, chunks, sum(sizes)), dtype)
        states = np.empty((runs, batch, further, observed))
        threads = min(self.threads, runs * chunks)
        rooms = self._room(threads, (steps, latent, units, observed, gradients, dtype.type))

        def work(thread: int) -> None:
            kernel.compute_chunks(networks, data, thread, threads, rooms[thread], errors, slopes, states)

        others = [self._pool.submit(work, thread) for thread in range(1, threads)]
        work(0)
        for other in others:
            other.result()
        # One chunk after the other: the order of a sum by numpy would depend on the number of runs.
        total, slope = errors[:, 0].copy(), slopes[:, 0].copy()
        for chunk in range(1, chunks):
            total += errors[:, chunk]
            slope += slopes[:, chunk]
        total /= batch * observed
        pieces = np.split(slope, np.cumsum(sizes)[:-1], axis=1) if gradients else []
        return total, [piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True)], states

    def _room(self, threads: int, sizes: tuple) -> list[kernel.Scratch]:
        rooms = self._rooms.setdefault(sizes, [])
        while len(rooms) < threads:
            rooms.append(kernel.scratch(*sizes))
        return rooms


class _CompiledLoss(torch.autograd.Function):
    """The kernel computes the gradients with the loss: what it would have to keep for later is larger than they are."""

    @staticmethod
    def forward(ctx, engine, sequences, reads, *named):
        needed = any(ctx.needs_input_grad)
        errors, slopes, _ = engine.compute(named, reads, sequences, gradients=needed)
        ctx.slopes, ctx.shapes = slopes, [None if tensor is None else tensor.shape for tensor in named]
        return torch.from_numpy(mean_of_runs(errors))

    @staticmethod
    def backward(ctx, by_loss):
        slopes = []
        for slope, shape in zip(ctx.slopes, ctx.shapes, strict=True):
            if shape is None:
                slopes.append(None)
                continue
            slope = torch.from_numpy(slope).reshape(shape)
            slopes.append(slope * by_loss.to(slope.dtype).reshape(-1, *[1] * (len(shape) - 1)))
        return None, None, None, *slopes


def mean_of_runs(numbers: np.ndarray) -> np.ndarray:
    """Average the numbers (S, ...) of every run; not all at once, as the order of the sum would depend on S."""
    return np.array([np.mean(row) for row in numbers])
