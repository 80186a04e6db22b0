"""The state space divergence: of an attractor from itself, its noise and jumps over trainings, and what it costs.

    python benchmarks/state_space.py [--seeds 8]          some minutes

The trainings are those of the default experiment, and of the laser in six delays, where mixtures are compared.
"""

import argparse
from dataclasses import replace

import numpy as np
from measuring import timed, with_one_thread

from lossjumps.analysis.jumps import find_jumps, log_loss
from lossjumps.data.lorenz63 import Lorenz63Config
from lossjumps.data.registry import kind_of
from lossjumps.data.santafe_laser import SantaFeLaserConfig
from lossjumps.data.vanderpol import VanDerPolConfig
from lossjumps.schema import EvaluationConfig, ModelConfig, TrainingConfig
from lossjumps.training.evaluation_set import evaluation_starts
from lossjumps.training.loop import train
from lossjumps.training.recording import Recording
from lossjumps.training.state_space import divergence_from

DATASETS = {
    "Lorenz-63": Lorenz63Config("lorenz63", noise=0.05),
    "van der Pol": VanDerPolConfig("vanderpol", noise=0.01),
    "laser": SantaFeLaserConfig("santafe_laser"),
    "laser, 6 delays": SantaFeLaserConfig("santafe_laser", embedding_dimension=6),
}
"""As in conf/dataset, and one of so many variables that mixtures are compared."""
TRAININGS = {"bptt": None, "gtf": 0.1}
LOSSES = ("loss_free", "loss_free_long", "state_space_divergence")
STEPS, BINS = (40, 80, 160, 320), (10, 20, 30)
EVALUATION = EvaluationConfig()
SAMPLES = 5000
PIECES = 50


def pieces(series: np.ndarray, starts: np.ndarray, steps: int) -> np.ndarray:
    """Samples (1, B, steps, N) from each of B places on."""
    return series[starts[:, None] + np.arange(steps)][None]


def of_themselves(name: str) -> None:
    """Print the divergence of samples of the same attractor from the test series, by their number and bins."""
    config, span = DATASETS[name], EVALUATION.horizon_long
    laser = isinstance(config, SantaFeLaserConfig)
    longer = config if laser else replace(config, noise=0.0, length_test=40 * SAMPLES)
    series = kind_of(longer).load(longer)
    data, others = series.test[:SAMPLES], series.train if laser else series.test[SAMPLES:]
    generator = np.random.default_rng(0)
    starts = evaluation_starts(SAMPLES, EVALUATION)
    binned = BINS if data.shape[1] < 6 else BINS[-1:]
    for bins in binned:
        divergence = divergence_from(data, bins)
        cells = []
        for steps in STEPS:
            elsewhere = [
                divergence.of(pieces(others, generator.integers(0, len(others) - steps, len(starts)), steps))[0]
                for _ in range(PIECES)
            ]
            cells.append(f"{np.mean(elsewhere):.2f} +- {np.std(elsewhere):.2f}")
        own = divergence.of(pieces(data, starts + span - EVALUATION.state_space_steps, EVALUATION.state_space_steps))[0]
        whole = divergence.of(others[None, None, :SAMPLES])[0]
        one_point = divergence.of(np.broadcast_to(data[0], (1, 32, 160, data.shape[1])))[0]
        print(f"{name:16s}{bins:5d} bins  " + "".join(f"{cell:>16s}" for cell in cells), end="")
        print(f"{own:12.2f}{whole:12.2f}{one_point:12.2f}", flush=True)


def trained(name: str, training: str, seeds: int, steps: int) -> tuple[Recording, float]:
    """Train as the default experiment does; processor milliseconds of an epoch of a run as well."""
    config = TrainingConfig(training, TRAININGS[training], evaluation=replace(EVALUATION, state_space_steps=steps))
    series, model = kind_of(DATASETS[name]).load(DATASETS[name]), ModelConfig("shallow_plrnn", None, 20)
    train(series.train, series.test, model, replace(config, epochs=2), range(seeds))
    done = timed(train, series.train, series.test, model, config, range(seeds))
    return done.result, 1000 * done.processor / (config.epochs * seeds)


def over_training(name: str, training: str, seeds: int) -> None:
    """Print how much each loss changes from epoch to epoch, its jumps, its last value, and the time of an epoch."""
    _, without = trained(name, training, seeds, 0)
    recording, with_it = trained(name, training, seeds, EVALUATION.state_space_steps)
    print(f"{name:16s}{training:6s}", end="")
    for loss in LOSSES:
        runs = [recording.history[loss][run, : last + 1] for run, last in enumerate(recording.last_epoch)]
        changes = np.median([np.median(np.abs(np.diff(log_loss(values)))) for values in runs])
        rate = 1000 * sum(len(find_jumps(values)) for values in runs) / recording.last_epoch.sum()
        print(f"{changes:9.3f}{rate:7.2f}{np.median([values[-1] for values in runs]):9.3g}", end="")
    print(f"{without:9.2f}{with_it:9.2f}", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8, help="of each condition (default: %(default)s)")
    seeds = parser.parse_args().seeds
    with_one_thread()
    print(f"{'32 pieces of the attractor, of steps:':28s}" + "".join(f"{steps:16d}" for steps in STEPS), end="")
    print(f"{'of the data':>12s}{'5000':>12s}{'one point':>12s}")
    for name in DATASETS:
        of_themselves(name)
    print(f"\n{'':22s}" + "".join(f"{loss:>25s}" for loss in LOSSES) + f"{'ms without':>12s}{'with':>6s}")
    print(f"{'':22s}" + f"{'change':>9s}{'jumps':>7s}{'last':>9s}" * len(LOSSES))
    for name in DATASETS:
        for training in TRAININGS:
            over_training(name, training, seeds)


if __name__ == "__main__":
    main()
