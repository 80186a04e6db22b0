"""The figure of one run: losses with their jumps, the objects of the map, and its bifurcations by kind."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from lossjumps.analysis.events import KIND_NAMES, PRIMARY_LOSS, RECORDED_LOSS, counted, counted_epochs
from lossjumps.figures.style import BLACK, BLUE, GREY, LIGHT_GREY, MARKS, ORANGE, SKY, VERMILLION, styled

CURVES = {
    "loss_free": ("free-running, short", BLACK, 1.0),
    "loss_forced": ("forced", SKY, 1.0),
    RECORDED_LOSS: ("recorded", GREY, 1.0),
}
DOTTED = (0, (1, 2))
POSITION_TICKS = (2.0, 4.0, 10.0, 100.0, 1000.0, 10000.0)
MARKERS_ALONG = 60
"""Markers drawn along the epochs of an object that lives through the whole training."""


@styled
def run_figure(
    history: pd.DataFrame,
    cycles: pd.DataFrame,
    bifurcations: pd.DataFrame,
    jumps: pd.DataFrame,
    *,
    title: str,
    window: int,
    followed_order: int,
    points_per_epoch: int = 1,
    loss: str = PRIMARY_LOSS,
) -> Figure:
    """Draw one run against its epochs.

    Parameters
    ----------
    history, cycles, bifurcations, jumps
        The rows of one run of the tables of the same names.
    title
        What to write above the figure.
    window
        Tolerance window in epochs: a jump whose last `window` epochs, or whose own epoch, hold a topological
        bifurcation gets a solid line through all panels, any other jump a dotted one.
    followed_order
        Largest order of the cycles that are searched and followed; longer ones are attractors of the data that are
        drawn as dots.
    points_per_epoch
        How many times parameters are recorded from one epoch to the next.
    loss
        The loss whose jumps are drawn; if it is the recorded one, states are taken to have no known scale.
    """
    # Fixed margins: the contents never vary in size, and laying them out would draw everything twice.
    figure = Figure(figsize=(12, 9))
    figure.subplots_adjust(left=0.205, right=0.83, bottom=0.06, top=0.945, hspace=0.08)
    losses, multipliers, positions, rug = figure.subplots(4, 1, sharex=True, height_ratios=[3, 2.2, 2.2, 1.8])
    figure.suptitle(title, x=0.01, y=0.99, ha="left", fontsize=11, fontweight="bold")
    jumps = jumps[jumps["loss"] == loss]
    last_epoch = max(int(history["epoch"].max()), 1)
    coincident = with_bifurcation(jumps["epoch"].to_numpy(), counted_epochs(bifurcations), window)

    # Many jumps must not hide the objects behind a fence of lines.
    width = 0.7 if len(jumps) <= 60 else 0.35
    for axes in (losses, multipliers, positions, rug):
        for lines, style in ((jumps["epoch"][coincident], "-"), (jumps["epoch"][~coincident], DOTTED)):
            axes.vlines(
                lines + 0.5,
                0,
                1,
                transform=axes.get_xaxis_transform(),
                color=VERMILLION,
                linewidth=width,
                alpha=0.6,
                linestyle=style,
                zorder=0,
            )
    _draw_losses(losses, history, jumps, loss)
    long = cycles["order"].to_numpy() > followed_order
    _draw_multipliers(multipliers, cycles, long, last_epoch, followed_order)
    _draw_positions(positions, cycles, long, last_epoch, standardised=loss != RECORDED_LOSS)
    _draw_rug(rug, bifurcations, points_per_epoch)
    rug.set_xlabel("epoch")
    rug.set_xlim(-0.01 * last_epoch, 1.01 * last_epoch)
    rug.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))

    reach = f"in its epoch or {window} before" if window else "in its epoch"
    handles = [
        Line2D([], [], color=VERMILLION, linewidth=0.8, label=f"jump with a bifurcation\n{reach}"),
        Line2D([], [], color=VERMILLION, linewidth=0.8, linestyle=DOTTED, label="jump without"),
    ]
    losses.legend(
        handles=[*losses.get_legend_handles_labels()[0], *handles], loc="upper left", bbox_to_anchor=(1.01, 1.0)
    )
    return figure


def with_bifurcation(jumps: np.ndarray, bifurcations: np.ndarray, window: int) -> np.ndarray:
    """Tell for each jump whether a bifurcation shares its epoch or precedes it by at most `window` epochs.

    Parameters
    ----------
    jumps
        Epochs, (n,).
    bifurcations
        Epochs, ascending, (m,).
    window
        Tolerance window in epochs.
    """
    if len(bifurcations) == 0:
        return np.zeros(len(jumps), dtype=bool)
    latest = np.searchsorted(bifurcations, jumps, side="right") - 1
    return (latest >= 0) & (jumps - bifurcations[np.maximum(latest, 0)] <= window)


def _draw_losses(axes: Axes, history: pd.DataFrame, jumps: pd.DataFrame, loss: str) -> None:
    """Draw the loss curves on a logarithmic axis, with a triangle at each jump."""
    epochs = history["epoch"].to_numpy()
    lost = []
    for column, (label, colour, width) in CURVES.items():
        if history[column].isna().all():  # not measured
            continue
        values = _drawable(history[column])
        single = "." if np.isfinite(values).sum() == 1 else ""  # a line needs two points
        axes.plot(epochs, values, color=colour, linewidth=width, marker=single, label=f"loss, {label}")
        number = int((~np.isfinite(history[column])).sum())
        lost += [f"{label} at {number} epoch{'' if number == 1 else 's'}"] if number else []
    at = pd.Series(_drawable(history[loss]), index=epochs)
    for sign, marker, label in ((1, "^", "jump up"), (-1, "v", "jump down")):
        after = jumps.loc[jumps["sign"] == sign, "epoch"].to_numpy() + 1
        axes.plot(after, at.reindex(after), marker, color=VERMILLION, markersize=5, label=label, linestyle="none")
    axes.set_yscale("log")
    axes.set_ylabel("recorded loss" if loss == RECORDED_LOSS else "mean squared error\n(standardised data)")
    if lost:
        text = f"not finite: {', '.join(lost)}"
        axes.text(1.0, 1.02, text, transform=axes.transAxes, ha="right", va="bottom", color=VERMILLION)


def _drawable(values: pd.Series) -> np.ndarray:
    """Return the values with NaN wherever a logarithmic axis cannot show them."""
    array = values.to_numpy(dtype=float)
    return np.where(np.isfinite(array) & (array > 0), array, np.nan)


def _draw_multipliers(axes: Axes, cycles: pd.DataFrame, long: np.ndarray, last_epoch: int, followed_order: int) -> None:
    """Draw the largest multiplier of every object, stable ones filled."""
    _draw_objects(axes, cycles, long, cycles["largest_multiplier"].to_numpy(dtype=float), last_epoch)
    axes.axhline(1.0, color=BLACK, linewidth=0.8, linestyle="--", zorder=1)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high > 10 * low else range(1, 10), numticks=8))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("largest |multiplier|\nof fixed points, cycles")
    handles = []
    for colour, marker, name in ((BLUE, "o", "fixed point"), (ORANGE, "s", "cycle")):
        for stable in (True, False):
            face = colour if stable else "white"
            label = f"{'stable' if stable else 'unstable'} {name}"
            handles.append(
                Line2D(
                    [], [], color=colour, marker=marker, markerfacecolor=face, markersize=5, label=label, linewidth=0.7
                )
            )
    if long.any():
        label = f"cycle of order above {followed_order}\nthat the data run to,\nnot followed"
        handles.append(Line2D([], [], color=ORANGE, marker=".", markersize=4, linestyle="none", label=label))
    handles.append(Line2D([], [], color=BLACK, linewidth=0.8, linestyle="--", label="loss of stability"))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0))


def _draw_positions(axes: Axes, cycles: pd.DataFrame, long: np.ndarray, last_epoch: int, *, standardised: bool) -> None:
    """Draw the first coordinate of every object's first point; linear where the data are, logarithmic beyond."""
    first = np.array([point[0] for point in cycles["point"]], dtype=float)
    _draw_objects(axes, cycles, long, first, last_epoch)
    axes.set_yscale("symlog", linthresh=4, linscale=2)
    finite = np.abs(first[np.isfinite(first)])
    reach = min(float(np.quantile(finite, 0.995)), 1e4) if len(finite) else 0.0
    limit = max(4.0, 1.3 * reach)
    axes.set_ylim(-limit, limit)
    ticks = [tick for tick in POSITION_TICKS if tick <= limit]
    axes.yaxis.set_major_locator(FixedLocator([*(-tick for tick in ticks), 0.0, *ticks]))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    if not standardised:  # states of networks trained elsewhere have a scale of their own
        axes.set_ylabel("first coordinate")
        return
    axes.axhspan(-2, 2, color=LIGHT_GREY, alpha=0.35, linewidth=0, zorder=0)
    axes.set_ylabel("first coordinate\n(standard deviations)")
    axes.legend(
        handles=[Line2D([], [], color=LIGHT_GREY, linewidth=6, label="bulk of the data (2 s.d.)")],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
    )


