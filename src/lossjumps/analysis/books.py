"""Books over a sequence of maps: every object alive at a recorded map is followed to what becomes of it.

Each object at each recorded map has two sides, towards the map before and towards the map after.  Every side is
followed once; a curve that arrives at a recorded map where its object is not in the list has found what the search
missed: the object is added and followed on.  In the end every side is accounted for, and a count that changes between
two maps is explained by the events between them.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lossjumps.analysis.following import Curve, CurveEvent, follow
from lossjumps.analysis.states import State, cycle_at
from lossjumps.maps.paths import Path
from lossjumps.search import itineraries
from lossjumps.search.cycle import Cycle

SAME_EVENT = 1e-6
"""Difference of fractions within which a collapsing cycle is a companion of an event."""

BORDER_MATCH = 1e-9
"""Relative distance within which an object on a border is recognised although its itinerary differs."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One object in the list of one recorded map.

    Attributes
    ----------
    cycle : Cycle
    object : int
        Number of the followed object; the same along its life.
    repaired : bool
        Whether the search missed it and following found it.
    """

    cycle: Cycle
    object: int
    repaired: bool


@dataclass(frozen=True, eq=False)
class BookedEvent:
    """An event between two recorded maps.

    Attributes
    ----------
    segment : int
        Between maps `segment` and `segment` + 1.
    event : CurveEvent or None
        None where it is unresolved.
    fraction : float
    state : State
        The object beside the event; at a fold the more stable of the two.
    object : int
        The object of `state`.
    partner : int or None
        At a fold: the other object.
    companions : tuple of (int, State)
        Other objects born or lost at the same point.
    why : str
        For an unresolved event: what could not be decided.
    """

    segment: int
    event: CurveEvent | None
    fraction: float
    state: State
    object: int
    partner: int | None
    companions: tuple[tuple[int, State], ...]
    why: str = ""


@dataclass(frozen=True, eq=False)
class Books:
    """Objects at every recorded map and the events between them.

    Attributes
    ----------
    lists : list of tuple of Entry
        For each recorded map, sorted by order, then by itinerary.
    events : list of tuple of BookedEvent
        For each segment, sorted by fraction.
    objects : int
        How many objects there are; they are numbered from 0.
    """

    lists: list[tuple[Entry, ...]]
    events: list[tuple[BookedEvent, ...]]
    objects: int


class _Names:
    """Union of names that turn out to be the same object."""

    def __init__(self) -> None:
        self.parent: list[int] = []

    def new(self) -> int:
        self.parent.append(len(self.parent))
        return len(self.parent) - 1

    def root(self, name: int) -> int:
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def unite(self, one: int, other: int) -> None:
        one, other = sorted((self.root(one), self.root(other)))
        self.parent[other] = one


@dataclass(eq=False)
class _Node:
    cycle: Cycle
    name: int
    repaired: bool
    followed: dict[int, bool] = field(default_factory=lambda: {-1: False, 1: False})


@dataclass(eq=False)
class _Draft:
    segment: int
    event: CurveEvent | None
    fraction: float
    state: State
    name: int
    partner: int | None = None
    companions: list[tuple[int, State]] = field(default_factory=list)
    why: str = ""


class _Bookkeeper:
    def __init__(self, lists: Sequence[Sequence[Cycle]], path_of: Callable[[int], Path]) -> None:
        self.names = _Names()
        self.path_of = path_of
        self.nodes: list[dict[tuple[int, bytes], _Node]] = [
            {cycle.key: _Node(cycle, self.names.new(), False) for cycle in cycles} for cycles in lists
        ]
        self.drafts: list[list[_Draft]] = [[] for _ in range(len(lists) - 1)]
        self.collapsed: list[_Draft] = []
        self.pending: deque[tuple[int, tuple[int, bytes], int]] = deque()

    def follow_all(self) -> None:
        last = len(self.nodes) - 1
        for side, order in ((1, range(last)), (-1, range(last, 0, -1))):
            for position in order:
                for key in sorted(self.nodes[position]):
                    self.follow_side(position, key, side)
        while self.pending:
            self.follow_side(*self.pending.popleft())

    def follow_side(self, position: int, key: tuple[int, bytes], side: int) -> None:
        node = self.nodes[position][key]
        if node.followed[side] or not 0 <= position + side < len(self.nodes):
            return
        node.followed[side] = True
        segment = position if side > 0 else position - 1
        curve = follow(self.path_of(segment), node.cycle.itinerary, 0.0 if side > 0 else 1.0, float(side))
        branches = [node.name] + [self.names.new() for _ in range(curve.branches - 1)]
        for event in curve.events:
            partner = None if event.partner_branch is None else branches[event.partner_branch]
            self.drafts[segment].append(
                _Draft(segment, event, event.fraction, event.state, branches[event.branch], partner)
            )
        self.book_end(segment, curve, branches[-1])

    def book_end(self, segment: int, curve: Curve, name: int) -> None:
        if curve.end == "reached":
            position, side = (segment + 1, -1) if curve.last.fraction > 0.5 else (segment, 1)
            node = self.node_at(position, segment, curve.last)
            self.names.unite(name, node.name)
            node.followed[side] = True
        elif curve.end in ("collapsed", "unresolved"):
            draft = _Draft(segment, None, curve.last.fraction, curve.last, name, why=curve.why)
            (self.collapsed if curve.end == "collapsed" else self.drafts[segment]).append(draft)

    def node_at(self, position: int, segment: int, state: State) -> _Node:
        key = itineraries.key(state.itinerary)
        nodes = self.nodes[position]
        if key not in nodes:
            near = [node for node in nodes.values() if node.cycle.near_border and _same_points(node.cycle, state)]
            if near:
                return near[0]
            nodes[key] = _Node(cycle_at(self.path_of(segment), state), self.names.new(), True)
            self.pending += [(position, key, 1), (position, key, -1)]
        return nodes[key]

    def settle_companions(self) -> None:
        for drafts in self.drafts:
            self.join_escapes(drafts)
        for draft in self.collapsed:
            order = len(draft.state.itinerary)
            hosts = [
                host
                for host in self.drafts[draft.segment]
                if host.event is not None
                and abs(host.fraction - draft.fraction) <= SAME_EVENT
                and order % len(host.state.itinerary) == 0
                and order > len(host.state.itinerary)
            ]
            if hosts:
                nearest = min(hosts, key=lambda host: abs(host.fraction - draft.fraction))
                nearest.companions.append((draft.name, draft.state))
            else:
                draft.why = "a cycle collapses, and no event of the object it collapses onto was found"
                self.drafts[draft.segment].append(draft)

    @staticmethod
    def join_escapes(drafts: list[_Draft]) -> None:
        """Make one event of the objects that escape to, or return from, infinity together: the simplest one's."""
        escapes = sorted(
            (draft for draft in drafts if draft.event is not None and draft.event.kind == "degenerate_transcritical"),
            key=lambda draft: itineraries.key(draft.state.itinerary),
        )
        hosts: list[_Draft] = []
        for draft in escapes:
            together = [host for host in hosts if abs(host.fraction - draft.fraction) <= SAME_EVENT]
            if together:
                together[0].companions.append((draft.name, draft.state))
                drafts.remove(draft)
            else:
                hosts.append(draft)

    def books(self) -> Books:
        number: dict[int, int] = {}
        lists = []

        def object_of(name: int) -> int:
            return number.setdefault(self.names.root(name), len(number))

        for nodes in self.nodes:
            lists.append(
                tuple(Entry(node.cycle, object_of(node.name), node.repaired) for _, node in sorted(nodes.items()))
            )
        events = []
        for drafts in self.drafts:
            drafts.sort(key=lambda draft: (draft.fraction, itineraries.key(draft.state.itinerary)))
            events.append(
                tuple(
                    BookedEvent(
                        draft.segment,
                        draft.event,
                        draft.fraction,
                        draft.state,
                        object_of(draft.name),
                        None if draft.partner is None else object_of(draft.partner),
                        tuple((object_of(name), state) for name, state in draft.companions),
                        draft.why,
                    )
                    for draft in drafts
                )
            )
        return Books(lists, events, len(number))


def _same_points(cycle: Cycle, state: State) -> bool:
    """Whether a state's points are those of the cycle, begun anywhere."""
    if cycle.order != len(state.points):
        return False
    scale = float(np.abs(cycle.points).max())
    return any(
        float(np.abs(np.roll(state.points, shift, axis=0) - cycle.points).max()) <= BORDER_MATCH * scale
        for shift in range(cycle.order)
    )


def keep_books(lists: Sequence[Sequence[Cycle]], path_of: Callable[[int], Path]) -> Books:
    """Follow every object of every list, in both directions.

    Parameters
    ----------
    lists : sequence of sequences of Cycle
        What a search found at each of n recorded maps.
    path_of : callable
        The path from recorded map i (s = 0) to i + 1 (s = 1).

    Returns
    -------
    Books
        The lists, repaired, and the events of each of the n - 1 segments.
    """
    keeper = _Bookkeeper(lists, path_of)
    keeper.follow_all()
    keeper.settle_companions()
    return keeper.books()
