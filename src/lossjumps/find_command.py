"""`lossjumps find FILE`: the fixed points and cycles of a network from a file, as a table."""

import argparse

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.weights import read_weights
from lossjumps.search import Cycle, FoundCycles, find_cycles

SHOWN_COORDINATES = 6
"""Coordinates of a point that a row shows; a longer point ends in dots."""

HEADINGS = ("order", "first point", "largest multiplier", "stable", "index", "complete")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `lossjumps find` takes."""
    keys = "; ".join(f"{name}: {', '.join(family.keys)}" for name, family in FAMILIES.items())
    parser.add_argument("file", metavar="FILE", help=f"weights as .npz or .json, with the keys of its family ({keys})")
    parser.add_argument(
        "--max-order", type=int, default=10, metavar="K", help="search orders 1 to K (default: %(default)s)"
    )
    parser.add_argument(
        "--family",
        metavar="NAME",
        help="family of the network; required where the keys fit several and the file has no entry `family`",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the search's random starts (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the network, search it and print the table.

    Raises
    ------
    InputError
        For an option out of its range, and for a file that is no network (`lossjumps.maps.weights`).
    """
    if arguments.max_order < 1:
        raise InputError(f"--max-order: expected an integer >= 1, got {arguments.max_order}")
    if arguments.seed < 0:
        raise InputError(f"--seed: expected an integer >= 0, got {arguments.seed}")
    weights = read_weights(arguments.file, arguments.family)
    family, network = weights.family, weights.network
    found = find_cycles(network, max_order=arguments.max_order, seed=arguments.seed)
    print(f"{arguments.file}: {family}, {_counted(network.dimension, 'state')}, {_counted(network.units, 'unit')}")
    print()
    print(format_table(found))


def format_table(found: FoundCycles) -> str:
    """A row for each cycle, aligned in columns, then a line for each order that says whether its list is certified.

    The columns: order, first point, largest modulus of a multiplier, stable, index (sign of det(I - T)), and
    whether the list of this order is certified complete.
    """
    rows = [HEADINGS, *(_row(cycle, found.complete[cycle.order]) for cycle in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    aligned = (str.rjust, str.ljust, str.rjust, str.ljust, str.rjust, str.ljust)
    lines = [
        "  ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)).rstrip()
        for row in rows
        if len(rows) > 1
    ]
    if lines:
        lines.append("")
    return "\n".join(lines + [_order_line(found, order) for order in range(1, found.max_order + 1)])


def _row(cycle: Cycle, complete: bool) -> tuple[str, ...]:
    return (
        str(cycle.order),
        _point(cycle.points[0]),
        f"{cycle.largest_multiplier:.6g}",
        "yes" if cycle.is_stable else "no",
        f"{cycle.index:+d}",
        "yes" if complete else "no",
    )


def _point(point: np.ndarray) -> str:
    # Adding zero turns -0.0 into 0.0.
    shown = [f"{coordinate + 0.0:.6g}" for coordinate in point[:SHOWN_COORDINATES]]
    return "(" + ", ".join(shown + ["..."] * (len(point) > SHOWN_COORDINATES)) + ")"


def _order_line(found: FoundCycles, order: int) -> str:
    number = len(found.of_order(order))
    objects = _counted(number, "fixed point" if order == 1 else "cycle")
    continua = sum(len(itinerary) == order for itinerary in found.degenerate)
    if found.complete[order]:
        verdict = "certified complete"
        if found.index_sum[order] is not None:
            verdict += f", index sum {found.index_sum[order]}"
    elif continua:
        verdict = f"not complete, and {_counted(continua, 'itinerary', 'itineraries')} with a continuum of solutions"
    else:
        verdict = "not certified complete, there may be more"
    return f"order {order}: {objects}, {verdict}"


def _counted(number: int, singular: str, plural: str | None = None) -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