def _draw_objects(axes: Axes, cycles: pd.DataFrame, long: np.ndarray, values: np.ndarray, last_epoch: int) -> None:
    """Draw a thin line along every followed object and markers on it, hollow where unstable; dots for the rest."""
    axes.plot(cycles["epoch"].to_numpy()[long], values[long], ".", color=ORANGE, markersize=2.2, zorder=1)
    cycles, values = cycles[~long], values[~long]
    table = pd.DataFrame(
        {
            "epoch": cycles["epoch"].to_numpy(),
            "cycle": cycles["cycle"].to_numpy(),
            "fixed": cycles["order"].to_numpy() == 1,
            "stable": cycles["stable"].to_numpy(dtype=bool),
            "value": values,
        }
    ).sort_values(["cycle", "epoch"], kind="stable")
    step = max(1, round(last_epoch / MARKERS_ALONG))
    for fixed, colour, marker in ((True, BLUE, "o"), (False, ORANGE, "s")):
        part = table[table["fixed"] == fixed]
        epoch, cycle = part["epoch"].to_numpy(), part["cycle"].to_numpy()
        # A line ends where the object does: a NaN goes between two rows that are not neighbours.
        breaks = np.flatnonzero((np.diff(cycle) != 0) | (np.diff(epoch) != 1)) + 1
        axes.plot(
            np.insert(epoch.astype(float), breaks, np.nan),
            np.insert(part["value"].to_numpy(), breaks, np.nan),
            color=colour,
            linewidth=0.7,
            alpha=0.8,
            zorder=2,
        )
        ends = np.zeros(len(part), dtype=bool)
        ends[breaks] = True
        ends[breaks - 1] = True
        shown = part[ends | (epoch % step == 0)]
        for stable, face in ((False, "white"), (True, colour)):
            some = shown[shown["stable"] == stable]
            axes.plot(
                some["epoch"],
                some["value"],
                marker,
                markersize=3.2,
                markerfacecolor=face,
                markeredgecolor=colour,
                markeredgewidth=0.7,
                linestyle="none",
                zorder=4 if stable else 3,
            )


