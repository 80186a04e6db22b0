"""The training loop against the equations."""

import numpy as np
import pytest
import torch
from tests.training.small_trainings import config, model, random_walk

from lossjumps.analysis.events import LOSSES
from lossjumps.errors import InputError
from lossjumps.training.forcing import FORCINGS
from lossjumps.training.loop import learning_rates, train
from lossjumps.training.models import family_of
from lossjumps.training.parameters import FlatParameters
from lossjumps.training.sequences import Compiled, Sequences, StepByStep


def parameters_of(recording, run, epoch, model_config, observed):
    arrays = FlatParameters.of(model_config, observed).arrays(recording.parameters)
    return {name: values[run, epoch] for name, values in arrays.items()}


# Independent ways, one run, one sequence, one number at a time, written from the equations.


def naive_next_state(family_name, p, z):
    if family_name == "shallow_plrnn":
        return p["A"] * z + p["W1"] @ np.maximum(p["W2"] @ z + p["h2"], 0.0) + p["h1"]
    return p["A"] * z + p["W"] @ np.maximum(z, 0.0) + p["h"]


def completed(p, x):
    return np.concatenate([x, p["L"] @ x]) if "L" in p else x


def naive_loss(family_name, p, sequences, alpha):
    """Mean squared error of sequences (B, T + 1, N), each state compared before it is forced."""
    errors = []
    for sequence in sequences:
        z = completed(p, sequence[0])
        for x in sequence[1:]:
            z = naive_next_state(family_name, p, z)
            errors.extend((z[: len(x)] - x) ** 2)
            z = (1.0 - alpha) * z + alpha * completed(p, x)
    return np.mean(errors)


def naive_gradient(family_name, p, sequences, alpha, step=1e-6):
    """Central differences of the loss."""
    result = {}
    for name in p:
        slopes = np.zeros_like(p[name])
        for index in np.ndindex(slopes.shape):
            ends = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in p.items()}
                moved[name][index] += sign * step
                ends.append(naive_loss(family_name, moved, sequences, alpha))
            slopes[index] = (ends[0] - ends[1]) / (2 * step)
        result[name] = slopes
    return result


@pytest.mark.parametrize("engine", [Compiled(), StepByStep()], ids=["compiled", "step by step"])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.35, 1.0])
@pytest.mark.parametrize(("name", "latent"), [("shallow_plrnn", 2), ("shallow_plrnn", 4), ("plrnn", 3)])
def test_loss_and_gradient_are_those_of_the_equations(name, latent, alpha, engine):
    observed, runs = 2, 2
    layout = FlatParameters(family_of(name), latent, 3 if name == "shallow_plrnn" else None, observed)
    generators = [np.random.default_rng(seed) for seed in range(runs)]
    flat = layout.initial(generators)
    series = np.random.default_rng(9).standard_normal((40, observed))
    starts = np.random.default_rng(8).integers(0, 35, (runs, 3))
    strengths = FORCINGS["bptt" if alpha is None else "gtf"].strengths(4, alpha)
    sequences = Sequences(torch.from_numpy(series), torch.from_numpy(starts), strengths)
    losses = engine.loss(layout.network(flat), sequences)
    losses.sum().backward()
    values, slopes = layout.arrays(flat.detach().numpy()), layout.arrays(flat.grad.numpy())
    assert set(values) == set(family_of(name).shapes(latent, 3)) | ({"L"} if latent > observed else set())
    for run in range(runs):
        p = {key: value[run].copy() for key, value in values.items()}
        data = series[starts[run][:, None] + np.arange(5)]
        assert losses[run].item() == pytest.approx(naive_loss(name, p, data, alpha or 0.0), rel=1e-12)
        expected = naive_gradient(name, p, data, alpha or 0.0)
        for key in p:
            if key == "W":
                np.fill_diagonal(expected[key], 0.0)
            np.testing.assert_allclose(slopes[key][run], expected[key], rtol=1e-6, atol=1e-7)


