"""The plan of an experiment: every run, validated before anything runs, in batches of seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from lossjumps.configuration.compose import GROUPS, Composer
from lossjumps.configuration.digest import digest
from lossjumps.configuration.experiment import Experiment, check_runs, choices_of, combinations, fixed_values, seeds
from lossjumps.configuration.loading import read_mapping
from lossjumps.configuration.objects import to_mapping
from lossjumps.configuration.recordings import check_choices, own_sizes, short_paths
from lossjumps.configuration.registries import content_digest, observed_of, recording_digest
from lossjumps.errors import InputError
from lossjumps.schema import Configuration, GeneralConfig
from lossjumps.training.forcing import FORCINGS
from lossjumps.training.memory import check_memory
from lossjumps.training.recorded import RECORDED
from lossjumps.training.recorded.validation import check_recordings
from lossjumps.training.validation import check

IDENTITY = ("dataset", "model", "training")
STRENGTH = "training.alpha"
PATH = "training.path"


@dataclass(frozen=True)
class Condition:
    """A configuration without its seed."""

    name: str
    """``<dataset>-<model>-<training>-<digest>``."""
    label: str
    """For people: data set and training, and what else the experiment sweeps."""
    choices: Mapping[str, str]
    """The options chosen for data set, model and training."""
    swept: Mapping[str, Any]
    """Values of the swept keys that are no choice of an option."""
    configuration: Configuration
    data: str
    """``<dataset>-<digest>``: the name of its data file."""

    @property
    def slug(self) -> str:
        """The options alone, which every batch of the condition begins with."""
        return "-".join(self.choices[group] for group in IDENTITY)


@dataclass(frozen=True)
class PlannedBatch:
    """The seeds that are trained and analysed in one process, and those of them that the plan asks for."""

    name: str
    condition: Condition
    seeds: tuple[int, ...]
    planned: tuple[int, ...]

    @property
    def text(self) -> str:
        """Content of its ``config.yaml``, without the last line break; the same for the same name, always."""
        configuration = self.condition.configuration
        content = {
            "condition": self.condition.name,
            "label": " ".join(self.condition.choices[group] for group in IDENTITY),
            "data": self.condition.data,
            "seeds": list(self.seeds),
            **{group: to_mapping(getattr(configuration, group)) for group in IDENTITY},
        }
        return as_text(content)


@dataclass(frozen=True)
class Plan:
    """All runs of an experiment, and the files that its stages start from."""

    experiment: Experiment
    folder: Path
    conditions: tuple[Condition, ...]
    batches: Mapping[str, PlannedBatch]
    """By name, in the order of the conditions."""
    general: GeneralConfig

    @cached_property
    def data(self) -> dict[str, str]:
        """For each data file its resolved configuration, the text of ``data/<name>.yaml``."""
        return {condition.data: as_text(to_mapping(condition.configuration.dataset)) for condition in self.conditions}

    @cached_property
    def settings(self) -> dict[str, str]:
        """For each file of ``settings/`` its text; `experiment` is what the plan was made from."""
        shared = self.conditions[0].configuration
        groups = {group: as_text(to_mapping(getattr(shared, group))) for group in GROUPS if group not in IDENTITY}
        return {"experiment": as_text(self.experiment.to_mapping()), **groups}

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each run: the content of ``plan.parquet``."""
        return [
            {
                "run": f"{condition.name}-s{seed}",
                "batch": batch.name,
                "condition": condition.name,
                "label": condition.label,
                "seed": seed,
                **condition.choices,
                **condition.swept,
            }
            for batch in self.batches.values()
            for condition in [batch.condition]
            for seed in batch.planned
        ]


def as_text(content: Mapping[str, Any]) -> str:
    """YAML of plain data, in the order of its keys, without the last line break."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=120).rstrip("\n")


def make_plan(composer: Composer, experiment: Experiment) -> Plan:
    """Expand an experiment into runs and validate each distinct configuration.

    Batches that exist in the experiment's folder are kept, so the plan depends on them as well.

    Raises
    ------
    InputError
        If a configuration is not valid; the line names what is wrong, and in which condition.
    """
    check_runs(composer, experiment)
    fixed = fixed_values(composer, experiment)
    conditions: dict[str, Condition] = {}
    for combination in _with_strength_where_taken(composer, fixed, list(combinations(composer, experiment))):
        condition = _condition(composer, experiment, fixed, combination)
        conditions.setdefault(condition.name, condition)
    general = next(iter(conditions.values())).configuration.general
    folder = Path(general.results) / experiment.name
    wanted = seeds(composer, experiment, general.seed)
    for condition in conditions.values():
        _check_recordings(condition, wanted, swept=len(conditions) > 1)
    batches = {
        batch.name: batch
        for condition in conditions.values()
        for batch in _batches(condition, wanted, general.seeds_per_batch, folder)
    }
    for batch in batches.values():
        _check_memory(batch)
    return Plan(experiment, folder, tuple(conditions.values()), batches, general)


def _check_memory(batch: PlannedBatch) -> None:
    configuration = batch.condition.configuration
    if configuration.training.name != RECORDED:
        observed = observed_of(configuration.dataset)
        check_memory(configuration.model, configuration.training, observed, len(batch.seeds))


def _with_strength_where_taken(
    composer: Composer, fixed: Mapping[str, Any], asked: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Give a forcing strength to the forcings of a sweep that take one: the others have no use for it.

    So ``training=bptt,gtf training.alpha=0.1,0.3`` is BPTT, once, and GTF with each strength.  Where no forcing of
    the sweep takes a strength it stays, to be refused.
    """
    if not any(STRENGTH in {**fixed, **combination} for combination in asked):
        return list(asked)
    choices = [{key: value for key, value in {**fixed, **one}.items() if key in GROUPS} for one in asked]
    names = [composer.name_of("training", chosen) for chosen in choices]
    takes = [name in FORCINGS and FORCINGS[name].needs_alpha for name in names]
    if not any(takes):
        return list(asked)
    return [one if taken else {**one, STRENGTH: None} for one, taken in zip(asked, takes, strict=True)]