def _draw_rug(axes: Axes, bifurcations: pd.DataFrame, points_per_epoch: int) -> None:
    """Draw a row of marks for each kind of bifurcation, filled where the occupied attractor is concerned."""
    shown = bifurcations[counted(bifurcations) | counted(bifurcations, "unresolved")]
    for row, (kind, mark) in enumerate(MARKS.items()):
        of_kind = shown[shown["kind"] == kind]
        occupied = of_kind["occupied"].to_numpy(dtype=bool)
        for some, face in ((of_kind[~occupied], "white"), (of_kind[occupied], mark.colour)):
            axes.plot(
                some["epoch"] + (some["update"] + some["fraction"]) / points_per_epoch,
                np.full(len(some), row),
                mark.marker,
                color=mark.colour,
                markerfacecolor=face,
                markersize=5.5,
                markeredgewidth=0.9,
                linestyle="none",
            )
    axes.set_ylim(len(MARKS) - 0.4, -0.6)
    # Epochs are counted, as everywhere: several events of a kind in one epoch are one.
    counts = {kind: len(counted_epochs(bifurcations, kind)) for kind in MARKS}
    axes.set_yticks(range(len(MARKS)), [f"{KIND_NAMES[kind]} ({counts[kind]})" for kind in MARKS])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=LIGHT_GREY, linewidth=0.5)
    handles = [
        Line2D([], [], color=GREY, marker="^", linestyle="none", label="bifurcation of the\noccupied attractor"),
        Line2D(
            [],
            [],
            color=GREY,
            marker="^",
            markerfacecolor="white",
            linestyle="none",
            label="bifurcation of\nanother object",
        ),
    ]
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        title="(n): in n epochs",
        title_fontsize=8,
        alignment="left",
    )
