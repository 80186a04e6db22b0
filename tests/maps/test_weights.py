"""Networks from files: every family is read, however it is saved, and what is no network is refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from tests.random_maps import family_parameters

from lossjumps.errors import InputError
from lossjumps.maps import ReluMap
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.weights import read_weights

generator = np.random.default_rng(7)
M = 3
AMBIGUOUS = ("shallow_plrnn", "clipped_shallow_plrnn")


def weights_of(family: str) -> dict:
    return family_parameters(family, generator)


def step(family: str, w: dict, z: np.ndarray) -> np.ndarray:
    """One step as the papers write it, without the canonical form."""

    def relu(y: np.ndarray) -> np.ndarray:
        return np.maximum(y, 0)

    if family == "canonical":
        return w["A"] @ z + w["U"] @ relu(w["V"] @ z + w["b"]) + w["c"]
    if family == "plrnn":
        return w["A"] * z + w["W"] @ relu(z) + w["h"]
    if family == "shallow_plrnn":
        return w["A"] * z + w["W1"] @ relu(w["W2"] @ z + w["h2"]) + w["h1"]
    if family == "clipped_shallow_plrnn":
        return w["A"] * z + w["W1"] @ (relu(w["W2"] @ z + w["h2"]) - relu(w["W2"] @ z)) + w["h1"]
    if family == "dendritic_plrnn":
        basis = sum(alpha * relu(z - theta) for alpha, theta in zip(w["alphas"], w["thetas"], strict=True))
        return w["A"] * z + w["W"] @ basis + w["h"]
    if family == "almost_linear_rnn":
        return w["A"] * z + w["W"] @ np.concatenate([z[:-2], relu(z[-2:])]) + w["h"]
    return relu(w["W"] @ z + w["b"])


SAVED = (".npz", ".json", ".safetensors", ".pt")


def write(path: Path, weights: dict) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **weights)
    elif path.suffix == ".safetensors":
        texts = {key: value for key, value in weights.items() if isinstance(value, str)}
        arrays = {key: np.asarray(value) for key, value in weights.items() if key not in texts}
        safetensors.numpy.save_file(arrays, path, metadata=texts or None)
    elif path.suffix == ".pt":
        torch.save({k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in weights.items()}, path)
    else:
        path.write_text(json.dumps({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in weights.items()}))
    return path


@pytest.mark.parametrize("suffix", SAVED)
@pytest.mark.parametrize(
    ("family", "where"),
    [
        (family, where)
        for family in FAMILIES
        for where in ("entry", "option", "keys")
        if where != "keys" or family not in AMBIGUOUS
    ],
)
def test_reads_every_family(tmp_path: Path, family: str, where: str, suffix: str) -> None:
    weights = weights_of(family)
    entry = {"family": family} if where == "entry" else {}
    path = write(tmp_path / f"weights{suffix}", weights | entry)
    read = read_weights(path, family if where == "option" else None)
    assert (read.family, read.is_torch_rnn, read.not_read) == (family, False, ())
    for z in generator.normal(size=(20, M)):
        np.testing.assert_allclose(read.network(z), step(family, weights, z), rtol=1e-12, atol=1e-12)


def test_reads_other_numeric_types(tmp_path: Path) -> None:
    path = write(tmp_path / "weights.npz", {"W": np.array([[2]], np.int8), "b": np.array([0.5], np.float32)})
    assert read_weights(path).network(np.array([3.0])) == pytest.approx(6.5)


def test_a_may_be_the_diagonal_or_the_whole_matrix(tmp_path: Path) -> None:
    diagonal = read_weights(write(tmp_path / "diagonal.npz", PLRNN)).network
    whole = read_weights(write(tmp_path / "whole.npz", PLRNN | {"A": [[0.5]]})).network
    assert diagonal.A.tolist() == whole.A.tolist() == [[0.5]]


@pytest.mark.parametrize("suffix", SAVED)
def test_names_may_have_a_prefix_and_others_are_left_out(tmp_path: Path, suffix: str) -> None:
    weights = weights_of("dendritic_plrnn")
    others = {"decoder.weight": np.ones((2, M)), "A": np.ones(7), "model.decoder.W": np.eye(2)}
    path = write(tmp_path / f"weights{suffix}", {f"model.rnn.{key}": value for key, value in weights.items()} | others)
    read = read_weights(path)
    assert (read.family, set(read.not_read)) == ("dendritic_plrnn", set(others))
    z = generator.normal(size=M)
    np.testing.assert_allclose(read.network(z), step("dendritic_plrnn", weights, z), rtol=1e-12)


def torch_rnn(bias: bool = True, inputs: int = 2, **options: object) -> torch.nn.Module:
    """A network as users write it: the recurrent part is a member, and there is a readout."""
    network = torch.nn.Module()
    network.rnn = torch.nn.RNN(inputs, M, nonlinearity="relu", bias=bias, **options)
    network.readout = torch.nn.Linear(M, 2)
    return network


@pytest.mark.parametrize("family", [None, "relu_rnn"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_state_of_a_torch_rnn_is_the_network_without_input(
    tmp_path: Path, whole: bool, bias: bool, family: str | None
) -> None:
    torch.manual_seed(1)
    network = torch_rnn(bias)
    path = tmp_path / "weights.pt"
    torch.save(network.state_dict() if whole else network.rnn.state_dict(), path)
    read = read_weights(path, family)
    expected = ReluMap.from_torch(network.rnn)
    for one, other in zip(read.network.parameters, expected.parameters, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (read.family, read.is_torch_rnn) == ("relu_rnn", True)
    assert read.not_read == (("readout.weight", "readout.bias") if whole else ())
    with torch.inference_mode():
        after = network.rnn(torch.zeros(1, 1, 2), torch.ones(1, 1, M))[0].numpy().ravel()
    np.testing.assert_allclose(read.network(np.ones(M)), after, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (torch_rnn(num_layers=2), "rnn.weight_hh_l1: expected a torch.nn.RNN of one layer"),
        (torch_rnn(bidirectional=True), "rnn.weight_hh_l0_reverse: expected a torch.nn.RNN of one direction"),
        (torch.nn.LSTM(2, M), r"weight_hh_l0: expected shape \(M, M\) of .*, got \(12, 3\); LSTM and GRU are no ReLU"),
        (torch.nn.GRU(2, M), r"got \(9, 3\)"),
        (
            torch.nn.ModuleDict({"a": torch_rnn(), "b": torch_rnn()}),
            r"got 2 \(a.rnn.weight_hh_l0, b.rnn.weight_hh_l0\)",
        ),
        (torch.nn.Linear(2, 2), "keys weight, bias fit no family: expected one of A, U, V, b, c"),
    ],
)
def test_states_of_other_modules_are_refused(tmp_path: Path, network: torch.nn.Module, message: str) -> None:
    path = tmp_path / "weights.pt"
    torch.save(network.state_dict(), path)
    with pytest.raises(InputError, match=message) as caught:
        read_weights(path)
    assert_one_line(caught, path)


def test_what_could_be_a_misspelt_parameter_is_left_out_only_where_the_family_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "weights.npz", PLRNN | {"alpha": [1.0], "theta": [[1.0]], "decoder.B": [[1.0]]})
    with pytest.raises(InputError, match="fit no family as they are; --family plrnn would leave out alpha, theta, dec"):
        read_weights(path)
    assert read_weights(path, "plrnn").not_read == ("alpha", "theta", "decoder.B")


@pytest.mark.parametrize("family", AMBIGUOUS)
def test_ambiguous_keys_need_a_family(tmp_path: Path, family: str) -> None:
    path = write(tmp_path / "weights.npz", weights_of(family))
    with pytest.raises(InputError, match="family: the keys fit shallow_plrnn and clipped_shallow_plrnn"):
        read_weights(path)


PLRNN = {"A": [0.5], "W": [[1.0]], "h": [0.1]}
MALFORMED_ENTRIES = {
    "no_keys": ({}, None, "has none"),
    "missing": ({"A": [0.5], "W": [[1.0]]}, "plrnn", "missing h"),
    "fits_no_family": ({"A": [0.5], "W": [[1.0]]}, None, "keys A, W fit no family"),
    "unknown": (PLRNN | {"bias": [1.0]}, None, "fit no family as they are; --family plrnn would leave out bias"),
    "missing_after_a_prefix": ({"net.A": [0.5], "net.W": [[1.0]], "A": [0.5]}, "plrnn", "missing net.h: plrnn has the"),
    "two_networks": ({f"{n}.{k}": v for n in "ab" for k, v in PLRNN.items()}, "plrnn", r"got 2 \(a.A, b.A\)"),
    "many_keys": ({f"layer_{n}": [1.0] for n in range(99)}, None, "layer_7 and 91 more fit no family"),
    "other_family": (PLRNN, "relu_rnn", "missing b"),
    "unknown_family": (PLRNN | {"family": "lstm"}, None, "family: got 'lstm', expected one of"),
    "unknown_option": (PLRNN, "plrn", "did you mean plrnn"),
    "families_differ": (PLRNN | {"family": "plrnn"}, "relu_rnn", "the file says 'plrnn', the option says 'relu_rnn'"),
    "family_is_a_number": (PLRNN | {"family": 3}, None, "family: expected the name"),
    "shapes": (PLRNN | {"h": [0.1, 0.2]}, None, "h: expected shape"),
    "scalar": (PLRNN | {"A": 0.5}, None, "A: expected shape"),
    "text": (PLRNN | {"h": ["a"]}, None, "h: expected real numbers"),
    "truth": (PLRNN | {"h": [True]}, None, "h: expected real numbers"),
    "nan": (PLRNN | {"h": [float("nan")]}, None, "h: expected finite"),
    "infinite": (PLRNN | {"h": [float("inf")]}, None, "h: expected finite"),
    "empty_array": ({"W": [[]], "b": []}, None, "at least one element"),
    "n_relu_list": (PLRNN | {"n_relu": [[1] * 400] * 2}, None, "n_relu: expected a single number"),
    "n_relu_fraction": (PLRNN | {"n_relu": 0.5}, None, "n_relu: expected an integer"),
    "n_relu_too_large": (PLRNN | {"n_relu": 2}, None, "n_relu: expected an integer"),
    "odd_key": (PLRNN | {"two\nlines": [1.0]}, None, "leave out 'two\\\\nlines'"),
}


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("case", MALFORMED_ENTRIES)
def test_malformed_entries(tmp_path: Path, case: str, suffix: str) -> None:
    entries, family, message = MALFORMED_ENTRIES[case]
    path = write(tmp_path / f"weights{suffix}", entries)
    with pytest.raises(InputError, match=message) as caught:
        read_weights(path, family)
    assert_one_line(caught, path)


def assert_one_line(caught: pytest.ExceptionInfo, path: Path) -> None:
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400
