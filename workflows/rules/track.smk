# Track: finished batches, and the summary, become runs in MLflow.
#
# needs   the tables of a batch and its data, or the report and the receipts of all batches; settings/
# makes   store.yaml       which store, and how often it was filled anew: after its database was deleted,
#                          say, all is imported again
#         tracked.json     a receipt; the store itself is no output, the files are the truth
#
# Local and one at a time (mlflow_writer, limited in the profile): SQLite has a single writer.

from lossjumps.stages.receipts import store_text


localrules:
    store,
    track,
    track_summary,


rule store:
    output:
        "<experiment>/store.yaml",
    log:
        "<logs>/store.log",
    conda:
        "../../environment.yml"
    params:
        text=store_text(PLAN),
    message:
        "MLflow's store"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule track:
    input:
        config="<batch>/config.yaml",
        tables=[f"<batch>/{name}" for name in TABLES],
        settings=expand(
            "<experiment>/settings/{group}.yaml",
            group=("search", "events", "tracking"),
        ),
        data=data_of_batch,
        store="<experiment>/store.yaml",
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
        runs=of_batches("tracked.json"),
        summary="<experiment>/summary.md",
        figures="<experiment>/figures",
        conditions="<experiment>/statistics/conditions.parquet",
        comparisons="<experiment>/statistics/comparisons.parquet",
        hypotheses="<experiment>/statistics/hypotheses.parquet",
        sensitivity="<experiment>/statistics/sensitivity.parquet",
        settings=expand(
            "<experiment>/settings/{group}.yaml",
            group=("search", "events", "tracking"),
        ),
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
        "Import the summary, and the numbers of conditions, into MLflow"
    shell:
        "lossjumps track {params.folder:q} > {log} 2>&1"
