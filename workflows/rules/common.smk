# Common: the plan, made and validated before anything starts, and what several rules ask of it.

import os
import shlex
import sys
from pathlib import Path

from lossjumps.configuration.announce import plan_or_exit
from lossjumps.configuration.digest import digest
from lossjumps.configuration.source import source_digest
from lossjumps.stages.listing import BATCH_TABLES as TABLES

CONF = config.get("conf", os.path.relpath(Path(workflow.basedir, "conf")))
PLAN = plan_or_exit(
    config,
    conf=CONF,
    announce=workflow.is_main_process,
    deployment=workflow.deployment_settings.deployment_method,
)

# In a rule's command, `lossjumps` is run by the interpreter that runs snakemake, whatever PATH says.
PYTHON = shlex.quote(sys.executable)
shell.prefix(f'lossjumps() {{{{ {PYTHON} -m lossjumps "$@"; }}}}; ')


def data_of_batch(wildcards):
    """The data file of a batch."""
    condition = PLAN.batches[wildcards.batch].condition
    return f"{PLAN.folder}/data/{condition.data}.npz"


def of_batches(*names):
    """These files of every planned batch."""
    return [
        f"{PLAN.folder}/batches/{batch}/{name}"
        for batch in PLAN.batches
        for name in names
    ]
