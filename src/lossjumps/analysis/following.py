"""Follow one fixed point or cycle along a path of maps, through persistences and around folds.

On a fixed itinerary the object is an explicit function of the parameters.  It is followed until a unit input along it
vanishes (a border collision) or I - T becomes singular (it escapes to infinity).  At a border collision the unit's bit
is flipped: where det(I - T) and det(I - T') agree in sign the object persists with the new itinerary, otherwise it
meets the object of the new itinerary in a non-smooth fold, and the curve turns back along that one.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lossjumps.analysis.states import State, state_at
from lossjumps.maps.paths import Path
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries

STEPS = (4, 16, 64)
"""Points at which an object is looked at between events; more where a curve comes back to a fold it has passed."""

FRACTION = 1e-12
"""Width to which the fraction of an event is bisected."""

BESIDE = (1e-9, 1e-8, 1e-10, 1e-7, 1e-11, 1e-6)
"""How far beside an event the new itinerary is taken up: the first at which it is admissible."""

MOST_EVENTS = 500
"""Borders met by one curve within one segment beyond which following gives up."""

SAME_FOLD = 1e-9
"""Difference of fractions within which two folds of the same two itineraries are one."""

RETURNED = "the curve comes back to a fold it has passed"

COLLAPSED = 1e-5
"""Spread of a cycle's points, relative to that a little away, below which it collapses onto one of lower order."""

AWAY = 1e-3
"""How far away from an event the spread of a collapsing cycle is taken for comparison."""


@dataclass(frozen=True, eq=False)
class CurveEvent:
    """What happened at one fraction on the curve of an object.

    Attributes
    ----------
    kind : str
        "nonsmooth_fold", "persistence", "degenerate_transcritical", "degenerate_flip" or "centre".
    fraction : float
    before, after : State or None
        The object just before and just after the fraction (not: along the curve); at a fold the two that meet are
        `state` and `partner`, both on the same side.
    state : State
        The object beside the event; at a fold the more stable of the two.
    partner : State or None
        At a fold: the other one.
    direction : str
        "birth", "death" or "through", as the fraction grows.
    unit : (int, int) or None
        Time and unit that reach the border; the time counts from the start of the canonical itinerary of `before`, or
        of `state` where there is none.
    branch : int
        Number of the branch of the curve that `state` belongs to; a fold begins the next one.
    partner_branch : int or None
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
    branch: int
    partner_branch: int | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve of an object within one segment.

    Attributes
    ----------
    events : tuple of CurveEvent
        In the order along the curve.
    end : str
        "reached" (s = 0 or 1), "escaped" (to infinity), "collapsed" (onto an object of lower order: a companion of
        that object's event) or "unresolved".
    last : State
        Where the curve ends.
    branches : int
        How many objects the curve is made of: one more than its folds.
    why : str
        For an unresolved end: what could not be decided.
    """

    events: tuple[CurveEvent, ...]
    end: str
    last: State
    branches: int
    why: str = ""


def _go(path: Path, state: State, target: float, steps: int) -> tuple[list[State], State | None]:
    """Go from an admissible state towards `target`: the admissible states met, and the first that is not (or None)."""
    passed = [state]
    for fraction in np.linspace(state.fraction, target, steps + 1)[1:]:
        good, bad = passed[-1], state_at(path, float(fraction), state.itinerary)
        if bad.is_admissible and bad.sign == state.sign:
            passed.append(bad)
            continue
        while abs(bad.fraction - good.fraction) > FRACTION:
            middle_fraction = 0.5 * (good.fraction + bad.fraction)
            if middle_fraction in (good.fraction, bad.fraction):
                break
            middle = state_at(path, middle_fraction, state.itinerary)
            if middle.is_admissible and middle.sign == state.sign:
                good = middle
            else:
                bad = middle
        return [*passed, good], bad
    return passed, None


