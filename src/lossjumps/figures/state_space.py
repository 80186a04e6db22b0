"""The state space of a map with its fixed points and cycles: graph in 1-D, flow in 2-D, principal axes above."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossjumps.figures.style import BLUE, GREY, LIGHT_GREY, ORANGE, VERMILLION, new_figure, styled
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.boxes import Box
from lossjumps.search.cycle import Cycle, FoundCycles
from lossjumps.search.exact import ExactCycle

MARKERS = ("o", "s", "^", "D", "v", "P", "p", "X", "h")
"""Of the orders that were found, ascending; the last is that of all further ones."""
MARGIN = 0.25
"""Room around the points, relative to their extent."""
ARROWS = 25
"""Arrows of the flow field along each axis."""
ORBITS, STEPS = 8, 400
"""Orbits drawn in more than two dimensions, and their steps."""
FAR = 10.0
"""An orbit is drawn until it is this many times as far away as any of the random states that orbits start from."""
ENOUGH = 3
"""Points that have principal axes, and an extent, worth showing."""


@dataclass(frozen=True)
class View:
    """Two axes through the state space.

    Attributes
    ----------
    origin : (M,) array
    axes : (2, M) array
        Orthonormal.
    labels : two texts
    """

    origin: np.ndarray
    axes: np.ndarray
    labels: tuple[str, str]

    def __call__(self, states: np.ndarray) -> np.ndarray:
        """States (n, M) to positions (n, 2)."""
        return (states - self.origin) @ self.axes.T


@styled
def state_space_figure(m: ReluMap, found: FoundCycles, *, title: str) -> Figure:
    """Draw the fixed points and cycles that were found, stable ones filled, the points of a cycle joined in order.

    With one state the graph of the map and its diagonal are behind them; with two the borders of the linear regions
    and arrows F(z) - z; with more, all is projected on the two principal axes of the points, and a few orbits are
    behind.

    Parameters
    ----------
    m : ReluMap
    found : FoundCycles
    title : str
        What to write above the figure.
    """
    figure = new_figure(7.5, 5.5)
    axes = figure.subplots()
    axes.set_title(title)
    draw = {1: _draw_graph, 2: _draw_plane}.get(m.dimension, _draw_projection)
    others = draw(axes, m, found)
    handles = [*_legend_of_cycles(found), *others]
    figure.legend(handles=handles, loc="outside right upper", handlelength=1.5)
    return figure


def is_filled(cycle: Cycle) -> bool:
    """Whether a cycle is drawn as stable."""
    return cycle.is_stable


def _is_undecided(cycle: Cycle) -> bool:
    return isinstance(cycle, ExactCycle) and cycle.stability in ("neutral", "border")


def _colour(cycle: Cycle) -> str:
    return GREY if _is_undecided(cycle) else BLUE if cycle.is_stable else VERMILLION


def _markers(found: FoundCycles) -> dict[int, str]:
    orders = sorted({cycle.order for cycle in found})
    return {order: MARKERS[min(place, len(MARKERS) - 1)] for place, order in enumerate(orders)}


def _draw_cycles(axes: Axes, found: FoundCycles, places: Sequence[np.ndarray], join: bool = True) -> None:
    """Draw each cycle at its places (k, 2); long ones in smaller marks, so that lines stay visible."""
    markers = _markers(found)
    faint = _line_opacity(found)
    for cycle, place in zip(found, places, strict=True):
        colour = _colour(cycle)
        size = 7.0 if cycle.order <= 4 else 5.0 if cycle.order <= 20 else 3.5
        if join and cycle.order > 1:
            closed = np.vstack([place, place[:1]])
            axes.plot(closed[:, 0], closed[:, 1], color=colour, linewidth=0.7, alpha=faint, zorder=3)
        axes.plot(
            place[:, 0],
            place[:, 1],
            linestyle="none",
            marker=markers[cycle.order],
            markersize=size,
            markeredgecolor=colour,
            markerfacecolor=colour if is_filled(cycle) else "white",
            markeredgewidth=1.2,
            zorder=4 + is_filled(cycle),
        )


def _line_opacity(found: FoundCycles) -> float:
    """Of the lines that join points: many must not hide the points."""
    return 0.6 / max(1.0, sum(cycle.order for cycle in found) / 60.0) ** 0.6


def _legend_of_cycles(found: FoundCycles) -> list[Line2D]:
    """A line for each order and stability; orders that share the last marker share a line."""
    handles: dict[tuple[str, str, bool], list[Cycle]] = {}
    markers = _markers(found)
    for cycle in found:
        handles.setdefault((markers[cycle.order], _colour(cycle), is_filled(cycle)), []).append(cycle)
    lines = []
    for (marker, colour, filled), cycles in handles.items():
        orders = sorted({cycle.order for cycle in cycles})
        name = "fixed point" if orders == [1] else f"{orders[0]}-cycle" if len(orders) == 1 else f"order >= {orders[0]}"
        said = "stable" if filled else "neither" if colour == GREY else "unstable"
        lines.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker=marker,
                markersize=6,
                markeredgecolor=colour,
                markerfacecolor=colour if filled else "white",
                markeredgewidth=1.2,
                label=f"{name}, {said} ({len(cycles)})",
            )
        )
    return lines or [Line2D([], [], linestyle="none", label="no fixed point\nor cycle found")]


def _draw_graph(axes: Axes, m: ReluMap, found: FoundCycles) -> list[Line2D]:
    """One state: the graph of F, the diagonal, and every cycle as a cobweb."""
    (low,), (high,) = _extent(m, found)
    kinks = -m.b[m.V[:, 0] != 0] / m.V[m.V[:, 0] != 0, 0]
    inside = np.unique(kinks[(kinks > low) & (kinks < high)])
    states = np.concatenate([[low], inside, [high]])
    for kink in inside:
        axes.axvline(kink, color=LIGHT_GREY, linewidth=0.8, zorder=0)
    axes.plot([low, high], [low, high], color=GREY, linewidth=0.8, zorder=1)
    axes.plot(states, m(states[:, None])[:, 0], color=ORANGE, linewidth=1.6, zorder=2)
    places = []
    for cycle in found:
        points = cycle.points[:, 0]
        images = np.roll(points, -1)
        places.append(np.column_stack([points, images]))
        if cycle.order > 1:
            # From (z, F(z)) across to the diagonal, then up or down to the graph again.
            corners = np.column_stack([points, images, images, images]).reshape(-1, 2)
            closed = np.vstack([corners, corners[:1]])
            axes.plot(
                closed[:, 0], closed[:, 1], color=_colour(cycle), linewidth=0.7, alpha=_line_opacity(found), zorder=3
            )
    _draw_cycles(axes, found, places, join=False)
    axes.set_xlim(low, high)
    axes.set_xlabel("z")
    axes.set_ylabel("F(z)")
    return [
        Line2D([], [], color=ORANGE, linewidth=1.6, label="F(z)"),
        Line2D([], [], color=GREY, linewidth=0.8, label="diagonal F(z) = z"),
        Line2D([], [], color=LIGHT_GREY, linewidth=0.8, label="border of a unit"),
    ]


def _draw_plane(axes: Axes, m: ReluMap, found: FoundCycles) -> list[Line2D]:
    """Two states: borders of the linear regions, arrows of the flow field, and the cycles."""
    low, high = _extent(m, found)
    for border in border_lines(m, low, high):
        axes.plot(border[:, 0], border[:, 1], color=LIGHT_GREY, linewidth=0.8, zorder=0)
    columns, rows = (np.linspace(a, b, ARROWS + 2)[1:-1] for a, b in zip(low, high, strict=True))
    states = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    # In units of the view, so that directions are right where the axes have different scales.
    steps = (m(states) - states) / (high - low)
    length = np.linalg.norm(steps, axis=1, keepdims=True)
    spacing = 0.8 / ARROWS
    # Short steps are drawn as they are, longer ones as long as the arrows' spacing allows.
    shown = steps * (spacing / np.maximum(length, spacing)) * (high - low)
    axes.quiver(
        states[:, 0],
        states[:, 1],
        shown[:, 0],
        shown[:, 1],
        angles="xy",
        scale_units="xy",
        scale=1.0,
        color=GREY,
        alpha=0.7,
        width=0.0016,
        headwidth=4.5,
        zorder=1,
    )
    _draw_cycles(axes, found, [cycle.points for cycle in found])
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_xlabel("z1")
    axes.set_ylabel("z2")
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=r"$\rightarrow$",
            color=GREY,
            markersize=9,
            label="F(z) - z, long\nones shortened",
        ),
        Line2D([], [], color=LIGHT_GREY, linewidth=0.8, label="border of a unit"),
    ]


def border_lines(m: ReluMap, low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """The parts of the borders V_l z + b_l = 0 of a map with two states in a rectangle, each from end to end (2, 2)."""
    lines = []
    for normal, offset in zip(m.V, m.b, strict=True):
        if not normal.any():
            continue
        point = -offset * normal / (normal @ normal)
        along = np.array([-normal[1], normal[0]])
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.stack([(low - point) / along, (high - point) / along])
        ends[:, along == 0] = np.array([[-np.inf], [np.inf]])
        first, last = ends.min(axis=0).max(), ends.max(axis=0).min()
        outside = (along == 0) & ((point < low) | (point > high))
        if first < last and not outside.any():
            lines.append(point + np.outer([first, last], along))
    return lines


def _draw_projection(axes: Axes, m: ReluMap, found: FoundCycles) -> list[Line2D]:
    """More than two states: the principal axes of the points, and orbits behind."""
    points = np.vstack([np.empty((0, m.dimension)), *(cycle.points for cycle in found)])
    drawn = orbits(m, points, found.domain)
    view = principal_view(points, drawn)
    for orbit in drawn:
        place = view(orbit)
        axes.plot(place[:, 0], place[:, 1], ".", color=GREY, alpha=0.5, markersize=2.5, zorder=1)
    shown = view(points if len(points) >= ENOUGH else np.vstack([points, *drawn]))
    low, high = shown.min(axis=0), shown.max(axis=0)
    room = np.maximum(MARGIN * (high - low), 0.02 * (high - low).max())
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])
    _draw_cycles(axes, found, [view(cycle.points) for cycle in found])
    axes.set_xlabel(view.labels[0])
    axes.set_ylabel(view.labels[1])
    label = f"{ORBITS} orbits from\nrandom states"
    return [Line2D([], [], linestyle="none", marker=".", color=GREY, alpha=0.5, markersize=5, label=label)]


def principal_view(points: np.ndarray, drawn: Sequence[np.ndarray]) -> View:
    """The principal axes of the points found (n, M), or where these are not `ENOUGH` of the orbits' states too."""
    enough = len(points) >= ENOUGH
    states = points if enough else np.vstack([points, *drawn])
    origin = states.mean(axis=0)
    _, sizes, directions = np.linalg.svd(states - origin)
    variances = sizes**2
    shares = 100.0 * variances / variances.sum()
    # The sign of a principal axis is arbitrary: its largest coordinate is made positive.
    axes = directions[:2]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[[0, 1], largest])[:, None]
    of_what = "of the points" if enough else "of points and orbits" if len(points) else "of the orbits"
    first, second = (f"principal axis {n + 1} ({shares[n]:.3g} % of the variance {of_what})" for n in range(2))
    return View(origin, axes, (first, second))


