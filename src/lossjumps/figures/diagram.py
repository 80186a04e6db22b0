"""The bifurcation diagram of one run: where its objects are along one axis of the state space, epoch by epoch."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lossjumps.analysis.events import counted
from lossjumps.figures.style import CYCLE, FIXED_POINT, LIGHT_GREY, MARKS

BULK = 0.95
"""Share of the data, or objects, that tells where they are."""
ROOM = 0.5
"""Shown beyond that on either side, at most, relative to its width."""
NARROW = 1e-6
"""Smallest width that is told apart from none, relative to the states."""
EDGE = 0.015
"""What is farther out is drawn this near to the frame, relative to its height."""
FAR = 20.0
"""Objects this many times as far from their median as half of them are have no part in the choice of an axis."""
MARKERS_ALONG = 40
"""Markers drawn along the epochs of an object that lives through the whole training."""
MARKS_IN_FULL = 200
"""Events are drawn in full size up to so many, and smaller the more there are."""
MOST_MARKERS = 600
"""Beyond so many, objects that live for a short time are lines without markers."""


@dataclass(frozen=True, eq=False)
class StateAxis:
    """One axis through the state space.

    Attributes
    ----------
    direction : (N,) array
        Of unit length; states are projected by their first N coordinates.
    low, high : float
        Where `BULK` of the states are that it was chosen for.
    label : str
        What it is, for people.
    of_data : bool
        Whether these are those of the data.
    """

    direction: np.ndarray
    low: float
    high: float
    label: str
    of_data: bool

    @classmethod
    def of_series(cls, series: np.ndarray) -> Self:
        """The first principal axis of a standardised series (T, N)."""
        return cls._principal(series, "the data", of_data=True)

    @classmethod
    def of_objects(cls, points: pd.Series) -> Self:
        """The first principal axis of the points of objects, M numbers each; those far from most are left out."""
        states = np.array([point for point in points if np.isfinite(point).all()] or [[0.0]])
        distances = np.linalg.norm(states - np.median(states, axis=0), axis=1)
        return cls._principal(states[distances <= FAR * np.median(distances)], "the objects", of_data=False)

    @classmethod
    def _principal(cls, states: np.ndarray, whose: str, *, of_data: bool) -> Self:
        _, sizes, directions = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)
        # The sign of a principal axis is arbitrary: its largest coordinate is made positive.
        direction = directions[0] * np.sign(directions[0, np.abs(directions[0]).argmax()])
        variance = max(float((sizes**2).sum()), np.finfo(float).tiny)
        label = "state"
        if len(direction) > 1:
            label = f"first principal axis of\n{whose} ({100.0 * sizes[0] ** 2 / variance:.2g} % of variance)"
        if of_data:
            label += "\n(standard deviations)"
        tail = 0.5 * (1.0 - BULK)
        low, high = np.quantile(states @ direction, (tail, 1.0 - tail))
        return cls(direction, float(low), float(high), label, of_data)

    def __call__(self, points: pd.Series) -> np.ndarray:
        """Places (n,) of a column of points."""
        rows = [point[: len(self.direction)] for point in points]
        with np.errstate(invalid="ignore"):
            return np.array(rows, dtype=float).reshape(len(rows), len(self.direction)) @ self.direction


def draw_diagram(
    axes: Axes,
    cycles: pd.DataFrame,
    bifurcations: pd.DataFrame,
    times: np.ndarray,
    long: np.ndarray,
    axis: StateAxis,
) -> None:
    """Draw objects against epochs, and the events that count where they happen.

    Parameters
    ----------
    axes : Axes
    cycles, bifurcations
        The rows of one run of the tables of the same names.
    times : (n,) array
        When each of the bifurcations is, in epochs.
    long : (m,) array of bool
        Which of the cycles are not followed.
    axis : StateAxis
        What is drawn upwards.
    """
    places, events = axis(cycles["point"]), axis(bifurcations["point"])
    width = max(axis.high - axis.low, NARROW * max(abs(axis.low), abs(axis.high))) or 1.0
    low, high = axis.low - ROOM * width, axis.high + ROOM * width
    inside = np.concatenate([places[(places > low) & (places < high)], [axis.low, axis.high]])
    low, high = max(low, inside.min() - 0.06 * width), min(high, inside.max() + 0.06 * width)
    axes.set_ylim(low, high)
    axes.set_ylabel(axis.label)
    edges = low + EDGE * (high - low), high - EDGE * (high - low)
    draw_objects(axes, cycles, np.clip(places, *edges), long)
    _draw_events(axes, bifurcations, times, np.clip(events, *edges))
    beyond, gone = (values[(values < low) | (values > high)] for values in (places, events))
    if len(beyond) or len(gone):
        objects = f", objects as far as {beyond[np.abs(beyond).argmax()]:.3g}" if len(beyond) else ""
        text = f"at the edge: farther out{objects}"
        axes.text(1.0, 1.025, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=8)
    if axis.of_data:
        axes.axhspan(axis.low, axis.high, color=LIGHT_GREY, alpha=0.35, linewidth=0, zorder=0)


def draw_objects(axes: Axes, cycles: pd.DataFrame, values: np.ndarray, long: np.ndarray) -> None:
    """Draw every object as a line, thick and with filled markers where it is stable, and those not followed as dots.

    Parameters
    ----------
    axes : Axes
    cycles
        The rows of one run of the table of that name, (m,).
    values : (m,) array
        What is drawn upwards.
    long : (m,) array of bool
        Which of them are not followed.
    """
    if cycles.empty:
        return
    span = max(int(cycles["epoch"].max()), 1)
    axes.plot(
        cycles["epoch"].to_numpy()[long], values[long], ".", color=CYCLE, markersize=2.2, zorder=1, rasterized=True
    )
    table = pd.DataFrame(
        {
            "epoch": cycles["epoch"],
            "cycle": cycles["cycle"],
            "fixed": cycles["order"] == 1,
            "stable": cycles["stable"].astype(bool),
            "itinerary": cycles["itinerary"],
            "value": values,
        }
    )[~long].sort_values(["cycle", "epoch"], kind="stable")
    epoch, value, stable = (table[name].to_numpy() for name in ("epoch", "value", "stable"))
    fixed = table["fixed"].to_numpy()
    # The first point of a cycle that changes its itinerary may be another one of its points.
    same = (fixed[1:] & fixed[:-1]) | (table["itinerary"].to_numpy()[1:] == table["itinerary"].to_numpy()[:-1])
    goes_on = (np.diff(table["cycle"].to_numpy()) == 0) & (np.diff(epoch) == 1) & same
    marked = _marked(goes_on & (stable[1:] == stable[:-1]), max(1, round(span / MARKERS_ALONG)))
    for is_fixed, colour, marker in ((True, FIXED_POINT, "o"), (False, CYCLE, "s")):
        for is_stable, face, width in ((False, "white", 0.6), (True, colour, 1.8)):
            begins = np.flatnonzero(goes_on & (fixed[:-1] == is_fixed) & ((stable[1:] & stable[:-1]) == is_stable))
            shown = marked & (fixed == is_fixed) & (stable == is_stable)
            axes.plot(
                _pieces(epoch, begins),
                _pieces(value, begins),
                color=colour,
                linewidth=width,
                solid_capstyle="butt",
                zorder=2 + is_stable,
                rasterized=True,
            )
            axes.plot(
                epoch[shown],
                value[shown],
                marker,
                markersize=3.6,
                markerfacecolor=face,
                markeredgecolor=colour,
                markeredgewidth=0.8,
                linestyle="none",
                zorder=4 + is_stable,
                rasterized=True,
            )


def _pieces(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Each of the rows that begin a piece of a line and the row after it, then a gap."""
    return np.column_stack([values[begins], values[begins + 1], np.full(len(begins), np.nan)]).ravel()


