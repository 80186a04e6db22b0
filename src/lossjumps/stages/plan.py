"""Stage `plan`: which runs an experiment consists of, as a table."""

from pathlib import Path

import pandas as pd

from lossjumps.configuration.plan import Plan
from lossjumps.configuration.request import plan_again
from lossjumps.stages import tables
from lossjumps.stages.files import write_table


def run(folder: Path, conf: Path = Path("conf")) -> None:
    """Write ``plan.parquet`` of an experiment: one row a run.

    Parameters
    ----------
    folder : Path
        ``results/<experiment>``, with ``settings/experiment.yaml`` in it.
    conf : Path
        The configuration folder the experiment was composed from.

    Raises
    ------
    InputError
        If the folder is no experiment's, or the configuration no longer fits it.
    """
    write_table(Path(folder) / tables.Plan.FILE, plan_table(plan_again(folder, conf)), tables.Plan)


def plan_table(plan: Plan) -> pd.DataFrame:
    """The rows of a plan: the columns of `lossjumps.stages.tables.Plan`, then the swept keys."""
    return pd.DataFrame(plan.rows).astype(tables.Plan.dtypes())
