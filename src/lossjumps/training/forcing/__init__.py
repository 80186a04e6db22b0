"""The registry of forcings: a new one is a file beside this one, a YAML in conf/training and a line here."""

from lossjumps.errors import InputError
from lossjumps.training.forcing.bptt import BPTT
from lossjumps.training.forcing.forcing import Forcing
from lossjumps.training.forcing.gtf import GTF

FORCINGS: dict[str, Forcing] = {forcing.name: forcing for forcing in (BPTT, GTF)}


def forcing_of(name: str) -> Forcing:
    """Look a forcing up by its name in the configuration.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in FORCINGS:
        raise InputError(f"training.name: expected one of {', '.join(FORCINGS)}, got {name!r}")
    return FORCINGS[name]


__all__ = ["FORCINGS", "Forcing", "forcing_of"]
