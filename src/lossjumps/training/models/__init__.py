"""The registry of network families: a new one is a file beside this one, a YAML in conf/model and a line here."""

from lossjumps.errors import InputError
from lossjumps.training.models.family import Family
from lossjumps.training.models.plrnn import PLRNN
from lossjumps.training.models.shallow_plrnn import SHALLOW_PLRNN

FAMILIES: dict[str, Family] = {family.name: family for family in (SHALLOW_PLRNN, PLRNN)}


def family_of(name: str) -> Family:
    """Look a family up by its name in the configuration.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in FAMILIES:
        raise InputError(f"model.name: expected one of {', '.join(FAMILIES)}, got {name!r}")
    return FAMILIES[name]


__all__ = ["FAMILIES", "Family", "family_of"]
