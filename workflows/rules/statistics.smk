# Statistics: coincidence against chance for each condition, BPTT against GTF, and the hypotheses.
#
# needs   plan.parquet, the tables of every planned batch, settings/events.yaml
# makes   statistics/conditions.parquet, comparisons.parquet, hypotheses.parquet, sensitivity.parquet


localrules:
    statistics,


rule statistics:
    input:
        plan="<experiment>/plan.parquet",
        tables=of_batches(*TABLES),
        events="<experiment>/settings/events.yaml",
    output:
        conditions="<experiment>/statistics/conditions.parquet",
        comparisons="<experiment>/statistics/comparisons.parquet",
        hypotheses="<experiment>/statistics/hypotheses.parquet",
        sensitivity="<experiment>/statistics/sensitivity.parquet",
    log:
        "<logs>/statistics.log",
    conda:
        "../../environment.yml"
    params:
        folder=subpath(input.plan, parent=True),
        source=source_digest("lossjumps.stages.statistics"),
    message:
        "Compare with chance, and BPTT with GTF"
    shell:
        "lossjumps statistics {params.folder:q} > {log} 2>&1"