def test_updates_are_those_of_adam():
    """Adam (Kingma & Ba, 2015, algorithm 1) on gradients of the equations, with the documented draws and rates."""
    series, seed, training = random_walk(50, 2), 4, config(epochs=2, updates_per_epoch=2)
    recording = train(series, series, model(hidden=3), training, [seed])
    p = parameters_of(recording, 0, 0, model(hidden=3), 2)
    first = {key: np.zeros_like(value) for key, value in p.items()}
    second = {key: np.zeros_like(value) for key, value in p.items()}
    draws = np.random.default_rng([seed, 1])
    rates = 0.01 * (0.001 / 0.01) ** (np.arange(4) / 3)
    update = 0
    for epoch in (1, 2):
        start = {key: value.copy() for key, value in p.items()}
        losses, norms = [], []
        for starts in draws.integers(0, 50 - 7, (2, 1, 3))[:, 0]:
            sequences = np.stack([series[s : s + 8] for s in starts])
            losses.append(naive_loss("shallow_plrnn", p, sequences, 0.3))
            slopes = naive_gradient("shallow_plrnn", p, sequences, 0.3)
            norms.append(np.sqrt(sum((slope**2).sum() for slope in slopes.values())))
            for key, slope in slopes.items():
                first[key] = 0.9 * first[key] + 0.1 * slope
                second[key] = 0.999 * second[key] + 0.001 * slope**2
                corrected = first[key] / (1 - 0.9 ** (update + 1))
                spread = np.sqrt(second[key] / (1 - 0.999 ** (update + 1)))
                p[key] = p[key] - rates[update] * corrected / (spread + 1e-8)
            update += 1
        recorded = parameters_of(recording, 0, epoch, model(hidden=3), 2)
        for key in p:
            np.testing.assert_allclose(recorded[key], p[key], atol=2e-6)
        length = np.sqrt(sum(((p[key] - start[key]) ** 2).sum() for key in p))
        numbers = {name: values[0, epoch] for name, values in recording.history.items()}
        assert numbers["loss_train"] == pytest.approx(np.mean(losses), rel=1e-4)
        assert numbers["grad_norm"] == pytest.approx(np.mean(norms), rel=1e-3)
        assert numbers["grad_norm_max"] == pytest.approx(np.max(norms), rel=1e-3)
        assert numbers["step_length"] == pytest.approx(length, rel=1e-3)
        assert numbers["learning_rate"] == pytest.approx(rates[update - 1])


def test_learning_rate_decays_exponentially_between_its_ends():
    rates = learning_rates(config(epochs=5, updates_per_epoch=3, learning_rate=1e-2, learning_rate_end=1e-4))
    assert (len(rates), rates[0], rates[-1]) == (15, pytest.approx(1e-2), pytest.approx(1e-4))
    np.testing.assert_allclose(rates[1:] / rates[:-1], 1e-2 ** (1 / 14))


def test_columns_of_the_first_epoch():
    history = train(random_walk(40, 2), random_walk(40, 2), model(), config(), [0, 1]).history
    assert all(np.isfinite(history[name]).all() for name in LOSSES)
    for name in ("loss_train", "grad_norm", "grad_norm_max", "step_length", "learning_rate"):
        assert np.isnan(history[name][:, 0]).all()
        assert np.isfinite(history[name][:, 1:]).all()


def test_the_shortest_possible_series_is_one_sequence():
    series = random_walk(10, 1)
    recording = train(series[:8], series, model(hidden=2), config(epochs=1), [0])
    assert list(recording.last_epoch) == [1]


def test_training_learns():
    """A rotation with a sawtooth in it, nothing chaotic: the free-running loss falls by a factor of ten at least."""
    angle = 0.3 * np.arange(400)
    series = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    training = config(epochs=40, updates_per_epoch=5, sequence_length=10, learning_rate_end=0.01)
    losses = train(series, series, model(hidden=8), training, [0, 1, 2]).history["loss_free"]
    assert (losses[:, -1] < 0.1 * losses[:, 0]).all()


def test_diagonal_of_w_stays_zero():
    series = random_walk(60, 3)
    recording = train(series, series, model("plrnn", latent=4), config(), [0])
    matrices = FlatParameters.of(model("plrnn", latent=4), 3).arrays(recording.parameters)["W"]
    assert (np.diagonal(matrices, axis1=-2, axis2=-1) == 0).all()
    assert (matrices[0, -1] != matrices[0, 0]).sum() == 12


def test_clipped_gradients_are_as_long_as_they_may_be_and_point_where_they_did():
    """One update of gradient descent, with a bound below and above the length of the gradient."""
    series = random_walk(60, 2)
    one = {"epochs": 1, "updates_per_epoch": 1, "optimiser": "sgd", "learning_rate": 0.1, "learning_rate_end": 0.1}
    free, clipped, loose = (
        train(series, series, model(), config(gradient_clip=clip, **one), [0, 1]) for clip in (None, 1e-3, 1e3)
    )
    np.testing.assert_array_equal(free.parameters, loose.parameters)
    steps = [recording.parameters[:, 1] - recording.parameters[:, 0] for recording in (free, clipped)]
    np.testing.assert_allclose(np.linalg.norm(steps[1], axis=1), 0.1 * 1e-3)
    np.testing.assert_allclose(steps[0] / np.linalg.norm(steps[0], axis=1)[:, None], steps[1] / 1e-4, atol=1e-9)
    np.testing.assert_array_equal(clipped.history["grad_norm"], free.history["grad_norm"])
    np.testing.assert_allclose(np.linalg.norm(steps[0], axis=1), 0.1 * free.history["grad_norm"][:, 1])


