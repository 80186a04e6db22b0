"""From what a user asks for - an experiment's name and overrides - to a plan."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossjumps.configuration.compose import Composer
from lossjumps.configuration.experiment import Experiment, read_experiment, split_overrides, with_overrides
from lossjumps.configuration.plan import Plan, make_plan
from lossjumps.errors import InputError, one_of, shown

SINGLE = "single"
"""The experiment of a configuration that is given on the command line alone."""

WORKFLOW_KEYS = ("experiment", "overrides", "conf")


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    experiment: str
    overrides: Sequence[str]
    conf: Path

    def plan(self) -> Plan:
        """Compose, expand and validate it.

        Raises
        ------
        InputError
            If anything in it is unknown or refused.
        """
        composer = Composer(self.conf)
        if self.experiment == SINGLE:
            own = composer.folder / "experiment" / f"{SINGLE}.yaml"
            if own.exists():
                raise InputError(f"{own}: expected another name; {SINGLE} is what the command line alone asks for")
            asked = Experiment(SINGLE, "training", "one configuration, given on the command line", {}, {})
        else:
            asked = read_experiment(composer, self.experiment)
        plan = make_plan(composer, with_overrides(composer, asked, self.overrides))
        _check_place(plan.folder)
        return plan


def _check_place(folder: Path) -> None:
    """Refuse a folder for results that cannot be made or written to."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists() or place.is_symlink())
    if not there.is_dir():
        raise InputError(f"results: expected a folder for {folder}, {_relative(there)} is a file")
    try:  # a file without a name; permissions alone tell root nothing
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        place = _relative(there)
        raise InputError(f"results: expected a folder for {folder}, nothing can be written to {place}") from error


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def workflow_request(config: Mapping[str, Any], conf: Path) -> Request:
    """The request in ``snakemake --config experiment=NAME overrides="key=value ..." conf=DIR``.

    Parameters
    ----------
    config : mapping
        Snakemake's configuration.
    conf : Path
        The configuration folder where none is given.

    Raises
    ------
    InputError
        If a key is unknown, or the overrides are no text.
    """
    for key in config:
        if key not in WORKFLOW_KEYS:
            value = config[key] if isinstance(config[key], str | int | float) else "value"
            raise InputError(
                f"--config {key}: unknown key; {one_of(key, WORKFLOW_KEYS)}; "
                f'settings of an experiment go into overrides="{key}={value}"'
            )
    overrides = config.get("overrides") or []
    if isinstance(overrides, str):
        overrides = split_overrides(overrides)
    if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
        raise InputError('--config overrides: expected overrides="key=value key=value ..."')
    experiment, folder = config.get("experiment", "default"), config.get("conf", conf)
    if isinstance(experiment, bool) or not isinstance(experiment, str | int):
        raise InputError(f"--config experiment: expected the name of one experiment, got {shown(experiment)}")
    if not isinstance(folder, str | Path):
        raise InputError(f"--config conf: expected a folder, got {shown(folder)}")
    return Request(str(experiment), overrides, Path(folder))


def plan_again(folder: Path, conf: Path) -> Plan:
    """The plan of an experiment's folder, made again from its ``settings/experiment.yaml``.

    Raises
    ------
    InputError
        If the folder is no experiment's, or `conf` no longer fits it.
    """
    folder = Path(folder).resolve()
    path = folder / "settings" / "experiment.yaml"
    if not path.is_file():
        raise InputError(f"{folder}: expected the folder of an experiment, with settings/experiment.yaml in it")
    composer = Composer(conf)
    plan = make_plan(composer, read_experiment(composer, folder.name, path))
    if plan.folder.resolve() != folder:
        raise InputError(f"{path}: plans {plan.folder}, not this folder; run it from the folder it was made in")
    return plan
