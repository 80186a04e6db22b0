"""The stages in their order: what each works on, needs and says about itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lossjumps.errors import InputError

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


_DYNAMICS = ("cycles.parquet", "bifurcations.parquet", "attractors.parquet")
BATCH_TABLES = ("history.parquet", "status.parquet", *_DYNAMICS, "jumps.parquet", "coincidences.parquet")

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

MAKERS = {
    "parameters.npz": "train",
    "history.parquet": "train",
    "status.parquet": "train",
    **dict.fromkeys(_DYNAMICS, "dynamics"),
    "jumps.parquet": "jumps",
    "coincidences.parquet": "coincidences",
    "plan.parquet": "plan",
}
"""The stage that makes a file."""


def check_inputs(stage: Stage, folder: Path) -> None:
    """Refuse to start a stage whose inputs an earlier stage has not made yet.

    Raises
    ------
    InputError
        Naming the first missing file and the command that makes it.
    """
    for path, maker in _inputs(stage, Path(folder)):
        if not path.is_file():
            made_in = path.with_suffix("") if maker == "dataset" else path.parent
            raise InputError(f"{path}: file not found; make it first with `lossjumps {maker} {made_in}`")


def _inputs(stage: Stage, folder: Path) -> Iterator[tuple[Path, str]]:
    from lossjumps.configuration import (
        load_batch,
        load_plan,
    )  # the command line lists stages where this is not installed

    if stage.folder == BATCH and (folder / "plan.parquet").is_file():
        return  # `track` of an experiment, which looks for its report itself
    if stage.folder == BATCH:
        batch = load_batch(folder)
        if stage.name in ("train", "dynamics"):
            yield batch.data_file, "dataset"
        yield from ((folder / name, MAKERS[name]) for name in stage.needs)
    elif stage.folder == EXPERIMENT and stage.name != "plan":
        yield folder / "plan.parquet", "plan"
        for batch in load_plan(folder)["batch"].unique():
            yield from ((folder / "batches" / batch / name, MAKERS[name]) for name in stage.needs)