def _stability_events(path: Path, first: State, last: State, branch: int) -> list[CurveEvent]:
    """Flips and centre bifurcations between two states of one itinerary, in the order along the curve."""
    events = []
    while (unstable := first.unstable_directions) != last.unstable_directions:
        low, high = first, last
        while abs(high.fraction - low.fraction) > FRACTION:
            middle_fraction = 0.5 * (low.fraction + high.fraction)
            if middle_fraction in (low.fraction, high.fraction):
                break
            middle = state_at(path, middle_fraction, first.itinerary)
            low, high = (middle, high) if middle.unstable_directions == unstable else (low, middle)
        critical = high.multipliers[np.argmin(np.abs(np.abs(high.multipliers) - 1.0))]
        real = abs(critical.imag) < 1e-6
        forward = last.fraction > first.fraction
        events.append(
            CurveEvent(
                kind="degenerate_flip" if real and critical.real < 0 else "centre",
                fraction=high.fraction,
                state=low,
                before=low if forward else high,
                after=high if forward else low,
                partner=None,
                direction="through",
                unit=None,
                branch=branch,
            )
        )
        first = high
    return events


def _beside(path: Path, fraction: float, direction: float, itinerary: np.ndarray) -> State | None:
    """The object of an itinerary just beside a fraction, at the first distance where it is admissible."""
    for distance in BESIDE:
        beside = state_at(path, min(1.0, max(0.0, fraction + direction * distance)), itinerary)
        if beside.is_admissible:
            return beside
    return None


def _spread(state: State, divisor: int) -> float:
    """Largest distance between points `divisor` steps apart."""
    return float(np.abs(state.points - np.roll(state.points, divisor, axis=0)).max())


def _collapses(path: Path, start: State, last: State) -> bool:
    """Whether the points of a cycle come together after a proper divisor of its order, as it goes to `last`."""
    order = len(last.points)
    away = np.clip(last.fraction - start.fraction, -AWAY, AWAY)
    reference = state_at(path, float(last.fraction - away), last.itinerary)
    return any(
        order % divisor == 0 and _spread(last, divisor) <= COLLAPSED * _spread(reference, divisor)
        for divisor in range(1, order)
    )


def _share_a_border(relu_map: ReluMap, crossed: list[tuple[int, int]]) -> bool:
    """Whether the units that reach their borders do so at one time and have parallel borders: one border, crossed once.

    Clipped units in one dimension and duplicate units do; the two determinants then decide as for a single unit.
    """
    (time, _), *others = crossed
    normals = relu_map.V[[unit for _, unit in crossed]]
    normals = normals / np.linalg.norm(normals, axis=1)[:, None]
    return all(
        other_time == time and abs(abs(float(normals[0] @ normal)) - 1.0) < 1e-9
        for (other_time, _), normal in zip(others, normals[1:], strict=True)
    )


def _fold(
    fraction: float, arriving: State, leaving: State, direction: float, crossed: tuple[int, int], branch: int
) -> CurveEvent:
    """The fold at which a curve, going in `direction`, turns back along another object."""
    (state, its_branch), (partner, partner_branch) = sorted(
        ((arriving, branch), (leaving, branch + 1)),
        key=lambda pair: (pair[0].unstable_directions, pair[0].itinerary.tobytes()),
    )
    dies = direction > 0
    return CurveEvent(
        kind="nonsmooth_fold",
        fraction=fraction,
        state=state,
        before=state if dies else None,
        after=None if dies else state,
        partner=partner,
        direction="death" if dies else "birth",
        unit=_canonical_unit(state.itinerary, *crossed),
        branch=its_branch,
        partner_branch=partner_branch,
    )


def _is_same_fold(fold: CurveEvent, event: CurveEvent) -> bool:
    """Whether an event is the fold of the same two itineraries at the same fraction."""
    if event.partner is None or abs(event.fraction - fold.fraction) > SAME_FOLD:
        return False
    pairs = [{itineraries.key(one.state.itinerary), itineraries.key(one.partner.itinerary)} for one in (fold, event)]
    return pairs[0] == pairs[1]


def _canonical_unit(itinerary: np.ndarray, time: int, unit: int) -> tuple[int, int]:
    """Time counted from the start of the canonical itinerary."""
    return int((time - itineraries.canonical_shift(itinerary)) % len(itinerary)), int(unit)


