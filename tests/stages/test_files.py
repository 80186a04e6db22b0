"""Files are whole or not there; what does not fit its declaration is refused in one line that says what to do."""

import re

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from tests.stages.whole_tables import whole

from lossjumps.errors import InputError
from lossjumps.stages.files import VERSION_KEY, load_plan, read_arrays, read_table, write_arrays, write_table
from lossjumps.stages.formats import ArrayFile
from lossjumps.stages.tables import SERIES, Conditions, Jumps, Plan, recorded_parameters
from lossjumps.stages.whole import write_whole


@pytest.fixture
def jumps():
    return whole(pd.DataFrame({"run": ["a", "b"], "epoch": [3, 4], "size": [0.5, -1.0]}), Jumps)


def refusal(path, read):
    """The one line that reading a file ends with."""
    with pytest.raises(InputError) as caught:
        read()
    said = str(caught.value)
    assert said.startswith(f"{path}: ") and "\n" not in said
    return said.removeprefix(f"{path}: ")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "text"
    path.write_text("old")

    def half(temporary):
        temporary.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, half)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns="score"), "expected the columns run, .*, score, detector, confirmed, got"),
        (lambda table: table.assign(more=1), "expected the columns .*, got .*, more"),
        (lambda table: table[table.columns[::-1]], "expected the columns"),
        (lambda table: table.astype({"epoch": "float64"}), "column epoch: expected the type int64, got float64"),
        (lambda table: table.assign(size=[np.nan, 1.0]), "column size: expected a value in every row, row 0 has none"),
        (lambda table: table.assign(run=[None, "b"]), "column run: expected a value in every row"),
    ],
)
def test_a_table_that_does_not_keep_to_its_declaration_is_not_written(tmp_path, jumps, change, said):
    path = tmp_path / "jumps.parquet"
    with pytest.raises(ValueError, match=said):
        write_table(path, change(jumps), Jumps)
    assert not path.exists()


def test_only_a_plan_has_columns_of_swept_keys(tmp_path):
    plan = whole(pd.DataFrame({"run": ["a", "b"], "training.alpha": [0.1, None], "model.name": ["x", "y"]}), Plan)
    write_table(tmp_path / "plan.parquet", plan, Plan)
    pd.testing.assert_frame_equal(load_plan(tmp_path), plan)


def test_some_columns_of_a_table(tmp_path, jumps):
    path = tmp_path / "jumps.parquet"
    write_table(path, jumps, Jumps)
    pd.testing.assert_frame_equal(read_table(path, Jumps, ["run", "size"]), jumps[["run", "size"]])


def test_a_table_that_pandas_wrote_is_taken_if_its_columns_fit(tmp_path, jumps):
    path = tmp_path / "jumps.parquet"
    jumps.to_parquet(path, index=False)
    pd.testing.assert_frame_equal(read_table(path, Jumps), jumps)


def test_a_missing_table_names_the_command_that_makes_it(tmp_path):
    path = tmp_path / "jumps.parquet"
    said = refusal(path, lambda: read_table(path, Jumps))
    assert said == f"file not found; make it first with `lossjumps jumps {tmp_path}`"
    path = tmp_path / "statistics" / "conditions.parquet"
    assert refusal(path, lambda: read_table(path, Conditions)).endswith(f"`lossjumps statistics {tmp_path}`")
    assert refusal(tmp_path / "plan.parquet", lambda: load_plan(tmp_path)).endswith(f"`lossjumps plan {tmp_path}`")


@pytest.mark.parametrize("length", [0, 3, 100, -1])
def test_a_truncated_table_is_one_line(tmp_path, jumps, length):
    path = tmp_path / "jumps.parquet"
    write_table(path, jumps, Jumps)
    path.write_bytes(path.read_bytes()[:length])
    said = refusal(path, lambda: read_table(path, Jumps))
    assert re.fullmatch(r"not a whole Parquet file \(.*\); make it again with `lossjumps jumps .*`", said)


def test_text_in_place_of_a_table_is_one_line(tmp_path):
    path = tmp_path / "jumps.parquet"
    path.write_text("run,epoch\n" * 1000)
    assert refusal(path, lambda: read_table(path, Jumps)).startswith("not a whole Parquet file")


