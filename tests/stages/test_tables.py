"""The declared tables: what stages record is declared, and what is declared can be written and read."""

import numpy as np
import pandas as pd
import pytest
from tests.stages.whole_tables import whole

from lossjumps.stages.files import as_table, read_table, write_table
from lossjumps.stages.listing import MAKERS, STAGES
from lossjumps.stages.tables import (
    BATCH_TABLES,
    STATISTICS_TABLES,
    Bifurcations,
    Comparisons,
    Conditions,
    History,
    Plan,
)
from lossjumps.training.recording import HISTORY

TABLES = (Plan, *BATCH_TABLES, *STATISTICS_TABLES)
tables = pytest.mark.parametrize("schema", TABLES, ids=lambda schema: schema.FILE)


def test_what_a_training_records_is_what_the_history_declares():
    assert [name for name in History.names() if name in HISTORY] == list(HISTORY)


def test_a_column_says_its_type_and_whether_a_value_may_be_missing():
    columns = {column.name: column for column in Bifurcations.columns()}
    assert (columns["epoch"].kind, columns["epoch"].unit, columns["epoch"].optional) == (int, "epochs", False)
    assert (columns["stable_before"].kind, columns["stable_before"].dtype) == (bool, "boolean")
    assert (columns["unit"].dtype, columns["cycle"].dtype) == ("Int64", "int64")
    assert columns["companions"].kind == list[int]
    assert {column.name: column.unit for column in Conditions.columns()}["jumps_per_1000_epochs"] == "per 1000 epochs"


@tables
def test_every_table_is_made_by_a_stage(schema, tmp_path):
    assert schema.STAGE in STAGES
    assert schema.made_in(tmp_path / schema.FILE) == tmp_path
    assert schema not in BATCH_TABLES or MAKERS[schema.FILE] == schema.STAGE


@tables
@pytest.mark.parametrize("rows", [0, 3])
def test_every_table_reads_back_as_it_was_written(schema, rows, tmp_path):
    table = whole(pd.DataFrame(index=range(rows)), schema)
    path = tmp_path / schema.FILE
    write_table(path, table, schema)
    back = read_table(path, schema)
    assert dict(back.dtypes.astype(str)) == schema.dtypes() and len(back) == rows
    pd.testing.assert_frame_equal(back, pd.read_parquet(path))
    first = path.read_bytes()
    write_table(path, table, schema)
    assert path.read_bytes() == first


def test_lists_and_missing_values_keep_their_type(tmp_path):
    row = {"quantity": "trigger_rate", "window": None, "p": np.nan, "values_first": [], "values_second": [1.0, np.nan]}
    path = tmp_path / "statistics" / "comparisons.parquet"
    write_table(path, whole(pd.DataFrame([row]), Comparisons), Comparisons)
    [back] = read_table(path, Comparisons).itertuples()
    assert back.window is pd.NA and np.isnan(back.p)
    assert len(back.values_first) == 0 and back.values_first.dtype == np.float64
    np.testing.assert_array_equal(back.values_second, [1.0, np.nan])


def test_rows_become_a_table_in_the_declared_order():
    table = as_table([{"why": "", "last_epoch": 3, "status": "finished", "run": "a"}], BATCH_TABLES[1])
    assert list(table.columns) == ["run", "status", "last_epoch", "why"]
    assert dict(as_table([], Bifurcations).dtypes.astype(str)) == Bifurcations.dtypes()