def _marked(goes_on: np.ndarray, step: int) -> np.ndarray:
    """Which rows have a marker: the middle of each stretch that goes on, and every `step` rows from there.

    Of too many the stretches that are longest keep theirs.
    """
    starts = np.concatenate([[0], np.flatnonzero(~goes_on) + 1])
    lengths = np.diff(np.concatenate([starts, [len(goes_on) + 1]]))
    stretch = np.repeat(np.arange(len(starts)), lengths)
    place = np.arange(len(goes_on) + 1) - starts[stretch]
    marked = (place - (lengths[stretch] - 1) // 2) % step == 0
    shortest = np.sort(lengths[stretch[marked]])[::-1][MOST_MARKERS : MOST_MARKERS + 1]
    return marked & (lengths[stretch] > shortest[0]) if len(shortest) else marked


def _draw_events(axes: Axes, bifurcations: pd.DataFrame, times: np.ndarray, places: np.ndarray) -> None:
    """Draw a mark of its kind at each event that counts, or is unresolved, filled where it is occupied."""
    kinds, occupied = bifurcations["kind"].to_numpy(), bifurcations["occupied"].to_numpy(dtype=bool)
    shown = counted(bifurcations) | counted(bifurcations, "unresolved")
    size = 5.0 * min(1.0, max(0.3, np.sqrt(MARKS_IN_FULL / max(shown.sum(), 1))))
    for kind, mark in MARKS.items():
        for some, face in ((~occupied, "white"), (occupied, mark.colour)):
            chosen = shown & (kinds == kind) & some
            axes.plot(
                times[chosen],
                places[chosen],
                mark.marker,
                color=mark.colour,
                markerfacecolor=face,
                markersize=size,
                markeredgewidth=0.18 * size,
                linestyle="none",
                zorder=6,
                rasterized=True,
            )


def legend_of_objects(cycles: pd.DataFrame, long: np.ndarray, followed_order: int) -> list[Line2D]:
    """What lines and markers of objects mean, as far as there are such objects."""
    handles = []
    is_fixed = cycles["order"].to_numpy() == 1
    kinds = (FIXED_POINT, "o", "fixed point", is_fixed), (CYCLE, "s", "cycle (first point)", ~is_fixed & ~long)
    for colour, marker, name, there in kinds:
        for stable in (True, False) if there.any() else ():
            handles.append(
                Line2D(
                    [],
                    [],
                    color=colour,
                    marker=marker,
                    markerfacecolor=colour if stable else "white",
                    markersize=5,
                    label=f"{'stable' if stable else 'unstable'} {name}",
                    linewidth=1.8 if stable else 0.6,
                )
            )
    if long.any():
        label = f"cycle of order above {followed_order}\nthat the data run to,\nnot followed"
        handles.append(Line2D([], [], color=CYCLE, marker=".", markersize=4, linestyle="none", label=label))
    return handles
