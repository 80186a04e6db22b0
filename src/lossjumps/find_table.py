"""What a search found, as text: a row for each fixed point and cycle, and what is certified of each order."""

from itertools import groupby

import numpy as np

from lossjumps.search.boxes import Box
from lossjumps.search.cycle import Cycle, FoundCycles
from lossjumps.search.exact import ExactCycle

WIDTH = 100
"""Columns that a row takes at the most."""
HEADINGS = ("order", "point", "largest multiplier", "stable", "index", "certificate")
POINT = HEADINGS.index("point")
STABLE = {"stable": "yes", "unstable": "no"}


def stability(cycle: Cycle) -> str:
    """ "stable" or "unstable"; of a cycle that was decided without rounding also "neutral" or "border"."""
    if isinstance(cycle, ExactCycle):
        return cycle.stability
    return "stable" if cycle.is_stable else "unstable"


def format_found(found: FoundCycles) -> str:
    """The rows, aligned in columns of at most `WIDTH` characters, then what is certified, a line for each order.

    The columns: order, one point, largest modulus of a multiplier, stable, index (sign of det(I - T)), and how the
    list of this order is certified complete.
    """
    parts = [_table(found)] if found.cycles else []
    lines = [
        _orders(found, list(orders)) for _, orders in groupby(found.certificate, lambda order: _verdict(found, order))
    ]
    if found.domain is not None:
        lines.append(f"only in the box {box_text(found.domain)}")
    notes = []
    if any(stability(cycle) == "border" for cycle in found):
        notes.append("stable = border: a point lies on a border, where the multipliers of one side do not decide it")
    return "\n\n".join([*parts, *["\n".join(block) for block in (notes, lines) if block]])


def _table(found: FoundCycles) -> str:
    rows = [HEADINGS, *(_row(cycle, found.certificate[cycle.order]) for cycle in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    room = WIDTH - sum(widths) - 2 * (len(widths) - 1)
    points = ["point", *_points([cycle.points[0] for cycle in found], room)]
    rows = [(*row[:POINT], point, *row[POINT + 1 :]) for row, point in zip(rows, points, strict=True)]
    widths[POINT] = max(map(len, points))
    aligned = (str.rjust, str.ljust, str.rjust, str.ljust, str.rjust, str.ljust)
    return "\n".join(
        "  ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(cycle: Cycle, certificate: str | None) -> tuple[str, ...]:
    """The cells, that of the point left empty."""
    said = stability(cycle)
    return (
        str(cycle.order),
        "",
        f"{cycle.largest_multiplier:.6g}",
        STABLE.get(said, said),
        "none" if cycle.index is None else f"{cycle.index:+d}",
        certificate or "none",
    )


def _points(points: list[np.ndarray], room: int) -> list[str]:
    """As many coordinates as fit, the same number of each."""
    dimension = len(points[0])
    for shown in range(dimension, 0, -1):
        # Adding zero turns -0.0 into 0.0.
        more = ["..."] * (shown < dimension)
        texts = ["(" + ", ".join([f"{value + 0.0:.5g}" for value in point[:shown]] + more) + ")" for point in points]
        if max(map(len, texts)) <= room:
            break
    return texts


def _verdict(found: FoundCycles, order: int) -> tuple[int, str]:
    """What tells the line of an order from others: orders in a row without cycles and with one verdict share it."""
    way = found.certificate[order]
    total = found.index_sum[order]
    continua = sum(len(itinerary) == order for itinerary in found.degenerate)
    if way is not None:
        text = f"certified complete ({way})" + (f", index sum {total}" if total is not None else "")
    elif continua:
        text = f"not complete: a continuum in {counted(continua, 'itinerary', 'itineraries')}"
    else:
        text = "not certified complete, there may be more"
    return (order if order == 1 or found.of_order(order) else 0), text


def _orders(found: FoundCycles, orders: list[int]) -> str:
    _, text = _verdict(found, orders[0])
    if len(orders) > 1:
        return f"orders {orders[0]} to {orders[-1]}: no cycles, {text}"
    number = len(found.of_order(orders[0]))
    return f"order {orders[0]}: {counted(number, 'fixed point' if orders[0] == 1 else 'cycle')}, {text}"


def box_text(box: Box) -> str:
    """Such as ``[-1, 1] x [0, 2]``, or ``[-1, 1]^30``."""
    sides = [f"[{lower:g}, {upper:g}]" for lower, upper in zip(box.lower, box.upper, strict=True)]
    if len(sides) > 1 and len(set(sides)) == 1:
        return f"{sides[0]}^{len(sides)}"
    return " x ".join(sides)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Such as ``no cycles``, ``1 cycle``, ``2 cycles``."""
    return f"{number or 'no'} {singular if number == 1 else plural or singular + 's'}"
