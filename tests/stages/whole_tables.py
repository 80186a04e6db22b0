"""Whole tables from the few columns that a test is about."""

import pandas as pd

from lossjumps.stages.formats import Table

NEUTRAL = {str: "", int: 0, float: 0.0, bool: False}


def whole(table: pd.DataFrame, schema: type[Table]) -> pd.DataFrame:
    """Add the columns that a table lacks, with values that say nothing, and put all in order."""
    lacking = {column.name: NEUTRAL.get(column.kind) for column in schema.columns() if column.name not in table}
    filled = table.assign(**{name: [[]] * len(table) if value is None else value for name, value in lacking.items()})
    swept = [name for name in table.columns if name not in schema.names()]
    return filled[[*schema.names(), *swept]].astype(schema.dtypes())
