"""Boxes that hold every cycle of a map, and the proof that they do."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.borders import NEAR, switching_units
from lossjumps.search.cyclic import inverse_of_period
from lossjumps.search.dyadic import exact_rank

MARGIN = 1e-9
"""Every bound is widened by this relative amount: far more than the rounding of its computation."""

LARGEST_RADIUS = 1.0 - 1e-6
"""A bound on the growth counts as a contraction up to this spectral radius."""

MOST_CONDITION = 1e6
"""Eigenvectors with a larger condition number are no coordinates."""

CANCELLED = 1e-6
"""Share of a sum below which so much of it cancels that it is added up without rounding."""

INSIDE = 1e-9
"""Relative width by which a point may reach out of a box and still count as inside."""

FEW_MAPS = 8
"""Maps whose ridges and box are remembered: different parts of a search ask for them."""

WIDENING = 1e-6
"""Room left around a box, relative to its size and place: a box that shrinks to a point is no coordinate frame."""

TIGHTENINGS = 50
"""Times that a box is replaced by bounds of its image."""


@dataclass(frozen=True, eq=False)
class Box:
    """The states z with lower <= z <= upper, both (M,)."""

    lower: np.ndarray
    upper: np.ndarray

    @property
    def slack(self) -> float:
        """`INSIDE` of its smallest width: how far outside a point may be that counts as inside."""
        return INSIDE * float((self.upper - self.lower).min())

    def holds(self, points: np.ndarray) -> bool:
        """Whether points (k, M) lie in it, within `INSIDE` of its width."""
        slack = INSIDE * (self.upper - self.lower)
        return bool(np.all((points >= self.lower - slack) & (points <= self.upper + slack)))


@dataclass(frozen=True, eq=False)
class Ridges:
    """A map as A z + c + sum over its distinct borders i of phi_i(x_i), x_i = normal_i . z, with phi_i: R -> R^M.

    Far out phi_i(x) is rising_i x for x > 0 and falling_i |x| for x < 0, up to a bounded part between lowest_i and
    highest_i: units with parallel borders are one ridge, and those that cancel leave a bounded one.
    """

    linear: np.ndarray
    constant: np.ndarray
    normals: np.ndarray
    rising: np.ndarray
    falling: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray

    @property
    def bounded_part(self) -> np.ndarray:
        """Bound (M,) of the moduli of what the map differs by from its recession map."""
        return np.abs(self.constant) + np.maximum(np.abs(self.lowest), np.abs(self.highest)).sum(axis=0)


@lru_cache(maxsize=FEW_MAPS)
def ridges(relu_map: ReluMap) -> Ridges:
    """Gather the units of a map by the direction of their borders."""
    A, U, V, b, _ = relu_map.parameters
    switching, _, constant = switching_units(relu_map)
    lengths = np.linalg.norm(V[switching], axis=1)
    normals, outputs, biases = V[switching] / lengths[:, None], U.T[switching], b[switching]
    first, signs = _parallel_units(V[switching], normals)
    rising, falling = lengths[:, None] * outputs, np.zeros(outputs.shape)
    # of a ridge with one unit: max(x, 0) but for what is bounded, which lies between zero and its bias
    lowest, highest = np.minimum(biases[:, None] * outputs, 0.0), np.maximum(biases[:, None] * outputs, 0.0)
    slack = MARGIN * np.abs(biases)[:, None] * np.abs(outputs)
    for unit in np.unique(first[first != np.arange(len(first))]):
        members = np.flatnonzero(first == unit)
        slopes = signs[members] * lengths[members]
        for recession, towards in ((rising, slopes > 0.0), (falling, slopes < 0.0)):
            summands = np.abs(slopes[towards])[:, None] * outputs[members[towards]]
            recession[unit] = summands.sum(axis=0)
            for state in np.flatnonzero(np.abs(recession[unit]) <= CANCELLED * np.abs(summands).sum(axis=0)):
                recession[unit, state] = _exact_slope(
                    V[switching[members[towards]]], outputs[members[towards], state], normals[unit]
                )
        # the bounded part is piecewise linear and constant far out: its extremes are at its corners
        corners = np.append(-biases[members] / slopes, 0.0)[:, None]
        values = np.maximum(corners * slopes + biases[members], 0.0) @ outputs[members]
        values -= np.where(corners > 0.0, corners * rising[unit], -corners * falling[unit])
        added_up = (2.0 * np.abs(corners * slopes) + 2.0 * np.abs(biases[members])) @ np.abs(outputs[members])
        lowest[unit], highest[unit] = values.min(axis=0), values.max(axis=0)
        slack[unit] = MARGIN * np.abs(values).max(axis=0)
        slack[unit] += 4.0 * (len(members) + 4) * np.finfo(float).eps * added_up.max(axis=0)
    kept = first == np.arange(len(first))
    return Ridges(
        A, constant, normals[kept], rising[kept], falling[kept], (lowest - slack)[kept], (highest + slack)[kept]
    )


def _parallel_units(weights: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each unit the first with a parallel border, without rounding, and whether (1) or not (-1) it points there.

    `weights` (n, M) are the rows of V, `normals` the same of length 1.
    """
    products = normals @ normals.T
    first, signs = np.arange(len(normals)), np.ones(len(normals))
    for unit, other in np.argwhere(np.tril(np.abs(products) > 1.0 - 1e-12, -1)):
        sign = 1.0 if products[unit, other] > 0.0 else -1.0
        is_near = np.abs(normals[unit] - sign * normals[other]).max() <= NEAR
        if is_near and first[unit] == unit and first[other] == other and exact_rank(weights[[unit, other]]) == 1:
            first[unit], signs[unit] = other, sign
    return first, signs


