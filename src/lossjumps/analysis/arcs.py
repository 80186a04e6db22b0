"""Arcs: where along a path the object of a fixed itinerary exists, and what ends its existence.

On a fixed itinerary the object is an explicit function of the fraction s.  It exists where every unit input has the
sign that the itinerary says; the existence begins and ends where a unit input vanishes or, at infinity, det(I - T).
The roots of these functions are isolated on ever smaller intervals by the bounds that their Chebyshev series give, so
that roots which lie close together, in pairs or at the same fraction, are all found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lossjumps.analysis.interval_kernel import ABSENT, UNDECIDED, scan_interval, test_of
from lossjumps.maps.paths import ParameterSegment, Path, Segment, stacked_parameters

MOST_NODES = 34
"""Points at which the tests are evaluated on one interval at the most."""

SPLIT = 0.48571
"""Where an interval is split: nowhere near the simple fractions at which events made by hand happen."""

NARROWEST = 2.0**-36
"""Width of an interval that is not split any more."""

MOST_INTERVALS = 5000
"""Intervals that are looked at for some itineraries, beyond which they are not split any more."""

NARROW_ROOT = 1e-15
"""Width to which a root is enclosed."""

NEAR = 1e-7
"""Distance from a guess of a root, relative to the interval, at which the slope is taken."""

LAST_STEP = 1e-13
"""Size of a secant step after which no other is taken."""

MOST_SECANT_STEPS = 6
"""Secant steps from a guess of a root before the root is enclosed instead."""

MOST_STEPS = 200
"""Steps that a root may take."""

SAME_ROOT = 1e-11
"""Roots of the tests of one object closer than this are one."""

RECORDED, INFINITY, BORDER, UNCLEAR = "recorded", "infinity", "border", "unclear"
"""What ends an arc: an end of the path, an escape, units that reach their borders, or what could not be told."""


@dataclass(frozen=True)
class ArcEnd:
    """One end of an arc.

    Attributes
    ----------
    fraction : float
    kind : str
        "recorded" (an end of the path), "infinity", "border" or "unclear".
    units : tuple of (int, int)
        At a border: times and units that reach theirs.
    """

    fraction: float
    kind: str
    units: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Arc:
    """An interval of fractions along which the object of an itinerary exists.

    Attributes
    ----------
    itinerary : (k, H) bool array
        Canonical.
    low, high : ArcEnd
    """

    itinerary: np.ndarray
    low: ArcEnd
    high: ArcEnd

    def end(self, side: int) -> ArcEnd:
        """Its end at larger fractions (side 1) or at smaller ones (side -1)."""
        return self.high if side > 0 else self.low

    def holds(self, fraction: float) -> bool:
        """Whether a fraction lies on the arc, or within rounding of its ends."""
        return self.low.fraction - SAME_ROOT <= fraction <= self.high.fraction + SAME_ROOT


@dataclass(eq=False)
class _Piece:
    low: float
    high: float
    verdict: int
    left: np.ndarray
    right: np.ndarray
    roots: np.ndarray


@lru_cache(maxsize=64)
def chebyshev_nodes(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev nodes in (0, 1), and the matrix that takes values there to the Chebyshev series on [0, 1]."""
    angles = np.pi * (np.arange(number) + 0.5) / number
    series = 2.0 / number * np.cos(np.outer(np.arange(number), angles))
    series[0] *= 0.5
    return 0.5 + 0.5 * np.cos(angles), series


