# Causes: what every jump comes from, and what of it happens at a bifurcation.
#
# needs   config.yaml, parameters.npz, the tables of a batch, data/<data>.npz, settings/search.yaml, settings/events.yaml
# makes   causes.parquet       a row for each jump of the free-running losses


rule causes:
    input:
        config="<batch>/config.yaml",
        parameters="<batch>/parameters.npz",
        tables=[
            f"<batch>/{name}.parquet"
            for name in (
                "history",
                "status",
                "cycles",
                "bifurcations",
                "attractors",
                "jumps",
            )
        ],
        data=data_of_batch,
        search="<experiment>/settings/search.yaml",
        events="<experiment>/settings/events.yaml",
    output:
        "<batch>/causes.parquet",
    log:
        "<logs>/causes/{batch}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt
        * dynamics_megabytes(PLAN.batches[wildcards.batch]),
        runtime=60,
    params:
        folder=subpath(input.config, parent=True),
        source=source_digest("lossjumps.stages.causes"),
    message:
        "Find the causes of the jumps of {wildcards.batch}"
    shell:
        "lossjumps causes {params.folder:q} > {log} 2>&1"
