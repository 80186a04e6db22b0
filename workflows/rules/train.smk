# Train: all seeds of a batch side by side, recording what the analysis needs every epoch; with training=recorded read
# what somebody else recorded. Those files are no inputs: the name of the batch stands for their content.
#
# A training that is stopped goes on from checkpoint/ in its folder, which is gone when it has finished. It is no output:
# snakemake removes those of a job that failed. --set-resources train:checkpoint_seconds=600 writes it less often.
#
# needs   config.yaml, data/<data>.npz
# makes   parameters.npz       parameters of every run at every epoch, or every update
#         history.parquet      losses, gradient norms and step lengths by epoch
#         status.parquet       how each run ended; a diverged training is a result


rule train:
    input:
        config="<batch>/config.yaml",
        data=data_of_batch,
    output:
        parameters="<batch>/parameters.npz",
        history="<batch>/history.parquet",
        status="<batch>/status.parquet",
    log:
        "<logs>/train/{batch}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt
        * training_megabytes(PLAN.batches[wildcards.batch]),
        runtime=240,
        checkpoint_seconds=60,
    params:
        folder=subpath(input.config, parent=True),
        source=source_digest("lossjumps.stages.train"),
    message:
        "Train {wildcards.batch}"
    shell:
        "lossjumps train {params.folder:q} --checkpoint-seconds {resources.checkpoint_seconds} > {log} 2>&1"