def root_between(function: Callable[[float], float], low: float, high: float) -> float:
    """The root of a function that changes sign between two fractions, to rounding.

    False position (the Illinois rule), with a bisection every fourth step.  Where the function is not a number, the
    system that it comes from is singular: that is a root of its determinant.
    """
    at_low, at_high = function(low), function(high)
    if not at_low * at_high < 0.0:
        return low if abs(at_low) <= abs(at_high) else high
    moved = 0
    for step in range(MOST_STEPS):
        middle = 0.5 * (low + high)
        if high - low <= NARROW_ROOT or not low < middle < high:
            break
        if step % 4 != 3:
            guess = (low * at_high - high * at_low) / (at_high - at_low)
            # a guess right at an end is taken a little inside, so that the other end moves as well
            middle = min(max(guess, low + 0.25 * NARROW_ROOT), high - 0.25 * NARROW_ROOT)
        value = function(middle)
        if value == 0.0 or not np.isfinite(value):
            return middle
        if (value > 0.0) == (at_high > 0.0):
            high, at_high = middle, value
            at_low, moved = (0.5 * at_low if moved == 1 else at_low), 1
        else:
            low, at_low = middle, value
            at_high, moved = (0.5 * at_high if moved == -1 else at_high), -1
    return 0.5 * (low + high)


def polished_root(function: Callable[[float], float], guess: float, low: float, high: float) -> float:
    """The root near a guess of a function that changes sign once between two fractions, to rounding (secant steps)."""
    step = NEAR * (high - low)
    before, now = guess - step if guess - step > low else guess + step, guess
    at_before, at_now = function(before), function(now)
    for _ in range(MOST_SECANT_STEPS):
        if at_now == 0.0:
            return now
        if not np.isfinite(at_now) or not np.isfinite(at_before) or at_now == at_before:
            break
        change = at_now * (now - before) / (at_now - at_before)
        if not low <= now - change <= high:
            break
        before, at_before = now, at_now
        now -= change
        if abs(change) <= LAST_STEP:
            return now
        at_now = function(now)
    return root_between(function, low, high)


