"""Weights as they lie in files: every format is read exactly, and everything malformed is refused in one line."""

import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from lossjumps.errors import InputError
from lossjumps.maps.weight_files import read_entries
from lossjumps.maps.weights import read_weights

RELU_RNN = {"W": [[-2.0]], "b": [1.0]}
PLRNN = {"A": [0.5], "W": [[1.0]], "h": [0.1]}


def safetensors_of(path: Path, header: dict, data: bytes = b"", metadata: dict | None = None) -> Path:
    """A .safetensors file by hand: 8 bytes of length, a JSON header, the numbers."""
    text = json.dumps(({"__metadata__": metadata} if metadata else {}) | header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8])
def test_safetensors_are_read_to_the_last_bit(tmp_path: Path, kind: type) -> None:
    numbers = (np.arange(6).reshape(2, 3) / (3 if np.issubdtype(kind, np.floating) else 1)).astype(kind)
    path = tmp_path / "weights.safetensors"
    safetensors.numpy.save_file({"rnn.W": numbers, "n_relu": np.array(2)}, path)
    entries = read_entries(path)
    assert entries["rnn.W"].dtype == kind and entries["rnn.W"].tolist() == numbers.tolist()
    assert entries["n_relu"] == 2 and entries["n_relu"].shape == ()


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path: Path) -> None:
    # 0x3FC0 is 1.5; 0xBEAB is -(1 + 43/128) / 4, what 1/3 is rounded to, negative.
    header = {"b": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    path = safetensors_of(tmp_path / "weights.safetensors", header, bytes.fromhex("c03fabbe"))
    assert read_entries(path)["b"].tolist() == [1.5, -171 / 512]
    checkpoint = tmp_path / "weights.pt"
    torch.save(
        {"W": torch.eye(2, dtype=torch.bfloat16), "b": torch.tensor([1.5, -1 / 3], dtype=torch.bfloat16)}, checkpoint
    )
    assert read_weights(checkpoint).network.b.tolist() == [1.5, -171 / 512]


def test_metadata_of_safetensors_may_name_the_family_and_is_no_parameter(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    shallow = {"A": np.ones(1), "W1": np.ones((1, 2)), "W2": np.ones((2, 1)), "h1": np.ones(1), "h2": np.ones(2)}
    safetensors.numpy.save_file(shallow, path, metadata={"format": "np", "family": "clipped_shallow_plrnn"})
    weights = read_weights(path)
    assert (weights.family, weights.not_read) == ("clipped_shallow_plrnn", ())


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".PT"])
def test_checkpoints_of_torch_are_flat(tmp_path: Path, suffix: str, old: bool) -> None:
    path = tmp_path / f"weights{suffix}"
    W = torch.nn.Parameter(torch.tensor([[1 / 3]], dtype=torch.float32))
    content = {"model": {"rnn.W": W, "rnn.b": torch.ones(1)}, "epoch": 7, "tag": "text", "family": "relu_rnn", 3: {}}
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    assert set(read_entries(path)) == {"family", "model.rnn.W", "model.rnn.b", "epoch"}
    weights = read_weights(path)
    assert weights.network.V.tolist() == [[float(np.float32(1 / 3))]] and weights.not_read == ("epoch",)


class Malicious:
    """What unpickling would run."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("name", ["weights.pt", "weights.npz", "pickled.pth", "array.npz"])
def test_code_in_a_file_is_not_run(tmp_path: Path, name: str) -> None:
    path, trace = tmp_path / name, tmp_path / "trace"
    content = {"W": Malicious(trace), "b": torch.ones(1)}
    if name == "array.npz":
        np.savez(path, W=np.array([[Malicious(trace)]], dtype=object))
    elif name == "pickled.pth":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    with pytest.raises(
        InputError, match=r"(other objects|pickled objects, which) are not loaded|expected an array"
    ) as caught:
        read_weights(path)
    assert_one_line(caught, path)
    assert not trace.exists()


def test_without_torch_the_remedy_is_said(tmp_path: Path) -> None:
    torch.save({key: torch.tensor(value) for key, value in RELU_RNN.items()}, tmp_path / "weights.pt")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from lossjumps.maps.weights import read_weights\n"
        "try: read_weights('weights.pt')\nexcept ValueError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert said.stdout == (
        "weights.pt: torch, which is not installed, reads this kind of file: pip install 'lossjumps[pipeline]', or "
        "save the weights as .npz or .safetensors\n"
    ), said.stderr


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


def cut_safetensors(path: Path) -> None:
    safetensors.numpy.save_file({"W": np.ones((9, 9)), "b": np.ones(9)}, path)
    path.write_bytes(path.read_bytes()[:-20])


def eight_bits(path: Path) -> None:
    safetensors_of(path, {"W": {"dtype": "F8_E4M3", "shape": [1, 1], "data_offsets": [0, 1]}}, b"\x00")


def complex_tensors(path: Path) -> None:
    safetensors.numpy.save_file({"W": np.array([[1j]], np.complex64), "b": np.ones(1)}, path)


def cut_checkpoint(path: Path) -> None:
    torch.save({"W": torch.ones(99, 99), "b": torch.ones(99)}, path)
    path.write_bytes(path.read_bytes()[:-200])


def sparse(path: Path) -> None:
    torch.save({"W": torch.eye(2).to_sparse(), "b": torch.ones(2)}, path)


def script(path: Path) -> None:
    with pytest.warns(DeprecationWarning):
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), path)


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
    "weights.txt": (lambda path: path.write_bytes(b"x"), r"expected a file that ends in \.npz or \.json or \.safe"),
    "weights": (lambda path: path.write_bytes(b"x"), "expected a file that ends in"),
    "cut.safetensors": (cut_safetensors, "not a whole .safetensors file"),
    "bytes.safetensors": (lambda path: path.write_bytes(b"x" * 99), "not a whole .safetensors file"),
    "none.safetensors": (lambda path: safetensors_of(path, {}), "the file has none"),
    "none_named.safetensors": (lambda path: safetensors_of(path, {}, b"", {"family": "plrnn"}), "the file has none"),
    "eight_bits.safetensors": (eight_bits, "W: expected numbers of 16 to 64 bits, got the type F8_E4M3"),
    "complex.safetensors": (complex_tensors, "W: expected real numbers, got type complex64"),
    "bytes.pt": (lambda path: path.write_bytes(b"x" * 99), "expected tensors and numbers alone|not a whole torch"),
    "cut.pt": (cut_checkpoint, "not a whole torch checkpoint"),
    "module.pt": (lambda path: torch.save(torch.nn.RNN(1, 1), path), "expected tensors and numbers alone"),
    "script.pt": (script, "expected tensors and numbers alone"),
    "tensor.pt": (lambda path: torch.save(torch.ones(2), path), "expected a state dict, got Tensor"),
    "texts.pt": (lambda path: torch.save({"a": "text"}, path), "the file has none"),
    "sparse.pt": (sparse, "W: expected a dense tensor of numbers"),
    "absent.pt": (lambda path: None, "no such file"),
    "folder.pt": (lambda path: path.mkdir(), "expected a file, got a folder"),
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
    path = tmp_path / "weights.npz"
    np.savez(path, W=np.array([[1j]]), b=np.zeros(1))
    with pytest.raises(InputError, match="W: expected real numbers, got type complex128"):
        read_weights(path)


def assert_one_line(caught: pytest.ExceptionInfo, path: Path) -> None:
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400
