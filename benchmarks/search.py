"""What does a complete list of fixed points or cycles cost, beside the plain ways, and how does that grow?

    python benchmarks/search.py                                a few minutes
    python benchmarks/search.py --quick                        half a minute, small sizes
    python benchmarks/search.py --experiment results/default --plot docs/images/search_cost.png

Maps are random, with the seeds 0, 1, ... of each size and regime; times of one thread are its processor time, those of
two threads wall time; BLAS runs on one thread.  Every list that two ways make is compared: exits with 1 if any differs.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from baselines import FIXED_POINT_PARTS, fixed_points_by_loop, fixed_points_of_all_patterns, profile_of_loop
from experiments import recorded_maps
from fresh_processes import first_calls, peak_memory
from measuring import Wanted, row, short, spread, timed, with_one_thread
from random_networks import REGIMES, random_network

from lossjumps import FoundCycles, ReluMap, find_cycles

MAX_NODES = 500_000
"""Nodes, or regions, after which a list is given up here; it is drawn there."""

CYCLES_OF_83 = ([0.9777689, 0.96461297], [[0.0, -0.14375], [0.675053080000001, 0.0]], [0.37298253, -0.97931491])
"""A, W, h of a PLRNN with one fixed point and two cycles of order 83, and nothing else up to that order."""


def listed(m: ReluMap, threads: int = 1) -> FoundCycles:
    """The list of fixed points, without audit; it may end incomplete, after `MAX_NODES`."""
    return find_cycles(m, 1, max_nodes=MAX_NODES, max_visits=1, audit=False, threads=threads)


class Comparison:
    """How many lists were compared, and how many of them differed."""

    def __init__(self) -> None:
        self.lists = 0
        self.different = 0

    def check(self, name: str, found: FoundCycles, expected: dict[bytes, np.ndarray], numbers: np.ndarray) -> None:
        """Compare a complete list with what another way found among the patterns with the given numbers."""
        cycles = found.of_order(1)
        weights = 1 << np.arange(cycles[0].itinerary.shape[1]) if cycles else 0
        inside = set(numbers.tolist())
        points = {
            cycle.itinerary[0].tobytes(): cycle.points[0]
            for cycle in cycles
            if int(cycle.itinerary[0] @ weights) in inside
        }
        self.lists += 1
        same = points.keys() == expected.keys() and all(
            np.allclose(point, expected[key], rtol=1e-6, atol=1e-8) for key, point in points.items()
        )
        if not (same and found.complete[1]):
            self.different += 1
            claim = "" if found.complete[1] else ", not certified"
            print(f"DIFFERENT: {name}: {len(points)} fixed points{claim}, {len(expected)} expected")


def nanoseconds_a_region(sizes: Sequence[int], seeds: int, sample: int, wanted: Wanted, comparison: Comparison) -> None:
    """The loop, batches and `find_cycles` on PLRNNs: loop and batches on one map a regime and on `sample` regions."""
    print("\nNanoseconds a region, PLRNN, one thread: median (range) over maps; a region is one of 2^M on/off patterns")
    row("M, regime", "loop", "numpy batches", "find_cycles", "loop / find_cycles")
    for size in sizes:
        regions, plain, ours = 2**size, [], []
        numbers = np.arange(regions)
        if regions > sample:
            numbers = np.sort(np.random.default_rng(size).choice(regions, sample, replace=False))
        for regime in REGIMES:
            maps = [random_network("plrnn", size, size, regime, seed) for seed in range(seeds)]
            searched = [timed(listed, m) for m in maps]
            found = [search.result for search in searched]
            loop = timed(fixed_points_by_loop, maps[0], numbers)
            batches = timed(fixed_points_of_all_patterns, maps[0], numbers)
            comparison.check(f"loop, M = {size}, {regime}", found[0], loop.result, numbers)
            comparison.check(f"batches, M = {size}, {regime}", found[0], batches.result, numbers)
            for seed, (m, cycles) in enumerate(zip(maps, found, strict=True)):  # what is listed is there
                own = np.array([cycle.itinerary[0] @ (1 << np.arange(size)) for cycle in cycles], dtype=int)
                comparison.check(f"M = {size}, {regime}, {seed}", cycles, fixed_points_by_loop(m, own), own)
            times = [search.processor / regions * 1e9 for search in searched]
            loop_time = loop.processor / len(numbers) * 1e9
            plain.append(loop_time)
            ours += times
            row(
                f"{size}, {regime}",
                f"{loop_time:.0f}",
                f"{batches.processor / len(numbers) * 1e9:.0f}",
                spread(times),
                short(loop_time / np.median(times)),
            )
        print(f"  loop and batches looked at {len(numbers)} of the {regions} regions ({len(numbers) / regions:.3g})")
        if size == 20:
            wanted.add("find_cycles at M = 20, slowest map, one core", max(ours), "<", 100.0, "ns a region")
            wanted.add("loop / find_cycles at M = 20, slowest map", min(plain) / max(ours), ">=", 300.0, "times")
    profile = profile_of_loop(
        fixed_points_by_loop,
        FIXED_POINT_PARTS,
        random_network("plrnn", sizes[-1], sizes[-1], "moderate", 0),
        np.arange(20_000),
    )
    print(f"  profile of the loop, M = {sizes[-1]}: " + ", ".join(f"{100 * v:.0f} % {k}" for k, v in profile.items()))


@dataclass(frozen=True)
class Growth:
    """Nodes and seconds of complete lists at each size of one family and regime: (sizes, maps) arrays."""

    label: str
    sizes: Sequence[int]
    nodes: np.ndarray
    seconds: np.ndarray


def growth(
    family: str, dimension: int | None, sizes: Sequence[int], regime: str, seeds: int, comparison: Comparison
) -> Growth:
    """List the fixed points of maps of growing size; print a line a size."""
    nodes, seconds = np.zeros((len(sizes), seeds)), np.zeros((len(sizes), seeds))
    for place, size in enumerate(sizes):
        complete, count, ways, walls = 0, [], set(), []
        for seed in range(seeds):
            m = random_network(family, dimension or size, size, regime, seed)
            one = timed(listed, m)
            two = timed(listed, m, threads=2)
            comparison.lists += 1
            if [cycle.key for cycle in one.result] != [cycle.key for cycle in two.result]:
                comparison.different += 1
                print(f"DIFFERENT: {family}, {size}, {regime}, seed {seed}: two threads list something else")
            nodes[place, seed] = one.result.visits[1] if one.result.complete[1] else MAX_NODES
            seconds[place, seed] = one.processor
            walls.append(two.wall)
            complete += one.result.complete[1]
            count.append(len(one.result))
            ways.add(str(one.result.certificate[1]))
        name = f"{family}, {f'M = {dimension}, H' if dimension else 'M'} = {size}, {regime}"
        row(
            name,
            spread(nodes[place]),
            spread(seconds[place], 1e-3),
            spread(walls, 1e-3),
            f"{complete} of {seeds}; {min(count)} ... {max(count)}; {', '.join(sorted(ways))}",
        )
    label = family if dimension else regime
    return Growth(label, sizes, nodes, seconds)


def recorded_growth(experiment: Path) -> None:
    """The last networks of an experiment's runs."""
    maps = [recorded.relu_map for recorded in recorded_maps(experiment, 1)]
    searched = [timed(listed, m) for m in maps]
    row(
        f"{experiment.name}: {len(maps)} trained networks",
        spread([search.result.visits[1] for search in searched]),
        spread([search.processor for search in searched], 1e-3),
        "",
        f"{sum(search.result.complete[1] for search in searched)} of {len(maps)} complete",
    )


