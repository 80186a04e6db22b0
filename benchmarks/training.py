"""How long does an update take, optimiser and sampling included, beside a plain loop in eager torch?

    python benchmarks/training.py            a few minutes
    python benchmarks/training.py --quick    half a minute

Both train shallow PLRNNs by generalized teacher forcing in float64 on the same cores, each in a process of its own,
whose peak memory is that of the training and of what it imports.  The plain loop is timed on one thread and on all, and
the faster counts: where tensors are small threads only wait for each other.  It trains one seed after the other, so its
time for a run does not depend on how many there are.  Ours takes all cores; processor times, in which a busy machine
matters less, are printed as well.
"""

import argparse
import os
import subprocess
import sys

import numpy as np
from fresh_processes import megabytes_so_far
from measuring import Wanted, row, short, timed

SIZES = ((3, 50), (10, 10), (20, 100))
"""M and H."""
BATCH, STEPS, ALPHA = 16, 200, 0.1
SEEDS = (1, 16)
WANTED = {(3, 50, 1): 25, (3, 50, 16): 40, (20, 100, 1): 8, (20, 100, 16): 12}
"""Times faster than the plain loop, for a run."""


def series_of(dimension: int) -> np.ndarray:
    """Noisy oscillations, (5000, M), standardised."""
    phases = np.arange(5000)[:, None] * np.linspace(0.05, 0.3, dimension)
    series = np.sin(phases) + 0.1 * np.random.default_rng(0).standard_normal((5000, dimension))
    return (series - series.mean(axis=0)) / series.std(axis=0)


def plain(dimension: int, hidden: int, seeds: int, updates: int) -> tuple[float, float]:
    """Wall and processor seconds of an update of one run."""
    from eager_training import trained

    series = series_of(dimension)
    trained(series, hidden, ALPHA, BATCH, STEPS, 2)
    done = timed(trained, series, hidden, ALPHA, BATCH, STEPS, updates)
    assert np.isfinite(done.result)
    return done.wall / updates, done.processor / updates


def ours(dimension: int, hidden: int, seeds: int, updates: int) -> tuple[float, float]:
    """Wall and processor seconds of an update of one run, `seeds` of them side by side."""
    from lossjumps.schema import EvaluationConfig, ModelConfig, TrainingConfig
    from lossjumps.training.loop import train

    def training(each: int) -> TrainingConfig:
        # An evaluation of one step, so that what is measured is the updates.
        return TrainingConfig(
            "gtf",
            ALPHA,
            2,
            each,
            BATCH,
            STEPS,
            evaluation=EvaluationConfig(1, horizon=1, horizon_long=1, state_space_steps=0),
        )

    series, model = series_of(dimension), ModelConfig("shallow_plrnn", None, hidden)
    train(series, series, model, training(1), range(seeds))
    done = timed(train, series, series, model, training(updates), range(seeds))
    assert (done.result.last_epoch == 2).all()
    return done.wall / (2 * updates * seeds), done.processor / (2 * updates * seeds)


def measured(threads: int, way: str, *numbers: int) -> tuple[float, float, float]:
    """Wall and processor seconds of an update of one run, and megabytes, of a process of its own."""
    finished = subprocess.run(
        [sys.executable, __file__, "--only", way, *map(str, numbers)],
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    wall, processor, megabytes = map(float, finished.stdout.split())
    return wall, processor, megabytes


def main() -> None:
    """Run everything, then say what was wanted and what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer updates, half a minute")
    parser.add_argument("--only", nargs=5, metavar=("WAY", "M", "H", "SEEDS", "UPDATES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        way, *numbers = arguments.only
        print(*{"plain": plain, "ours": ours}[way](*map(int, numbers)), megabytes_so_far())
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    measured(1, "ours", 3, 5, 1, 1)  # compiles the kernel
    few, many, wanted = (3, 10, Wanted()) if arguments.quick else (20, 200, Wanted())
    print(f"An update of one run: batch {BATCH}, {STEPS} steps, float64, {cores} cores; and a process's peak memory")
    row(
        "M, H, seeds",
        "eager torch, ms (processor)",
        "ours, ms (processor)",
        "times faster (processor)",
        "eager, ours: MB",
    )
    for dimension, hidden in SIZES:
        slow = min(measured(threads, "plain", dimension, hidden, 1, few) for threads in (1, cores))
        for seeds in SEEDS:
            fast = measured(cores, "ours", dimension, hidden, seeds, max(1, many // seeds))
            ratios = [one / other for one, other in zip(slow, fast, strict=True)]
            cells = [f"{short(1e3 * wall)} ({short(1e3 * processor)})" for wall, processor, _ in (slow, fast)]
            cells += [f"{short(ratios[0])} ({short(ratios[1])})", f"{slow[2]:.0f}, {fast[2]:.0f}"]
            row(f"{dimension}, {hidden}, {seeds}", *cells)
            bound = WANTED.get((dimension, hidden, seeds))
            if bound:
                wanted.add(f"M = {dimension}, H = {hidden}, {seeds} seeds, a run", ratios[0], ">=", bound, "times")
    print("\nWanted")
    for line in wanted.lines:
        print(f"  {line}")


if __name__ == "__main__":
    main()
