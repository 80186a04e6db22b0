# Dynamics: fixed points, cycles and attractors of every epoch, followed between epochs.
#
# needs   config.yaml, parameters.npz, status.parquet, data/<data>.npz, settings/search.yaml
# makes   cycles.parquet           every object at every epoch
#         bifurcations.parquet     what happened to them between epochs
#         attractors.parquet       occupied attractors, certificates, index sums


rule dynamics:
    input:
        config="<batch>/config.yaml",
        parameters="<batch>/parameters.npz",
        status="<batch>/status.parquet",
        data=data_of_batch,
        search="<experiment>/settings/search.yaml",
    output:
        cycles="<batch>/cycles.parquet",
        bifurcations="<batch>/bifurcations.parquet",
        attractors="<batch>/attractors.parquet",
    log:
        "<logs>/dynamics/{batch}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt, threads: attempt
        * dynamics_megabytes(PLAN.batches[wildcards.batch], threads),
        runtime=240,
    params:
        folder=subpath(input.config, parent=True),
        source=source_digest("lossjumps.stages.dynamics"),
    message:
        "Find the dynamics of {wildcards.batch}"
    shell:
        "lossjumps dynamics {params.folder:q} --processes {threads} > {log} 2>&1"
