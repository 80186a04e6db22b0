"""What happens to a network's fixed points, cycles and attractors over the epochs of one training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from lossjumps.analysis.attractors import Attractor, occupied_attractors
from lossjumps.analysis.bifurcations import Bifurcation, name_event
from lossjumps.analysis.books import BookedEvent, Entry, keep_books
from lossjumps.analysis.epoch_search import Effort, search_epochs
from lossjumps.maps.paths import Path, Segment
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.cycle import Cycle
from lossjumps.search.walked import Walked

BESIDE_EVENT = 1e-3
"""How far before and after an event the occupied attractors are compared, unless another event is nearer."""


@dataclass(frozen=True, eq=False)
class EpochDynamics:
    """One epoch.

    Attributes
    ----------
    entries : tuple of Entry
        Its fixed points and cycles, by the objects they belong to; after those that are followed the occupied
        cycles of higher order.
    complete : dict of int to bool
        For each order up to the largest searched: whether the list is certified complete.
    index_sum : int or None
        Sum of the indices of the fixed points; None unless they are complete.
    attractors : tuple of str
        For each data state: "cycle:<object>", "aperiodic" or "diverged".
    jacobian_norm : float
        Largest spectral norm of the Jacobian over all regions, or a bound of it.
    searched : dict of int to Walked
        For each order that was searched, not listed completely: what the search by walks counted.
    """

    entries: tuple[Entry, ...]
    complete: dict[int, bool]
    index_sum: int | None
    attractors: tuple[str, ...]
    jacobian_norm: float
    searched: dict[int, Walked]


@dataclass(frozen=True, eq=False)
class EventDynamics:
    """One bifurcation.

    Attributes
    ----------
    epoch : int
        It lies between this epoch and the next.
    update : int
        And there between this recorded point and the next, from 0.
    bifurcation : Bifurcation
    object : int
    companions : tuple of int
        Objects born or lost at the same point; at a fold the partner comes first.
    occupied : bool
        Whether a data state sees it: its object is what a state is taken to just before or just after, or what a
        state is taken to changes there.
    """

    epoch: int
    update: int
    bifurcation: Bifurcation
    object: int
    companions: tuple[int, ...]
    occupied: bool


@dataclass(frozen=True, eq=False)
class TrainingDynamics:
    """The dynamics of one training: E + 1 epochs and the events between them."""

    epochs: list[EpochDynamics]
    events: list[EventDynamics]


def analyse_training(
    maps: Sequence[ReluMap],
    states: Callable[[int], np.ndarray],
    effort: Effort,
    segments: Sequence[Path] | None = None,
    points_per_epoch: int = 1,
    processes: int = 1,
    report: Callable[[int], None] | None = None,
) -> TrainingDynamics:
    """Search every recorded map, find the occupied attractors, and follow every object from map to map.

    Parameters
    ----------
    maps : sequence of ReluMap
        The network at every recorded point: after 0, 1, ..., E epochs, and wherever else between them.
    states : callable
        Point -> (n, M) array: the data states whose attractors are looked for, as latent states of that point.
    effort : Effort
        How hard to search at each of them.
    segments : sequence of Path, optional
        From each map to the next; by default straight in (A, U, V, b, c).
    points_per_epoch : int
        Segments from one epoch to the next.
    processes : int
        Processes that share the search; they do not change the result.
    report : callable, optional
        Called with the number of maps that have been searched.

    Returns
    -------
    TrainingDynamics
    """
    effort = replace(effort, certify_every=effort.certify_every * points_per_epoch)
    searched = search_epochs(maps, states, effort, processes, report)
    segments = segments or [Segment(start, end) for start, end in pairwise(maps)]
    books = keep_books([list(one.cycles) for one in searched], segments.__getitem__)
    longer = _longer_cycles([one.attractors for one in searched], effort.max_order, books.objects)
    points = []
    for entries, others, one in zip(books.lists, longer, searched, strict=True):
        # an object that following finds in a complete list contradicts the claim: it is withdrawn
        missed = {entry.cycle.order for entry in entries if entry.repaired}
        complete = {order: claim and order not in missed for order, claim in one.found.complete.items()}
        index_sum = one.found.index_sum[1] if complete[1] else None
        entries += others
        names = _names_of(one.attractors, entries)
        points.append(EpochDynamics(entries, complete, index_sum, names, one.jacobian_norm, one.found.searched))
    events = []
    for point, booked_events in enumerate(books.events):
        occupied = tuple(set(recorded.attractors) for recorded in points[point : point + 2])
        place = divmod(point, points_per_epoch)
        data_states = states(point), states(point + 1)
        events += _events_of(place, booked_events, segments[point], data_states, occupied, effort)
    return TrainingDynamics(points[::points_per_epoch], events)


def _longer_cycles(attractors: Sequence[tuple[Attractor, ...]], max_order: int, first: int) -> list[tuple[Entry, ...]]:
    """Occupied cycles of orders that are not followed: the same object as long as the itinerary stays."""
    entries, before, free = [], {}, first
    for taken_to in attractors:
        now = {}
        for attractor in taken_to:
            cycle = attractor.cycle
            if cycle is not None and cycle.order > max_order and cycle.key not in now:
                if cycle.key in before:
                    number = before[cycle.key].object
                else:
                    number, free = free, free + 1
                now[cycle.key] = Entry(cycle, number, False)
        entries.append(tuple(entry for _, entry in sorted(now.items())))
        before = now
    return entries


def _names_of(attractors: tuple[Attractor, ...], entries: tuple[Entry, ...]) -> tuple[str, ...]:
    objects = {entry.cycle.key: entry.object for entry in entries}
    return tuple(
        attractor.status if attractor.cycle is None else f"cycle:{objects[attractor.cycle.key]}"
        for attractor in attractors
    )


def _events_of(
    place: tuple[int, int],
    booked_events: tuple[BookedEvent, ...],
    path: Path,
    states: tuple[np.ndarray, np.ndarray],
    occupied: tuple[set[str], set[str]],
    effort: Effort,
) -> list[EventDynamics]:
    """Name the events on a path; `states` are data states at its two ends, `occupied` what they are taken to there."""
    objects = [{f"cycle:{name}" for name in (booked.object, booked.partner)} for booked in booked_events]
    fractions = [booked.fraction for booked in booked_events]
    events = []
    for position, booked in enumerate(booked_events):
        bifurcation = name_event(booked)
        companions = (() if booked.partner is None else (booked.partner,)) + tuple(
            name for name, _ in booked.companions
        )
        own = objects[position]
        # what data states are taken to at a recorded point they are taken to until something happens to it
        first = all(own.isdisjoint(other) for other in objects[:position])
        last = all(own.isdisjoint(other) for other in objects[position + 1 :])
        seen = (first and not own.isdisjoint(occupied[0])) or (last and not own.isdisjoint(occupied[1]))
        if bifurcation.topological and not seen:
            others = [abs(fraction - booked.fraction) for fraction in fractions[:position] + fractions[position + 1 :]]
            beside = min([BESIDE_EVENT, *(0.5 * gap for gap in others if gap > 0.0)])
            data_states = states[booked.fraction >= 0.5]
            before, after = (
                occupied_attractors(path(fraction), data_states, effort.transient, effort.max_period)
                for fraction in (max(0.0, booked.fraction - beside), min(1.0, booked.fraction + beside))
            )
            seen = _is_occupied(booked, before, after, effort.max_order)
        events.append(EventDynamics(*place, bifurcation, booked.object, companions, seen))
    return events


def _is_occupied(
    booked: BookedEvent, before: tuple[Attractor, ...], after: tuple[Attractor, ...], max_order: int
) -> bool:
    own = {itineraries.key(booked.state.itinerary)}
    if booked.event is not None:
        own |= {
            itineraries.key(state.itinerary)
            for state in (booked.event.before, booked.event.after, booked.event.partner)
            if state is not None
        }
    on_it = any(taken.cycle is not None and taken.cycle.key in own for taken in before + after)
    return on_it or any(
        _status(one, max_order) != _status(other, max_order) for one, other in zip(before, after, strict=True)
    )


def _status(attractor: Attractor, max_order: int) -> tuple:
    """What is compared across an event: motion on a long cycle and aperiodic motion are not told apart.

    A map that follows a flow moves on a closed curve, where it locks to one long cycle after another.
    """
    if attractor.cycle is None or attractor.cycle.order > max_order:
        return ("diverged",) if attractor.status == "diverged" else ("recurrent",)
    return attractor.cycle.key


def distance_from(nearest: Callable[[np.ndarray], np.ndarray], cycle: Cycle, observed: int) -> float:
    """Smallest distance of a cycle's points from the data, in the first `observed` coordinates; NaN if it has none.

    Parameters
    ----------
    nearest : callable
        Points (k, N) -> (k,) distances from the nearest data point.
    cycle : Cycle
    observed : int
        Number N of observed states.
    """
    points = cycle.points[:, :observed]
    return float(np.min(nearest(points))) if np.isfinite(points).all() else np.nan