def named_cases(seeds: int, wanted: Wanted, comparison: Comparison) -> None:
    """The cases with a bound, as a user calls them, audit included."""
    for family, dimension, units, bound in (("shallow", 6, 20, 0.2), ("shallow", 3, 50, 0.1), ("plrnn", 30, 30, 60.0)):
        threads, slowest, listing, complete = (2 if units == 30 else 1), 0.0, 0.0, True
        for regime in REGIMES:
            for seed in range(seeds):
                m = random_network(family, dimension, units, regime, seed)
                full = timed(find_cycles, m, 1, method="complete", threads=threads)
                alone = timed(find_cycles, m, 1, method="complete", threads=threads, audit=False)
                slowest = max(slowest, full.wall if threads > 1 else full.processor)
                listing = max(listing, alone.wall if threads > 1 else alone.processor)
                complete = complete and full.result.complete[1]
        cores = "two cores" if threads > 1 else "one core"
        what = f"{family}, M = {dimension}, H = {units}, slowest of {seeds * len(REGIMES)} maps, {cores}"
        wanted.add(what + f" (without audit {listing:.3g} s)", slowest if complete else np.inf, "<", bound, "s")
    m = ReluMap.plrnn(*CYCLES_OF_83)
    cycles = timed(find_cycles, m, 83, method="complete")
    counts = {order: len(cycles.result.of_order(order)) for order in range(1, 84) if cycles.result.of_order(order)}
    comparison.lists += 1
    if counts != {1: 1, 83: 2} or not all(cycles.result.complete.values()):
        comparison.different += 1
        print(f"DIFFERENT: cycles up to order 83: {counts}, expected 1 fixed point and 2 cycles of order 83")
    wanted.add("every cycle of a map in the plane up to order 83, one core", cycles.processor, "<", 15.0, "s")


def memory(cases: Sequence[tuple[str, int, int]]) -> None:
    """Peak memory, a fresh process each."""
    print("\nPeak memory of a process, MB: before, and after find_cycles (regime moderate)")
    for family, dimension, units in cases:
        before, after = peak_memory(family, dimension, units)
        row(f"{family}, M = {dimension}, H = {units}", f"{before:.0f}", f"{after:.0f}")


