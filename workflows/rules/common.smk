# Common: the plan, made and validated before anything starts, and what several rules ask of it.

import os
import shlex
import sys
from pathlib import Path

from lossjumps.configuration.announce import plan_or_exit
from lossjumps.configuration.digest import digest
from lossjumps.configuration.needs import dynamics_megabytes, training_megabytes
from lossjumps.configuration.source import source_digest
from lossjumps.stages.listing import BATCH_TABLES as TABLES

CONF = config.get("conf", os.path.relpath(Path(workflow.basedir, "conf")))
PLAN = plan_or_exit(
    config,
    conf=CONF,
    announce=workflow.is_main_process,
    deployment=workflow.deployment_settings.deployment_method,
)

# In a rule's command, `lossjumps` is run by the interpreter that runs snakemake, whatever PATH says.  What the kernel
# kills (137) cannot say so itself: then the shell does, in the form that lossjumps uses.
PYTHON = shlex.quote(sys.executable)
KILLED = (
    "killed, most likely for want of memory: fewer --cores or seeds_per_batch need less"
)
shell.prefix(f"""
lossjumps() {{{{
    local status=0
    {PYTHON} -m lossjumps "$@" || status=$?
    [ $status -ne 137 ] || echo "lossjumps: $1 $2: {KILLED}" >&2
    return $status
}}}}
""")


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
