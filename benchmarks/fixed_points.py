"""Do the listed fixed points of an experiment equal brute force over all 2^H patterns, and what does each way cost?

    python benchmarks/fixed_points.py results/default --epochs 2

takes epochs of every run (the first, the last and evenly spaced ones between), compares the pipeline's
``cycles.parquet`` with brute force, and times the search beside it.  Exits with 1 if any list differs.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from baselines import fixed_points_of_all_patterns
from experiments import recorded_maps

from lossjumps import find_cycles
from lossjumps.search import itineraries
from lossjumps.stages.files import read_table
from lossjumps.stages.tables import Cycles


def main() -> int:
    """Compare, print a line a batch and the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path, help="folder of a finished experiment, such as results/default")
    parser.add_argument("--epochs", type=int, default=2, help="epochs looked at in each run (default 2)")
    arguments = parser.parse_args()
    seconds = {"all patterns": 0.0, "find_cycles": 0.0}
    compared = points = different = 0
    folder, fixed = None, pd.DataFrame()
    for recorded in recorded_maps(arguments.experiment, arguments.epochs):
        if recorded.batch != folder:
            folder = recorded.batch
            cycles = read_table(folder / Cycles.FILE, Cycles)
            fixed = cycles[cycles.order == 1]
        m = recorded.relu_map
        find_cycles(m, 1)  # compiled and warm
        start = time.perf_counter()
        find_cycles(m, 1)
        middle = time.perf_counter()
        expected = fixed_points_of_all_patterns(m)
        seconds["find_cycles"] += middle - start
        seconds["all patterns"] += time.perf_counter() - middle
        listed = fixed[(fixed.run == recorded.run) & (fixed.epoch == recorded.epoch)]
        compared += 1
        points += len(expected)
        if not agree(listed, expected):
            different += 1
            print(f"{recorded.run}, epoch {recorded.epoch}: {len(listed)} listed, {len(expected)} by brute force")
    print(f"{compared} lists with {points} fixed points; {different} differ from brute force")
    per_list = {name: value / compared for name, value in seconds.items()}
    for name, value in per_list.items():
        print(f"{name:14s} {1000 * value:10.3f} ms a list")
    print(f"ratio {per_list['all patterns'] / per_list['find_cycles']:.0f}")
    return int(different > 0)


def agree(listed: pd.DataFrame, expected: dict[bytes, np.ndarray]) -> bool:
    """Whether the same patterns are listed, at the same points to 8 digits, and certified complete."""
    patterns = {itineraries.text(np.frombuffer(key, dtype=bool)): point for key, point in expected.items()}
    return (
        set(listed.itinerary) == set(patterns)
        and bool(listed.complete.all())
        and all(np.allclose(row.point, patterns[row.itinerary], rtol=1e-8, atol=1e-10) for row in listed.itertuples())
    )


if __name__ == "__main__":
    sys.exit(main())
