"""The figure of one run: losses with their jumps, the bifurcation diagram, and the bifurcations by kind."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from lossjumps.analysis.events import KIND_NAMES, PRIMARY_LOSS, RECORDED_LOSS, counted, counted_epochs
from lossjumps.figures.diagram import StateAxis, draw_diagram, draw_objects, legend_of_objects
from lossjumps.figures.style import BLACK, GREY, LIGHT_GREY, MARKS, SKY, VERMILLION, styled

CURVES = {
    "loss_train": ("training", SKY, 1),
    "loss_free": ("free-running", BLACK, 0),
    RECORDED_LOSS: ("recorded", GREY, 0),
}
"""Name and colour of each loss, and the first epoch that has it."""
DOTTED = (0, (1, 2))


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
    axis: StateAxis,
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
    axis
        Where objects are, in the bifurcation diagram.
    points_per_epoch
        How many times parameters are recorded from one epoch to the next.
    loss
        The loss whose jumps are drawn.
    """
    # Fixed margins: the contents never vary in size, and laying them out would draw everything twice.
    figure = Figure(figsize=(12, 10))
    figure.subplots_adjust(left=0.205, right=0.82, bottom=0.055, top=0.95, hspace=0.12)
    losses, diagram, rug, multipliers = figure.subplots(4, 1, sharex=True, height_ratios=[2.6, 4, 1.8, 1.8])
    figure.suptitle(title, x=0.01, y=0.99, ha="left", fontsize=11, fontweight="bold")
    jumps = jumps[jumps["loss"] == loss]
    last_epoch = max(int(history["epoch"].max()), 1)
    coincident = with_bifurcation(jumps["epoch"].to_numpy(), counted_epochs(bifurcations), window)

    # Many jumps must not hide the objects behind a fence of lines.
    width = 0.7 if len(jumps) <= 60 else 0.35
    for axes in (losses, diagram, rug, multipliers):
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
    places = bifurcations["update"].to_numpy() + bifurcations["fraction"].to_numpy()
    times = bifurcations["epoch"].to_numpy() + places / points_per_epoch
    draw_diagram(diagram, cycles, bifurcations, times, long, axis)
    data = [Patch(facecolor=LIGHT_GREY, alpha=0.35, label="95 % of the data")] if axis.of_data else []
    diagram.legend(
        handles=[*legend_of_objects(cycles, long, followed_order), *data], loc="upper left", bbox_to_anchor=(1.01, 1.0)
    )
    _draw_rug(rug, bifurcations, times)
    _draw_multipliers(multipliers, cycles, long)
    multipliers.set_xlabel("epoch")
    multipliers.set_xlim(-0.01 * last_epoch, 1.01 * last_epoch)
    multipliers.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))

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
    for column, (label, colour, first) in CURVES.items():
        if history[column].isna().all():  # not measured
            continue
        values = _drawable(history[column])
        single = "." if np.isfinite(values).sum() == 1 else ""  # a line needs two points
        axes.plot(epochs, values, color=colour, marker=single, label=f"loss, {label}")
        number = int((~np.isfinite(history.loc[epochs >= first, column])).sum())
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


def _draw_multipliers(axes: Axes, cycles: pd.DataFrame, long: np.ndarray) -> None:
    """Draw the largest multiplier of every object."""
    draw_objects(axes, cycles, cycles["largest_multiplier"].to_numpy(dtype=float), long)
    loss = axes.axhline(1.0, color=BLACK, linewidth=0.8, linestyle="--", zorder=1, label="loss of stability")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high > 10 * low else range(1, 10), numticks=8))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("largest |multiplier|\nof an object")
    axes.legend(handles=[loss], loc="upper left", bbox_to_anchor=(1.01, 1.0))


def _draw_rug(axes: Axes, bifurcations: pd.DataFrame, times: np.ndarray) -> None:
    """Draw a row of marks for each kind of bifurcation, filled where the occupied attractor is concerned."""
    counts_here = counted(bifurcations) | counted(bifurcations, "unresolved")
    shown = bifurcations[counts_here].assign(time=times[counts_here])
    for row, (kind, mark) in enumerate(MARKS.items()):
        of_kind = shown[shown["kind"] == kind]
        occupied = of_kind["occupied"].to_numpy(dtype=bool)
        for some, face in ((of_kind[~occupied], "white"), (of_kind[occupied], mark.colour)):
            axes.plot(
                some["time"],
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