class PathArcs:
    """The arcs of itineraries along one path; each itinerary is looked at once.

    Parameters
    ----------
    path : Path
        Map at each fraction.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_polynomial = isinstance(path, (Segment, ParameterSegment))
        self.dimension = path(0.0).dimension
        self._known: dict[tuple[int, bytes], tuple[Arc, ...]] = {}
        self._stacks: dict[tuple[float, float, int], tuple[np.ndarray, ...]] = {}

    def of(self, itinerary: np.ndarray) -> tuple[Arc, ...]:
        """All arcs of one canonical itinerary (k, H), by fraction."""
        return self.of_words(itinerary[None])

    def of_words(self, words: np.ndarray) -> tuple[Arc, ...]:
        """All arcs of canonical itineraries (W, k, H) of one order."""
        keys = [(len(word), word.tobytes()) for word in words]
        unknown = [number for number, key in enumerate(keys) if key not in self._known]
        if unknown:
            new = np.ascontiguousarray(words[unknown])
            for number, pieces in zip(unknown, self._pieces(new), strict=True):
                self._known[keys[number]] = tuple(self._arcs(words[number], pieces))
        return tuple(arc for key in keys for arc in self._known[key])

    def _pieces(self, words: np.ndarray) -> list[list[_Piece]]:
        """For each itinerary the intervals on which its object exists or may exist, by fraction."""
        pieces: list[list[_Piece]] = [[] for _ in words]
        intervals = 0
        waiting = [(0.0, 1.0, np.arange(len(words)))]
        while waiting:
            low, high, numbers = waiting.pop()
            verdicts, left, right, roots = self._scan(low, high, words[numbers])
            intervals += 1
            splits = (verdicts == UNDECIDED) & (high - low > NARROWEST) & (intervals < MOST_INTERVALS)
            for position in np.flatnonzero((verdicts != ABSENT) & ~splits):
                signs = left[position], right[position]
                piece = _Piece(low, high, int(verdicts[position]), *signs, low + (high - low) * roots[position])
                pieces[numbers[position]].append(piece)
            if splits.any():
                middle = low + SPLIT * (high - low)
                waiting += [(middle, high, numbers[splits]), (low, middle, numbers[splits])]
        return pieces

    def stacked(self, low: float, high: float, number: int) -> tuple[np.ndarray, ...]:
        """The parameters A, U, V, b, c at `number` Chebyshev nodes of an interval, which are their first axis."""
        if (low, high, number) not in self._stacks:
            nodes, _ = chebyshev_nodes(number)
            self._stacks[low, high, number] = stacked_parameters(self.path, low + (high - low) * nodes)
        return self._stacks[low, high, number]

    def forget_parameters(self) -> None:
        """Free the memory of the parameters at nodes; they are computed anew where they are needed again."""
        self._stacks.clear()

    def _scan(self, low: float, high: float, words: np.ndarray) -> tuple[np.ndarray, ...]:
        count, period, units = words.shape
        # degree of a unit input times det(I - T) where A, U, V, b, c, or a family's own parameters, move straight
        degree = 2 * period * self.dimension + 1
        number = min(degree + 1 if self.is_polynomial else 2 * degree + 8, MOST_NODES)
        verdicts = np.empty(count, dtype=np.int8)
        left, right = np.zeros((2, count, 1 + period * units), dtype=np.int8)
        roots = np.zeros(left.shape)
        exact = self.is_polynomial and degree < number
        series = chebyshev_nodes(number)[1]
        scan_interval(*self.stacked(low, high, number), words, series, exact, verdicts, left, right, roots)
        return verdicts, left, right, roots

    def _arcs(self, word: np.ndarray, pieces: list[_Piece]) -> list[Arc]:
        """Put the pieces of one itinerary, sorted by fraction, together."""
        arcs: list[Arc] = []
        start: ArcEnd | None = ArcEnd(0.0, RECORDED)
        reached = 0.0

        def exists_from(end: ArcEnd, exists: bool) -> None:
            nonlocal start
            if start is not None and start.fraction < end.fraction and (not exists or end.kind == INFINITY):
                arcs.append(Arc(word, start, end))
                start = None
            if not exists:
                start = None
            elif start is None:
                start = end

        for piece in pieces:
            # between pieces it does not exist; that changes nowhere but at a root, which lies inside a piece
            exists_from(ArcEnd(reached, UNCLEAR), piece.low == reached and start is not None)
            reached = piece.high
            signs = piece.left.copy()
            exists = piece.verdict != UNDECIDED and _exists(word, signs)
            exists_from(ArcEnd(piece.low, UNCLEAR if piece.low > 0.0 else RECORDED), exists)
            if piece.verdict == UNDECIDED:
                continue
            for fraction, tests in self._roots(word, piece):
                signs[tests] = piece.right[tests]
                exists_from(_cause(fraction, tests, word.shape[1]), _exists(word, signs))
        exists_from(ArcEnd(reached, RECORDED if reached == 1.0 else UNCLEAR), False)
        return arcs

    def _roots(self, word: np.ndarray, piece: _Piece) -> list[tuple[float, list[int]]]:
        """Fractions within a piece where tests vanish, and which do."""
        roots = []
        for test in np.flatnonzero(piece.left != piece.right):

            def value(fraction: float, test: int = int(test)) -> float:
                return test_of(*self.path(fraction).parameters, word, test)

            root = polished_root(value, float(piece.roots[test]), piece.low, piece.high)
            roots.append((root, int(test)))
        together: list[tuple[float, list[int]]] = []
        for fraction, test in sorted(roots):
            if together and fraction - together[-1][0] <= SAME_ROOT:
                together[-1][1].append(test)
            else:
                together.append((fraction, [test]))
        return together


def _cause(fraction: float, tests: list[int], units: int) -> ArcEnd:
    if 0 in tests:
        return ArcEnd(fraction, INFINITY)
    return ArcEnd(fraction, BORDER, tuple(((test - 1) // units, (test - 1) % units) for test in tests))


def _exists(word: np.ndarray, signs: np.ndarray) -> bool:
    """Whether all unit inputs have the signs of the itinerary; a unit that stays on its border is off."""
    if signs[0] == 0:
        return False
    wanted = np.where(word.ravel(), 1, -1) * signs[0]
    return bool(((signs[1:] == wanted) | ((signs[1:] == 0) & ~word.ravel())).all())