def orbits(m: ReluMap, points: np.ndarray, domain: Box | None) -> list[np.ndarray]:
    """States (n, M), n <= `STEPS`, of orbits from random states around the points, as far as they stay near."""
    generator = np.random.default_rng(0)
    centre = points.mean(axis=0) if len(points) else np.zeros(m.dimension)
    spread = np.maximum(points.std(axis=0), 0.1 * (1.0 + np.abs(centre))) if len(points) else np.ones(m.dimension)
    starts = centre + spread * generator.normal(size=(ORBITS, m.dimension))
    if domain is not None:
        starts = np.clip(starts, domain.lower, domain.upper)
    limit = FAR * np.abs(starts - centre).max()
    drawn = []
    for start in starts:
        states = m.orbit(start, STEPS)[:-1]
        is_near = np.abs(states - centre).max(axis=1) <= limit  # NaN is not
        drawn.append(states if is_near.all() else states[: int(is_near.argmin())])
    return drawn


def _extent(m: ReluMap, found: FoundCycles) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of what is shown of one or two states: the box searched, or what holds all points."""
    if found.domain is not None:
        return found.domain.lower, found.domain.upper
    points = np.vstack([np.empty((0, m.dimension)), *(cycle.points for cycle in found)])
    if len(points) < 2:
        # The nearest border that the point is not on gives a scale, and so do its own coordinates and its next step.
        centre = points[0] if len(points) else np.zeros(m.dimension)
        size = np.linalg.norm(m.V, axis=1)
        distances = np.abs(m.V @ centre + m.b)[size > 0] / size[size > 0]
        nearest = distances[distances > 0].min(initial=np.inf)
        scales = [1.5 * nearest if np.isfinite(nearest) else 0.0, *np.abs(centre), *np.abs(m(centre) - centre)]
        radius = max(scales) or 1.0
        return centre - 1.5 * radius, centre + 1.5 * radius
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum(MARGIN * (high - low), 0.1 * (high - low).max())
    room = np.where(room > 0, room, 1.0)
    return low - room, high + room
