# Report: the answer in plain sentences with numbers, and figures.
#
# needs   plan.parquet, statistics/, the tables of every planned batch, settings/
# makes   summary.md, figures/


localrules:
    report,


rule report:
    input:
        plan="<experiment>/plan.parquet",
        conditions="<experiment>/statistics/conditions.parquet",
        comparisons="<experiment>/statistics/comparisons.parquet",
        tables=tables_of_batches,
        settings=expand("<experiment>/settings/{group}.yaml", group=PLAN.settings),
    output:
        summary="<experiment>/summary.md",
        figures=directory("<experiment>/figures"),
    log:
        "<logs>/report.log",
    params:
        folder=str(PLAN.folder),
        source=source_digest("lossjumps.stages.report"),
    shell:
        "{LOSSJUMPS} report {params.folder:q} > {log} 2>&1"
