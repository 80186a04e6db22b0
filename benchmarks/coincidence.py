"""How often the nulls of the coincidence call independent events coupled, and how often they notice a coupling.

    python benchmarks/coincidence.py [--experiments 1000]

Every scenario is a synthetic condition of several runs of 600 epochs whose jumps and bifurcations are drawn
independently given what they share: a rate that changes in the course of training, or differs between runs.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
from measuring import timed

from lossjumps.analysis.coincidence import CoincidenceResult, event_coincidence
from lossjumps.analysis.hypotheses import jump_odds

EPOCHS = 600
LEVEL = 0.05
WINDOW = 1
Trains = list[np.ndarray]
_EPOCH = np.arange(EPOCHS)


def events(generator: np.random.Generator, rates: np.ndarray) -> Trains:
    """Draw epochs with an event: one run a row of rates (runs, EPOCHS)."""
    return [np.flatnonzero(row) for row in generator.random(rates.shape) < rates]


def uniform(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
    """Draw both at constant rates."""
    return events(generator, np.full((runs, EPOCHS), 0.03)), events(generator, np.full((runs, EPOCHS), 0.06))


def clustered(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
    """Draw both in bursts of some epochs, of which jumps and bifurcations have their own."""

    def bursts(number: float) -> np.ndarray:
        starts = generator.random((runs, EPOCHS)) < number / EPOCHS
        kernel = 0.6 * np.exp(-np.arange(40) / 6)
        return np.array([np.minimum(np.convolve(row, kernel)[:EPOCHS], 1.0) for row in starts.astype(float)])

    return events(generator, bursts(5)), events(generator, bursts(10))


def common_trend(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
    """Draw both at a rate that falls in the course of training, alike in all runs."""
    rates = np.tile(0.01 + 0.15 * np.exp(-_EPOCH / 80), (runs, 1))
    return events(generator, rates), events(generator, rates)


def start_burst(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
    """Draw both mostly in the first few epochs, then rarely."""
    rates = np.tile(0.02 + 0.6 * np.exp(-_EPOCH / 8), (runs, 1))
    return events(generator, rates), events(generator, rates)


def long_clusters(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
    """Draw both in two stretches of 60 epochs or so, of which jumps and bifurcations have their own."""

    def stretches(rate: float) -> np.ndarray:
        starts = (generator.random((runs, EPOCHS)) < 2 / EPOCHS).astype(float)
        busy = np.array([np.convolve(row, np.ones(60))[:EPOCHS] for row in starts]) > 0
        return np.where(busy, rate, 0.002)

    return events(generator, stretches(0.1)), events(generator, stretches(0.3))


def phase_of_each_run(generator: np.random.Generator, runs: int, spread: float = 60) -> tuple[Trains, Trains]:
    """Draw both mostly in a busy phase, which comes at another time in each run; its spread: standard deviation."""
    centres = generator.uniform(0, EPOCHS, (runs, 1))
    busiest = min(0.15 * 60 / spread, 0.6)
    rates = 0.005 + busiest * np.exp(-0.5 * ((_EPOCH - centres) / spread) ** 2)
    return events(generator, rates), events(generator, rates)


def frailty(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
    """Draw both at constant rates which are high in some runs and low in others."""
    rates = np.minimum(0.04 * generator.gamma(1.0, 1.0, (runs, 1)), 0.3) * np.ones(EPOCHS)
    return events(generator, rates), events(generator, rates)


def trend_and_frailty(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
    """Draw both at a rate that falls in all runs alike, but is high in some runs and low in others."""
    rates = np.minimum(generator.gamma(1.0, 1.0, (runs, 1)) * (0.01 + 0.15 * np.exp(-_EPOCH / 80)), 0.9)
    return events(generator, rates), events(generator, rates)


SCENARIOS = {
    "uniform": uniform,
    "clustered": clustered,
    "long clusters": long_clusters,
    "common trend": common_trend,
    "start burst": start_burst,
    "phase of each run": phase_of_each_run,
    "frailty of each run": frailty,
    "trend and frailty": trend_and_frailty,
}
"""Without any coupling."""

ASSUMED = {
    "swap": ("uniform", "clustered", "long clusters", "common trend", "start burst"),
    "local": ("uniform", "phase of each run", "frailty of each run"),
}
"""The scenarios in which the assumption of a null holds."""


SPREADS = (30, 20, 10)
"""Epochs: busy phases of single runs that are too brief for the blocks of the local null."""


def coupled(background: Callable, jumps_a_run: int) -> Callable:
    """Make a scenario in which half of the jumps are moved to an epoch of a bifurcation or the next one."""

    def scenario(generator: np.random.Generator, runs: int) -> tuple[Trains, Trains]:
        jumps, bifurcations = background(generator, runs)
        half = jumps_a_run // 2
        moved = []
        for own, other in zip(jumps, bifurcations, strict=True):
            free = generator.permutation(own)[:half]
            caused = generator.permutation(other)[:half] + generator.integers(0, 2, min(half, other.size))
            moved.append(np.minimum(np.concatenate([free, caused]), EPOCHS - 1))
        return moved, bifurcations

    return scenario


POWER = {
    f"{name}, {jumps} jumps a run": coupled(background, jumps)
    for name, background in (("uniform", uniform), ("common trend", common_trend))
    for jumps in (2, 6)
}
"""With half of the jumps caused within one epoch."""


def randomised(result: CoincidenceResult, generator: np.random.Generator) -> np.ndarray:
    """p of both directions with ties broken at random: exactly uniform where the assumption of the null holds."""
    values = []
    for observed, null in (
        (result.observed_precursor, result.null_precursor),
        (result.observed_trigger, result.null_trigger),
    ):
        ties = np.count_nonzero(np.isclose(null, observed, rtol=1e-12, atol=0))
        larger = np.count_nonzero(null > observed * (1 + 1e-12))
        values.append((larger + generator.random() * (1 + ties)) / (1 + null.size))
    return np.array(values)


def shares(
    scenario: Callable, null: str, runs: int, experiments: int, *, ties: bool = False, surrogates: int = 999
) -> np.ndarray:
    """Share of experiments with p below the level, of precursors and of triggers; an experiment without p has none."""
    generator = np.random.default_rng(2023)
    below = np.zeros(2)
    for seed in range(experiments):
        jumps, bifurcations = scenario(generator, runs)
        options = {"null": null, "n_surrogates": surrogates, "seed": seed}
        result = event_coincidence(jumps, bifurcations, EPOCHS, WINDOW, **options)
        p = randomised(result, generator) if ties else np.array([result.p_precursor, result.p_trigger])
        below += p < LEVEL
    return below / experiments


def odds_share(scenario: Callable, runs: int, experiments: int) -> float:
    """Share of experiments with p of the odds ratio below the level, of those in which there is one."""
    generator = np.random.default_rng(2023)
    fits = (jump_odds(*scenario(generator, runs), [EPOCHS] * runs, WINDOW) for _ in range(experiments))
    p = np.array([fit.p[0] for fit in fits])
    return float(np.mean(p[np.isfinite(p)] < LEVEL))


def steps_share(mediated: bool, experiments: int) -> np.ndarray:
    """Share of experiments of 8 runs with p below the level where jumps come with long steps.

    Parameters
    ----------
    mediated : bool
        Bifurcations make steps long, and these make jumps; else long steps make both.

    Returns
    -------
    ndarray, shape (3,)
        Of the primary p, of the odds ratio, and of the odds ratio with the step length accounted for.
    """
    generator = np.random.default_rng(2024)
    below = np.zeros(3)
    for seed in range(experiments):
        steps = np.exp(generator.normal(size=(8, EPOCHS)))
        if mediated:
            bifurcations = generator.random(steps.shape) < 0.06
            steps *= np.where(bifurcations, 4.0, 1.0)
        else:
            bifurcations = generator.random(steps.shape) < np.minimum(0.03 * steps, 1.0)
        jumps = generator.random(steps.shape) < np.minimum(0.01 * steps, 1.0)
        trains = [[np.flatnonzero(row) for row in rows] for rows in (jumps, bifurcations)]
        primary = event_coincidence(*trains, EPOCHS, 0, seed=seed)
        odds = [jump_odds(*trains, [EPOCHS] * 8, 0, given) for given in ([], [list(steps)])]
        below += np.array([primary.p_precursor, *(one.p[0] for one in odds)]) < LEVEL
    return below / experiments


def percent(share: np.ndarray) -> str:
    """Precursors and triggers in percent."""
    return " / ".join(f"{100 * value:.1f}" for value in share)


def main() -> None:
    """Print how often p < 0.05, in percent, precursors / triggers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1000, help="of each scenario (default: %(default)s)")
    experiments = parser.parse_args().experiments
    names = ("primary", "swap, ties at random", "local, ties at random", "circular", "poisson", "odds ratio")
    print(f"p < {LEVEL:g} in percent of {experiments} experiments of 8 runs (precursors / triggers), nothing coupled")
    print(f"{'':22s}" + "".join(f"{name:>24s}" for name in names))
    for name, scenario in SCENARIOS.items():
        cells = [percent(shares(scenario, "auto", 8, experiments))]
        for null in ("swap", "local"):
            marked = "" if name in ASSUMED[null] else " not assumed"
            cells.append(percent(shares(scenario, null, 8, experiments, ties=True)) + marked)
        cells += [percent(shares(scenario, null, 8, experiments)) for null in ("circular", "poisson")]
        cells.append(f"{100 * odds_share(scenario, 8, experiments):.1f}")
        print(f"{name:22s}" + "".join(f"{cell:>24s}" for cell in cells), flush=True)
    print("a busy phase of another time in each run, too brief for blocks: primary, short_local")
    for spread in SPREADS:
        cells = [
            percent(shares(partial(phase_of_each_run, spread=spread), null, 8, experiments))
            for null in ("auto", "short_local")
        ]
        print(f"standard deviation {spread} epochs" + "".join(f"{cell:>16s}" for cell in cells), flush=True)
    print("half of the jumps caused within one epoch (primary)")
    for name, scenario in POWER.items():
        for runs in (8, 16):
            print(f"{name:29s}{runs:3d} runs{percent(shares(scenario, 'auto', runs, experiments)):>19s}", flush=True)
    print("jumps at long steps: primary, odds ratio, odds ratio with the step length accounted for")
    for name, mediated in (("long steps make both", False), ("bifurcations make long steps", True)):
        print(
            f"{name:32s}" + "".join(f"{100 * share:9.1f}" for share in steps_share(mediated, experiments)), flush=True
        )
    generator = np.random.default_rng(0)
    jumps, bifurcations = common_trend(generator, 8)
    times = [timed(event_coincidence, jumps, bifurcations, EPOCHS, WINDOW).wall for _ in range(20)]
    print(f"one experiment of 8 runs, 999 surrogates of both nulls: {1000 * np.median(times):.1f} ms")


if __name__ == "__main__":
    main()
