"""The two ways in, `snakemake --config ...` and `lossjumps STAGE key=value`, tried with bad input."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lossjumps.command_line import main
from lossjumps.configuration import request
from lossjumps.configuration.announce import plan_or_exit
from lossjumps.configuration.compose import Composer

CONF = Path(__file__).parents[1] / "conf"


SHARED = Composer(CONF)


def compose_once(monkeypatch) -> None:
    """Compose the options of the project's own folder once for all tests: Hydra takes its time."""
    monkeypatch.setattr(request, "Composer", lambda folder: SHARED if Path(folder) == CONF else Composer(folder))


def contents(folder: Path) -> dict[str, int | None]:
    """What lies in a folder, with the time of the last change of each file."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def refused_by_workflow(capsys, overrides: Sequence[str] = (), conf: Path = CONF, **config) -> str:
    """What `snakemake --config overrides=... ` says, in one line and with exit status 2, writing nothing."""
    before = contents(Path.cwd())
    with pytest.raises(SystemExit) as ended:
        plan_or_exit({"experiment": "smoke", **config, "overrides": list(overrides)}, conf, announce=True)
    assert ended.value.code == 2
    return _one_line(capsys, before)


def refused_by_command(capsys, *overrides: str, conf: Path = CONF, stage: str = "dataset") -> str:
    """What `lossjumps STAGE key=value` says, in one line and with exit status 2, writing nothing."""
    return refused(capsys, stage, *overrides, "--conf", conf)


def refused(capsys, *arguments: str | Path, status: int = 2) -> str:
    """What `lossjumps ARGUMENTS` says, in one line and with this exit status, writing nothing."""
    before = contents(Path.cwd())
    assert main([str(argument) for argument in arguments]) == status
    return _one_line(capsys, before)


def _one_line(capsys, before: dict[str, int | None]) -> str:
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("lossjumps: ") and said.err.endswith("\n") and said.err.count("\n") == 1
    for jargon in ("Hydra", "OmegaConf", "object_type", "full_key", "Traceback", "None", "BRACKET", "usage:"):
        assert jargon not in said.err
    assert contents(Path.cwd()) == before
    return said.err.removeprefix("lossjumps: ").rstrip("\n")
