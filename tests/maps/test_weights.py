"""Weights from files: every family is read, and everything malformed is refused in one line."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
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


def write(path: Path, weights: dict) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **weights)
    else:
        path.write_text(json.dumps({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in weights.items()}))
    return path


@pytest.mark.parametrize("suffix", [".npz", ".json"])
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
    read_family, network = read_weights(path, family if where == "option" else None)
    assert read_family == family
    assert isinstance(network, ReluMap)
    for z in generator.normal(size=(20, M)):
        np.testing.assert_allclose(network(z), step(family, weights, z), rtol=1e-12, atol=1e-12)


def test_reads_other_numeric_types(tmp_path: Path) -> None:
    path = write(tmp_path / "weights.npz", {"W": np.array([[2]], np.int8), "b": np.array([0.5], np.float32)})
    assert read_weights(path)[1](np.array([3.0])) == pytest.approx(6.5)


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
    "unknown": (PLRNN | {"bias": [1.0]}, "plrnn", "unknown bias"),
    "other_family": (PLRNN, "relu_rnn", "missing b"),
    "unknown_family": (PLRNN | {"family": "lstm"}, None, "family: expected one of"),
    "unknown_option": (PLRNN, "lstm", "family: expected one of"),
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
    "odd_key": (PLRNN | {"two\nlines": [1.0]}, "plrnn", "unknown 'two\\\\nlines'"),
}


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("case", MALFORMED_ENTRIES)
def test_malformed_entries(tmp_path: Path, case: str, suffix: str) -> None:
    entries, family, message = MALFORMED_ENTRIES[case]
    path = write(tmp_path / f"weights{suffix}", entries)
    with pytest.raises(InputError, match=message) as caught:
        read_weights(path, family)
    assert_one_line(caught, path)


def pickled(path: Path) -> None:
    np.savez(path, W=np.array([[None]], dtype=object), b=np.zeros(1))


def truncated(path: Path) -> None:
    np.savez(path, **PLRNN)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flipped(path: Path) -> None:
    """One wrong byte inside an array: the checksum of the archive tells."""
    np.savez(path, W=np.full((40, 40), 0.25), b=np.zeros(40))
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)


def no_arrays(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W", "some text")


def bad_header(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W.npy", b"\x93NUMPY\x01\x00\x05\x00{'de}")


def impossible_size(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000, 3)}\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


def single_array(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.eye(2))


MALFORMED_FILES = {
    "pickled.npz": (pickled, "W: expected real numbers, got pickled objects"),
    "truncated.npz": (truncated, "not an .npz file"),
    "flipped.npz": (flipped, "W: damaged"),
    "no_arrays.npz": (no_arrays, "W: expected an array"),
    "bad_header.npz": (bad_header, "W: damaged"),
    "impossible_size.npz": (impossible_size, "W: damaged"),
    "single_array.npz": (single_array, "not an .npz file"),
    "pickle.npz": (lambda path: path.write_bytes(pickle.dumps(PLRNN)), "not an .npz file"),
    "empty.npz": (lambda path: path.touch(), "the file is empty"),
    "empty.json": (lambda path: path.touch(), "the file is empty"),
    "folder.npz": (lambda path: path.mkdir(), "expected a file, got a folder"),
    "absent.npz": (lambda path: None, "no such file"),
    "weights.pt": (lambda path: path.write_bytes(b"x"), "expected a file that ends in"),
    "binary.json": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "expected UTF-8"),
    "cut.json": (lambda path: path.write_text('{"A": [0.5'), "not JSON: .* at line 1"),
    "list.json": (lambda path: path.write_text("[1, 2]"), "expected a JSON object"),
    "twice.json": (lambda path: path.write_text('{"W": [[1]], "W": [[2]], "b": [0]}'), "W: expected each key once"),
    "ragged.json": (lambda path: path.write_text('{"W": [[1, 2], [3]], "b": [0, 0]}'), "lists of unequal lengths"),
    "null.json": (lambda path: path.write_text('{"W": null, "b": [0]}'), "W: expected real numbers"),
    "nested.json": (lambda path: path.write_text('{"W": {"a": 1}, "b": [0]}'), "W: expected real numbers"),
    "deep.json": (lambda path: path.write_text("[" * 100_000), "nested too deep"),
    "long.json": (lambda path: path.write_text('{"W": [[' + "9" * 5000 + ']], "b": [0]}'), "number is too long"),
}


@pytest.mark.parametrize("name", MALFORMED_FILES)
def test_malformed_files(tmp_path: Path, name: str) -> None:
    make, message = MALFORMED_FILES[name]
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        read_weights(path)
    assert_one_line(caught, path)


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "weights.npz", {"W": np.array([[1j]]), "b": np.zeros(1)})
    with pytest.raises(InputError, match="W: expected real numbers, got type complex128"):
        read_weights(path)


def assert_one_line(caught: pytest.ExceptionInfo, path: Path) -> None:
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400
