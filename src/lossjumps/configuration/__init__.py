"""Configuration: schemas, composition, plans and digests.

What the stages need is offered here and loaded at first use, so that the schemas can be imported without
Hydra's and pandas' cost.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossjumps.configuration.loading import (
        Batch,
        Settings,
        load_batch,
        load_dataset_config,
        load_events,
        load_search,
        load_settings,
        load_tracking,
    )

__all__ = [
    "Batch",
    "Settings",
    "load_batch",
    "load_dataset_config",
    "load_events",
    "load_search",
    "load_settings",
    "load_tracking",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lossjumps.configuration import loading

    return getattr(loading, name)
