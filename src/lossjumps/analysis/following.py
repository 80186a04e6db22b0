"""Follow objects along a path of maps, through persistences and around folds.

On a fixed itinerary an object exists along arcs.  Where an arc ends because a unit reaches its border, the unit's bit
is flipped, and the arc of the new itinerary that ends at the same fraction goes on: on the other side of the fraction
the object persists; on the same side the two objects meet, or part, in a non-smooth fold, and the curve turns back.
What an arc joins does not depend on where following began, nor on its direction.
"""

from collections import deque
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from lossjumps.analysis.arcs import BORDER, INFINITY, RECORDED, Arc, PathArcs
from lossjumps.analysis.stability import stability_changes
from lossjumps.analysis.states import State, state_at
from lossjumps.maps.paths import Path
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries

SAME_FRACTION = 1e-7
"""Difference of fractions within which arcs of neighbouring itineraries end at the same border."""

BESIDE = 1e-9
"""How far beside an event the objects are looked at, at most."""

MOST_TOGETHER = 6
"""Units that reach their borders at the same fraction beyond which it is not tried which of them do so."""

NO_KINK = 1e-7
"""Kink that a unit makes, relative to that at the ends of the path, below which its border is none."""

COLLAPSED = 1e-5
"""Spread of a cycle's points, relative to that a little away, below which it collapses onto one of lower order."""

AWAY = 1e-3
"""How far away from an event the spread of a collapsing cycle is taken for comparison."""

BELOW, ABOVE = -1, 1
"""The two ends of an arc."""


@dataclass(frozen=True, eq=False)
class ObjectEvent:
    """What happened at one fraction to one object, or to a pair.

    Attributes
    ----------
    kind : str
        "nonsmooth_fold", "persistence", "degenerate_transcritical", "degenerate_flip" or "centre".
    fraction : float
    before, after : State or None
        The object just before and just after the fraction; at a fold the two that meet are `state` and `partner`,
        both on the same side.
    state : State
        The object beside the event; at a fold the more stable of the two.
    partner : State or None
        At a fold: the other one.
    direction : str
        "birth", "death" or "through", as the fraction grows.
    unit : (int, int) or None
        Time and unit that reach the border; the time counts from the start of the canonical itinerary of `before`, or
        of `state` where there is none.
    arc : int
        Number of the arc that `state` belongs to.
    partner_arc : int or None
        That of the partner.
    """

    kind: str
    fraction: float
    state: State
    before: State | None
    after: State | None
    partner: State | None
    direction: str
    unit: tuple[int, int] | None
    arc: int
    partner_arc: int | None = None


@dataclass(frozen=True, eq=False)
class LooseEnd:
    """An arc whose continuation is not another arc.

    Attributes
    ----------
    arc : int
    fraction : float
    state : State
    collapses : bool
        Whether a cycle shrinks onto an object of lower order: it is a companion of that object's event.
    why : str
        For what could not be decided.
    """

    arc: int
    fraction: float
    state: State
    collapses: bool
    why: str = ""