def _exact_slope(weights: np.ndarray, outputs: np.ndarray, normal: np.ndarray) -> float:
    """sum of outputs (n,) times |weights| (n, M), parallel ones: added up as fractions, so that no digits are lost."""
    state = int(np.argmax(np.abs(normal)))
    total = Fraction(0)
    for output, row in zip(outputs, weights, strict=True):
        total += Fraction(float(output)) * abs(Fraction(float(row[state])))
    return float(total) / abs(float(normal[state]))


def _fixed_bound(growth: np.ndarray, offset: np.ndarray) -> np.ndarray | None:
    """The largest r with r <= growth r + offset, for growth and offset >= 0; None where growth is no contraction."""
    growth = growth * (1.0 + MARGIN)
    if not np.isfinite(growth).all() or np.abs(np.linalg.eigvals(growth)).max() > LARGEST_RADIUS:
        return None
    bound = np.linalg.solve(np.eye(len(growth)) - growth, offset * (1.0 + MARGIN)) * (1.0 + MARGIN)
    return bound if np.isfinite(bound).all() and np.all(bound >= growth @ bound + offset) else None


def _signed_box(parts: Ridges) -> Box | None:
    """Bounds -l <= z <= u from one inequality for each sign: only what pushes outwards counts."""

    def positive(array: np.ndarray) -> np.ndarray:
        return np.maximum(array, 0.0)

    up = np.hstack([positive(parts.linear), positive(-parts.linear)])
    down = np.hstack([positive(-parts.linear), positive(parts.linear)])
    forwards = np.hstack([positive(parts.normals), positive(-parts.normals)])
    backwards = np.hstack([positive(-parts.normals), positive(parts.normals)])
    # x^+ <= forwards . (u, l) and x^- <= backwards . (u, l): at any time only one of the two is not zero
    for recession, reach in ((parts.rising, forwards), (parts.falling, backwards)):
        up = up + positive(recession).T @ reach
        down = down + positive(-recession).T @ reach
    offset = np.concatenate(
        [
            positive(parts.constant + parts.highest.sum(axis=0)),
            positive(-parts.constant - parts.lowest.sum(axis=0)),
        ]
    )
    bound = _fixed_bound(np.vstack([up, down]), offset)
    if bound is None:
        return None
    size = len(parts.constant)
    return Box(-bound[size:], bound[:size])


def _modal_box(parts: Ridges) -> Box | None:
    """Bounds of the coordinates along the eigenvectors of the mean of the two recession slopes."""
    mean = parts.linear + ((parts.rising - parts.falling) / 2.0).T @ parts.normals
    bend = (parts.rising + parts.falling) / 2.0
    try:
        values, vectors = np.linalg.eig(mean)
        if not np.linalg.cond(vectors) < MOST_CONDITION:
            return None
        modes = np.linalg.inv(vectors)
    except np.linalg.LinAlgError:
        return None
    slack = MARGIN * (np.abs(modes) @ np.abs(mean) @ np.abs(vectors))
    growth = np.diag(np.abs(values)) + slack
    growth = growth + np.abs(modes @ bend.T) @ np.abs(parts.normals @ vectors)
    center = parts.constant + (parts.lowest + parts.highest).sum(axis=0) / 2.0
    spread = (parts.highest - parts.lowest).sum(axis=0) / 2.0
    bound = _fixed_bound(growth, np.abs(modes @ center) + np.abs(modes) @ spread)
    if bound is None:
        return None
    reach = np.abs(vectors) @ bound * (1.0 + MARGIN)
    return Box(-reach, reach)


def farthest_cycle(relu_map: ReluMap, order: int) -> np.ndarray | None:
    """Bounds (M,) of the moduli of the coordinates of all k-cycles, where one is known.

    From the proof of `absorbing_box`, or where the map is linear far out, with a bounded part g: a cycle solves
    z_{t+1} - A z_t = g_t.
    """
    parts = ridges(relu_map)
    if not parts.rising.any() and not parts.falling.any():
        inverse, condition = inverse_of_period(parts.linear, order)
        if condition < MOST_CONDITION:
            reach = np.abs(inverse) @ np.tile(parts.bounded_part, order) * (1.0 + MARGIN)
            return reach.reshape(order, -1).max(axis=0)
    boxes = [box for box in (_signed_box(parts), _modal_box(parts)) if box is not None]
    return np.min([np.maximum(-box.lower, box.upper) for box in boxes], axis=0) if boxes else None


