# Configuration: what was planned when the Snakefile was read, as files for the stages.
#
# needs   conf/, --config
# makes   settings/<group>.yaml          what all runs share; a file a group, so that a
#                                        change re-runs only what reads it
#         data/<data>.yaml               resolved configuration of a data set
#         batches/<batch>/config.yaml    data set, model, training and seeds: fixed by the
#                                        digest in the batch's name, so it never changes
#         plan.parquet                   a row for each run; what it takes goes before all else,
#                                        for runs are imported under the names that it gives them


localrules:
    settings,
    data_config,
    batch_config,
    plan,


rule settings:
    output:
        "<experiment>/settings/{group}.yaml",
    log:
        "<logs>/settings/{group}.log",
    priority: 1
    conda:
        "../../environment.yml"
    params:
        text=lambda wildcards: PLAN.settings[wildcards.group],
    message:
        "Settings {wildcards.group}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule data_config:
    output:
        "<experiment>/data/{data}.yaml",
    log:
        "<logs>/data_config/{data}.log",
    conda:
        "../../environment.yml"
    params:
        text=lambda wildcards: PLAN.data[wildcards.data],
    message:
        "Configuration of {wildcards.data}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule batch_config:
    output:
        "<batch>/config.yaml",
    log:
        "<logs>/batch_config/{batch}.log",
    priority: 1
    conda:
        "../../environment.yml"
    params:
        text=lambda wildcards: PLAN.batches[wildcards.batch].text,
    message:
        "Configuration of {wildcards.batch}"
    shell:
        "printf '%s\\n' {params.text:q} > {output} 2> {log}"


rule plan:
    input:
        experiment="<experiment>/settings/experiment.yaml",
        batches=of_batches("config.yaml"),
    output:
        "<experiment>/plan.parquet",
    log:
        "<logs>/plan.log",
    priority: 1
    conda:
        "../../environment.yml"
    params:
        folder=subpath(output[0], parent=True),
        conf=CONF,
        runs=digest(PLAN.rows),
        source=source_digest("lossjumps.stages.plan"),
    message:
        "Plan"
    shell:
        "lossjumps plan {params.folder:q} --conf {params.conf:q} > {log} 2>&1"
