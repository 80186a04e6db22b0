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
CHECKPOINT_SECONDS = 60.0
"""Between two checkpoints, unless a command says otherwise."""


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline, the module `lossjumps.stages.<name>`."""

    name: str
    folder: str
    """What its FOLDER is: `BATCH`, `EXPERIMENT` or `DATA`."""
    help: str
    needs: tuple[str, ...]
    """Files of the folder (for an experiment: of each planned batch) that earlier stages make."""
    reads: tuple[str, ...]
    """What it reads beside these."""
    besides: tuple[str, ...] = ()
    """What it writes beside its tables."""
    step: str = ""
    """What its progress counts; empty where it is soon over."""
    shared: bool = False
    """Whether several processes can share its work."""
    kept: bool = False
    """Whether it keeps checkpoints, and goes on from the last."""
    also: tuple[str, ...] = ()
    """Other kinds of folders it works on."""

    @property
    def folders(self) -> tuple[str, ...]:
        """What its FOLDER may be."""
        return (self.folder, *self.also)

    @property
    def makes(self) -> tuple[str, ...]:
        """What it writes."""
        return (*self.besides, *(table.FILE for table in ALL_TABLES if self.name == table.STAGE))

    @property
    def module(self) -> ModuleType:
        """The module with its `run(folder)`; imported only when it is needed."""
        return import_module(f"lossjumps.stages.{self.name}")


ALL_TABLES = (tables.Plan, *tables.BATCH_TABLES, *tables.STATISTICS_TABLES)
BATCH_TABLES = tuple(table.FILE for table in tables.BATCH_TABLES)
"""The tables of a batch."""

STAGES = {
    stage.name: stage
    for stage in (
        Stage("plan", EXPERIMENT, "list the runs of an experiment", (), ("settings/experiment.yaml", "conf/")),
        Stage(
            "dataset",
            DATA,
            "simulate or read a series, scale it and add its noise",
            (),
            ("DATASET-DIGEST.yaml",),
            ("DATASET-DIGEST.npz",),
        ),
        Stage(
            "train",
            BATCH,
            "train the seeds of a batch, recording the parameters at every epoch",
            (),
            ("config.yaml", "the data file"),
            ("parameters.npz",),
            step="epoch",
            kept=True,
        ),
        Stage(
            "dynamics",
            BATCH,
            "find fixed points, cycles, attractors and bifurcations at every epoch",
            ("parameters.npz", "status.parquet"),
            ("config.yaml", "the data file", "settings/search.yaml"),
            step="epoch",
            shared=True,
        ),
        Stage("jumps", BATCH, "find the loss jumps", ("history.parquet",), ("config.yaml", "settings/events.yaml")),
        Stage(
            "causes",
            BATCH,
            "find what every jump comes from, and what of it happens at a bifurcation",
            (
                *("parameters.npz", "history.parquet", "status.parquet"),
                *("cycles.parquet", "bifurcations.parquet", "attractors.parquet", "jumps.parquet"),
            ),
            ("config.yaml", "the data file", "settings/search.yaml", "settings/events.yaml"),
            step="jump",
        ),
        Stage(
            "coincidences",
            BATCH,
            "count jumps and bifurcations that come together",
            ("status.parquet", "bifurcations.parquet", "jumps.parquet"),
            ("config.yaml", "settings/events.yaml"),
        ),
        Stage(
            "statistics",
            EXPERIMENT,
            "compare coincidence with chance, and BPTT with GTF",
            BATCH_TABLES,
            ("plan.parquet", "settings/events.yaml"),
            step="condition",
        ),
        Stage(
            "report",
            EXPERIMENT,
            "write summary.md and the figures",
            BATCH_TABLES,
            ("plan.parquet", "settings/", *(table.FILE for table in tables.STATISTICS_TABLES)),
            ("summary.md", "figures/"),
        ),
        Stage(
            "track",
            BATCH,
            "import a batch, or a reported experiment, into MLflow",
            BATCH_TABLES,
            ("config.yaml", "settings/"),
            ("tracked.json", "figures/"),
            step="run",
            also=(EXPERIMENT,),
        ),
    )
}

MAKERS = {name: stage.name for stage in STAGES.values() if stage.folder == BATCH for name in stage.makes}
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
        If the folder is of another kind; or naming the first missing file and the command that makes it.
    """
    if target is None:
        _check_kind(stage, Path(folder))
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
        if stage.name in ("train", "dynamics", "causes"):
            yield data_file, "dataset", data_file.with_suffix("")
        yield from ((folder / name, MAKERS[name], folder) for name in stage.needs)
    elif stage.folder == EXPERIMENT and stage.name != "plan":
        yield folder / "plan.parquet", "plan", folder
        for batch in load_plan(folder)["batch"].unique():
            made_in = folder / "batches" / batch
            yield from ((made_in / name, MAKERS[name], made_in) for name in stage.needs)
        if stage.name == "report":
            yield from ((folder / table.FILE, table.STAGE, folder) for table in tables.STATISTICS_TABLES)


def _check_kind(stage: Stage, folder: Path) -> None:
    """Refuse a folder of another kind than the stage works on, where it is plain of what kind it is."""
    is_batch, is_experiment = (folder / "config.yaml").is_file(), (folder / "batches").is_dir()
    if stage.folder == EXPERIMENT and is_batch:
        raise InputError(f"{folder}: expected the folder of an experiment, such as {folder.parent.parent}, got a batch")
    if stage.folder == BATCH and stage.name != "track" and is_experiment and not is_batch:
        raise InputError(f"{folder}: expected a batch, one of those in {folder / 'batches'}, got an experiment")
    if stage.folder == DATA and folder.parent.is_dir() and not folder.with_name(f"{folder.name}.yaml").is_file():
        raise InputError(f"{folder}: expected {DATA} without a suffix, with {folder.name}.yaml beside it")
    if stage.folder == EXPERIMENT and not (folder / "settings" / "experiment.yaml").is_file():
        raise InputError(f"{folder}: expected the folder of an experiment, with settings/experiment.yaml in it")