def image_bounds(relu_map: ReluMap, box: Box) -> Box:
    """A box that holds the image of a box: interval arithmetic, widened by `MARGIN`.

    Units of one ridge (parallel borders) are bounded together, at the corners of their piecewise linear sum; where
    they depend on one state only, with what depends linearly on that state.
    """
    A, U, V, b, c = relu_map.parameters
    center, reach = (box.upper + box.lower) / 2.0, (box.upper - box.lower) / 2.0
    rest = A.copy()
    lower, upper, size = c.copy(), c.copy(), np.abs(c)
    lengths = np.linalg.norm(V, axis=1)
    units = np.flatnonzero(U.any(axis=0))
    normals = V[units] / np.where(lengths > 0.0, lengths, 1.0)[units, None]
    firsts, signs = _parallel_units(V[units], normals)
    for first in np.unique(firsts):
        normal = normals[first]
        same = firsts == first
        group = units[same]
        slopes, biases = signs[same] * lengths[group], b[group]
        middle, half = normal @ center, np.abs(normal) @ reach * (1.0 + MARGIN)
        half += (len(c) + 3) * np.finfo(float).eps * (np.abs(normal) @ np.abs(center) + half)
        corners = -biases[slopes != 0.0] / slopes[slopes != 0.0]
        points = np.concatenate([[middle - half, middle + half], corners[np.abs(corners - middle) < half]])
        values = np.maximum(points[:, None] * slopes + biases, 0.0) @ U[:, group].T
        moduli = (np.abs(points[:, None] * slopes) + np.abs(biases)) @ np.abs(U[:, group].T)
        if np.count_nonzero(normal) == 1:  # a function of one state: its linear part is no other bound
            state = int(np.flatnonzero(normal)[0])
            values = values + points[:, None] * normal[state] * rest[:, state]
            moduli = moduli + np.abs(points[:, None] * rest[:, state])
            rest[:, state] = 0.0
        lower, upper = lower + values.min(axis=0), upper + values.max(axis=0)
        size = size + moduli.max(axis=0)
    lower, upper = lower + rest @ center - np.abs(rest) @ reach, upper + rest @ center + np.abs(rest) @ reach
    size = size + np.abs(rest) @ np.maximum(np.abs(box.lower), np.abs(box.upper))
    return Box(lower - MARGIN * size, upper + MARGIN * size)


@lru_cache(maxsize=FEW_MAPS)
def absorbing_box(relu_map: ReluMap) -> Box | None:
    """A box that every bounded invariant set of a map lies in, all of its cycles among them, where one can be proved.

    Let X be bounded with F(X) = X, and u_i, l_i >= 0 the largest and the largest negative coordinate i in X (0 if there
    is none).  Each point of X is the image of a point of X, so that every upper bound of the coordinates of F in terms
    of (u, l) is one of (u, l) themselves.  With units of parallel borders taken together, F is linear up to ridges that
    grow at most like their recession slopes plus a bounded part; the bounds then read r <= G r + k with G, k >= 0, and
    if the spectral radius of G is below 1, r <= (I - G)^-1 k.  Two choices of r are tried: (u, l), where only what
    pushes outwards enters G (inhibition bounds nothing, and does not grow); and the moduli of the coordinates along the
    eigenvectors of the mean recession slope, which suits full matrices A.  For clipped networks the recession slopes
    of the ridges cancel and the spectral radius of A decides.  Afterwards the box is replaced by bounds of its image
    as long as that shrinks it: X lies in the image of whatever it lies in.

    Returns
    -------
    Box or None
        None where the proof fails: there may be a box nevertheless.
    """
    parts = ridges(relu_map)
    boxes = [box for box in (_signed_box(parts), _modal_box(parts)) if box is not None]
    if not boxes:
        return None
    box = Box(np.max([box.lower for box in boxes], axis=0), np.min([box.upper for box in boxes], axis=0))
    for _ in range(TIGHTENINGS):
        image = image_bounds(relu_map, box)
        tighter = Box(np.maximum(box.lower, image.lower), np.minimum(box.upper, image.upper))
        width = box.upper - box.lower
        shrunk = np.maximum(tighter.upper - tighter.lower, 0.0)
        gain = np.max(1.0 - np.divide(shrunk, width, out=np.ones_like(width), where=width > shrunk))
        box = tighter
        if gain < 1e-3:
            break
    room = WIDENING * np.maximum(np.abs(box.lower), np.abs(box.upper)).max()
    room = room if room > 0.0 else WIDENING
    return Box(box.lower - room, box.upper + room)
