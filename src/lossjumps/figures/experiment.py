"""The figures of an experiment: every condition at a glance, and every run as a line of events."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lossjumps.analysis.events import TOO_FEW, counted_epochs
from lossjumps.data.none import name_of_data
from lossjumps.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LIGHT_GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    new_figure,
    styled,
)

TRAINING_COLOURS = (ORANGE, BLUE, GREEN, PURPLE, SKY, VERMILLION)


def training_colours(trainings: pd.Series) -> dict[str, str]:
    """Return a colour for each training, the same wherever the set of trainings is the same."""
    names = sorted(trainings.unique())
    return {name: TRAINING_COLOURS[index % len(TRAINING_COLOURS)] for index, name in enumerate(names)}


@styled
def overview_figure(conditions: pd.DataFrame, runs: pd.DataFrame, *, title: str, window: int) -> Figure:
    """Compare the conditions: jumps, bifurcations, and how often they coincide against what chance gives.

    Parameters
    ----------
    conditions
        One row a condition (one loss, one kind, one window) of ``statistics/conditions.parquet``, in the order to draw.
    runs
        One row a run: condition, epochs, jumps, bifurcations (the latter two numbers of epochs).
    title
        What to write above the figure.
    window
        Tolerance window in epochs that the coincidences are counted with.
    """
    places, names, headers = _rows(conditions)
    colours = training_colours(conditions["training"])
    figure = new_figure(13, 1.9 + 0.42 * (len(conditions) + len(headers)))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    jumps, bifurcations, coincidence = figure.subplots(1, 3, sharey=True, width_ratios=[1, 1, 1.5])
    for axes, column in ((jumps, "jumps"), (bifurcations, "bifurcations")):
        for place, row in zip(places, conditions.itertuples(), strict=True):
            mine = runs[runs["condition"] == row.condition]
            _draw_rates(axes, place, 1000 * mine[column] / mine["epochs"], colours[row.training])
        axes.set_xlabel("epochs with one, per 1000 epochs")
        axes.set_xlim(left=0, right=max(axes.get_xlim()[1], 1.0))
    jumps.set_title("loss jumps")
    bifurcations.set_title("bifurcations")
    for place, row in zip(places, conditions.itertuples(), strict=True):
        _draw_coincidence(coincidence, place, row, colours[row.training])
    reach = f" or at most {window} epoch{'' if window == 1 else 's'} before" if window else ""
    coincidence.set_title(f"jumps that had a bifurcation: same epoch{reach}")
    coincidence.set_xlabel("share of jumps")
    coincidence.set_xlim(-0.02, 1.02)
    for axes in (jumps, bifurcations, coincidence):
        axes.grid(axis="x", color=LIGHT_GREY, linewidth=0.5)
        axes.tick_params(axis="y", length=0)
    jumps.set_yticks(places, names)
    for place, name in headers:
        jumps.text(
            0.012,
            place,
            name,
            transform=jumps.get_yaxis_transform(),
            fontweight="bold",
            va="center",
            ha="left",
            fontsize=9,
        )
    jumps.set_ylim(max(places, default=0) + 0.7, -0.6)
    figure.legend(
        handles=[
            Line2D([], [], color=GREY, marker="o", markersize=3.5, alpha=0.7, linestyle="none", label="a run"),
            Line2D([], [], color=BLACK, marker="|", markersize=11, markeredgewidth=2, linestyle="none", label="mean"),
            Line2D([], [], color=GREY, marker="D", markersize=7, linestyle="none", label="observed"),
            Line2D([], [], color=LIGHT_GREY, linewidth=8, label="chance: mean and 95 % of surrogates"),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return figure


def _rows(conditions: pd.DataFrame) -> tuple[list[float], list[str], list[tuple[float, str]]]:
    """Return the place and name of every condition's row, and the place and name of every data set's header."""
    places: list[float] = []
    names: list[str] = []
    headers: list[tuple[float, str]] = []
    place = 0.0
    for dataset, part in conditions.groupby("dataset", sort=False):
        headers.append((place, name_of_data(str(dataset))))
        for label in part["label"]:
            place += 0.9
            places.append(place)
            # The header says the data set already.
            names.append(str(label).removeprefix(str(dataset)).strip() or str(label))
        place += 1.1
    return places, names, headers


def _draw_rates(axes: Axes, place: float, rates: pd.Series, colour: str) -> None:
    """Draw the rate of every run as a dot, spread a little up and down, and their mean as a bar."""
    offsets = np.linspace(-0.22, 0.22, len(rates)) if len(rates) > 1 else np.zeros(len(rates))
    axes.plot(
        rates,
        place + offsets,
        "o",
        color=colour,
        markersize=3.5,
        alpha=0.7,
        linestyle="none",
        markeredgewidth=0,
        clip_on=False,
    )
    if len(rates):
        axes.plot([rates.mean()], [place], "|", color=BLACK, markersize=14, markeredgewidth=2, clip_on=False)


def _draw_coincidence(axes: Axes, place: float, row: object, colour: str) -> None:
    """Draw the observed coincidence of one condition over the interval that chance gives."""
    if row.jumps == 0 or row.bifurcations == 0:
        what = "no jumps" if row.jumps == 0 else "no bifurcations"
        axes.text(0.0, place, f"{what}: no answer", va="center", color=GREY, fontstyle="italic")
        return
    if np.isfinite(row.null_precursor_low):
        axes.plot(
            np.minimum([row.null_precursor_low, row.null_precursor_high], 1.0),  # swap can expect more than all
            [place, place],
            color=LIGHT_GREY,
            linewidth=9,
            solid_capstyle="butt",
            zorder=1,
        )
        axes.plot([row.null_precursor_mean], [place], "|", color=GREY, markersize=9, markeredgewidth=1.5, zorder=2)
    axes.plot([row.precursor_rate], [place], "D", color=colour, markersize=7, zorder=3, clip_on=False)
    said = f"{row.jumps} jump{'' if row.jumps == 1 else 's'}"
    axes.text(
        1.03,
        place,
        f"{said}: too few to tell" if row.jumps < TOO_FEW else f"p = {row.p_precursor:.3g}  ({said})",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=8,
    )


@styled
def raster_figure(runs: pd.DataFrame, jumps: pd.DataFrame, bifurcations: pd.DataFrame, *, title: str) -> Figure:
    """Draw every run as a row of ticks: its bifurcations above, its loss jumps below.

    Parameters
    ----------
    runs
        One row a run, in the order to draw: run, condition, label, epochs (recorded ones), status.
    jumps
        Jumps of one loss: run, epoch.
    bifurcations
        Rows of ``bifurcations.parquet`` of these runs.
    title
        What to write above the figure.
    """
    groups = list(runs.groupby("condition", sort=False))
    heights = [max(len(part), 3) for _, part in groups]
    figure = new_figure(12, 1.6 + 0.5 * len(groups) + 0.17 * sum(heights))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    last_epoch = max(int(runs["epochs"].max()), 1)
    for axes, (_, part) in zip(panels, groups, strict=True):
        for row, run in enumerate(part.itertuples()):
            at_jumps = np.unique(jumps.loc[jumps["run"] == run.run, "epoch"])
            at_bifurcations = counted_epochs(bifurcations[bifurcations["run"] == run.run])
            axes.hlines(row, 0, run.epochs, color=LIGHT_GREY, linewidth=0.4, zorder=0)
            # Nearer to their own line than to the next run's.
            axes.vlines(at_bifurcations + 0.5, row - 0.36, row, color=BLACK, linewidth=0.6)
            axes.vlines(at_jumps + 0.5, row, row + 0.3, color=VERMILLION, linewidth=1.3)
            if run.status == "diverged":
                axes.plot([run.epochs], [row], "x", color=BLACK, markersize=5)
        axes.set_title(str(part["label"].iloc[0]), fontsize=9)
        axes.set_yticks(range(len(part)), [f"seed {seed}" for seed in part["seed"]], fontsize=7)
        axes.set_ylim(len(part) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    panels[-1].set_xlim(-0.005 * last_epoch, 1.01 * last_epoch)
    panels[-1].set_xlabel("epoch")
    ticks = {"marker": "|", "markersize": 9, "linestyle": "none"}
    handles = [
        Line2D([], [], color=BLACK, label="above the line: bifurcation", **ticks),
        Line2D([], [], color=VERMILLION, label="below: jump of the loss", markeredgewidth=2, **ticks),
    ]
    if (runs["status"] == "diverged").any():
        handles.append(
            Line2D([], [], color=BLACK, marker="x", markersize=5, linestyle="none", label="training diverged")
        )
    figure.legend(handles=handles, loc="outside upper right", ncols=3)
    return figure