class Following:
    """Objects followed along one path; give it what is known, read off what becomes of it.

    Parameters
    ----------
    path : Path
        Map at each fraction.

    Attributes
    ----------
    arcs : list of Arc
        All arcs that were reached, by number.
    same : list of (int, int)
        Numbers of arcs that are one object: joined at a border without a fold.
    events : list of ObjectEvent
    loose_ends : list of LooseEnd
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path_arcs = PathArcs(path)
        self.arcs: list[Arc] = []
        self.same: list[tuple[int, int]] = []
        self.events: list[ObjectEvent] = []
        self.loose_ends: list[LooseEnd] = []
        self._largest_kinks = np.maximum(_kinks(path(0.0)), _kinks(path(1.0)))
        self._numbers: dict[Arc, int] = {}
        self._joined: set[tuple[int, int]] = set()
        self._waiting: deque[int] = deque()

    def known(self, fraction: float, itinerary: np.ndarray) -> int | None:
        """Number of the arc of an itinerary that holds a fraction and was reached, or None."""
        return next(
            (self._numbers[arc] for arc in self._arcs_of(itinerary) if arc in self._numbers and arc.holds(fraction)),
            None,
        )

    def follow(self, fraction: float, itinerary: np.ndarray) -> int | None:
        """Follow the object of an itinerary from a fraction both ways; its arc's number, None if it has none there."""
        arc = next((arc for arc in self._arcs_of(itinerary) if arc.holds(fraction)), None)
        return None if arc is None else self.follow_arc(arc)

    def follow_arc(self, arc: Arc) -> int:
        """Follow the object of an arc both ways, and all that it meets; return the arc's number."""
        number = self._number(arc)
        while self._waiting:
            waiting = self._waiting.popleft()
            self._add_stability_changes(waiting)
            for side in (BELOW, ABOVE):
                self._go_on(waiting, side)
        return number

    def _arcs_of(self, itinerary: np.ndarray) -> tuple[Arc, ...]:
        return self.path_arcs.of(np.ascontiguousarray(itineraries.canonical(itinerary)))

    def _number(self, arc: Arc) -> int:
        if arc not in self._numbers:
            self._numbers[arc] = len(self.arcs)
            self.arcs.append(arc)
            self._waiting.append(self._numbers[arc])
        return self._numbers[arc]

    def _beside(self, number: int, side: int) -> State:
        """The object of an arc just inside one of its ends."""
        arc = self.arcs[number]
        inside = min(BESIDE, 0.25 * (arc.high.fraction - arc.low.fraction))
        return state_at(self.path, arc.end(side).fraction - side * inside, arc.itinerary)

    def _add_stability_changes(self, number: int) -> None:
        for change in stability_changes(self.path_arcs, self.arcs[number]):
            self.events.append(
                ObjectEvent(
                    change.kind,
                    change.fraction,
                    change.before,
                    change.before,
                    change.after,
                    None,
                    "through",
                    None,
                    number,
                )
            )

    def _go_on(self, number: int, side: int) -> None:
        """Find what an arc joins at one of its ends."""
        end = self.arcs[number].end(side)
        if end.kind == RECORDED or (number, side) in self._joined:
            return
        state = self._beside(number, side)
        if end.kind == INFINITY:
            before, after, direction = (state, None, "death") if side > 0 else (None, state, "birth")
            self.events.append(
                ObjectEvent(
                    "degenerate_transcritical", end.fraction, state, before, after, None, direction, None, number
                )
            )
        elif end.kind == BORDER:
            self._cross(number, side, state)
        else:
            self._leave(number, side, state, "the tests are too close to zero to be told apart")

    def _leave(self, number: int, side: int, state: State, why: str) -> None:
        fraction = self.arcs[number].end(side).fraction
        self.loose_ends.append(LooseEnd(number, fraction, state, False, why))

    def _cross(self, number: int, side: int, state: State) -> None:
        """Join the arc that goes on beyond a border."""
        arc = self.arcs[number]
        end = arc.end(side)
        relu_map = self.path(end.fraction)
        if len(end.units) > MOST_TOGETHER:
            self._leave(number, side, state, "several units reach their borders at once")
            return
        subsets = chain.from_iterable(combinations(end.units, size) for size in range(1, len(end.units) + 1))
        others: list[tuple[Arc, int, tuple[tuple[int, int], ...], int]] = []
        lower: list[np.ndarray] = []
        for units in subsets:
            flipped = arc.itinerary.copy()
            flipped[tuple(np.array(units).T)] ^= True
            if not itineraries.is_primitive(flipped):
                lower.append(flipped[: itineraries.smallest_period(flipped)])
                continue
            shift = itineraries.canonical_shift(flipped)
            for other in self._arcs_of(flipped):
                for other_side in (BELOW, ABOVE):
                    other_end = other.end(other_side)
                    there = {((time + shift) % len(flipped), unit) for time, unit in other_end.units}
                    if abs(other_end.fraction - end.fraction) <= SAME_FRACTION and there & set(units):
                        others.append((other, other_side, units, shift))
        if lower or (len(end.units) > 1 and self._collapses(arc, side)):
            self.loose_ends.append(LooseEnd(number, end.fraction, state, True))
            self._follow_lower(arc, end.fraction, lower)
            return
        if not others:
            self._leave(number, side, state, "no object continues beyond the border")
            return
        others.sort(key=lambda other: abs(other[0].end(other[1]).fraction - end.fraction))
        signs = [self._sign(other, other_side) for other, other_side, _, _ in others]
        continuing = [
            other for other, sign in zip(others, signs, strict=True) if other[1] == -side and sign == state.sign
        ]
        folding = [other for other, sign in zip(others, signs, strict=True) if other[1] == side and sign == -state.sign]
        if len(continuing) == 1 and (not folding or len(others) == 1):
            self._join(number, side, state, continuing[0], relu_map)
        elif len(folding) == 1 and not continuing:
            self._join(number, side, state, folding[0], relu_map)
        else:
            self._leave(number, side, state, "it is not clear which object continues beyond the border")

    def _sign(self, arc: Arc, side: int) -> float:
        inside = min(BESIDE, 0.25 * (arc.high.fraction - arc.low.fraction))
        return state_at(self.path, arc.end(side).fraction - side * inside, arc.itinerary).sign

    def _join(self, number: int, side: int, state: State, other: tuple, relu_map: ReluMap) -> None:
        """Join an arc with the one beyond a border, and book what that is.

        `other` is the arc beyond, its end, the units that differ, and the shift that makes its itinerary canonical.
        """
        other_arc, other_side, units, shift = other
        joined = self._number(other_arc)
        if (joined, other_side) in self._joined:
            self._leave(number, side, state, "the object beyond the border comes from another one")
            return
        self._joined |= {(number, side), (joined, other_side)}
        beyond = self._beside(joined, other_side)
        arc, period = self.arcs[number], len(state.itinerary)
        fraction = arc.end(side).fraction
        kinks = _kinks(relu_map)
        effective = [(time, unit) for time, unit in units if kinks[unit] > NO_KINK * self._largest_kinks[unit]]
        folds = other_side == side
        if not folds:
            self.same.append((number, joined))
        if not effective:
            return
        time, unit = effective[0]
        sides = [
            (state, number, (int(time), int(unit))),
            (beyond, joined, (int((time - shift) % period), int(unit))),
        ]
        if folds:
            sides.sort(key=lambda one: (one[0].unstable_directions, one[0].itinerary.tobytes()))
            (first, its_number, its_unit), (partner, partner_number, _) = sides
            before, after, direction = (first, None, "death") if side > 0 else (None, first, "birth")
            event = ObjectEvent(
                "nonsmooth_fold",
                fraction,
                first,
                before,
                after,
                partner,
                direction,
                its_unit,
                its_number,
                partner_number,
            )
        else:
            (before, its_number, its_unit), (after, _, _) = sides if side > 0 else sides[::-1]
            event = ObjectEvent("persistence", fraction, before, before, after, None, "through", its_unit, its_number)
        self.events.append(event)

    def _collapses(self, arc: Arc, side: int) -> bool:
        """Whether the points of a cycle come together after a proper divisor of its order, towards an end."""
        order = len(arc.itinerary)
        length = arc.high.fraction - arc.low.fraction
        last, reference = (
            state_at(self.path, arc.end(side).fraction - side * inside, arc.itinerary)
            for inside in (min(1e-12, 1e-6 * length), min(AWAY, 0.5 * length))
        )
        return any(
            order % divisor == 0 and _spread(last, divisor) <= COLLAPSED * _spread(reference, divisor)
            for divisor in range(1, order)
        )

    def _follow_lower(self, arc: Arc, fraction: float, words: list[np.ndarray]) -> None:
        """Reach the objects of lower order onto which a cycle collapses, so that its event has a host."""
        order = len(arc.itinerary)
        blocks = [
            arc.itinerary[start : start + divisor]
            for divisor in range(1, order)
            if order % divisor == 0
            for start in range(0, order, divisor)
        ]
        for word in words + blocks:
            if itineraries.is_primitive(word):
                for other in self._arcs_of(word):
                    if other.low.fraction - SAME_FRACTION <= fraction <= other.high.fraction + SAME_FRACTION:
                        self._number(other)


def _kinks(relu_map: ReluMap) -> np.ndarray:
    """(H,) size of the change of the Jacobian at the border of each unit."""
    return np.linalg.norm(relu_map.U, axis=0) * np.linalg.norm(relu_map.V, axis=1)


def _spread(state: State, divisor: int) -> float:
    """Largest distance between points `divisor` steps apart."""
    return float(np.abs(state.points - np.roll(state.points, divisor, axis=0)).max())
