# Dataset: simulate or read a series, scale it and add its observation noise.
#
# needs   data/<data>.yaml
# makes   data/<data>.npz      observed series (train, test), time step, scaling


rule dataset:
    input:
        "<experiment>/data/{data}.yaml",
    output:
        "<experiment>/data/{data}.npz",
    log:
        "<logs>/dataset/{data}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        folder=lambda wildcards, output: Path(output[0]).with_suffix(""),
        source=source_digest("lossjumps.stages.dataset"),
    message:
        "Data set {wildcards.data}"
    shell:
        "lossjumps dataset {params.folder:q} > {log} 2>&1"
