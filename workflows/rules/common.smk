# Common: the plan, made and validated before anything starts, and what several rules ask of it.

import sys
from pathlib import Path

from lossjumps.configuration.announce import plan_or_exit
from lossjumps.configuration.digest import digest
from lossjumps.configuration.source import source_digest
from lossjumps.stages.listing import BATCH_TABLES as TABLES

CONF = config.get("conf", Path(workflow.basedir, "conf"))
PLAN = plan_or_exit(config, conf=CONF, announce=workflow.is_main_process)
# The interpreter that runs snakemake, whatever PATH says.
LOSSJUMPS = f"{sys.executable} -m lossjumps"


def data_of_batch(wildcards):
    """The data file of a batch."""
    condition = PLAN.batches[wildcards.batch].condition
    return f"{PLAN.folder}/data/{condition.data}.npz"


def tables_of_batches(wildcards):
    """The tables of every planned batch."""
    return [
        f"{PLAN.folder}/batches/{batch}/{name}"
        for batch in PLAN.batches
        for name in TABLES
    ]
