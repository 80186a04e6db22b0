"""Bifurcations between maps: located, named, and with what they did to stability."""

from dataclasses import dataclass
from functools import partial

from lossjumps.analysis.books import BookedEvent, keep_books
from lossjumps.analysis.interior import look_inside
from lossjumps.analysis.states import State, cycle_of_state
from lossjumps.errors import InputError
from lossjumps.maps.paths import Path, Segment
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import find_cycles
from lossjumps.search.cycle import Cycle, FoundCycles

BELOW_ONE = 1.0 - 2.0**-53
"""An event at the very end of a segment is booked within it: fractions lie in [0, 1)."""


@dataclass(frozen=True, eq=False)
class Bifurcation:
    """One event on a path of maps.

    Attributes
    ----------
    kind : str
        One of `lossjumps.analysis.events.KINDS`.
    fraction : float
        Where on the path, in [0, 1).
    order : int
        Order of the object that meets the condition.
    direction : str
        "birth", "death" or "through", as the fraction grows.
    cycle : Cycle
        The finite object just before (at a birth: just after); at a fold the more stable of the pair.
    partner : Cycle or None
        At a fold: the other of the pair.
    companions : tuple of Cycle
        Other objects born or lost at the same point.
    stable_before, stable_after : bool or None
        Whether the object (at a fold: one of the pair) is stable; None where there is none.
    unit : (int, int) or None
        Time along the cycle's canonical itinerary, and unit, that reach the border.
    topological : bool
        Whether an object appears, vanishes or changes its number of unstable directions; only a persistence may not.
    why : str
        For an unresolved event: what could not be decided.
    """

    kind: str
    fraction: float
    order: int
    direction: str
    cycle: Cycle
    partner: Cycle | None
    companions: tuple[Cycle, ...]
    stable_before: bool | None
    stable_after: bool | None
    unit: tuple[int, int] | None
    topological: bool
    why: str = ""


def _is_stable(*states: State | None) -> bool | None:
    """Whether one of the objects is stable; None where there is none."""
    present = [state.unstable_directions == 0 for state in states if state is not None]
    return any(present) if present else None


def name_event(booked: BookedEvent) -> Bifurcation:
    """Turn a booked event into a bifurcation, with its objects as cycles."""
    event = booked.event
    companions = tuple(cycle_of_state(state) for _, state in booked.companions)
    if event is None:
        cycle = cycle_of_state(booked.state)
        return Bifurcation(
            kind="unresolved",
            fraction=min(booked.fraction, BELOW_ONE),
            order=cycle.order,
            direction="through",
            cycle=cycle,
            partner=None,
            companions=companions,
            stable_before=cycle.is_stable,
            stable_after=cycle.is_stable,
            unit=None,
            topological=False,
            why=booked.why,
        )
    before, after = event.before, event.after
    if event.partner is not None:
        stable = _is_stable(event.state, event.partner)
        stable_before, stable_after = (stable, None) if event.direction == "death" else (None, stable)
    else:
        stable_before, stable_after = _is_stable(before), _is_stable(after)
    topological = (
        event.kind != "persistence" or before.unstable_directions != after.unstable_directions or bool(companions)
    )
    cycle = cycle_of_state(before if before is not None else after)
    return Bifurcation(
        kind=event.kind,
        fraction=min(event.fraction, BELOW_ONE),
        order=cycle.order,
        direction=event.direction,
        cycle=cycle,
        partner=None if event.partner is None else cycle_of_state(event.partner),
        companions=companions,
        stable_before=stable_before,
        stable_after=stable_after,
        unit=event.unit,
        topological=topological,
    )


def find_bifurcations(
    m0: ReluMap,
    m1: ReluMap,
    max_order: int = 4,
    *,
    found0: FoundCycles | None = None,
    found1: FoundCycles | None = None,
    path: Path | None = None,
) -> tuple[Bifurcation, ...]:
    """Find, locate and name the bifurcations of fixed points and cycles between two maps.

    Every object found at either end, and inside, is followed along the path to what becomes of it.

    Parameters
    ----------
    m0, m1 : ReluMap
        The ends.
    max_order : int
        Largest order that is searched at the ends.
    found0, found1 : FoundCycles, optional
        Lists at the ends, if they are known already.
    path : callable, optional
        The map at each s in [0, 1]; by default the straight segment in (A, U, V, b, c).

    Returns
    -------
    tuple of Bifurcation
        Sorted by fraction.

    Raises
    ------
    InputError
        If the maps differ in size, or the ends of `path` are not `m0` and `m1`.
    """
    segment = Segment(m0, m1)
    if path is not None:
        for fraction, end in ((0.0, m0), (1.0, m1)):
            given = path(fraction)
            if any((one != other).any() for one, other in zip(given.parameters, end.parameters, strict=True)):
                raise InputError(f"path: expected path({fraction:g}) to be the map m{fraction:g}")
    path = path or segment
    found0 = find_cycles(m0, max_order) if found0 is None else found0
    found1 = find_cycles(m1, max_order) if found1 is None else found1
    books = keep_books([found0.cycles, found1.cycles], lambda _: path, partial(look_inside, max_order=max_order))
    return tuple(name_event(booked) for booked in books.events[0])