def _condition(
    composer: Composer, experiment: Experiment, fixed: Mapping[str, Any], combination: Mapping[str, Any]
) -> Condition:
    given = {**fixed, **combination}
    choices = {key: value for key, value in given.items() if key in GROUPS}
    swept = {key: value for key, value in combination.items() if key not in GROUPS and key in experiment.sweep}
    told = {key: value for key, value in swept.items() if key != STRENGTH or value is not None}
    chosen = {**composer.defaults(), **choices}
    label = " ".join([chosen["dataset"], chosen["training"], *_extra_label(composer, experiment, chosen, told)])
    values = {key: value for key, value in given.items() if key not in GROUPS and key != "seed"}
    try:
        if composer.name_of("training", choices) == RECORDED:
            check_choices(choices)
            values = own_sizes(values)
        configuration = composer.configuration(choices, values)
        check(configuration.dataset, configuration.model, configuration.training)
        content = content_digest(configuration.dataset)
    except InputError as error:
        where = f" (in the condition {label})" if combination else ""
        raise InputError(f"{error}{where}") from None
    plain = {group: to_mapping(getattr(configuration, group)) for group in IDENTITY}
    dataset = {**plain["dataset"], **({"content": content} if content else {})}
    identity = [dataset, plain["model"], plain["training"]]
    options = {group: chosen[group] for group in IDENTITY}
    return Condition(
        name=f"{'-'.join(options.values())}-{digest(identity)}",
        label=label,
        choices=options,
        swept={key: _understood(plain, key, value) for key, value in swept.items()},
        configuration=configuration,
        data=f"{chosen['dataset']}-{digest(dataset)}",
    )


def _understood(configuration: Mapping[str, Any], key: str, given: Any) -> Any:
    """The value of a key as its schema understood it, 0.1 where '0.1' was given: a column holds one type."""
    value: Any = configuration
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return given  # set aside: not a key of what was composed
        value = value[part]
    return value


def _extra_label(
    composer: Composer, experiment: Experiment, chosen: Mapping[str, str], swept: Mapping[str, Any]
) -> list[str]:
    last = [key.rpartition(".")[2] for key in swept]
    short = {key: name if last.count(name) == 1 else key for key, name in zip(swept, last, strict=True)}
    model = [chosen["model"]] if "model" in experiment.sweep else []
    shown = dict(swept)
    if PATH in shown:
        shown[PATH] = short_paths([value for _, value in choices_of(composer, experiment.sweep[PATH])])[swept[PATH]]
    return [*model, *(f"{short[key]}={value}" for key, value in shown.items())]


def _check_recordings(condition: Condition, wanted: Sequence[int], swept: bool) -> None:
    configuration = condition.configuration
    if configuration.training.name != RECORDED:
        return
    try:
        check_recordings(configuration.dataset, configuration.model, configuration.training, wanted)
    except InputError as error:
        raise InputError(f"{error}{f' (in the condition {condition.label})' if swept else ''}") from None


def _batches(condition: Condition, wanted: Sequence[int], size: int, folder: Path) -> list[PlannedBatch]:
    """Cover the wanted seeds: by batches that exist, then by new ones that do not cross a multiple of `size`."""
    missing = set(wanted)
    chosen: list[tuple[int, ...]] = []
    existing = _existing(condition, folder)
    while missing and existing:
        best = min(existing, key=lambda held: (-len(missing.intersection(held)), len(held), held))
        if not missing.intersection(best):
            break
        chosen.append(best)
        missing.difference_update(best)
        existing.remove(best)
    chunks: dict[int, list[int]] = {}
    for seed in sorted(missing):
        chunks.setdefault(seed // size, []).append(seed)
    left = set(wanted)
    batches = []
    for held in [*chosen, *map(tuple, chunks.values())]:
        batches.append(
            PlannedBatch(batch_name(condition, held), condition, held, tuple(sorted(left.intersection(held))))
        )
        left.difference_update(held)
    return sorted(batches, key=lambda batch: batch.planned)


def batch_name(condition: Condition, held: Sequence[int]) -> str:
    """Name of the batch of a condition that holds these seeds; that of recordings stands for their content as well."""
    training = condition.configuration.training
    content = [recording_digest(training, held)] if training.name == RECORDED else []
    return f"{condition.slug}-s{held[0]}-{held[-1]}-{digest([condition.name, list(held), *content])}"


def _existing(condition: Condition, folder: Path) -> list[tuple[int, ...]]:
    """Seeds of the batches of this condition that were begun, whatever plan asked for them."""
    found = []
    for path in sorted((folder / "batches").glob(f"{condition.slug}-s*/config.yaml")):
        try:
            content = read_mapping(path)
            held = tuple(int(seed) for seed in content["seeds"])
            ours = content["condition"] == condition.name and held and path.parent.name == batch_name(condition, held)
        except (InputError, KeyError, TypeError, ValueError):
            continue  # no file of ours, or damaged, or of recordings that are gone: written anew if the plan names it
        if ours:
            found.append(held)
    return found
