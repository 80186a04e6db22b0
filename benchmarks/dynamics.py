"""What does the analysis of a training cost for each recorded epoch, and do the books of its objects balance?

    python benchmarks/dynamics.py results/default
    python benchmarks/dynamics.py results/default --orders 3 --epochs 200 --training

takes the first run of every batch and prints, in milliseconds of processor time for an epoch: the complete list of
fixed points, the search of all orders (these among them), following, and the whole analysis, with the attractors that
data states are taken to and the names of events.  `--training` trains the batch again beside it.  Exits with 1 if
books do not balance, that is, if more than one segment in a thousand has an event that could not be resolved.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from lossjumps import ReluMap, find_cycles
from lossjumps.analysis.books import Books, keep_books
from lossjumps.analysis.epoch_search import Effort, search_epochs
from lossjumps.analysis.training_dynamics import analyse_training
from lossjumps.configuration import load_batch, load_search
from lossjumps.maps.paths import Path as MapPath
from lossjumps.maps.paths import Segment
from lossjumps.stages import train
from lossjumps.stages.dynamics import effort_of
from lossjumps.stages.networks import RunNetworks, networks_of

WARM = 3
"""Epochs that are analysed before the clock starts, so that everything is compiled."""


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of a call, of all threads, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def first_epochs(networks: RunNetworks, epochs: int) -> tuple[list[ReluMap], list[MapPath]]:
    """The first maps of a run and what leads from each to the next."""
    maps = networks.maps[:epochs]
    segments = networks.segments or [Segment(*ends) for ends in pairwise(maps)]
    return maps, segments[: len(maps) - 1]


def measure(networks: RunNetworks, effort: Effort, epochs: int) -> tuple[dict[str, float], Books]:
    """Seconds of each part for the first epochs of a run, and its books."""
    maps, segments = first_epochs(networks, epochs)
    analyse_training(maps[:WARM], networks.states, effort, segments)
    seconds = {}
    seconds["fixed points"], _ = processor_seconds(lambda: [find_cycles(m, 1, audit=False) for m in maps])
    seconds["search"], searched = processor_seconds(lambda: search_epochs(maps, networks.states, effort))
    lists = [list(one.cycles) for one in searched]
    seconds["following"], books = processor_seconds(lambda: keep_books(lists, segments.__getitem__))
    seconds["analysis"], _ = processor_seconds(lambda: analyse_training(maps, networks.states, effort, segments))
    return seconds, books


def training_seconds(folder: Path) -> float:
    """Processor seconds that training all runs of a batch takes, for each of them."""
    batch = load_batch(folder)
    with tempfile.TemporaryDirectory() as temporary:
        experiment = Path(temporary) / "experiment"
        again = experiment / folder.relative_to(batch.experiment_folder)
        again.mkdir(parents=True)
        shutil.copy(folder / "config.yaml", again)
        for name in ("data", "settings"):
            shutil.copytree(batch.experiment_folder / name, experiment / name)
        return processor_seconds(lambda: train.run(again))[0] / len(batch.runs)


def main() -> int:
    """Measure, print a line a batch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path, help="folder of a finished experiment, such as results/default")
    parser.add_argument("--orders", type=int, default=3, help="largest order searched and followed (default 3)")
    parser.add_argument("--epochs", type=int, default=1001, help="epochs looked at in each run (default 1001)")
    parser.add_argument("--training", action="store_true", help="train every batch again and compare")
    arguments = parser.parse_args()
    search = load_search(arguments.experiment)
    effort = replace(effort_of(search, 0), max_order=arguments.orders)
    segments = unresolved = repaired = events = 0
    for folder in sorted((arguments.experiment / "batches").iterdir()):
        batch = load_batch(folder)
        networks = next(networks_of(batch, search.attractor_states))
        seconds, books = measure(networks, effort, arguments.epochs)
        epochs = len(books.lists)
        parts = ", ".join(f"{name} {1000 * value / epochs:.2f}" for name, value in seconds.items())
        print(f"{folder.name}, {epochs} epochs: {parts} ms an epoch", flush=True)
        maps, paths = first_epochs(networks, arguments.epochs)
        books = keep_books([list(find_cycles(m, 1)) for m in maps], paths.__getitem__)
        segments += len(books.events)
        events += sum(map(len, books.events))
        unresolved += sum(any(booked.event is None for booked in of_segment) for of_segment in books.events)
        repaired += sum(entry.repaired for entries in books.lists for entry in entries)
        if arguments.training:
            trained = training_seconds(folder)
            print(
                f"    training {trained:.1f} s a run, analysis of {epochs} epochs {seconds['analysis']:.1f} s: "
                f"{seconds['analysis'] / trained:.2f} of it"
            )
    print(
        f"fixed points: {events} events on {segments} segments, {unresolved} segments unresolved, "
        f"{repaired} points that a list lacked"
    )
    return int(unresolved > segments / 1000 or repaired > 0)


if __name__ == "__main__":
    sys.exit(main())
