"""Files that are no recordings: one line names the file and what was expected of it, and nothing is written."""

import io
import zipfile

import numpy as np
import pytest
from tests.front_doors import compose_once, refused_by_command, refused_by_workflow

from lossjumps.data import file, reading
from lossjumps.data.file import FileConfig

LENGTHS = ["dataset.length_train=30", "dataset.length_test=30"]
SHORT = ["training.sequence_length=5", "training.evaluation.horizon_long=20"]
GOOD = np.random.default_rng(0).standard_normal((60, 2)).round(3)


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compose_once(monkeypatch)
    return tmp_path


def planned_from(name, *overrides):
    return ["dataset=file", f"dataset.path={name}", *LENGTHS, *SHORT, *overrides]


def text(values=GOOD, separator=",", header=None):
    lines = [separator.join(map(str, row)) for row in values]
    return "\n".join([*([header] if header else []), *lines]) + "\n"


def with_line(number, line):
    lines = text(header="x,y").splitlines()
    lines[number - 1] = line
    return "\n".join(lines)


def with_value(value, row=40, column=1):
    changed = GOOD.copy()
    changed[row, column] = value
    return changed


CSV = {
    "empty": ("", "x.csv: expected comma-separated numbers, the file is empty"),
    "blank lines": ("\n \n\n", "x.csv: expected comma-separated numbers, the file is empty"),
    "header alone": ("x,y\n", "x.csv: expected samples below the header, found none"),
    "one row": ("1,2\n", "x.csv: expected at least 60 samples (dataset.length_train = 30, dataset.length_test = 30),"),
    "semicolons": (text(separator=";"), "x.csv: expected cells separated by commas and decimal points, found semicolo"),
    "decimal commas": (text(separator=";").replace(".", ","), "found semicolons, and decimal commas in line 2"),
    "tabs": (text(separator="\t", header="x\ty"), "found tabs in line 2"),
    "tabs and decimal commas": (text(separator="\t").replace(".", ","), "found tabs, and decimal commas in line 2"),
    "spaces": (text(separator=" "), "found spaces in line 2"),
    "text in a cell": (with_line(7, "0.5,much"), "x.csv: line 7: expected a number in column 1 (0 the first), found '"),
    "an empty cell": (with_line(7, "0.5,"), "x.csv: line 7: expected a number in column 1 (0 the first), found nothin"),
    "a missing value": (with_line(7, "NA,1"), "x.csv: line 7: expected a number in column 0 (0 the first), found 'NA'"),
    "NaN": (with_line(7, "nan,1"), "x.csv: expected finite numbers, found nan in sample 5 of column 'x' (0 the first)"),
    "infinity": (with_line(7, "0,-inf"), "x.csv: expected finite numbers, found -inf in sample 5 of column 'y'"),
    "too few cells": (with_line(7, "0.5"), "x.csv: line 7: expected 2 cells as in line 1, found 1"),
    "too many cells": (with_line(7, "1,2,3"), "x.csv: line 7: expected 2 cells as in line 1, found 3"),
    "short header": (text(header="x"), "x.csv: line 2: expected 1 cell as in line 1, found 2"),
    "no header, a bad first cell": ("NA,0.5\n" + text(), "x.csv: line 1: expected names of columns or numbers, found"),
    "thousands": (with_line(7, "1_000,2"), "x.csv: line 7: expected a number in column 0 (0 the first), found '1_000'"),
    "prose": ("Dear reader,\nthis is\nno table.\n", "x.csv: expected cells separated by commas and decimal points, fo"),
    "constant column": (text(GOOD * [1, 0]), "x.csv: expected columns that vary, column 1 of the training series is c"),
    "constant, named": (text(GOOD * [1, 0], header="x,y"), "column 'y' of the training series is constant"),
    "another encoding": (text(header="µV,y").encode("latin-1"), "expected text in UTF-8, found byte 0xb5, which is no"),
    "another encoding below": (with_line(7, "1 µV,2").encode("latin-1"), "expected text in UTF-8, found byte 0xb5"),
    "UTF-16": (text(header="x,y").encode("utf-16"), "expected text in UTF-8, found UTF-16; save it as CSV in UTF-8"),
    "binary": (b"\x00\x01\x02" * 50, "expected a text file with comma-separated numbers, found binary content"),
    "too long a line": ("1," * 600_000, "expected lines of numbers, found one of more than 1000000 characters"),
    "huge values after small": (text(with_value(1e300, row=50)), "x.csv: expected a test series on the scale of the t"),
}


