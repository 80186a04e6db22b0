"""Composing configurations from `conf/` with Hydra, and validating them against the schemas."""

from collections.abc import Mapping
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
from lossjumps.configuration.registries import dataset_object, events_object, model_object, training_object
from lossjumps.errors import InputError, one_of
from lossjumps.schema import Configuration, GeneralConfig, SearchConfig, TrackingConfig

GROUPS = ("dataset", "model", "training", "search", "events", "tracking")
GENERAL_KEYS = tuple(entry.name for entry in fields(GeneralConfig))


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
        self.folder = Path(folder).resolve()
        if not (self.folder / "config.yaml").is_file():
            raise InputError(f"{folder}: expected a configuration folder with config.yaml in it (--conf DIR)")
        self._composed: dict[tuple[tuple[str, str], ...], DictConfig] = {}

    def options(self, group: str) -> list[str]:
        """The options of a group: its YAML files without their suffix."""
        return sorted(path.stem for path in (self.folder / group).glob("*.yaml"))

    def check_key(self, key: str) -> None:
        """Refuse a key that names no group, no general key and nothing below a group.

        Raises
        ------
        InputError
            Naming the key and the known ones.
        """
        head, dot, rest = key.partition(".")
        if head not in (*GROUPS, *GENERAL_KEYS) or (dot and head in GENERAL_KEYS):
            raise InputError(f"{key}: unknown key; {one_of(key, (*GROUPS, *GENERAL_KEYS))}")
        if rest == "name":
            raise InputError(f"{key}: choose by {head}=OPTION; {one_of('', self.options(head))}")

    def check_option(self, group: str, option: object) -> None:
        """Refuse an option that a group does not have; raises `InputError` with the known ones."""
        if option not in self.options(group):
            raise InputError(f"{group}: unknown option {option!r}; {one_of(option, self.options(group))}")

    def defaults(self) -> dict[str, str]:
        """The option of each group that ``config.yaml`` chooses."""
        entries = read_mapping(self.folder / "config.yaml").get("defaults") or []
        chosen = {group: option for entry in entries if isinstance(entry, dict) for group, option in entry.items()}
        missing = [group for group in GROUPS if group not in chosen]
        if missing:
            raise InputError(f"{self.folder / 'config.yaml'}: defaults: no option of {missing[0]} is chosen")
        return {group: chosen[group] for group in GROUPS}

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
        composed = OmegaConf.create(OmegaConf.to_container(self._compose({**self.defaults(), **choices})))
        for key, value in values.items():
            self.check_key(key)
            try:
                OmegaConf.update(composed, key, value, merge=False, force_add=True)
            except (OmegaConfBaseException, TypeError, AttributeError):
                raise InputError(f"{key}: unknown key; {key.rpartition('.')[0]} is a value, not a mapping") from None
        try:
            plain = OmegaConf.to_container(composed, resolve=True)
        except OmegaConfBaseException as error:
            raise InputError(f"{self.folder}: {_one_line(error)}") from None
        return _validated(plain)

    def _compose(self, choices: Mapping[str, str]) -> DictConfig:
        for group, option in choices.items():
            self.check_option(group, option)
        chosen = tuple(sorted(choices.items()))
        if chosen not in self._composed:
            try:
                with initialize_config_dir(config_dir=str(self.folder), version_base="1.3"):
                    self._composed[chosen] = compose("config", overrides=[f"{group}={name}" for group, name in chosen])
            except (HydraException, OmegaConfBaseException, yaml.YAMLError, OSError, ValueError) as error:
                raise InputError(f"{self.folder}: {_one_line(error)}") from None
        return self._composed[chosen]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _validated(plain: Mapping[str, Any]) -> Configuration:
    unknown = [key for key in plain if key not in (*GROUPS, *GENERAL_KEYS)]
    if unknown:
        raise InputError(f"{unknown[0]}: unknown key; {one_of(unknown[0], (*GROUPS, *GENERAL_KEYS))}")
    for group in GROUPS:
        if not isinstance(plain.get(group), Mapping):
            raise InputError(f"{group}: expected a mapping, got {plain.get(group)!r}")
    return Configuration(
        dataset=dataset_object(plain["dataset"]),
        model=model_object(plain["model"]),
        training=training_object(plain["training"]),
        search=to_object(SearchConfig, plain["search"], "search."),
        events=events_object(plain["events"]),
        tracking=to_object(TrackingConfig, plain["tracking"], "tracking."),
        general=to_object(GeneralConfig, {key: plain[key] for key in GENERAL_KEYS if key in plain}, ""),
    )
