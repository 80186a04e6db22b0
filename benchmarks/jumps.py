"""False alarms of the two detectors of loss jumps on noise, the true shifts that they find, and what is one jump.

    python benchmarks/jumps.py [--series 200]

Noise is scaled so that the smallest change that counts (0.1 of log10 loss) does not help the detectors.
"""

import argparse
from collections.abc import Callable

import numpy as np
from measuring import timed

from lossjumps.analysis.change_points import find_shifts
from lossjumps.analysis.jumps import find_jumps

EPOCHS = 1000
SCALE = 0.08
"""Of the noise, in log10 of the loss."""
Noise = Callable[[np.random.Generator, int], np.ndarray]


def autoregressive(generator: np.random.Generator, n: int, coefficient: float) -> np.ndarray:
    """Draw an autoregressive series of first order with innovations of unit variance."""
    values = generator.standard_normal(n)
    for t in range(1, n):
        values[t] += coefficient * values[t - 1]
    return values


NOISE: dict[str, Noise] = {
    "Gaussian changes": lambda g, n: g.standard_normal(n),
    "Gaussian level": lambda g, n: np.diff(g.standard_normal(n + 1)),
    "autocorrelated changes (0.8)": lambda g, n: autoregressive(g, n, 0.8),
    "autocorrelated level (0.9)": lambda g, n: np.diff(autoregressive(g, n + 1, 0.9)),
    "Laplace changes": lambda g, n: g.laplace(size=n),
    "Student changes, 3 degrees of freedom": lambda g, n: g.standard_t(3, n),
    "level of noise switching twentyfold": lambda g, n: (
        np.where(np.arange(n) // 100 % 2, 0.05, 1.0) * g.standard_normal(n)
    ),
}
"""Changes of log10 loss of unit scale, without events."""

DETECTORS = {"robust z": find_jumps, "change points": find_shifts}


def loss_of(changes: np.ndarray) -> np.ndarray:
    """Make the loss with these changes of log10."""
    return 10.0 ** np.concatenate([[0.0], np.cumsum(changes)])


def false_alarms(find: Callable, noise: Noise, series: int, threshold: float = 8.0) -> float:
    """Events per 1000 epochs where there are none."""
    generator = np.random.default_rng(11)
    losses = (loss_of(SCALE * noise(generator, EPOCHS)) for _ in range(series))
    return sum(len(find(loss, threshold)) for loss in losses) / series * 1000 / EPOCHS


def found(find: Callable, noise: Noise, series: int) -> float:
    """Share that is found, within an epoch, of three shifts of 17 to 35 standard deviations a series."""
    generator = np.random.default_rng(12)
    places, hits = np.array([250, 500, 750]), 0
    for _ in range(series):
        changes = 0.02 * noise(generator, EPOCHS)
        changes[places] += 0.02 * generator.choice([-1, 1], 3) * generator.uniform(17, 35, 3)
        epochs = np.array([event.epoch for event in find(loss_of(changes))])
        hits += sum(bool(np.any(np.abs(epochs - place) <= 1)) for place in places)
    return hits / (3 * series)


GAPS = (1, 3, 10, 25)
"""Largest distances of exceedances of one jump that are compared; the last is the window of the spread."""


def changes_at(places: list[int], sizes: list[float]) -> np.ndarray:
    """Make changes of log10 loss that are zero elsewhere."""
    changes = np.zeros(300)
    changes[places] = sizes
    return changes


EPISODES: dict[str, tuple[np.ndarray, int]] = {
    **{f"spike of {d} epochs": (changes_at([150, 150 + d], [0.3, -0.3]), 1) for d in (1, 2, 3, 5)},
    "ramp of 4 steps, every other epoch": (changes_at([150, 152, 154, 156], [0.2] * 4), 1),
    **{f"two shifts, {d} epochs apart": (changes_at([150, 150 + d], [0.3, 0.3]), 2) for d in (2, 5, 10, 20, 30)},
}
"""Changes of log10 loss, and how many jumps they are."""


def counted_rightly(changes: np.ndarray, number: int, gap: int, series: int) -> float:
    """Share of series in Gaussian noise in which as many jumps are found as there are."""
    generator = np.random.default_rng(13)
    losses = (loss_of(changes + 0.01 * generator.standard_normal(len(changes))) for _ in range(series))
    return sum(len(find_jumps(loss, gap=gap)) == number for loss in losses) / series


def main() -> None:
    """Print false alarms per 1000 epochs by threshold, the share of true shifts found, and of jumps counted rightly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=200, help="of 1000 epochs each (default: %(default)s)")
    series = parser.parse_args().series
    for detector, find in DETECTORS.items():
        thresholds = (4.0, 6.0, 8.0, 12.0, 16.0)
        heads = "".join(f"{f'z > {threshold:g}':>9s}" for threshold in thresholds)
        print(f"{detector + ': false alarms per 1000 epochs':48s}{heads}{'found':>9s}")
        for name, noise in NOISE.items():
            alarms = "".join(f"{false_alarms(find, noise, series, threshold):9.2f}" for threshold in thresholds)
            print(f"  {name:46s}{alarms}{100 * found(find, noise, series):8.1f}%", flush=True)
        loss = loss_of(SCALE * np.random.default_rng(0).standard_normal(EPOCHS))
        times = [timed(find, loss).wall for _ in range(20)]
        print(f"  a series of {EPOCHS} epochs: {1000 * np.median(times):.1f} ms")
    print(f"{'robust z: counted rightly':48s}" + "".join(f"{f'gap {gap}':>9s}" for gap in GAPS))
    for name, (changes, number) in EPISODES.items():
        shares = "".join(f"{100 * counted_rightly(changes, number, gap, series):8.1f}%" for gap in GAPS)
        print(f"  {name:46s}{shares}", flush=True)


if __name__ == "__main__":
    main()
