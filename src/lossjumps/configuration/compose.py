"""Composing configurations from `conf/` with Hydra, and validating them against the schemas."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossjumps.configuration.loading import read_mapping
from lossjumps.configuration.objects import to_object
from lossjumps.configuration.registries import (
    dataset_object,
    events_object,
    known_keys,
    model_object,
    training_object,
)
from lossjumps.errors import InputError, one_of, shown
from lossjumps.schema import Configuration, GeneralConfig, SearchConfig, TrackingConfig

GROUPS = ("dataset", "model", "training", "search", "events", "tracking")
GENERAL_KEYS = tuple(entry.name for entry in fields(GeneralConfig))
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Of an experiment or an option: they become parts of folders, of rules and of overrides."""


class Composer:
    """The folder `conf/`, composed once for each distinct choice of options.

    Parameters
    ----------
    folder : Path
        Holds ``config.yaml`` and a folder for each group.

    Raises
    ------
    InputError
        If the folder has no ``config.yaml``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "config.yaml").is_file():
            found = "there is none" if self.folder.is_dir() else "there is no such folder"
            raise InputError(
                f"{folder}: expected a configuration folder with config.yaml in it, {found}; "
                "say which by --conf DIR, for snakemake by --config conf=DIR"
            )
        self._composed: dict[tuple[tuple[str, str], ...], DictConfig] = {}
        self._defaults: dict[str, str] | None = None

    def options(self, group: str) -> list[str]:
        """The options of a group: its YAML files without their suffix.

        Raises
        ------
        InputError
            If the group has no folder, or none in it.
        """
        options = sorted(path.stem for path in (self.folder / group).glob("*.yaml") if path.is_file())
        if not options:
            raise InputError(f"{self.folder / group}: expected a folder with YAML files in it, found none")
        return options

    def check_key(self, key: str) -> None:
        """Refuse a key that names no group, no general key and nothing below a group.

        Raises
        ------
        InputError
            Naming the key and the known ones.
        """
        head, dot, rest = key.partition(".")
        if head not in (*GROUPS, *GENERAL_KEYS) or (dot and head in GENERAL_KEYS):
            listed = one_of(head, (*GROUPS, *GENERAL_KEYS))
            meant = [known for known in known_keys() if known.endswith(f".{key}")]
            raise InputError(f"{key}: unknown key; {f'did you mean {_listed(meant)}?' if meant else listed}")
        if rest == "name":
            raise InputError(f"{key}: choose by {head}=OPTION; {one_of('', self.options(head))}")

    def check_option(self, group: str, option: object) -> None:
        """Refuse an option that a group does not have; raises `InputError` with the known ones."""
        options = self.options(group)
        if option not in options:
            raise InputError(f"{group}: unknown option {shown(option)}; {one_of(option, options)}")
        check_name(str(option), str(self.folder / group / f"{option}.yaml"))

    def defaults(self) -> dict[str, str]:
        """The option of each group that ``config.yaml`` chooses.

        Raises
        ------
        InputError
            If it does not choose one of each.
        """
        if self._defaults is None:
            path = self.folder / "config.yaml"
            content = read_mapping(path)
            for key in content:
                if key not in ("defaults", *GROUPS, *GENERAL_KEYS):
                    raise InputError(f"{path}: {key}: unknown key; {one_of(key, ('defaults', *GROUPS, *GENERAL_KEYS))}")
            entries = content.get("defaults")
            listed = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
            chosen = {group: option for entry in listed for group, option in entry.items()}
            for group in GROUPS:
                if not isinstance(chosen.get(group), str):
                    raise InputError(f"{path}: defaults: expected a list that chooses an option of {group}")
            self._defaults = {group: chosen[group] for group in GROUPS}
        return self._defaults

    def name_of(self, group: str, choices: Mapping[str, str]) -> object:
        """The registry entry that a choice of options stands for: `name` in the file of its option."""
        return OmegaConf.select(self._compose({**self.defaults(), **choices}), f"{group}.name")

    def configuration(self, choices: Mapping[str, str], values: Mapping[str, Any]) -> Configuration:
        """Compose and validate one configuration.

        Parameters
        ----------
        choices : mapping
            Group to option; groups that are not named keep the option of ``config.yaml``.
        values : mapping
            Dotted key to value, set over the options.

        Raises
        ------
        InputError
            If an option or a key is unknown, or a value is refused.
        """
        chosen = {**self.defaults(), **choices}
        composed = OmegaConf.create(OmegaConf.to_container(self._compose(chosen)))
        for key, value in values.items():
            self.check_key(key)
            try:
                # What is left out of a mapping keeps its value; a list is another list.
                OmegaConf.update(composed, key, value, merge=isinstance(value, Mapping), force_add=True)
            except (OmegaConfBaseException, TypeError, AttributeError):
                raise InputError(f"{key}: unknown key; {key.rpartition('.')[0]} is a value, not a mapping") from None
        try:
            return _validated(_resolved(composed))
        except InputError as error:
            raise InputError(f"{self._source(str(error).partition(':')[0], chosen, values)}{error}") from None

    def _source(self, key: str, choices: Mapping[str, str], values: Mapping[str, Any]) -> str:
        """Name the file that a key's value comes from, unless it was given over the options."""
        if any(key == given or key.startswith(f"{given}.") for given in values):
            return ""
        group = key.partition(".")[0]
        if group in GROUPS:
            path = self.folder / group / f"{choices[group]}.yaml"
            content: Any = read_mapping(path)
            for part in key.split(".")[1:]:
                if not isinstance(content, Mapping) or (part not in map(str, content) and part != "name"):
                    return ""
                content = content.get(part)
        else:
            path = self.folder / "config.yaml"
        return f"{path}: "

    def _compose(self, choices: Mapping[str, str]) -> DictConfig:
        for group, option in choices.items():
            self.check_option(group, option)
        chosen = tuple(sorted(choices.items()))
        if chosen not in self._composed:
            for group, option in chosen:
                read_mapping(self.folder / group / f"{option}.yaml")  # names the file and the line of a fault
            try:
                with initialize_config_dir(config_dir=str(self.folder.resolve()), version_base="1.3"):
                    overrides = [f"{group}='{option}'" for group, option in chosen]
                    self._composed[chosen] = compose("config", overrides=overrides)
            except (HydraException, OmegaConfBaseException, yaml.YAMLError, OSError, ValueError) as error:
                reason = " ".join(str(error).split("Config search path")[0].split())
                raise InputError(f"{self.folder}: cannot be put together ({reason})") from None
        return self._composed[chosen]