def test_noise_enters_the_network_and_not_the_targets():
    """The loss of the first update by hand, with the documented draws."""
    series, seed, training = random_walk(50, 2), 4, config(epochs=1, updates_per_epoch=1, input_noise=0.2)
    recording = train(series, series, model(), training, [seed])
    p = parameters_of(recording, 0, 0, model(), 2)
    starts = np.random.default_rng([seed, 1]).integers(0, 50 - 7, (1, 3))[0]
    noise = 0.2 * np.random.default_rng([seed, 2]).standard_normal((7, 3, 2))
    errors = []
    for sequence, start in enumerate(starts):
        z = series[start] + noise[0, sequence]
        for step in range(1, 8):
            z = naive_next_state("shallow_plrnn", p, z)
            errors.append((z - series[start + step]) ** 2)
            if step < 7:
                z = 0.7 * z + 0.3 * (series[start + step] + noise[step, sequence])
    assert recording.history["loss_train"][0, 1] == pytest.approx(np.mean(errors), rel=1e-12)


def test_regularised_training_minimises_both():
    """Without data to speak of, weights shrink, and the map of the states that are drawn comes near z' = z."""
    series = 1e-6 * random_walk(60, 2)
    keys = {"epochs": 40, "updates_per_epoch": 5, "learning_rate": 0.05, "learning_rate_end": 0.001}
    small = train(series, series, model(), config(l2=1.0, **keys), [0])
    assert np.abs(small.parameters[0, -1]).max() < 0.02 < np.abs(small.parameters[0, 0]).max()
    held = train(series, series, model(latent=4), config(manifold_attractor=1.0, **keys), [0])
    p = parameters_of(held, 0, -1, model(latent=4), 2)
    np.testing.assert_allclose(p["A"][2:], 1.0, atol=0.02)
    np.testing.assert_allclose(p["W1"][2:], 0.0, atol=0.02)
    assert np.abs(p["W1"][:2]).max() > 0.1


def test_single_precision_is_recorded_as_it_is():
    series = random_walk(60, 2)
    single, double = (train(series, series, model(), config(precision=kind), [0]) for kind in ("float32", "float64"))
    assert single.parameters.dtype == np.float64
    np.testing.assert_array_equal(single.parameters, single.parameters.astype(np.float32))
    assert (single.parameters != double.parameters).any()
    np.testing.assert_allclose(single.parameters, double.parameters, atol=1e-4)
    np.testing.assert_allclose(single.history["loss_free"], double.history["loss_free"], rtol=1e-3)


def test_trainings_step_by_step_in_torch_are_those_of_the_kernel(monkeypatch):
    """As on a GPU, but on the processor."""
    series = random_walk(60, 2)
    training = config(input_noise=0.1, l2=0.01, gradient_clip=1.0, optimiser="radam")
    compiled = train(series, series, model(latent=4), training, range(3))
    monkeypatch.setattr("lossjumps.training.loop.Compiled", lambda threads: StepByStep())
    stepped = train(series, series, model(latent=4), training, range(3))
    np.testing.assert_allclose(stepped.parameters, compiled.parameters, rtol=1e-9, atol=1e-12)
    for name, values in stepped.history.items():
        np.testing.assert_allclose(values, compiled.history[name], rtol=1e-8, err_msg=name)


@pytest.mark.skipif(torch.cuda.device_count() > 0, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said_in_one_line():
    series = random_walk(60, 2)
    with pytest.raises(InputError, match=r"training\.device: expected cpu, or a GPU that torch .* finds .*, got cuda"):
        train(series, series, model(), config(device="cuda"), [0])


@pytest.mark.skipif(torch.cuda.device_count() == 0, reason="this machine has no GPU")
@pytest.mark.parametrize("name", ["shallow_plrnn", "plrnn"])
def test_a_gpu_trains_as_the_processor_does(name):
    series = random_walk(60, 2)
    both = [
        train(series, series, model(name, latent=4), config(device=device, input_noise=0.1, l2=0.01), range(3))
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(both[1].parameters, both[0].parameters, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(both[1].history["loss_free"], both[0].history["loss_free"], rtol=1e-9)
