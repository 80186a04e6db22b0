"""Experiments: a description, fixed overrides and a sweep, all in Hydra's override grammar."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, OverrideType, RangeSweep
from hydra.errors import HydraException

from lossjumps.configuration.compose import GROUPS, Composer, check_name
from lossjumps.configuration.loading import read_mapping
from lossjumps.configuration.objects import LARGEST_INTEGER
from lossjumps.errors import InputError, one_of, shown

KINDS = ("training",)
SWEPT = ("dataset", "model", "training", "seed")
MOST_RUNS = 100_000
"""Of an experiment: its plan is expanded, and every run is a row in the tables."""
KEYS = ("kind", "description", "overrides", "sweep")


@dataclass(frozen=True)
class Experiment:
    """What is asked for: a set of runs.

    `fixed` and `sweep` hold, for each key, the override as it was written (``training.epochs=500``,
    ``seed=range(0,8)``).
    """

    name: str
    kind: str
    description: str
    fixed: Mapping[str, str]
    sweep: Mapping[str, str]

    def to_mapping(self) -> dict[str, Any]:
        """The form of an experiment's YAML file."""
        return {
            "kind": self.kind,
            "description": self.description,
            "overrides": list(self.fixed.values()),
            "sweep": {key: text.partition("=")[2] for key, text in self.sweep.items()},
        }


