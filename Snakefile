# Bifurcations and loss jumps: from configurations to a summary and to MLflow.
#
#   snakemake                                                  the default experiment
#   snakemake --config experiment=NAME                         conf/experiment/NAME.yaml
#   snakemake --config overrides="training.epochs=500 seed=range(0,4)"
#   snakemake --workflow-profile profiles/slurm                the same on SLURM

from snakemake.utils import min_version

min_version("9.20")


# Every run is expanded and validated here; the plan is printed.
include: "workflows/rules/common.smk"


pathvars:
    experiment=str(PLAN.folder),
    batch=f"{PLAN.folder}/batches/{{batch}}",
    logs=f"{PLAN.folder}/logs",


wildcard_constraints:
    batch="[^/]+",
    data="[^/]+",
    group="[a-z]+",


# The stages, in the order they run.
include: "workflows/rules/configuration.smk"
include: "workflows/rules/dataset.smk"
include: "workflows/rules/train.smk"
include: "workflows/rules/dynamics.smk"
include: "workflows/rules/jumps.smk"
include: "workflows/rules/causes.smk"
include: "workflows/rules/coincidences.smk"
include: "workflows/rules/statistics.smk"
include: "workflows/rules/report.smk"
include: "workflows/rules/track.smk"


# Ends by printing the summary, also when there was nothing to do.
rule all:
    default_target: True
    input:
        summary="<experiment>/summary.md",
        runs=of_batches("tracked.json"),
        tracked="<experiment>/tracked.json",
    log:
        "<logs>/all.log",
    localrule: True
    conda:
        "environment.yml"
    message:
        "Summary, from {input.summary}"
    shell:
        "tee {log} < {input.summary}"
