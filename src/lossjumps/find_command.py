"""`lossjumps find FILE`: the fixed points and cycles of a network from a file, as a table, a file and a picture."""

import argparse
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from lossjumps import find_output
from lossjumps.errors import InputError
from lossjumps.find_table import counted, format_found
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.naming import some_of
from lossjumps.maps.relu_map import ReluMap
from lossjumps.maps.weight_files import SUFFIXES
from lossjumps.maps.weights import Weights, read_weights
from lossjumps.progress import Progress, with_running_clock
from lossjumps.search import FoundCycles, find_cycles
from lossjumps.search.find import MAX_NODES, METHODS, VERIFY
from lossjumps.stages.whole import write_whole

PICTURES = (".png", ".pdf", ".svg")

DESCRIPTION = """\
List the fixed points and cycles of a ReLU network. The columns: order (1 is a fixed point), a
point, the largest modulus of a multiplier, whether it is stable, the index sign det(I - T), and
the certificate: how the list of this order was proved complete, or none.
  branching  branch and bound on the equations of the cycle
  regions    every sequence of linear regions was solved
  splitting  the state space was split by itinerary until nothing was undecided
"""

EPILOG = """\
keys of the families (a prefix that all share, as in rnn.W, is left out; A may be a diagonal):
{keys}
  relu_rnn also as torch.nn.RNN(nonlinearity="relu") saves itself, without input

examples:
  echo '{{"W": [[-2.0]], "b": [1.0]}}' > weights.json
  lossjumps find weights.json --max-order 3
  lossjumps find weights.json --verify exact --output cycles.json
  lossjumps find weights.json --method complete --box=-1:1
  echo '{{"A": [0.7, -0.4], "W": [[0, -2], [2, 0]], "h": [0.3, 0.4]}}' > plane.json
  lossjumps find plane.json --family plrnn --plot states.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `lossjumps find` takes."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG.format(
        keys="\n".join(f"  {name:<22} {', '.join(family.keys)}" for name, family in FAMILIES.items())
    )
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help=f"the weights: {', '.join(SUFFIXES)}")
    add("--family", metavar="NAME", help="family of the network, where its keys fit several and the file names none")
    add("--max-order", type=_at_least(1), default=10, metavar="K", help="search orders 1 to K (default: %(default)s)")
    add(
        "--method",
        choices=METHODS,
        default="auto",
        help="complete: prove every list complete, whatever that takes; scyfi: search at random; auto: prove "
        "what is quickly proved, search the rest; scyfi-paper: search as it was published (default: %(default)s)",
    )
    add("--verify", choices=VERIFY, default="float", help="exact: decide everything without rounding (default: float)")
    add(
        "--box",
        type=_intervals,
        metavar="LOW:HIGH",
        help="only cycles in this box: --box=-1:1, or an interval a state, --box=-1:1,-2:2",
    )
    add(
        "--max-nodes",
        type=_at_least(1),
        default=MAX_NODES,
        metavar="N",
        help="nodes or regions after which auto gives up a proof (default: %(default)s)",
    )
    add(
        "--threads",
        type=_at_least(1),
        default=available_cores(),
        metavar="N",
        help="of large proofs; they do not change the result (default: all cores)",
    )
    add("--seed", type=_at_least(0), default=0, metavar="N", help="of the random search (default: %(default)s)")
    add(
        "--output",
        type=Path,
        metavar="FILE",
        help="write all digits of everything to a .json or .parquet file",
    )
    add("--plot", type=Path, metavar="FILE", help=f"draw the state space: {', '.join(PICTURES)}")
    add("--progress", action="store_true", help="report progress also where standard error is no terminal")


def run(arguments: argparse.Namespace, progress: Progress) -> str:
    """Read the network, search it, write the files that are asked for, and return the text to print.

    Raises
    ------
    InputError
        For a file that is no network (`lossjumps.maps.weights`), and for options that do not fit; before the search.
    """
    # What cannot be written is refused before the search, which may take long.
    write = find_output.writer_for(arguments.output) if arguments.output else None
    draw = _drawer_for(arguments.plot) if arguments.plot else None
    for option, path in (("--output", arguments.output), ("--plot", arguments.plot)):
        if path:
            _check_place(option, path, arguments.file)
    weights = read_weights(arguments.file, arguments.family)
    search = find_output.Search(
        arguments.file,
        weights,
        arguments.method,
        arguments.verify,
        arguments.seed,
        arguments.max_order,
        arguments.max_nodes,
    )
    box = _box(arguments.box, weights.network.dimension)
    with with_running_clock(progress, search.max_order) as report:
        found = find_cycles(
            weights.network,
            search.max_order,
            method=search.method,
            box=box,
            verify=search.verify,
            max_nodes=search.max_nodes,
            seed=search.seed,
            threads=arguments.threads,
            progress=report,
        )
    if draw:
        draw(arguments.plot, weights.network, found, f"{arguments.file.name}: {_network(weights)}")
    if write:
        write(arguments.output, find_output.description(search, found), find_output.cycle_rows(found))
    written = [str(path) for path in (arguments.output, arguments.plot) if path]
    return "\n".join(
        [
            f"{arguments.file}: {_network(weights)}",
            *_remarks(weights),
            "",
            format_found(found),
            *([f"\nwritten: {', '.join(written)}"] if written else []),
        ]
    )


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _network(weights: Weights) -> str:
    network = weights.network
    return f"{weights.family}, {counted(network.dimension, 'state')}, {counted(network.units, 'unit')}"


def _remarks(weights: Weights) -> list[str]:
    remarks = []
    if weights.is_torch_rnn:
        remarks.append('read as torch.nn.RNN(nonlinearity="relu") with input zero; the nonlinearity is not in the file')
    if weights.not_read:
        remarks.append(f"no part of it: {some_of(weights.not_read)}")
    return remarks


def _drawer_for(path: Path) -> Callable[[Path, ReluMap, FoundCycles, str], None]:
    """The function that draws a picture to a file with this suffix."""
    if path.suffix not in PICTURES:
        raise InputError(f"--plot: expected a file that ends in {' or '.join(PICTURES)}, got {path}")
    try:
        from lossjumps.figures.state_space import state_space_figure
        from lossjumps.figures.style import save_figure
    except ModuleNotFoundError as error:
        raise InputError(
            "--plot: pictures take matplotlib, which is not installed: pip install 'lossjumps[pipeline]'"
        ) from error

    def draw(path: Path, network: ReluMap, found: FoundCycles, title: str) -> None:
        figure = state_space_figure(network, found, title=title)
        write_whole(path, lambda temporary: save_figure(figure, temporary, path.suffix[1:]))

    return draw


def _check_place(option: str, path: Path, weights: Path) -> None:
    """Refuse to write where that is impossible, or over the weights."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir():
        raise InputError(f"{option}: expected a file, {path} is a folder")
    if not folder.is_dir():
        raise InputError(f"{option}: expected a folder to write {path.name} in, {folder} is a file")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"{option}: {folder} cannot be written ({error.strerror})") from error
    if path.exists() and weights.exists() and path.samefile(weights):
        raise InputError(f"{option}: expected another file than the weights, got {path}")


def _box(intervals: list[tuple[float, float]] | None, dimension: int) -> tuple[list[float], list[float]] | None:
    """Lower and upper bounds of every state."""
    if intervals is None:
        return None
    if len(intervals) not in (1, dimension):
        each = f", or {dimension}, one for each state" if dimension > 1 else ""
        raise InputError(f"--box: expected one interval{each}, got {len(intervals)}")
    lower, upper = zip(*(intervals * dimension if len(intervals) == 1 else intervals), strict=True)
    return list(lower), list(upper)


def _at_least(least: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"expected an integer >= {least}, got {text!r}")
        return value

    return integer


def _intervals(text: str) -> list[tuple[float, float]]:
    expected = "expected LOW:HIGH with LOW < HIGH, for all states or one for each, as --box=-1:1,-2:2"
    intervals = []
    for part in text.split(","):
        try:
            low, high = map(float, part.split(":"))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{expected}; got {text!r}") from None
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise argparse.ArgumentTypeError(f"{expected}; got {part!r}")
        intervals.append((low, high))
    return intervals
