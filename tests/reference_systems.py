"""Test systems of the reference implementation with all their cycles, and numbers of its figures."""

import json
from pathlib import Path

from lossjumps import ReluMap

CASES = json.loads((Path(__file__).parent / "reference_cases.json").read_text())

SYSTEMS = {system["name"]: system for system in CASES["systems"]}


def system_map(name: str) -> ReluMap:
    """The map of one of `SYSTEMS`."""
    return getattr(ReluMap, SYSTEMS[name]["family"])(**SYSTEMS[name]["parameters"])


def cycle_counts(name: str) -> dict[int, int]:
    """How many cycles one of `SYSTEMS` has, by order."""
    orders = [cycle["order"] for cycle in SYSTEMS[name]["cycles"]]
    return {order: orders.count(order) for order in sorted(set(orders))}