def read_experiment(composer: Composer, name: str, path: Path | None = None) -> Experiment:
    """Read ``conf/experiment/NAME.yaml``, or the copy in the folder of an experiment.

    Raises
    ------
    InputError
        If there is no such experiment, or a key or an override in it is not understood.
    """
    if path is None:
        path = composer.folder / "experiment" / f"{name}.yaml"
        if not path.is_file() or "/" in name:
            known = one_of(name, composer.options("experiment"))
            raise InputError(
                f"experiment: unknown experiment {name!r}; {known}; each is a file in {composer.folder / 'experiment'}"
            )
        check_name(name, str(path))
    content = read_mapping(path)
    try:
        return _experiment(composer, name, content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _experiment(composer: Composer, name: str, content: Mapping[str, Any]) -> Experiment:
    for key in content:
        if key not in KEYS:
            raise InputError(f"{key}: unknown key; {one_of(key, KEYS)}")
    kind = content.get("kind", "training")
    if kind not in KINDS:
        raise InputError(f"kind: unknown kind {shown(kind)}; {one_of(kind, KINDS)}")
    overrides = content.get("overrides") or []
    if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
        raise InputError("overrides: expected a list of texts such as training.epochs=500")
    sweep = content.get("sweep") or {}
    if not isinstance(sweep, Mapping):
        raise InputError("sweep: expected a mapping such as seed: range(0,8)")
    for key, text in sweep.items():
        if isinstance(text, list | dict | bool) or text is None:
            raise InputError(f"sweep: {key}: expected a sweep such as 0.1,0.5 or range(0,8), got {shown(text)}")
    description = content.get("description") or ""
    if not isinstance(description, str | int | float):
        raise InputError(f"description: expected text, got {shown(description)}")
    empty = Experiment(name, kind, str(description).strip(), {}, {})
    given = [*overrides, *(f"{key}={text}" for key, text in sweep.items())]
    experiment = with_overrides(composer, empty, given)
    for text in given:
        choices_of(composer, text)
    return experiment


def with_overrides(composer: Composer, experiment: Experiment, overrides: Sequence[str]) -> Experiment:
    """An experiment with a user's overrides, each taking the place of what the experiment says for its key.

    Raises
    ------
    InputError
        If an override is not understood, its key is unknown or cannot be swept.
    """
    fixed, sweep = dict(experiment.fixed), dict(experiment.sweep)
    seen: dict[str, str] = {}
    for text in overrides:
        override = parse(text)
        key = override.key_or_group
        composer.check_key(key)
        if seen.setdefault(key, text) != text:
            raise InputError(f"{key}: expected to be given once, got {seen[key]} and {text}")
        if not override.is_sweep_override():
            fixed[key] = text
            sweep.pop(key, None)
            continue
        if key.partition(".")[0] not in SWEPT:
            raise InputError(
                f"{text}: {key} cannot be swept, all runs share it; give one value, or sweep {_listed(SWEPT)}"
            )
        sweep[key] = text
        fixed.pop(key, None)
    return Experiment(experiment.name, experiment.kind, experiment.description, fixed, sweep)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def split_overrides(text: str) -> list[str]:
    """Split a line of overrides at white space outside of quotes and brackets.

    Raises
    ------
    InputError
        If a quote or a bracket is not closed.
    """
    pieces, current, depth, quote = [], "", 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter.isspace() and depth <= 0:
            pieces.append(current)
            current = ""
            continue
        current += letter
    if quote or depth != 0:
        raise InputError(f"overrides: a quote or a bracket is not closed in {text!r}")
    return [piece for piece in [*pieces, current] if piece]


@lru_cache(maxsize=1024)  # the parser is slow, and the same text is looked at more than once
def parse(text: str) -> Override:
    """Parse one override ``key=value`` or ``key=sweep``.

    Raises
    ------
    InputError
        If it is not in Hydra's override grammar, or adds or deletes a key.
    """
    if text.startswith("=") or not ("=" in text or text.startswith("~")):
        raise InputError(f"{text}: expected key=value, such as training.epochs=500")
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise InputError(f"{text}: {_reason(str(error).splitlines()[0])}") from None
    if override.type != OverrideType.CHANGE or override.package is not None:
        raise InputError(f"{text}: expected key=value; keys cannot be added, deleted or moved")
    return override


def _reason(said: str) -> str:
    """Say what a value has to look like; of a function such as choice(), what it says is wrong with it."""
    _, evaluated, reason = said.partition(" while evaluating ")
    if evaluated:
        return reason.rpartition("': ")[2]
    return "expected key=value, values to sweep as value,value or range(start,stop), and quotes around other text"


def choices_of(composer: Composer, text: str) -> list[tuple[str, Any]]:
    """Key and value of each element of an override, in order; a plain value is the only element.

    Raises
    ------
    InputError
        If a sweep has no elements or no end.
    """
    override = parse(text)
    key = override.key_or_group
    value = override.value() if not override.is_sweep_override() else override._value
    if isinstance(value, IntervalSweep):
        raise InputError(f"{text}: interval() has no elements to run; list values, or use range()")
    if isinstance(value, Glob):
        elements = value.filter(composer.options(key)) if key in GROUPS else []
    elif isinstance(value, ChoiceSweep | RangeSweep):
        if value.shuffle:
            raise InputError(f"{text}: the order of runs is fixed; leave shuffle() out")
        _check_count(value, text)
        try:
            elements = [parse(f"{key}={element}").value() for element in override.sweep_string_iterator()]
        except (HydraException, ValueError, ZeroDivisionError) as error:
            raise InputError(f"{text}: {' '.join(str(error).split())}") from None
    else:
        elements = [value]
    if not elements:
        raise InputError(f"{text}: the sweep is empty; expected at least one value")
    if key in GROUPS:
        elements = [str(element) if type(element) is int else element for element in elements]
        for element in elements:
            composer.check_option(key, element)
    return [(key, element) for element in elements]


def _check_count(sweep: ChoiceSweep | RangeSweep, text: str) -> None:
    if isinstance(sweep, ChoiceSweep):
        return
    if not all(math.isfinite(number) for number in (sweep.start, sweep.stop, sweep.step)):
        raise InputError(f"{text}: expected a range between finite numbers")
    if sweep.step and (sweep.stop - sweep.start) / sweep.step > MOST_RUNS:
        raise InputError(f"{text}: expected at most {MOST_RUNS} values")


def check_runs(composer: Composer, experiment: Experiment) -> None:
    """Refuse a sweep of more runs than a plan can hold.

    Raises
    ------
    InputError
        Naming the sweep and how many runs it has.
    """
    runs = math.prod(len(choices_of(composer, text)) for text in experiment.sweep.values())
    if runs > MOST_RUNS:
        raise InputError(f"sweep of {', '.join(experiment.sweep)}: expected at most {MOST_RUNS} runs, these are {runs}")


def combinations(composer: Composer, experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Every combination of the values of a sweep but its seeds, as key to value, in the order of the sweep."""
    swept = [choices_of(composer, text) for key, text in experiment.sweep.items() if key != "seed"]
    for combination in itertools.product(*swept):
        yield dict(combination)


def fixed_values(composer: Composer, experiment: Experiment) -> dict[str, Any]:
    """Key and value of what an experiment fixes."""
    return dict(choices_of(composer, text)[0] for text in experiment.fixed.values())


def seeds(composer: Composer, experiment: Experiment, default: int) -> list[int]:
    """The seeds of an experiment, ascending and each once.

    Raises
    ------
    InputError
        If a seed is no integer >= 0, or a huge one.
    """
    text = experiment.sweep.get("seed", experiment.fixed.get("seed", f"seed={default}"))
    values = [value for _, value in choices_of(composer, text)]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InputError(f"{text}: expected integers >= 0, got {shown(value)}")
        if value > LARGEST_INTEGER:
            raise InputError(f"{text}: expected integers of at most {LARGEST_INTEGER}, got {shown(value)}")
    return sorted(set(values))
