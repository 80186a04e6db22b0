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


def with_entry(value):
    changed = VALUES.copy()
    changed[4, 1] = value
    return changed


@pytest.mark.parametrize(
    ("content", "keys", "message"),
    [
        (with_entry(np.nan), {}, "expected finite numbers, found nan in row 4, column 1"),
        (with_entry(np.inf), {}, "expected finite numbers, found inf in row 4, column 1"),
        (VALUES[:5], {}, "expected at least 6 samples (dataset.length_train = 3, dataset.length_test = 3), found 5"),
        (VALUES[:0], {}, "expected samples, the file holds none"),
        (VALUES * [1, 0], {}, "expected columns that vary, column 1 of the training series is constant"),
        (VALUES * 1j, {}, "expected real numbers, found an array of type complex128"),
        (VALUES.astype(str), {}, "expected real numbers, found an array of type"),
        (VALUES.astype(object), {}, "expected a whole .npy file of numbers"),
        (VALUES[None], {}, "expected an array (samples,) or (samples, columns), found shape (1, 6, 2)"),
        (VALUES, {"columns": ["2"]}, "dataset.columns: expected columns of"),
        (VALUES, {"columns": ["0", "0"]}, "dataset.columns: expected every column once"),
    ],
)
def test_unfit_arrays(tmp_path, content, keys, message):
    np.save(tmp_path / "x.npy", content, allow_pickle=True)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        file.load(config(tmp_path / "x.npy", **keys))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file or its first line is empty"),
        ("a,b\n", "expected samples below the header, found none"),
        ("1;2\n3;4\n", "expected cells separated by commas, found semicolons"),
        ("1,5;2,5\n3,5;4,5\n", "expected cells separated by commas, found semicolons"),
        ("1\t2\n3\t4\n", "expected cells separated by commas, found tabs"),
        ("1 2\n3 4\n", "expected cells separated by commas, found spaces"),
        ("a,b\n1,2\n3,x\n", "expected comma-separated numbers (could not convert string 'x'"),
        ("a,b\n1,2\n3,\n", "expected comma-separated numbers"),
        ("a,b\n1,2\n3\n", "expected comma-separated numbers"),
        ("a,b,c\n1,2\n3,4\n", "expected 3 columns as in the header, found 2"),
    ],
)
def test_unfit_texts(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        file.load(config(tmp_path / "x.csv"))
    assert "\n" not in str(caught.value)


def test_binary_rubbish_is_refused(tmp_path):
    for suffix in (".npy", ".npz", ".csv"):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(b"\xff\xfe\x00rubbish\x80")
        with pytest.raises(InputError, match=re.escape(f"{path}: expected")):
            file.load(config(path))
        with pytest.raises(InputError, match=re.escape(f"{path}: expected")):
            file.n_observed(config(path))


def test_missing_file_is_found_when_planning(tmp_path):
    for ask in (file.load, file.n_observed, file.files):
        with pytest.raises(InputError, match=r"dataset\.path: expected a file, .*nowhere\.npy does not exist"):
            ask(config(tmp_path / "nowhere.npy"))


def test_array_of_an_archive_has_to_be_named(recording):
    for name in (None, "third"):
        with pytest.raises(InputError, match=r"dataset\.array: expected the name of an array in .*\(first, second\)"):
            file.load(config(recording(".npz"), array=name))


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
