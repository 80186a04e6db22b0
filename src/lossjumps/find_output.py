"""Everything that a search found, as a file: JSON, or Parquet with the same content."""

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossjumps.errors import InputError
from lossjumps.find_table import stability
from lossjumps.maps.weights import Weights
from lossjumps.search import itineraries
from lossjumps.search.cycle import Cycle, FoundCycles
from lossjumps.stages.whole import write_text, write_whole

FORMAT = "lossjumps find 1"
"""To be raised when an entry keeps its name and changes its meaning."""


@dataclass(frozen=True)
class Search:
    """What was searched, and how.

    Attributes
    ----------
    file : Path
    weights : Weights
    method, verify : str
    seed, max_order, max_nodes : int
        Of `lossjumps.search.find_cycles`.
    """

    file: Path
    weights: Weights
    method: str
    verify: str
    seed: int
    max_order: int
    max_nodes: int


def writer_for(path: Path) -> Callable[[Path, dict[str, Any], list[dict[str, Any]]], None]:
    """The function that writes a description and rows to a file with this suffix.

    Raises
    ------
    InputError
        For another suffix, and where pyarrow, which Parquet takes, is not installed.
    """
    if path.suffix not in WRITERS:
        raise InputError(f"--output: expected a file that ends in {' or '.join(WRITERS)}, got {path}")
    if path.suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ModuleNotFoundError as error:
            raise InputError(
                "--output: Parquet takes pyarrow, which is not installed: pip install 'lossjumps[pipeline]', or name a "
                "file that ends in .json"
            ) from error
    return WRITERS[path.suffix]


def description(search: Search, found: FoundCycles) -> dict[str, Any]:
    """What was searched and how, what is certified of each order, and where there are continua."""
    network = search.weights.network
    box = found.domain
    return {
        "format": FORMAT,
        "version": importlib.metadata.version("lossjumps"),
        "file": search.file.name,
        "sha256": hashlib.sha256(search.file.read_bytes()).hexdigest(),
        "family": search.weights.family,
        "states": network.dimension,
        "units": network.units,
        "method": search.method,
        "verify": search.verify,
        "seed": search.seed,
        "max_order": search.max_order,
        "max_nodes": search.max_nodes,
        "domain": None if box is None else {"lower": box.lower.tolist(), "upper": box.upper.tolist()},
        "orders": [
            {
                "order": order,
                "number": len(found.of_order(order)),
                "certificate": way,
                "index_sum": found.index_sum[order],
                "index_audit": found.index_audit.get(order),
                "visits": int(found.visits[order]),
            }
            for order, way in found.certificate.items()
        ],
        "continua": [
            {"order": len(itinerary), "itinerary": itineraries.text(itinerary)} for itinerary in found.degenerate
        ],
    }


def cycle_rows(found: FoundCycles) -> list[dict[str, Any]]:
    """A row for each fixed point and cycle, of numbers, text and lists."""
    return [_row(cycle, found.certificate[cycle.order]) for cycle in found]


def _row(cycle: Cycle, certificate: str | None) -> dict[str, Any]:
    return {
        "order": cycle.order,
        "itinerary": itineraries.text(cycle.itinerary),
        "points": (cycle.points + 0.0).tolist(),
        "multipliers_real": (cycle.multipliers.real + 0.0).tolist(),
        "multipliers_imag": (cycle.multipliers.imag + 0.0).tolist(),
        "largest_multiplier": cycle.largest_multiplier,
        "stable": bool(cycle.is_stable),
        "stability": stability(cycle),
        "index": None if cycle.index is None else int(cycle.index),
        "border_distance": float(cycle.border_distance),
        "certificate": certificate,
    }


def write_json(path: Path, about: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Write a JSON object: the description, and the rows as `cycles`; numbers that are not finite are null."""
    entries = [f" {_strict(name)}: {_by_lines(value)}" for name, value in (about | {"cycles": rows}).items()]
    write_text(path, "{\n" + ",\n".join(entries) + "\n}\n")


def _by_lines(value: Any) -> str:
    """A list with a line for each of its entries, so that the file can be read; anything else on one line."""
    if not isinstance(value, list) or not value:
        return _strict(value)
    return "[\n" + ",\n".join(f"  {_strict(entry)}" for entry in value) + "\n ]"


def _strict(value: Any) -> str:
    return json.dumps(_finite(value), allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_parquet(path: Path, about: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Write the rows as a table; the description is JSON in the metadata, by the name ``lossjumps``."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    numbers = pa.list_(pa.float64())
    schema = pa.schema(
        {
            "order": pa.int64(),
            "itinerary": pa.string(),
            "points": pa.list_(numbers),
            "multipliers_real": numbers,
            "multipliers_imag": numbers,
            "largest_multiplier": pa.float64(),
            "stable": pa.bool_(),
            "stability": pa.string(),
            "index": pa.int64(),
            "border_distance": pa.float64(),
            "certificate": pa.string(),
        },
        metadata={"lossjumps": _strict(about)},
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    write_whole(path, lambda temporary: parquet.write_table(table, temporary))


WRITERS = {".parquet": write_parquet, ".json": write_json}
