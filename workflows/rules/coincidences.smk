# Coincidences: jumps and bifurcations that come together, for several tolerance windows.
#
# needs   config.yaml, status, jumps, bifurcations, settings/events.yaml
# makes   coincidences.parquet     counts by run, loss, kind of bifurcation and window


rule coincidences:
    input:
        config="<batch>/config.yaml",
        status="<batch>/status.parquet",
        jumps="<batch>/jumps.parquet",
        bifurcations="<batch>/bifurcations.parquet",
        events="<experiment>/settings/events.yaml",
    output:
        "<batch>/coincidences.parquet",
    log:
        "<logs>/coincidences/{batch}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        folder=subpath(input.config, parent=True),
        source=source_digest("lossjumps.stages.coincidences"),
    message:
        "Count coincidences in {wildcards.batch}"
    shell:
        "lossjumps coincidences {params.folder:q} > {log} 2>&1"
