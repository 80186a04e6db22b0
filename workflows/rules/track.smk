# Track: finished batches, and the summary, become runs in MLflow.
#
# needs   the tables of a batch, or the report, and settings/
# makes   tracked.json     a receipt; the database itself is no output, the files are the truth
#
# Local and one at a time (mlflow_writer, limited in the profile): SQLite has a single writer.


localrules:
    track,
    track_summary,


rule track:
    input:
        config="<batch>/config.yaml",
        tables=[f"<batch>/{name}" for name in TABLES],
        settings=expand(
            "<experiment>/settings/{group}.yaml",
            group=("search", "events", "tracking"),
        ),
    output:
        "<batch>/tracked.json",
    log:
        "<logs>/track/{batch}.log",
    conda:
        "../../environment.yml"
    resources:
        mlflow_writer=1,
    params:
        folder=subpath(input.config, parent=True),
        # Seeds that are planned again are imported again, if they were pruned.
        planned=lambda wildcards: PLAN.batches[wildcards.batch].planned,
        source=source_digest("lossjumps.stages.track"),
    message:
        "Import {wildcards.batch} into MLflow"
    shell:
        "lossjumps track {params.folder:q} > {log} 2>&1"


rule track_summary:
    input:
        plan="<experiment>/plan.parquet",
        summary="<experiment>/summary.md",
        figures="<experiment>/figures",
        conditions="<experiment>/statistics/conditions.parquet",
        comparisons="<experiment>/statistics/comparisons.parquet",
        tracking="<experiment>/settings/tracking.yaml",
    output:
        "<experiment>/tracked.json",
    log:
        "<logs>/track_summary.log",
    conda:
        "../../environment.yml"
    resources:
        mlflow_writer=1,
    params:
        folder=subpath(input.plan, parent=True),
        source=source_digest("lossjumps.stages.track"),
    message:
        "Import the summary into MLflow"
    shell:
        "lossjumps track {params.folder:q} > {log} 2>&1"
