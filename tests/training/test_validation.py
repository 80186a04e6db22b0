"""Combinations that cannot be trained are refused before any job, by one line that names the key."""

import subprocess
import sys

import pytest

from lossjumps.data.lorenz63 import Lorenz63Config
from lossjumps.data.santafe_laser import SantaFeLaserConfig
from lossjumps.errors import InputError
from lossjumps.schema import EvaluationConfig, ModelConfig, TrainingConfig
from lossjumps.training.validation import check

LORENZ = Lorenz63Config(name="lorenz63", length_train=100, length_test=300)
SHALLOW = ModelConfig(name="shallow_plrnn", hidden=5)
BPTT = TrainingConfig(name="bptt")


@pytest.mark.parametrize(
    ("dataset", "model", "training"),
    [
        (LORENZ, SHALLOW, BPTT),
        (LORENZ, ModelConfig(name="shallow_plrnn", hidden=5, latent=3), TrainingConfig(name="gtf", alpha=0.0)),
        (LORENZ, ModelConfig(name="plrnn", latent=8), TrainingConfig(name="gtf", alpha=1.0, sequence_length=99)),
        (SantaFeLaserConfig(name="santafe_laser", embedding_dimension=5), ModelConfig(name="plrnn", latent=5), BPTT),
    ],
)
def test_possible_combinations(dataset, model, training):
    check(dataset, model, training)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dataset": Lorenz63Config(name="lorentz")}, r"dataset\.name: expected one of lorenz63, .*, got 'lorentz'"),
        ({"model": ModelConfig(name="lstm")}, r"model\.name: expected one of .*, got 'lstm'"),
        ({"training": TrainingConfig(name="stf")}, r"training\.name: expected one of .*, got 'stf'"),
        ({"training": TrainingConfig(name="gtf")}, r"training\.alpha: expected the forcing strength of gtf"),
        ({"training": TrainingConfig(name="bptt", alpha=0.1)}, r"training\.alpha: expected null .*, got 0\.1"),
        ({"model": ModelConfig(name="shallow_plrnn")}, r"model\.hidden: expected the number of hidden units"),
        ({"model": ModelConfig(name="plrnn", hidden=5)}, r"model\.hidden: expected null .*, got 5"),
        ({"model": ModelConfig(name="plrnn", latent=2)}, r"model\.latent: expected null or at least 3.*, got 2"),
        (
            {"training": TrainingConfig(name="bptt", sequence_length=100)},
            r"training\.sequence_length: expected less than dataset\.length_train = 100, got 100",
        ),
        (
            {"training": TrainingConfig(name="bptt", evaluation=EvaluationConfig(horizon_long=300))},
            r"training\.evaluation\.horizon_long: expected less than dataset\.length_test = 300, got 300",
        ),
    ],
)
def test_impossible_combinations(changed, message):
    with pytest.raises(InputError, match=message):
        check(**({"dataset": LORENZ, "model": SHALLOW, "training": BPTT} | changed))


def test_validation_needs_no_torch():
    program = "import sys; import lossjumps.training.validation; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
