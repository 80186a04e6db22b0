"""The table of `lossjumps find`."""

import re

import numpy as np
import pytest

from lossjumps import ReluMap, find_cycles
from lossjumps.find_table import WIDTH, format_found
from lossjumps.search.boxes import Box
from lossjumps.search.cycle import Cycle, FoundCycles


def test_no_cycle_at_all() -> None:
    # z' = z + relu(z) + 1 > z everywhere.
    found = find_cycles(ReluMap.plrnn([1.0], [[1.0]], [1.0]), max_order=1)
    assert re.fullmatch(r"order 1: no fixed points, certified complete \(\w+\), index sum 0", format_found(found))


@pytest.mark.parametrize("verify", ["float", "exact"])
def test_continuum_is_not_called_complete(verify: str) -> None:
    # z' = z - relu(z): every z <= 0 is a fixed point.
    found = find_cycles(ReluMap.plrnn([1.0], [[-1.0]], [0.0]), max_order=1, verify=verify)
    assert format_found(found).endswith("not complete: a continuum in 1 itinerary")


def wide(dimension: int, orders: int = 2) -> FoundCycles:
    """Cycles in many dimensions, as a search would return them."""
    generator = np.random.default_rng(3)
    cycles = [
        Cycle(
            generator.normal(size=(order, dimension)) * 1e-7,
            np.ones((order, dimension), dtype=bool),
            ReluMap.plrnn(
                generator.normal(size=dimension) * 1e-5, np.zeros((dimension, dimension)), np.zeros(dimension)
            ),
            0.5,
        )
        for order in range(1, orders + 1)
    ]
    certificate = dict.fromkeys(range(1, 2001)) | {1: "branching"}
    box = Box(-np.ones(dimension), np.ones(dimension))
    return FoundCycles(tuple(cycles), 2000, certificate, (), dict.fromkeys(certificate, 1), None, box)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 30, 300])
def test_rows_fit_100_columns(dimension: int) -> None:
    text = format_found(wide(dimension))
    assert max(map(len, text.splitlines())) <= WIDTH == 100
    rows = text.splitlines()[1:3]
    assert all(row.count(",") == rows[0].count(",") and ("..." in row) == (dimension > 3) for row in rows)
    assert "orders 3 to 2000: no cycles, not certified complete, there may be more" in text
    assert text.endswith(f"only in the box [-1, 1]{f'^{dimension}' * (dimension > 1)}")