def check_name(name: str, what: str) -> None:
    """Refuse a name that folders and rules cannot carry.

    Raises
    ------
    InputError
        Naming the characters that are expected.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"{what}: expected a name of letters, digits, _, - and ., the first a letter or a digit")


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names)


def _resolved(composed: DictConfig) -> dict[str, Any]:
    """Plain values, references to other keys filled in; to the seed there is none, it is another one in each run."""
    content = OmegaConf.to_container(composed)
    seed = {"seed": content.pop("seed")} if "seed" in content else {}
    try:
        return {**OmegaConf.to_container(OmegaConf.create(content), resolve=True), **seed}
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0].rpartition("interpolation: ")[2].strip('"')
        name = re.fullmatch("Interpolation key '(.+)' not found", reason)
        raise InputError(f"{error.full_key}: {f'no value for ${{{name[1]}}}' if name else reason}") from None


def _validated(plain: Mapping[str, Any]) -> Configuration:
    unknown = [key for key in plain if key not in (*GROUPS, *GENERAL_KEYS)]
    if unknown:
        raise InputError(f"{unknown[0]}: unknown key; {one_of(unknown[0], (*GROUPS, *GENERAL_KEYS))}")
    for group in GROUPS:
        if not isinstance(plain.get(group), Mapping):
            raise InputError(f"{group}: expected a mapping, got {shown(plain.get(group))}")
    return Configuration(
        dataset=dataset_object(plain["dataset"]),
        model=model_object(plain["model"]),
        training=training_object(plain["training"]),
        search=to_object(SearchConfig, plain["search"], "search."),
        events=events_object(plain["events"]),
        tracking=to_object(TrackingConfig, plain["tracking"], "tracking."),
        general=to_object(GeneralConfig, {key: plain[key] for key in GENERAL_KEYS if key in plain}, ""),
    )
