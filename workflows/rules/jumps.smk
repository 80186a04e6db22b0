# Jumps: where a loss leaps up or collapses.
#
# needs   config.yaml, history.parquet, settings/events.yaml
# makes   jumps.parquet        a row for each jump of each loss


rule jumps:
    input:
        config="<batch>/config.yaml",
        history="<batch>/history.parquet",
        events="<experiment>/settings/events.yaml",
    output:
        "<batch>/jumps.parquet",
    log:
        "<logs>/jumps/{batch}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        folder=subpath(input.config, parent=True),
        source=source_digest("lossjumps.stages.jumps"),
    message:
        "Find the loss jumps of {wildcards.batch}"
    shell:
        "lossjumps jumps {params.folder:q} > {log} 2>&1"
