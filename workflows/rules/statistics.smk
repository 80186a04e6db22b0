# Statistics: coincidence against chance for each condition, and BPTT against GTF.
#
# needs   plan.parquet, the tables of every planned batch, settings/events.yaml
# makes   statistics/conditions.parquet, statistics/comparisons.parquet


localrules:
    statistics,


rule statistics:
    input:
        plan="<experiment>/plan.parquet",
        tables=tables_of_batches,
        events="<experiment>/settings/events.yaml",
    output:
        conditions="<experiment>/statistics/conditions.parquet",
        comparisons="<experiment>/statistics/comparisons.parquet",
    log:
        "<logs>/statistics.log",
    params:
        folder=str(PLAN.folder),
        source=source_digest("lossjumps.stages.statistics"),
    shell:
        "{LOSSJUMPS} statistics {params.folder:q} > {log} 2>&1"
