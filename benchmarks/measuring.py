"""What the benchmarks share: times, lines of tables, and what was wanted beside what was measured."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def with_one_thread() -> None:
    """Start this program afresh with BLAS on one thread, unless it is: that is read when numpy is loaded."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)


@dataclass(frozen=True)
class Timed:
    """What a call returned, its processor time and its wall time in seconds."""

    result: Any
    processor: float
    wall: float


def timed(call: Callable, *arguments: Any, **options: Any) -> Timed:
    """Time one call."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call(*arguments, **options)
    return Timed(result, time.process_time() - processor, time.perf_counter() - wall)


def short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def spread(values: Sequence[float], unit: float = 1.0) -> str:
    """Median and range, in a unit."""
    return f"{short(np.median(values) / unit)} ({short(min(values) / unit)} ... {short(max(values) / unit)})"


def row(*cells: str) -> None:
    """Print a line of a table."""
    print("  ".join(f"{cell:>28s}" if place else f"{cell:34s}" for place, cell in enumerate(cells)), flush=True)


class Wanted:
    """What is wanted, what was measured, and whether that is met."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, what: str, measured: float, sign: str, bound: float, unit: str) -> None:
        """A bound from above ("<") or from below (">=")."""
        met = measured < bound if sign == "<" else measured >= bound
        verdict = "met" if met else "missed"
        self.lines.append(f"{verdict:6s}  {what}: {short(measured)} {unit}, wanted {sign} {bound:g} {unit}")