def follow(path: Path, itinerary: np.ndarray, start: float, direction: float) -> Curve:
    """Follow an object from one end of a path until its curve ends.

    A curve cannot come back to a fold it has passed: where it seems to, two events within one step were missed, and
    it is followed again in smaller steps.

    Parameters
    ----------
    path : Path
        Map at each fraction.
    itinerary : (k, H) bool array
        The object's itinerary at the start.
    start : float
        0.0 or 1.0.
    direction : float
        +1.0 from 0 towards 1, -1.0 from 1 towards 0.

    Returns
    -------
    Curve
    """
    for steps in STEPS:
        curve = _follow(path, itinerary, start, direction, steps)
        if curve.why != RETURNED:
            break
    return curve


def _follow(path: Path, itinerary: np.ndarray, start: float, direction: float, steps: int) -> Curve:
    events: list[CurveEvent] = []
    branch = 0
    state = state_at(path, start, np.ascontiguousarray(itinerary, dtype=np.bool_))
    if not state.is_admissible:
        beside = _beside(path, start, direction, state.itinerary)
        if beside is None:
            return Curve((), "unresolved", state, 1, "the object lies on a border at the recorded point")
        state = beside
    for _ in range(MOST_EVENTS):
        passed, beyond = _go(path, state, 1.0 if direction > 0 else 0.0, steps)
        for first, second in pairwise(passed):
            events += _stability_events(path, first, second, branch)
        last = passed[-1]
        if beyond is None:
            return Curve(tuple(events), "reached", last, branch + 1)
        fraction = beyond.fraction
        # right at an escape to infinity rounding hides the sign of det(I - T), so it is taken a little further on
        further = state_at(path, min(1.0, max(0.0, fraction + direction * BESIDE[0])), state.itinerary)
        if beyond.sign == -state.sign or further.sign == -state.sign:
            events.append(
                CurveEvent(
                    kind="degenerate_transcritical",
                    fraction=fraction,
                    state=last,
                    before=last if direction > 0 else None,
                    after=None if direction > 0 else last,
                    partner=None,
                    direction="death" if direction > 0 else "birth",
                    unit=None,
                    branch=branch,
                )
            )
            return Curve(tuple(events), "escaped", last, branch + 1)
        relu_map = path(fraction)
        if further.sign == 0.0:
            return Curve(tuple(events), "unresolved", last, branch + 1, "both tests vanish at the border")
        crossed = np.argwhere((further.inputs > 0.0) != further.itinerary)
        crossed = [(int(time), int(unit)) for time, unit in crossed]
        effective = [(time, unit) for time, unit in crossed if relu_map.U[:, unit].any() and relu_map.V[unit].any()]
        if not crossed:
            state = further
            if not state.is_admissible:
                return Curve(tuple(events), "unresolved", last, branch + 1, "the object grazes a border")
            continue
        flipped = state.itinerary.copy()
        for time, unit in crossed:
            flipped[time, unit] = not flipped[time, unit]
        if not effective:
            beside = _beside(path, fraction, direction, flipped)
            if beside is None:
                return Curve(tuple(events), "unresolved", last, branch + 1, "a unit without weights meets its border")
            state = beside
            continue
        if not itineraries.is_primitive(flipped) or (len(effective) > 1 and _collapses(path, state, last)):
            return Curve(tuple(events), "collapsed", last, branch + 1)
        if not _share_a_border(relu_map, effective):
            return Curve(tuple(events), "unresolved", last, branch + 1, "several units reach their borders at once")
        sign = state_at(path, fraction, flipped).sign
        if sign == 0.0:
            return Curve(tuple(events), "unresolved", last, branch + 1, "both tests vanish at the border")
        folds = sign != state.sign
        beside = _beside(path, fraction, -direction if folds else direction, flipped)
        if beside is None:
            return Curve(tuple(events), "unresolved", last, branch + 1, "no object continues beyond the border")
        if folds:
            fold = _fold(fraction, last, beside, direction, effective[0], branch)
            if any(_is_same_fold(fold, event) for event in events):
                return Curve((), "unresolved", last, 1, RETURNED)
            events.append(fold)
            branch += 1
            direction = -direction
        else:
            before, after = (last, beside) if direction > 0 else (beside, last)
            unit = _canonical_unit(before.itinerary, *effective[0])
            events.append(CurveEvent("persistence", fraction, last, before, after, None, "through", unit, branch))
        state = beside
    return Curve(tuple(events), "unresolved", state, branch + 1, f"more than {MOST_EVENTS} borders on one curve")