def start(wanted: Wanted) -> None:
    """Import, and the first call of a process: without machine code, and with that of the process before."""
    with tempfile.TemporaryDirectory() as folder:
        print("\nSeconds of a fresh process: wall (processor)")
        row("", "import lossjumps.search", "first lists")
        imports = []
        for what in ("kernels to be compiled", "kernels from the cache", "kernels from the cache, again"):
            times = first_calls(folder)
            imports.append(times[1])
            row(what, f"{times[0]:.2f} ({times[1]:.2f})", f"{times[2]:.2f} ({times[3]:.2f})")
    wanted.add("importing the package, processor time", float(np.median(imports)), "<", 0.6, "s")


STYLES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))
"""Colours that people with any colour vision can tell apart, and markers."""


def plot(left: Sequence[Growth], right: Sequence[Growth], path: Path) -> None:
    """Draw medians and ranges of nodes (above) and seconds (below) against the number of units."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 6.4), layout="constrained", dpi=150)
    axes = figure.subplots(2, 2, sharex="col", sharey="row")
    for column, (series, title, unit) in enumerate(
        (
            (left, "PLRNN", "M, states and units"),
            (right, "Three states, regime moderate", "H, units of the family (a clipped one is two ReLUs)"),
        )
    ):
        for line, (colour, marker) in zip(series, STYLES, strict=False):
            for axis, values in zip(axes[:, column], (line.nodes, line.seconds), strict=True):
                style = {"color": colour, "marker": marker, "markersize": 5, "linewidth": 1.5}
                axis.plot(line.sizes, np.median(values, axis=1), label=line.label, **style)
                axis.fill_between(line.sizes, values.min(axis=1), values.max(axis=1), color=colour, alpha=0.15, lw=0)
        sizes = np.array(sorted({size for line in series for size in line.sizes}))
        power = "M" if column == 0 else "H"
        for row_of_axes, values in ((0, 2.0**sizes), (1, np.full(len(sizes), np.nan))):
            style = {"color": "black", "lw": 1.2, "label": f"$2^{power}$ on/off patterns"}
            axes[row_of_axes, column].plot(sizes, values, "--", **style)
        axes[0, column].set_title(title, loc="left")
        axes[1, column].set_xlabel(unit)
        axes[1, column].legend(frameon=False, fontsize=9, loc="upper left")
    axes[0, 0].set_ylabel("nodes or regions looked at")
    axes[1, 0].set_ylabel("seconds on one core")
    for axis in axes.flat:
        axis.set_yscale("log")
        axis.grid(True, color="#D9D9D9", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Every fixed point of a random network: median and range over maps", fontsize=12)
    figure.savefig(path, metadata={"Software": None})


def main() -> int:
    """Run everything, then say what was wanted and what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, half a minute")
    parser.add_argument("--experiment", type=Path, help="folder of a finished experiment: its networks as well")
    parser.add_argument("--plot", type=Path, help="PNG file to draw how the cost grows into")
    arguments = parser.parse_args()
    with_one_thread()
    quick = arguments.quick
    seeds = 2 if quick else 5
    wanted, comparison = Wanted(), Comparison()
    for family, dimension, units in (("plrnn", 8, 8), ("shallow", 3, 20), ("clipped", 3, 20), ("plrnn", 25, 25)):
        find_cycles(random_network(family, dimension, units, "moderate", 0), 1)  # compiled and warm
    find_cycles(ReluMap.plrnn(*CYCLES_OF_83), 4, method="complete")
    nanoseconds_a_region((10, 15) if quick else (10, 15, 20), seeds, 2**13 if quick else 2**18, wanted, comparison)
    print("\nHow the cost grows: median (range) over maps")
    row("family, size, regime", "nodes or regions", "ms, one thread", "ms, two threads (wall)", "complete; found; way")
    sizes = (10, 15, 20) if quick else (10, 15, 20, 25, 30, 35, 40)
    left = [growth("plrnn", None, sizes, regime, seeds, comparison) for regime in REGIMES]
    widths = (10, 20) if quick else (10, 20, 30, 50)
    families = ("shallow", "clipped", "dendritic")
    right = [
        growth(
            family,
            3,
            [3 * (H // 3) for H in widths] if family == "dendritic" else widths,
            "moderate",
            seeds,
            comparison,
        )
        for family in families
    ]
    if arguments.experiment:
        recorded_growth(arguments.experiment)
    named_cases(seeds if not quick else 1, wanted, comparison)
    if not quick:
        memory(
            [
                ("plrnn", 20, 20),
                ("plrnn", 30, 30),
                ("plrnn", 40, 40),
                ("shallow", 6, 20),
                ("shallow", 3, 50),
                ("clipped", 3, 50),
            ]
        )
        start(wanted)
    if arguments.plot:
        plot(left, right, arguments.plot)
    print("\nWanted")
    for line in wanted.lines:
        print(f"  {line}")
    print(f"\n{comparison.lists} lists compared; {comparison.different} differ")
    return int(comparison.different > 0)


if __name__ == "__main__":
    sys.exit(main())