@pytest.mark.parametrize("case", CSV)
def test_csv(capsys, working_directory, case):
    content, message = CSV[case]
    (working_directory / "x.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in refused_by_workflow(capsys, planned_from("x.csv"))


def saved(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def header(shape, descr="<f8"):
    """The beginning of an .npy file, without numbers."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


NPY = {
    "empty": (b"", "x.npy: expected an array as numpy.save writes it, its header is none"),
    "rubbish": (b"\x93NUMPY rubbish" * 9, "x.npy: expected an array as numpy.save writes it, its header is none"),
    "truncated": (saved(GOOD)[:-8], "x.npy: expected 60 x 2 numbers as its header says, the file ends early"),
    "no samples": (saved(GOOD[:0]), "x.npy: expected samples, the file holds none"),
    "no columns": (saved(GOOD[:, :0]), "expected samples, the file holds none"),
    "one row": (saved(GOOD[0]), "x.npy: expected at least 60 samples"),
    "too short": (saved(GOOD[:59]), "(dataset.length_train = 30, dataset.length_test = 30), found 59"),
    "NaN": (saved(with_value(np.nan)), "x.npy: expected finite numbers, found nan in sample 40 of column 1 (0 the fir"),
    "infinity": (saved(with_value(-np.inf)), "x.npy: expected finite numbers, found -inf in sample 40 of column 1"),
    "constant": (saved(GOOD * [0, 1] + 3), "x.npy: expected columns that vary, column 0 of the training series is"),
    "nearly constant": (saved(GOOD * [1e-14, 1] + 3), "column 0 of the training series is constant"),
    "complex": (saved(GOOD * 1j), "x.npy: expected real numbers, found an array of type complex128"),
    "text": (saved(GOOD.astype(str)), "x.npy: expected real numbers, found an array of type <U32"),
    "pickle": (saved(GOOD.astype(object)), "x.npy: expected numbers, found Python objects (a pickle), which are never"),
    "three axes": (saved(GOOD[None]), "expected an array (samples,) or (samples, columns), found shape (1, 60, 2)"),
    "impossible shape": (header((-1, 2)), "x.npy: expected"),
}


@pytest.mark.parametrize("case", NPY)
def test_npy(capsys, working_directory, case):
    content, message = NPY[case]
    (working_directory / "x.npy").write_bytes(content)
    assert message in refused_by_workflow(capsys, planned_from("x.npy"))


def archive(**entries):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries.items():
            opened.writestr(f"{name}.npy" if name != "readme" else "readme.txt", content)
    return stream.getvalue()


def corrupted(content, at):
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


TWO = archive(first=saved(GOOD), second=saved(GOOD))
NPZ = {
    "empty": (b"", [], "x.npz: expected a whole .npz file, as numpy.savez writes it"),
    "an .npy in disguise": (saved(GOOD), [], "x.npz: expected a whole .npz file, as numpy.savez writes it"),
    "truncated": (TWO[:-30], [], "x.npz: expected a whole .npz file, as numpy.savez writes it"),
    "damaged": (corrupted(archive(first=saved(GOOD)), 200), [], "x.npz: expected a whole .npz file"),
    "no arrays": (archive(), [], "x.npz: expected an array, the file holds none"),
    "something else": (archive(readme=b"text"), [], "x.npz: expected an array, the file holds none"),
    "none chosen": (TWO, [], "dataset.array: expected the name of an array in x.npz (first, second), got null"),
    "unknown": (TWO, ["dataset.array=third"], "dataset.array: expected the name of an array in x.npz (first, second),"),
    "pickle": (archive(a=saved(GOOD.astype(object))), [], "x.npz: a: expected numbers, found Python objects (a pickle"),
    "text": (archive(a=saved(np.array(["b"]))), [], "x.npz: a: expected real numbers, found an array of type <U1"),
    "a header alone": (archive(a=header((60, 2))), [], "x.npz: a: expected 60 x 2 numbers as its header says, the fil"),
    "a scalar": (archive(a=saved(np.array(3.0))), [], "x.npz: a: expected an array (samples,) or (samples, columns)"),
}


@pytest.mark.parametrize("case", NPZ)
def test_npz(capsys, working_directory, case):
    content, overrides, message = NPZ[case]
    (working_directory / "x.npz").write_bytes(content)
    assert message in refused_by_workflow(capsys, planned_from("x.npz", *overrides))


ENDINGS = "expected a file ending in .npy, .npz, .csv"
PLACES = {
    "missing": (["dataset.path=nowhere.csv"], f"dataset.path: {ENDINGS}, nowhere.csv does not exist"),
    "a folder": (["dataset.path=folder.csv"], f"dataset.path: {ENDINGS}, folder.csv is a folder"),
    "another ending": (["dataset.path=x.txt"], f"dataset.path: {ENDINGS}, got 'x.txt'"),
    "no ending": (["dataset.path=folder"], f"dataset.path: {ENDINGS}, got 'folder'"),
    "not given": ([], "dataset.path: expected a .npy, .npz or .csv file, no value given"),
    "an array of a .csv": (["dataset.path=x.csv", "dataset.array=a"], "dataset.array: expected null for a file that i"),
    "unknown column": (["dataset.path=x.csv", "dataset.columns=[vlotage]"], "no column 'vlotage'; expected one of cur"),
    "a likely column": (["dataset.path=x.csv", "dataset.columns=[vlotage]"], "did you mean voltage?"),
    "no such position": (["dataset.path=x.csv", "dataset.columns=[4]"], "dataset.columns: x.csv has no column '4'"),
    "a negative position": (["dataset.path=x.csv", "dataset.columns=[-1]"], "dataset.columns: x.csv has no column '-1"),
    "no columns": (["dataset.path=x.csv", "dataset.columns=[]"], "dataset.columns: expected null or a list"),
    "one column, not listed": (["dataset.path=x.csv", "dataset.columns=time"], "dataset.columns: expected "),
    "a column twice": (["dataset.path=x.csv", "dataset.columns=[time,0]"], "dataset.columns: expected every column on"),
    "two of a name": (["dataset.path=x.csv", "dataset.columns=[current]"], "2 are called 'current'; give its position"),
    "no time step": (["dataset.path=x.csv", "dataset.time_step=0"], "dataset.time_step: expected a finite number > 0"),
    "embedding zero": (["dataset.path=x.csv", "dataset.embedding_dimension=0"], "dataset.embedding_dimension: expecte"),
    "too long a delay": (
        ["dataset.path=x.csv", "dataset.embedding_dimension=2", "dataset.embedding_delay=50"],
        "expected at least 160 samples (dataset.length_train = 30, dataset.length_test = 30 and twice 50 samples that",
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_places_and_columns(capsys, working_directory, case):
    overrides, message = PLACES[case]
    (working_directory / "folder.csv").mkdir()
    values = np.random.default_rng(1).standard_normal((90, 4))
    (working_directory / "x.csv").write_text(text(values, header='time,voltage,current,"current"'))
    assert message in refused_by_command(capsys, "dataset=file", *LENGTHS, *SHORT, *overrides)


def test_a_file_of_somebody_else(capsys, working_directory, monkeypatch):
    (working_directory / "x.csv").write_text(text())

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading, "read_csv", refuse)
    assert "x.csv: cannot be read (Permission denied)" in refused_by_workflow(capsys, planned_from("x.csv"))


TERABYTE = 10**12


def sparse(path, start=b""):
    """A file of a terabyte that takes no room on the disk."""
    with open(path, "wb") as stream:
        stream.write(start)
        stream.truncate(TERABYTE)


def test_of_an_array_larger_than_memory_only_what_is_needed_is_read(working_directory):
    sparse(working_directory / "x.npy", header((TERABYTE // 32, 2)) + GOOD.tobytes())
    chosen = FileConfig(name="file", path="x.npy", length_train=30, length_test=30)
    series = file.load(chosen)
    both = np.concatenate([series.train, series.test]) * series.standard_deviation + series.mean
    np.testing.assert_allclose(both, GOOD, atol=1e-12)
    assert len(file.content(chosen)) == 64


SIZES = {
    "numbers": ("x.npy", header((10**10, 2)), 10**9, "dataset.length_train, dataset.length_test: expected a series of"),
    "columns": ("x.npy", header((1000, 10**8)), 30, "x.npy: expected a series of at most 200 MB in memory, 60 samples"),
    "text": ("x.csv", b"1,2\n" * 2000, 10**9, "dataset.length_train, dataset.length_test: expected a series of at mos"),
    "no table": ("x.csv", b"1,2\n3,4\n", 30, "x.csv: expected a text file with comma-separated numbers, found binary"),
    "no line": ("x.csv", b"1,2\n" * 2000, 3000, "x.csv: expected lines of numbers, found one of more than 1000000 cha"),
}


@pytest.mark.parametrize("case", SIZES)
def test_what_is_larger_than_memory_is_refused_by_its_size(capsys, working_directory, case):
    name, start, length, message = SIZES[case]
    sparse(working_directory / name, start)
    columns = ["dataset.columns=[0]"] if case == "columns" else []
    overrides = [
        "dataset=file",
        f"dataset.path={name}",
        f"dataset.length_train={length}",
        *LENGTHS[1:],
        *SHORT,
        *columns,
    ]
    assert message in refused_by_command(capsys, *overrides)


def test_an_archive_that_unpacks_to_more_than_memory_is_refused_by_its_header(capsys, working_directory):
    (working_directory / "x.npz").write_bytes(archive(a=header((1000, 10**8)) + b"\0" * 10**6))
    said = refused_by_workflow(capsys, planned_from("x.npz"))
    assert "x.npz: a: expected a series of at most 200 MB in memory" in said


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_the_scale_of_a_recording_does_not_matter(working_directory, scale):
    np.save(working_directory / "plain.npy", GOOD)
    np.save(working_directory / "scaled.npy", GOOD * scale)
    plain, scaled = (
        file.load(FileConfig(name="file", path=f"{name}.npy", length_train=30, length_test=30))
        for name in ("plain", "scaled")
    )
    np.testing.assert_allclose(scaled.train, plain.train, rtol=1e-12)
    np.testing.assert_allclose(scaled.test, plain.test, rtol=1e-12)
    np.testing.assert_allclose(scaled.mean / scale, plain.mean, rtol=1e-12)
    np.testing.assert_allclose(scaled.standard_deviation / scale, plain.standard_deviation, rtol=1e-12)
