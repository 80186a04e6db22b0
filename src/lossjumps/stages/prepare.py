"""The files that the stages start from, written without Snakemake: for stages called by hand."""

from pathlib import Path

from lossjumps.configuration.plan import Plan
from lossjumps.stages.listing import BATCH, DATA, Stage
from lossjumps.stages.whole import write_text


def prepare(plan: Plan) -> None:
    """Write the configuration files of a plan; a file that has its content already is left alone.

    Parameters
    ----------
    plan : Plan
        What is asked for.
    """
    texts = {f"settings/{name}.yaml": text for name, text in plan.settings.items()}
    texts |= {f"data/{name}.yaml": text for name, text in plan.data.items()}
    texts |= {f"batches/{name}/config.yaml": batch.text for name, batch in plan.batches.items()}
    for name, text in texts.items():
        path, content = plan.folder / name, text + "\n"
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            write_text(path, content)


def folders(plan: Plan, stage: Stage) -> list[Path]:
    """The folders of a plan that a stage works on, in their order."""
    if stage.folder == BATCH:
        return [plan.folder / "batches" / name for name in plan.batches]
    if stage.folder == DATA:
        return [plan.folder / "data" / name for name in plan.data]
    return [plan.folder]
