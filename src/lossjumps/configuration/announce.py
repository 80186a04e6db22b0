"""What the Snakefile calls first: make the plan, say what it is, or end with one line that says what is wrong."""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lossjumps.configuration.describe import describe
from lossjumps.configuration.plan import Plan
from lossjumps.configuration.request import workflow_request
from lossjumps.errors import InputError


def plan_or_exit(config: Mapping[str, Any], conf: Path, announce: bool, deployment: Collection[object] = ()) -> Plan:
    """Plan what ``snakemake --config ...`` asks for.

    Parameters
    ----------
    config : mapping
        Snakemake's configuration.
    conf : Path
        The configuration folder where none is asked for.
    announce : bool
        Whether to print the plan, on standard error, so that standard output stays free for graphs.
    deployment : collection
        Methods of software deployment that Snakemake was asked for (``--sdm``).

    Raises
    ------
    SystemExit
        With status 2 and one line on standard error if the input is bad.  No other exception passes through Snakemake
        without a traceback.
    """
    try:
        if deployment:
            raise InputError("--sdm: leave it out; all jobs run in the Python environment that snakemake runs in")
        plan = workflow_request(config, conf).plan()
        if announce:
            print(describe(plan), end="\n\n", file=sys.stderr, flush=True)
    except InputError as error:
        print(f"lossjumps: {error}", file=sys.stderr, flush=True)
        raise SystemExit(2) from None
    return plan
