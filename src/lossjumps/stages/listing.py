"""The stages in their order: what each works on, needs and says about itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lossjumps.errors import InputError
from lossjumps.stages import tables

BATCH = "results/EXPERIMENT/batches/BATCH"
EXPERIMENT = "results/EXPERIMENT"
DATA = "results/EXPERIMENT/data/DATASET-DIGEST"


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline, the module `lossjumps.stages.<name>`."""

    name: str
    folder: str
    """What its FOLDER is: `BATCH`, `EXPERIMENT` or `DATA`."""
    help: str
    needs: tuple[str, ...]
    """Files of the folder (for an experiment: of each planned batch) that earlier stages make."""

    @property
    def module(self) -> ModuleType:
        """The module with its `run(folder)`; imported only when it is needed."""
        return import_module(f"lossjumps.stages.{self.name}")


BATCH_TABLES = tuple(table.FILE for table in tables.BATCH_TABLES)
"""The tables of a batch."""

STAGES = {
    stage.name: stage
    for stage in (
        Stage("plan", EXPERIMENT, "list the runs of an experiment", ()),
        Stage("dataset", DATA, "simulate or read a series, scale it and add its noise", ()),
        Stage("train", BATCH, "train the seeds of a batch, recording the parameters at every epoch", ()),
        Stage(
            "dynamics",
            BATCH,
            "find fixed points, cycles, attractors and bifurcations at every epoch",
            ("parameters.npz", "status.parquet"),
        ),
        Stage("jumps", BATCH, "find the loss jumps", ("history.parquet",)),
        Stage(
            "coincidences",
            BATCH,
            "count jumps and bifurcations that come together",
            ("status.parquet", "bifurcations.parquet", "jumps.parquet"),
        ),
        Stage("statistics", EXPERIMENT, "compare coincidence with chance, and BPTT with GTF", BATCH_TABLES),
        Stage("report", EXPERIMENT, "write summary.md and the figures", BATCH_TABLES),
        Stage("track", BATCH, "import a batch, or a reported experiment, into MLflow", BATCH_TABLES),
    )
}

MAKERS = {"parameters.npz": "train", **{table.FILE: table.STAGE for table in tables.BATCH_TABLES}}
"""The stage that makes a file."""


def check_inputs(stage: Stage, folder: Path, data_file: Path | None = None, target: str | None = None) -> None:
    """Refuse to start a stage whose inputs an earlier stage has not made yet.

    Parameters
    ----------
    stage : Stage
    folder : Path
        What it is to work on.
    data_file : Path, optional
        The data file of a batch whose ``config.yaml`` is not written yet.
    target : str, optional
        What to call the earlier stage with, in place of the folder it works on.

    Raises
    ------
    InputError
        Naming the first missing file and the command that makes it.
    """
    for path, maker, made_in in _inputs(stage, Path(folder), data_file):
        if not path.is_file():
            raise InputError(f"{path}: file not found; make it first with `lossjumps {maker} {target or made_in}`")


def _inputs(stage: Stage, folder: Path, data_file: Path | None) -> Iterator[tuple[Path, str, Path]]:
    """The files that a stage reads, the stage that makes each, and the folder that is called with."""
    # Stages are listed where these are not installed.
    from lossjumps.configuration import load_batch
    from lossjumps.stages.files import load_plan

    if stage.folder == BATCH and (folder / "plan.parquet").is_file():  # `track` of an experiment
        yield folder / "summary.md", "report", folder
    elif stage.folder == BATCH:
        if data_file is None:
            data_file = load_batch(folder).data_file
        if stage.name in ("train", "dynamics"):
            yield data_file, "dataset", data_file.with_suffix("")
        yield from ((folder / name, MAKERS[name], folder) for name in stage.needs)
    elif stage.folder == EXPERIMENT and stage.name != "plan":
        yield folder / "plan.parquet", "plan", folder
        for batch in load_plan(folder)["batch"].unique():
            made_in = folder / "batches" / batch
            yield from ((made_in / name, MAKERS[name], made_in) for name in stage.needs)
        if stage.name == "report":
            yield from ((folder / table.FILE, table.STAGE, folder) for table in tables.STATISTICS_TABLES)
