"""Books over a sequence of maps: every object alive at a recorded map is followed to what becomes of it.

Each object at each recorded map has two sides, towards the map before and towards the map after.  An arc that arrives
at a recorded map where its object is not in the list has found what the search missed: the object is added and
followed on.  Each side is to be reached by exactly one arc; what is not, or by two, is unresolved.  So in the end
every side is accounted for, and a count that changes between two maps is explained by the events between them.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lossjumps.analysis.arcs import RECORDED, Arc
from lossjumps.analysis.following import Following, ObjectEvent
from lossjumps.analysis.states import State, cycle_of_state, state_at
from lossjumps.maps.paths import Path
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
    event : ObjectEvent or None
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
    event: ObjectEvent | None
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
    arcs : list of tuple of (Arc, int)
        For each segment: where which itinerary exists, and the object it belongs to.
    objects : int
        How many objects there are; they are numbered from 0.
    """

    lists: list[tuple[Entry, ...]]
    events: list[tuple[BookedEvent, ...]]
    arcs: list[tuple[tuple[Arc, int], ...]]
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
    reached: set[int] = field(default_factory=set)


@dataclass(eq=False)
class _Draft:
    segment: int
    event: ObjectEvent | None
    fraction: float
    state: State
    name: int
    partner: int | None = None
    companions: list[tuple[int, State]] = field(default_factory=list)
    why: str = ""


class _Bookkeeper:
    def __init__(self, lists: Sequence[Sequence[Cycle]], path_of: Callable[[int], Path]) -> None:
        self.names = _Names()
        self.nodes: list[dict[tuple[int, bytes], _Node]] = [
            {cycle.key: _Node(cycle, self.names.new(), False) for cycle in cycles} for cycles in lists
        ]
        segments = range(len(lists) - 1)
        self.followings = [Following(path_of(segment)) for segment in segments]
        self.names_of_arcs: list[list[int]] = [[] for _ in segments]
        self.drafts: list[list[_Draft]] = [[] for _ in segments]
        self.collapsed: list[_Draft] = []
        self.pending: deque[tuple[int, tuple[int, bytes]]] = deque()

    def follow_all(self, look_inside: Callable[[Following], None] | None) -> None:
        for position, nodes in enumerate(self.nodes):
            self.pending += [(position, key) for key in sorted(nodes)]
        self.follow_pending()
        if look_inside is not None:
            for segment, following in enumerate(self.followings):
                look_inside(following)
                self.name_arcs(segment)
                self.follow_pending()
        for segment, following in enumerate(self.followings):
            self.draft_events(segment, following)
        for position, nodes in enumerate(self.nodes):
            for _, node in sorted(nodes.items()):
                for side in self.sides_of(position) - node.reached:
                    why = "the object lies on a border at the recorded point"
                    self.draft_unresolved(position, side, node, why)

    def sides_of(self, position: int) -> set[int]:
        """The sides of a recorded map on which there is a segment."""
        return {side for side in (-1, 1) if 0 <= position + side < len(self.nodes)}

    def follow_pending(self) -> None:
        while self.pending:
            position, key = self.pending.popleft()
            if position >= 2:
                self.followings[position - 2].path_arcs.forget_parameters()
            node = self.nodes[position][key]
            for side in sorted(self.sides_of(position) - node.reached):
                segment, fraction = (position, 0.0) if side > 0 else (position - 1, 1.0)
                self.followings[segment].follow(fraction, node.cycle.itinerary)
                self.name_arcs(segment)

    def name_arcs(self, segment: int) -> None:
        """Give names to the arcs of a segment that are new, those of the recorded objects that they arrive at."""
        following, names = self.followings[segment], self.names_of_arcs[segment]
        for arc in following.arcs[len(names) :]:
            names.append(self.names.new())
            for end, position, side in ((arc.low, segment, 1), (arc.high, segment + 1, -1)):
                if end.kind == RECORDED:
                    self.arrive(position, side, state_at(following.path, end.fraction, arc.itinerary), names[-1])
        for one, other in following.same:
            if max(one, other) < len(names):
                self.names.unite(names[one], names[other])

    def arrive(self, position: int, side: int, state: State, name: int) -> None:
        """Book that an arc arrives at a recorded map, from the segment on the given side."""
        key = _key(state)
        nodes = self.nodes[position]
        node = nodes.get(key)
        if node is None:
            near = [node for node in nodes.values() if node.cycle.near_border and _same_points(node.cycle, state)]
            node = near[0] if near else None
        if node is None:
            node = nodes[key] = _Node(cycle_of_state(state), self.names.new(), True)
            self.pending.append((position, key))
        if side in node.reached:
            self.draft_unresolved(position, side, node, "two objects arrive at one of the recorded map")
        node.reached.add(side)
        self.names.unite(name, node.name)

    def draft_unresolved(self, position: int, side: int, node: _Node, why: str) -> None:
        segment, fraction = (position, 0.0) if side > 0 else (position - 1, 1.0)
        state = state_at(self.followings[segment].path, fraction, node.cycle.itinerary)
        self.drafts[segment].append(_Draft(segment, None, fraction, state, node.name, why=why))

    def draft_events(self, segment: int, following: Following) -> None:
        names = self.names_of_arcs[segment]
        for event in following.events:
            partner = None if event.partner_arc is None else names[event.partner_arc]
            self.drafts[segment].append(_Draft(segment, event, event.fraction, event.state, names[event.arc], partner))
        for loose in following.loose_ends:
            draft = _Draft(segment, None, loose.fraction, loose.state, names[loose.arc], why=loose.why)
            (self.collapsed if loose.collapses else self.drafts[segment]).append(draft)

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
            key=lambda draft: _key(draft.state),
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
            drafts.sort(key=lambda draft: (draft.fraction, _key(draft.state)))
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
        arcs = [
            tuple((arc, object_of(name)) for arc, name in zip(following.arcs, names, strict=True))
            for following, names in zip(self.followings, self.names_of_arcs, strict=True)
        ]
        return Books(lists, events, arcs, len(number))


def _key(state: State) -> tuple[int, bytes]:
    """What identifies the object of a state of a canonical itinerary, as `Cycle.key`."""
    return len(state.itinerary), state.itinerary.tobytes()


def _same_points(cycle: Cycle, state: State) -> bool:
    """Whether a state's points are those of the cycle, begun anywhere."""
    if cycle.order != len(state.points):
        return False
    scale = float(np.abs(cycle.points).max())
    return any(
        float(np.abs(np.roll(state.points, shift, axis=0) - cycle.points).max()) <= BORDER_MATCH * scale
        for shift in range(cycle.order)
    )


def keep_books(
    lists: Sequence[Sequence[Cycle]],
    path_of: Callable[[int], Path],
    look_inside: Callable[[Following], None] | None = None,
) -> Books:
    """Follow every object of every list, in both directions.

    Parameters
    ----------
    lists : sequence of sequences of Cycle
        What a search found at each of n recorded maps.
    path_of : callable
        The path from recorded map i (s = 0) to i + 1 (s = 1).
    look_inside : callable, optional
        Looks in a segment for objects that live and die inside it, and follows them.

    Returns
    -------
    Books
        The lists, repaired, and the events of each of the n - 1 segments.
    """
    keeper = _Bookkeeper(lists, path_of)
    keeper.follow_all(look_inside)
    keeper.settle_companions()
    return keeper.books()
