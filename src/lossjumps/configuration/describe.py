"""A plan in words: what will run, how much disk it needs, and what no plan names any more."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lossjumps.configuration.needs import disk_needed
from lossjumps.configuration.plan import Plan
from lossjumps.schema import readable_bytes

WIDTH = 80
SHOWN_CONDITIONS = 8
"""Conditions that a plan names; it counts the others."""


@dataclass(frozen=True)
class Unplanned:
    """Folders of batches and files of data sets in an experiment's folder that its plan does not name."""

    batches: tuple[Path, ...]
    data: tuple[Path, ...]

    def __bool__(self) -> bool:
        return bool(self.batches or self.data)


def unplanned(folder: Path, batches: Iterable[str], data: Iterable[str]) -> Unplanned:
    """What lies in an experiment's folder beside the batches and the data files named.

    Parameters
    ----------
    folder : Path
        ``results/<experiment>``.
    batches, data : iterable of str
        Names of the planned batches and data files.
    """
    batches, data = set(batches), set(data)
    return Unplanned(
        tuple(path for path in sorted((folder / "batches").glob("*")) if path.is_dir() and path.name not in batches),
        tuple(path for path in sorted((folder / "data").glob("*.*")) if path.stem not in data),
    )


def describe(plan: Plan) -> str:
    """Several lines of at most 80 columns on what the plan holds."""
    experiment = plan.experiment
    about = f": {experiment.description.splitlines()[0]}" if experiment.description else ""
    lines = textwrap.wrap(f"Experiment {experiment.name}{about}", WIDTH)
    labels = [condition.label for condition in plan.conditions]
    lines += _entry("runs", _runs(plan))
    lines += _entry("conditions", *labels[:SHOWN_CONDITIONS], together=True)
    if len(labels) > SHOWN_CONDITIONS:
        lines += _entry("", f"and {len(labels) - SHOWN_CONDITIONS} more")
    lines += _entry("swept", *(experiment.sweep.values() or ["nothing"]))
    if experiment.fixed:
        lines += _entry("fixed", *experiment.fixed.values(), together=True)
    begun = [batch for batch in plan.batches.values() if (plan.folder / "batches" / batch.name).is_dir()]
    if begun:
        batches = _counted(len(plan.batches), "batch", "es")
        lines += _entry("begun", f"{len(begun)} of {batches} before; what is done and unchanged stays")
    needed = sum(disk_needed(batch) for batch in plan.batches.values())
    lines += _entry("disk", f"about {readable_bytes(needed)} in all, MLflow's store included")
    lines += _entry("results", str(plan.folder))
    left = unplanned(plan.folder, plan.batches, plan.data)
    if left:
        lines += _entry(
            "unplanned",
            f"{_counted(len(left.batches), 'batch folder')} and {_counted(len(left.data), 'data file')} that this plan "
            f"does not name; `lossjumps prune {plan.folder}` lists them",
        )
    return "\n".join(lines)


def _runs(plan: Plan) -> str:
    seeds = {sum(row["condition"] == condition.name for row in plan.rows) for condition in plan.conditions}
    each = f" with {_counted(max(seeds), 'seed')} each" if len(seeds) == 1 else ""
    return (
        f"{_counted(len(plan.rows), 'training')}: {_counted(len(plan.conditions), 'condition')}{each}, "
        f"in {_counted(len(plan.batches), 'batch', 'es')}"
    )


def _counted(number: int, word: str, plural: str = "s") -> str:
    return f"{number} {word}{'' if number == 1 else plural}"


def _entry(heading: str, *texts: str, together: bool = False) -> list[str]:
    """A line for each text, or as many of them in a line as fit."""
    texts = (", ".join(text.replace(" ", "\0") for text in texts),) if together else texts
    first, other = f"  {heading:<12}", " " * 14
    lines = []
    for text in texts:
        lines += textwrap.wrap(
            text,
            WIDTH,
            initial_indent=other if lines else first,
            subsequent_indent=other,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return [line.replace("\0", " ") for line in lines]
