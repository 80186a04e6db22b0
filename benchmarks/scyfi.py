"""What does a visit of a region sequence cost, and how many visits until a fixed point or a cycle is found?

    python benchmarks/scyfi.py                                     ten minutes
    python benchmarks/scyfi.py --quick                             a minute, small sizes

The first table compares visits with a plain numpy loop and says where the time goes; every follower is compared, and
it exits with 1 if any differs.  The second and third are Figure 2 of the paper: visits until a cycle of order k in the
plane, and a fixed point in M dimensions, is found from random region sequences, with the paper's fits beside ours.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from baselines import VISIT_PARTS, profile_of_loop, visits_by_loop
from measuring import Wanted, row, short, spread, timed, with_one_thread

from lossjumps import ReluMap
from lossjumps.lanes import LANES
from lossjumps.search import composing, itineraries
from lossjumps.search.cycle import itinerary_from
from lossjumps.search.paper_scyfi import walk_as_published
from lossjumps.search.starts import RandomStarts
from lossjumps.search.visits import CYCLE, DEAD, packed, pieces_of, room_for, unpacked, visit
from lossjumps.search.walks import Walks, hash_of

DIMENSION = 10
"""M of the first table."""


def moderate_plrnn(dimension: int, generator: np.random.Generator) -> ReluMap:
    """A random PLRNN whose region sequences are neither contracted nor blown up within some ten steps."""
    weights = generator.normal(size=(dimension, dimension)) / np.sqrt(dimension)
    return ReluMap.plrnn(generator.uniform(-0.9, 0.9, dimension), weights, generator.normal(size=dimension))


def visited(m: ReluMap, words: np.ndarray, threads: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """A call that visits packed sequences (n, k, W): followers and outcomes."""
    pieces, followers, outcomes = pieces_of(m), np.zeros_like(words), np.zeros(len(words), np.int64)
    share = -(-len(words) // threads // LANES) * LANES
    rooms = [room_for(m.dimension, m.units, words.shape[1]) for _ in range(threads)]

    def run() -> tuple[np.ndarray, np.ndarray]:
        def part(thread: int) -> None:
            last = min((thread + 1) * share, len(words))
            visit(pieces, words, thread * share, last, False, rooms[thread], followers, outcomes)

        if threads == 1:
            part(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(part, range(threads)))
        return followers, outcomes

    return run


@numba.njit
def _repeat_begin(pieces, columns, room, times):
    for _ in range(times):
        composing.begin(pieces, columns, room.gates[0], room.product, room.inputs)


@numba.njit
def _repeat_step_of_product(pieces, columns, room, times):
    for _ in range(times):
        composing.go_on(pieces, columns, room.gates[0], room.product, room.image, room.inputs)


@numba.njit
def _repeat_solve(pieces, columns, room, times):
    for _ in range(times):
        composing.solve(pieces.A.shape[0], columns, room.product, room.system, room.point)


@numba.njit
def _repeat_step_of_orbit(pieces, columns, room, times):
    for _ in range(times):
        composing.region_at(pieces, room.point, room.input, room.followed[0])
        composing.step(pieces, room.point, room.input, room.followed[0], room.next_point)


@numba.njit
def _repeat_hash(words, times):
    total = np.uint64(0)
    for _ in range(times):
        for place in range(words.shape[0]):
            total ^= hash_of(words[place], 0)
    return total


def microseconds(call: Callable, *arguments: object, repetitions: int = 20_000) -> float:
    """Processor time of one repetition: the least of three runs."""
    call(*arguments, 2)
    return min(timed(call, *arguments, repetitions).processor for _ in range(3)) / repetitions * 1e6


def shares(m: ReluMap, words: np.ndarray, per_visit: float) -> dict[str, float]:
    """Shares of the time of a visit, in microseconds, by what it is spent on; hashing comes on top."""
    order, columns = words.shape[1], (m.dimension + 2) // 2 * 2
    pieces, room = pieces_of(m), room_for(m.dimension, m.units, order)
    visit(pieces, words, 0, LANES, False, room, np.zeros_like(words), np.zeros(LANES, np.int64))
    parts = {
        "composing": microseconds(_repeat_begin, pieces, columns, room)
        + (order - 1) * microseconds(_repeat_step_of_product, pieces, columns, room),
        "solving": microseconds(_repeat_solve, pieces, columns, room),
        "rolling out": order * microseconds(_repeat_step_of_orbit, pieces, columns, room),
    }
    result = {name: time / LANES / per_visit for name, time in parts.items()}
    result["packing, comparing, calls"] = 1.0 - sum(result.values())
    result["and hashing"] = microseconds(_repeat_hash, words[:LANES]) / LANES / per_visit
    return result


def dgemm_rate(size: int = 1000) -> float:
    """Multiplications and additions of BLAS a second, in 10^9."""
    matrix = np.random.default_rng(0).normal(size=(size, size))
    return 2.0 * size**3 / min(timed(np.matmul, matrix, matrix).processor for _ in range(5)) / 1e9


def visits_a_second(count: int, loop_seconds: float, wanted: Wanted) -> int:
    """Visits by the loop and by ours, on one core and two; how many followers differ."""
    print(
        f"\nVisits a second, PLRNN, M = {DIMENSION}: a plain numpy loop, ours on one core (processor time), two (wall)"
    )
    rate, different = dgemm_rate(), 0
    row("k", "numpy loop", "ours, one core", "ours / loop", "ours, two cores", "of the dgemm rate")
    profiles = []
    for order in (1, 5, 10, 40):
        generator = np.random.default_rng(order)
        m = moderate_plrnn(DIMENSION, generator)
        itineraries_ = generator.random((count, order, DIMENSION)) < 0.5
        words = packed(itineraries_)
        sample = max(50, int(loop_seconds * 1e5 / (2 + 1.2 * order)))
        few = itineraries_[: min(sample, count)]
        loop = min((timed(visits_by_loop, m, few) for _ in range(3)), key=lambda run: run.processor)
        alone, both = visited(m, words, 1), visited(m, words, 2)
        alone(), both()
        repetitions = 5
        one = min((timed(alone) for _ in range(repetitions)), key=lambda run: run.processor)
        two = min((timed(both) for _ in range(repetitions)), key=lambda run: run.wall)
        followers, outcomes = one.result
        same = unpacked(followers[: len(few)], DIMENSION)
        for number, expected in enumerate(loop.result[0]):
            agree = (outcomes[number] == DEAD) if expected is None else np.array_equal(same[number], expected)
            different += not agree
        different += set(np.flatnonzero(outcomes[: len(few)] == CYCLE)) != set(loop.result[1])
        per_loop, per_visit = loop.processor / len(few), one.processor / count
        M = DIMENSION
        operations = 2.0 * ((order - 1) * M * M * (M + 1) + M**3 / 3 + order * M * M)
        row(
            str(order),
            short(1.0 / per_loop),
            short(1.0 / per_visit),
            short(per_loop / per_visit),
            short(count / two.wall),
            f"{100 * operations / per_visit / 1e9 / rate:.0f} %",
        )
        wanted.add(f"visits at k = {order}, one core, ours / numpy loop", per_loop / per_visit, ">=", 25.0, "times")
        plain = profile_of_loop(visits_by_loop, VISIT_PARTS, m, few)
        ours = shares(m, words, per_visit * 1e6)
        for name, parts in (("loop", plain), ("ours", ours)):
            profiles.append(f"  k = {order}, {name}: " + ", ".join(f"{100 * v:.0f} % {k}" for k, v in parts.items()))
    print(f"  dgemm: {rate:.0f} GFlop/s on one core.  Where the time goes:")
    print("\n".join(profiles))
    return different


def visits_until_found(m: ReluMap, order: int, seed: int, most_visits: int, most_starts: int = 5000) -> int | None:
    """Visits from random sequences until the first cycle of an order is found, None if it is not."""
    walks = Walks(m, order)
    random = RandomStarts(m, np.random.default_rng(seed), np.empty((0, m.units), dtype=np.bool_))
    for start in random.independent(most_starts, order):
        before = walks.count
        walks.walk(start[None], most_visits)
        if any(itineraries.is_primitive(itinerary) for itinerary in walks.found()[before:]):
            return walks.visits
        if walks.visits >= most_visits:
            break
    return None


def explained(columns: Sequence[np.ndarray], values: np.ndarray) -> tuple[np.ndarray, float]:
    """Least-squares coefficients of a constant and the columns, and R^2."""
    design = np.column_stack([np.ones(len(values)), *columns])
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    rest = values - design @ coefficients
    return coefficients, 1.0 - float(rest @ rest) / float(((values - values.mean()) ** 2).sum())


def attracting_order(m: ReluMap, longest: int) -> int | None:
    """The order of the cycle that an orbit runs to, if it does."""
    itinerary = itinerary_from(m, np.ones(m.dimension), 4000 + 4 * longest)
    if itinerary is None:
        return None
    tail = itinerary[4000:]
    order = next((k for k in range(1, longest + 1) if np.array_equal(tail[k:], tail[:-k])), None)
    if order is None:
        return None
    _, outcomes = visited(m, packed(tail[None, :order]), 1)()
    return order if outcomes[0] == CYCLE else None


def plane_maps(longest: int, each: int, generator: np.random.Generator) -> dict[int, list[ReluMap]]:
    """PLRNNs in the plane with an attracting cycle of each order up to `longest`, by the order."""
    found: dict[int, list[ReluMap]] = {}
    for _ in range(4000):
        a, up, down = generator.uniform(0.7, 0.99), generator.uniform(0.1, 0.7), generator.uniform(0.3, 0.8)
        m = ReluMap.plrnn([a, 0.96461297], [[0.0, -up], [down, 0.0]], [0.37298253, -0.97931491])
        order = attracting_order(m, longest)
        if order is not None and len(found.setdefault(order, [])) < each:
            found[order].append(m)
    return dict(sorted(found.items()))


def against_order(longest: int, each: int) -> None:
    """Figure 2, left: visits until a cycle of order k in the plane is found."""
    print("\nVisits until a cycle of order k is found, PLRNNs in the plane with an attracting k-cycle: median (range)")
    row("k", "ours", "as published", "random words")
    orders, visits = [], []
    for order, maps in plane_maps(longest, each, np.random.default_rng(0)).items():
        if len(maps) < each:
            continue
        ours = [visits_until_found(m, order, seed, 10**6) for seed, m in enumerate(maps)]
        theirs = [
            walk_as_published(m, order, np.random.default_rng(seed), max_visits=10**5, most_cycles=1).visits
            for seed, m in enumerate(maps)
        ]
        if None in ours:
            print(f"  k = {order}: not found in {ours.count(None)} of {each} maps")
        ours = [value for value in ours if value is not None]
        row(str(order), spread(ours), spread(theirs), short((2.0 ** (2 * order) + 1) / (order + 1)))
        orders.append(order)
        visits.append(np.mean(ours))
    (constant, slope), r2 = explained([np.array(orders, dtype=float)], np.array(visits))
    print(f"  ours, means:  n = {constant:.3g} + {slope:.3g} k, R^2 = {r2:.3f}")
    print("  the paper:    n = 1.9053 + 0.0294 k, R^2 = .9838 (weighted; n counts as its Figure 2 does)")


REGIMES = {0.71: 1.0, 1.25: 1.77, 2.33: 3.3}
"""Mean largest modulus of a multiplier, as the paper names its regimes, and the gain g of the weights that gives it."""

PAPER_FITS = {
    0.71: "in ln ln M, R^2 = .9126",
    1.25: "n = -0.432 + 0.7291 M + 0.00775 M^2, R^2 = .9255",
    2.33: "ln n = 0.5635 + 0.2317 M, R^2 = .9995",
}


def networks_with_a_fixed_point(dimension: int, gain: float, count: int) -> Iterator[ReluMap]:
    """PLRNNs with weights of variance g^2 / M and a fixed point in a random orthant."""
    for seed in range(count):
        generator = np.random.default_rng([seed, dimension])
        a, point = generator.uniform(-0.5, 0.5, dimension), generator.normal(size=dimension)
        W = gain / np.sqrt(dimension) * generator.normal(size=(dimension, dimension)) * (1.0 - np.eye(dimension))
        yield ReluMap.plrnn(a, W, point - a * point - W @ np.maximum(point, 0.0))


def against_dimension(sizes: dict[float, Sequence[int]], count: int, most_visits: int) -> None:
    """Figure 2, right: visits until a fixed point is found, in three regimes."""
    print("\nVisits until a fixed point is found, PLRNNs with a fixed point in a random orthant: median (range)")
    row("multiplier, M", "visits", "largest multiplier, mean", "random search", "found")
    for name, gain in REGIMES.items():
        means = []
        for dimension in sizes[name]:
            maps = list(networks_with_a_fixed_point(dimension, gain, count))
            visits = [visits_until_found(m, 1, seed, most_visits) for seed, m in enumerate(maps)]
            found = [value for value in visits if value is not None]
            points = [np.random.default_rng([seed, dimension]) for seed in range(count)]
            largest = []
            for m, generator in zip(maps, points, strict=True):
                generator.uniform(-0.5, 0.5, dimension)
                largest.append(np.abs(np.linalg.eigvals(m.jacobian(generator.normal(size=dimension)))).max())
            means.append(np.mean([most_visits if value is None else value for value in visits]))
            row(
                f"{name}, {dimension}",
                spread(found) if found else "",
                f"{np.mean(largest):.2f}",
                short((2.0**dimension + 1) / 2),
                f"{len(found)} of {count}",
            )
        M, n = np.array(sizes[name], dtype=float), np.array(means)
        fits = {
            "n in ln ln M": explained([np.log(np.log(M))], n),
            "n in M, M^2": explained([M, M * M], n),
            "ln n in M": explained([M], np.log(n)),
        }
        for kind, (coefficients, r2) in fits.items():
            print(f"  ours:   {kind}: {', '.join(f'{value:.3g}' for value in coefficients)}; R^2 = {r2:.3f}")
        print(f"  paper:  {PAPER_FITS[name]}")


def main() -> int:
    """Run everything, then say what was wanted and what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, a minute")
    arguments = parser.parse_args()
    with_one_thread()
    quick, wanted = arguments.quick, Wanted()
    different = visits_a_second(2**13 if quick else 2**15, 0.05 if quick else 0.5, wanted)
    against_order(20 if quick else 50, 5 if quick else 20)
    small = {0.71: (10, 20, 50), 1.25: (10, 20, 30), 2.33: (10, 15, 20)}
    large = {0.71: (10, 20, 30, 50, 75, 100, 127), 1.25: (10, 20, 50, 75, 100, 127), 2.33: (10, 15, 20, 25, 30, 35)}
    against_dimension(small if quick else large, 5 if quick else 20, 10**5 if quick else 10**6)
    print("\nWanted")
    for line in wanted.lines:
        print(f"  {line}")
    print(f"\n{different} followers differ from those of the loop")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
