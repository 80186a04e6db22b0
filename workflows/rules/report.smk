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
        hypotheses="<experiment>/statistics/hypotheses.parquet",
        sensitivity="<experiment>/statistics/sensitivity.parquet",
        tables=of_batches(*TABLES),
        settings=expand("<experiment>/settings/{group}.yaml", group=PLAN.settings),
    output:
        summary="<experiment>/summary.md",
        figures=directory("<experiment>/figures"),
    log:
        "<logs>/report.log",
    conda:
        "../../environment.yml"
    params:
        folder=subpath(input.plan, parent=True),
        source=source_digest("lossjumps.stages.report"),
    message:
        "Write the summary"
    shell:
        "lossjumps report {params.folder:q} > {log} 2>&1"