def test_a_table_of_another_version_is_recognised(tmp_path, jumps):
    path = tmp_path / "jumps.parquet"
    write_table(path, jumps, Jumps)
    file = parquet.read_table(path)
    assert file.schema.metadata[VERSION_KEY] == b"jumps.parquet 1"
    again = f"; make it again with `lossjumps jumps {tmp_path}`"
    newer = file.replace_schema_metadata({**file.schema.metadata, VERSION_KEY: b"jumps.parquet 2"})
    parquet.write_table(newer, path)
    assert refusal(path, lambda: read_table(path, Jumps)) == (
        "made by another version (jumps.parquet 2), expected jumps.parquet 1" + again
    )
    parquet.write_table(newer.drop_columns("score"), path)
    assert refusal(path, lambda: read_table(path, Jumps, ["run"])) == (
        "made by another version (jumps.parquet 2), expected a column score, there is none" + again
    )


def test_a_table_of_something_else_is_told_what_is_missing(tmp_path, jumps):
    path = tmp_path / "jumps.parquet"
    jumps.drop(columns="sign").to_parquet(path)
    assert refusal(path, lambda: read_table(path, Jumps)).startswith("expected a column sign, there is none; ")
    jumps.astype({"epoch": "str"}).to_parquet(path)
    said = refusal(path, lambda: read_table(path, Jumps))
    assert said.startswith("column epoch: expected the type int64, found ")


PARAMETERS = recorded_parameters({"A": (3,), "W": (3, 3)}, runs=2, points=5)


def parameters():
    return {"seeds": np.arange(2), "A": np.ones((2, 5, 3)), "W": np.ones((2, 5, 3, 3))}


def test_arrays_read_back(tmp_path):
    path = tmp_path / "parameters.npz"
    write_arrays(path, parameters(), PARAMETERS)
    back = read_arrays(path, PARAMETERS)
    assert list(back) == ["seeds", "A", "W"]
    np.testing.assert_array_equal(back["W"], np.ones((2, 5, 3, 3)))


@pytest.mark.parametrize("change", [{"A": np.ones((2, 5, 4))}, {"W": np.ones((2, 5, 3))}, {"more": np.ones(1)}])
def test_arrays_that_do_not_keep_to_their_declaration_are_not_written(tmp_path, change):
    path = tmp_path / "parameters.npz"
    with pytest.raises(ValueError, match=r"expected the (arrays|shape)"):
        write_arrays(path, parameters() | change, PARAMETERS)
    assert not path.exists()


def test_arrays_that_do_not_fit_are_told_apart(tmp_path):
    path = tmp_path / "parameters.npz"
    again = f"; make it again with `lossjumps train {tmp_path}`"
    missing = refusal(path, lambda: read_arrays(path, PARAMETERS))
    assert missing == f"file not found; make it first with `lossjumps train {tmp_path}`"
    np.savez(path, seeds=np.arange(2), A=np.ones((2, 5, 3)))
    assert refusal(path, lambda: read_arrays(path, PARAMETERS)) == "expected an array W, there is none" + again
    np.savez(path, **parameters() | {"A": np.ones((2, 9, 3))})
    said = "array A: expected the shape (2, 5, 3), found (2, 9, 3)"
    assert refusal(path, lambda: read_arrays(path, PARAMETERS)) == said + again
    np.savez(path, **parameters() | {"A": np.full((2, 5, 3), "a")})
    assert "array A: expected numbers" in refusal(path, lambda: read_arrays(path, PARAMETERS))
    np.savez(path, **parameters() | {"A": np.full((2, 5, 3), None)})
    assert "not a whole .npz file" in refusal(path, lambda: read_arrays(path, PARAMETERS))
    write_arrays(path, parameters(), PARAMETERS)
    path.write_bytes(path.read_bytes()[:-200])
    assert refusal(path, lambda: read_arrays(path, PARAMETERS)).startswith("not a whole .npz file")


def test_letters_stand_for_the_same_number_in_every_array(tmp_path):
    path = tmp_path / "data" / "cell-00000000.npz"
    path.parent.mkdir()
    arrays = {"train": (7, 2), "test": (4, 2), "mean": (2,), "standard_deviation": (2,), "time_step": ()}
    arrays = {name: np.zeros(shape) for name, shape in arrays.items()}
    np.savez(path, **arrays, noise=np.zeros((7, 2)))
    assert set(read_arrays(path, SERIES)) == set(SERIES.shapes)
    np.savez(path, **arrays, noise=np.zeros((4, 2)))
    said = refusal(path, lambda: read_arrays(path, SERIES))
    assert said == (
        "array noise: expected the shape (7, 2), found (4, 2); "
        f"make it again with `lossjumps dataset {tmp_path / 'data' / 'cell-00000000'}`"
    )
    with pytest.raises(ValueError, match="expected the shape"):
        write_arrays(tmp_path / "a.npz", {"x": np.zeros(2), "y": np.zeros(3)}, ArrayFile("train", {"x": "n", "y": "n"}))
