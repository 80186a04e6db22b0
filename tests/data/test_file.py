"""A user's files, as they should be and as they should not."""

import re

import numpy as np
import pytest

from lossjumps.data import file
from lossjumps.data.file import FileConfig
from lossjumps.errors import InputError

VALUES = np.array([[1.0, 4.0], [2.0, 5.5], [3.0, 5.0], [5.0, -1.0], [4.0, 2.0], [0.5, 3.0]])


def config(path, **keys):
    return FileConfig(name="file", path=str(path), **({"length_train": 3, "length_test": 3} | keys))


def raw(series):
    both = np.concatenate([series.train - series.noise, series.test])
    return both * series.standard_deviation + series.mean


@pytest.fixture
def recording(tmp_path):
    """Write VALUES to a file of the wanted kind."""

    def write(suffix):
        path = tmp_path / f"recording{suffix}"
        if suffix == ".npy":
            np.save(path, VALUES)
        elif suffix == ".npz":
            np.savez(path, first=np.zeros(3), second=VALUES)
        else:
            lines = ["time, voltage", *(f"{a},{b}" for a, b in VALUES)]
            path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_all_columns(recording, suffix):
    chosen = config(recording(suffix), array="second" if suffix == ".npz" else None, time_step=0.1)
    series = file.load(chosen)
    np.testing.assert_allclose(raw(series), VALUES, atol=1e-12)
    assert series.time_step == 0.1
    assert file.n_observed(chosen) == 2


@pytest.mark.parametrize("columns", [["voltage"], ["1"], [1]])
def test_one_column_by_name_or_position_embedded(recording, columns):
    chosen = config(
        recording(".csv"), columns=columns, length_train=2, length_test=2, embedding_dimension=2, embedding_delay=1
    )
    series = file.load(chosen)
    np.testing.assert_allclose(raw(series), [[5.5, 4], [5, 5.5], [2, -1], [3, 2]], atol=1e-12)
    assert file.n_observed(chosen) == 2


def test_order_of_columns_is_the_users(recording):
    np.testing.assert_allclose(raw(file.load(config(recording(".npy"), columns=["1", "0"]))), VALUES[:, ::-1])


def test_one_dimensional_integers_are_one_column(tmp_path):
    np.save(tmp_path / "x.npy", np.array([3, 1, 4, 1, 5, 9], dtype=np.int16))
    chosen = config(tmp_path / "x.npy")
    np.testing.assert_allclose(raw(file.load(chosen)).ravel(), [3, 1, 4, 1, 5, 9])
    assert file.n_observed(chosen) == 1


def test_csv_without_header_with_windows_line_ends(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(b"%d, %d" % (i, i * i) for i in range(6)) + b"\r\n")
    np.testing.assert_allclose(raw(file.load(config(tmp_path / "x.csv"))), [[i, i * i] for i in range(6)], atol=1e-12)


def test_path_is_relative_to_the_working_directory(recording, monkeypatch):
    monkeypatch.chdir(recording(".npy").parent)
    np.testing.assert_allclose(raw(file.load(config("recording.npy"))), VALUES, atol=1e-12)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"path": "x.txt"}, "dataset.path"),
        ({"array": "a"}, "dataset.array"),
        ({"columns": []}, "dataset.columns"),
        ({"time_step": 0.0}, "dataset.time_step"),
        ({"embedding_dimension": 0}, "dataset.embedding_dimension"),
        ({"embedding_delay": 0}, "dataset.embedding_delay"),
    ],
)
def test_ranges(keys, key):
    with pytest.raises(InputError, match=re.escape(f"{key}: expected")):
        config(**({"path": "x.npy"} | keys))


def test_a_clock_is_not_observed_by_mistake(tmp_path):
    path = tmp_path / "cell.csv"
    voltage = np.random.default_rng(4).normal(size=60)
    path.write_text("t [s],v [mV]\n" + "".join(f"{0.05 * i:.2f},{v}\n" for i, v in enumerate(voltage)))
    lengths = {"length_train": 30, "length_test": 30}
    with pytest.raises(InputError, match=r"column 't \[s\]' rises .* such as dataset.columns=\['v \[mV\]'\], that one"):
        file.load(config(path, **lengths))
    np.testing.assert_allclose(raw(file.load(config(path, columns=["v [mV]"], **lengths)))[:, 0], voltage)
    asked = file.load(config(path, columns=["0", "1"], **lengths))
    assert asked.train.shape == (30, 2)
    np.savetxt(path, np.arange(60.0))  # the only column is what there is
    assert file.load(config(path, **lengths)).train.shape == (30, 1)
