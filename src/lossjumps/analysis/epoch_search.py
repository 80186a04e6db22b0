"""The search of every recorded network of one training: its cycles and what data states run to."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from lossjumps.analysis.attractors import Attractor, largest_jacobian_norm, occupied_attractors
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import find_cycles
from lossjumps.search.cycle import Cycle, FoundCycles, itinerary_from
from lossjumps.search.regions import linear_regions

EPOCHS_TOGETHER = 50
"""Epochs that one process searches one after another, each begun with the cycles of the one before."""

MOST_REGIONS_FOR_NORM = 20_000
"""The largest norm of a Jacobian is taken over all linear regions where there are at most this many, else bounded."""


@dataclass(frozen=True)
class Effort:
    """How hard to search at each recorded epoch; the keys of `search` in the configuration."""

    max_order: int
    max_nodes: int
    max_visits: int
    certified_units: int
    certify_every: int
    seed: tuple[int, ...]
    transient: int
    max_period: int


@dataclass(frozen=True, eq=False)
class SearchedEpoch:
    """One recorded network.

    Attributes
    ----------
    found : FoundCycles
    cycles : tuple of Cycle
        What was found, and the occupied cycles of orders up to the largest searched; sorted.
    attractors : tuple of Attractor
        What each data state is taken to.
    jacobian_norm : float
        Largest spectral norm of the Jacobian over all regions, or a bound of it.
    """

    found: FoundCycles
    cycles: tuple[Cycle, ...]
    attractors: tuple[Attractor, ...]
    jacobian_norm: float


def search_epoch(
    relu_map: ReluMap, states: np.ndarray, effort: Effort, epoch: int, before: Sequence[Cycle]
) -> SearchedEpoch:
    """Search one recorded network.

    Parameters
    ----------
    relu_map : ReluMap
    states : (n, M) array
        Data states whose attractors are looked for.
    effort : Effort
    epoch : int
        Its number: the seed of random starts depends on it.
    before : sequence of Cycle
        Cycles of the epoch before, from which the search starts.
    """
    certify = epoch % effort.certify_every == 0
    found = find_cycles(
        relu_map,
        effort.max_order,
        starts=[*before, *_visited_words(relu_map, states, effort.max_order)],
        max_visits=effort.max_visits,
        max_nodes=effort.max_nodes,
        certified_units=effort.max_order * relu_map.units if certify else effort.certified_units,
        audit=certify,
        seed=(*effort.seed, epoch),
    )
    attractors = occupied_attractors(relu_map, states, effort.transient, effort.max_period)
    followed = {cycle.key: cycle for cycle in found}
    for attractor in attractors:
        if attractor.cycle is not None and attractor.cycle.order <= effort.max_order:
            followed.setdefault(attractor.cycle.key, attractor.cycle)
    regions = found.regions or linear_regions(relu_map, MOST_REGIONS_FOR_NORM)
    return SearchedEpoch(
        replace(found, regions=None),  # thousands for each of thousands of epochs
        tuple(sorted(followed.values(), key=lambda cycle: cycle.key)),
        attractors,
        largest_jacobian_norm(relu_map, regions),
    )


def _visited_words(relu_map: ReluMap, states: np.ndarray, max_order: int) -> list[np.ndarray]:
    """Region sequences of orders 2 ... max_order that orbits from the states begin with."""
    words: dict[bytes, np.ndarray] = {}
    for state in states:
        itinerary = itinerary_from(relu_map, state, max_order)
        if itinerary is not None:
            words.setdefault(itinerary.tobytes(), itinerary)
    return [itinerary[:order] for itinerary in words.values() for order in range(2, max_order + 1)]


def _search_together(
    first: int, maps: Sequence[ReluMap], states: Sequence[np.ndarray], effort: Effort, skipped: int
) -> list[SearchedEpoch]:
    """Search successive epochs from number `first` on; the results of the first `skipped` only begin the next ones."""
    searched: list[SearchedEpoch] = []
    for offset, (relu_map, data_states) in enumerate(zip(maps, states, strict=True)):
        before = searched[-1].cycles if searched else ()
        searched.append(search_epoch(relu_map, data_states, effort, first + offset, before))
    return searched[skipped:]


def search_epochs(
    maps: Sequence[ReluMap],
    states: Callable[[int], np.ndarray],
    effort: Effort,
    processes: int = 1,
    report: Callable[[int], None] | None = None,
) -> list[SearchedEpoch]:
    """Search every recorded network, some epochs side by side.

    Parameters
    ----------
    maps : sequence of ReluMap
        The network after 0, 1, ..., E epochs.
    states : callable
        Epoch -> (n, M) array of data states.
    effort : Effort
    processes : int
        Processes that share the work; they do not change the result.
    report : callable, optional
        Called with the number of maps that have been searched.
    """
    parts = []
    for start in range(0, len(maps), EPOCHS_TOGETHER):
        first, end = max(start - 1, 0), min(start + EPOCHS_TOGETHER, len(maps))
        own_states = [states(epoch) for epoch in range(first, end)]
        parts.append((first, maps[first:end], own_states, effort, start - first))
    searched: list[SearchedEpoch] = []

    def collect(results: Iterable[list[SearchedEpoch]]) -> None:
        for result in results:
            searched.extend(result)
            if report is not None:
                report(len(searched))

    if processes == 1 or len(parts) == 1:
        collect(_search_together(*part) for part in parts)
    else:
        # started afresh: a copy of a process with threads in it may hang
        with ProcessPoolExecutor(min(processes, len(parts)), mp_context=get_context("spawn")) as pool:
            collect(pool.map(_search_together, *zip(*parts, strict=True)))
    return searched
