"""The summary in words: a table first, then plain sentences, no line longer than 100 characters."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from lossjumps.analysis.events import KIND_NAMES
from lossjumps.analysis.nulls import NULLS

WIDTH = 98
LEVEL = 0.05
"""A p at most this large is called more than chance."""
FEW = 10
"""Fewer jumps than this are called few."""
LABEL_WIDTH = 34


def percent(share: float) -> str:
    """Return a share in percent with one decimal, or a dash."""
    return f"{100 * share:.1f}%" if math.isfinite(share) else "-"


def number(value: float, decimals: int = 1) -> str:
    """Return a number with fixed decimals, or a dash."""
    return f"{value:.{decimals}f}" if math.isfinite(value) else "-"


def probability(p: float) -> str:
    """Return p with three significant digits, or a dash."""
    return f"{p:.3g}" if math.isfinite(p) else "-"


def plural(count: int, singular: str, many: str | None = None) -> str:
    """Return the count with its noun: ``1 run``, ``no runs``, ``3 runs``."""
    noun = singular if count == 1 else many or f"{singular}s"
    return f"{count or 'no'} {noun}"


def within(window: int) -> str:
    """Say where a bifurcation must lie to belong to a jump."""
    return "in the same epoch" if window == 0 else f"in the same epoch or at most {plural(window, 'epoch')} before"


def paragraph(*sentences: str) -> str:
    """Join sentences and break them into lines."""
    return textwrap.fill(" ".join(sentences), WIDTH, break_long_words=False, break_on_hyphens=False)


def wrapped(item: str) -> list[str]:
    """Break an item of a list into lines, the further ones indented."""
    return textwrap.wrap(item, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def aligned(rows: Iterable[Sequence[str]], headers: Sequence[tuple[str, str]]) -> list[str]:
    """Return lines with the first column to the left and the others to the right, under headers of two lines.

    A row of one entry is a heading.
    """
    rows = [list(row) for row in rows]
    full = [row for row in rows if len(row) == len(headers)]
    widths = [max([len(part) for part in header] + [len(row[i]) for row in full]) for i, header in enumerate(headers)]
    lines = []
    for row in [[header[i] for header in headers] for i in range(2)] + rows:
        if len(row) == 1:
            lines.append(row[0])
            continue
        first, *others = (
            entry.ljust(width) if i == 0 else entry.rjust(width)
            for i, (entry, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return lines


def short_label(label: str, dataset: str) -> str:
    """Return a condition's label without its data set, cut in the middle if it is long."""
    label = label.removeprefix(dataset).strip() or label
    if len(label) <= LABEL_WIDTH:
        return label
    half = (LABEL_WIDTH - 3) // 2
    return f"{label[:half]}...{label[-half:]}"


def overview_table(numbers: pd.DataFrame, origins: dict[str, str]) -> str:
    """Return the table of all conditions.

    Parameters
    ----------
    numbers
        `lossjumps.stages.summary_numbers.condition_numbers`.
    origins
        ``simulated`` or ``real`` for the data sets where that is known.
    """
    headers = [
        ("", ""),
        ("", "runs"),
        ("", "diverged"),
        ("jumps per", "1000 epochs"),
        ("epochs with a", "bifurcation"),
        ("jumps", "with one"),
        ("", "by chance"),
        ("", "p"),
    ]
    rows: list[list[str]] = []
    for dataset, part in numbers.groupby("dataset", sort=False):
        rows.append([heading(str(dataset), origins)])
        for row in part.itertuples():
            rows.append(
                [
                    "  " + short_label(row.label, str(dataset)),
                    str(row.runs),
                    str(row.runs_diverged),
                    number(row.jumps_per_1000_epochs),
                    percent(row.bifurcation_share),
                    percent(row.precursor_rate),
                    percent(row.null_precursor_mean),
                    probability(row.p_precursor),
                ]
            )
    return "\n".join(aligned(rows, headers))


def heading(dataset: str, origins: dict[str, str]) -> str:
    """Return the name of a data set with its origin."""
    return f"{dataset} ({origins[dataset]})" if dataset in origins else dataset


def condition_text(row: Any, window: int) -> str:
    """Return what one condition says, a line or two for each point.

    Parameters
    ----------
    row
        A row of `lossjumps.stages.summary_numbers.condition_numbers`.
    window
        The tolerance window in epochs.
    """
    diverged = ", none diverged"
    if row.runs_diverged:
        diverged = f", {row.runs_diverged} diverged and count{'s' * (row.runs_diverged == 1)} up to then"
    points = [_jumps(row), _bifurcations(row), *_coincidence(row, window), *_occupied(row), *_quality(row)]
    title = f"**{short_label(row.label, row.dataset)}** ({plural(row.runs, 'run')}{diverged})"
    return "\n".join([title, *(line for point in points for line in wrapped(f"- {point}"))])


def _jumps(row: Any) -> str:
    if row.jumps == 0:
        return f"The loss never jumped in {row.epochs} epochs."
    return (
        f"The loss jumped {number(row.jumps_per_1000_epochs)} times per 1000 epochs, in {row.runs_with_jumps} of"
        f" {plural(row.runs, 'run')} ({row.jumps} of {row.epochs} epochs, {row.jumps_up} upwards)."
    )


def _bifurcations(row: Any) -> str:
    if row.bifurcations == 0:
        return "No bifurcation happened."
    found = [f"{KIND_NAMES[kind]} {count}" for kind, count in row.by_kind.items() if count and kind != "unresolved"]
    return (
        f"A bifurcation happened at {percent(row.bifurcation_share)} of the epochs ({row.bifurcations};"
        f" by kind: {', '.join(found)})."
    )


def _coincidence(row: Any, window: int) -> list[str]:
    """Say how often jumps and bifurcations came together, or why that cannot be answered."""
    if row.jumps == 0 or row.bifurcations == 0:
        what = "jump" if row.jumps == 0 else "bifurcation"
        return [f"Whether bifurcations accompany jumps cannot be answered here, for there is no {what}."]
    points = [
        f"Of the jumps, {percent(row.precursor_rate)} had a bifurcation {within(window)}, where chance alone would have"
        f" put one at {percent(row.null_precursor_mean)} (p = {probability(row.p_precursor)}, null"
        f" {null_names(row.null)[0]}): {verdict(row.p_precursor)}.",
        f"Of the bifurcations, {percent(row.trigger_rate)} had a jump {after(window)}, by chance"
        f" {percent(row.null_trigger_mean)} (p = {probability(row.p_trigger)}, null {null_names(row.null)[-1]}):"
        f" {verdict(row.p_trigger)}.",
    ]
    if row.jumps < FEW:
        points.append(f"With {plural(row.jumps, 'jump')} in all, these rates are rough.")
    if row.saturated:
        points.append(
            f"Bifurcations are dense: {percent(row.coverage)} of all epochs have one within the window. The null"
            " saturates: nearly every jump has one by chance as well, so that the comparison says little."
        )
    return points


def null_names(text: str) -> list[str]:
    """Return the names of the nulls in the column ``null``: one, or that of the precursors and that of the triggers."""
    return re.findall(rf"\b({'|'.join(NULLS)}):", text) or ["none"]


def after(window: int) -> str:
    """Say where a jump must lie to belong to a bifurcation."""
    return "in the same epoch" if window == 0 else f"in the same epoch or at most {plural(window, 'epoch')} after"


def verdict(p: float) -> str:
    """Say in words what p says at the level `LEVEL`."""
    if not math.isfinite(p):
        return "not to be compared with chance"
    return "more than chance gives" if p <= LEVEL else "no more than chance gives"


def _occupied(row: Any) -> list[str]:
    """Say the same for bifurcations of the attractor that the data run to."""
    if row.bifurcations == 0:
        return []
    if row.occupied_bifurcations == 0:
        return ["None of the bifurcations concerned the attractor that the data run to."]
    said = f"Bifurcations of the attractor that the data run to: at {percent(row.occupied_share)} of the epochs"
    if row.jumps == 0:
        return [f"{said}."]
    return [
        f"{said}, and with {percent(row.occupied_precursor_rate)} of the jumps, by chance with"
        f" {percent(row.occupied_null_precursor_mean)} (p = {probability(row.occupied_p_precursor)}):"
        f" {verdict(row.occupied_p_precursor)}."
    ]


def _quality(row: Any) -> list[str]:
    """Say what is certified and what is unresolved."""
    resolved = "every change of the lists was resolved"
    if row.unresolved:
        changes = plural(row.unresolved, "change")
        resolved = f"{changes} of the lists could not be named and {'is' if row.unresolved == 1 else 'are'} not counted"
    return [f"Fixed points are certified complete at {percent(row.complete_share)} of the recorded epochs; {resolved}."]


def answer(numbers: pd.DataFrame) -> str:
    """Say in how many conditions jumps had a bifurcation more often than chance gives."""
    able = numbers[(numbers["jumps"] > 0) & (numbers["bifurcations"] > 0)]
    saturated = able[able["saturated"]]
    able = able[~able["saturated"]]
    more = able[able["p_precursor"] <= LEVEL]
    said = [
        f"Jumps had a bifurcation more often than chance gives in {len(more)} of the"
        f" {plural(len(able), 'condition')} that can answer (p <= {LEVEL:g} each)."
        if len(able)
        else "No condition can answer whether jumps have a bifurcation more often than chance gives."
    ]
    for count, why in (
        ((numbers["jumps"] == 0).sum(), "had no jump"),
        (((numbers["bifurcations"] == 0) & (numbers["jumps"] > 0)).sum(), "had jumps but no bifurcation"),
        (len(saturated), "had bifurcations so dense that chance alone explains nearly every coincidence"),
    ):
        if count:
            said.append(f"{plural(int(count), 'condition').capitalize()} {why}.")
    return paragraph(*said)


def origin_paragraph(numbers: pd.DataFrame, origins: dict[str, str]) -> str:
    """Compare simulated with real data: jumps and bifurcations over the epochs of all runs of a training.

    Empty unless there are conditions of both origins.
    """
    table = numbers.assign(origin=numbers["dataset"].map(origins)).dropna(subset="origin")
    if table["origin"].nunique() < 2:
        return ""
    sentences = []
    for training, part in table.groupby("training", sort=True):
        said = []
        for origin, mine in part.groupby("origin", sort=False):
            epochs = mine["epochs"].sum()
            said.append(
                f"{number(1000 * mine['jumps'].sum() / epochs)} jumps per 1000 epochs and bifurcations at"
                f" {percent(mine['bifurcations'].sum() / epochs)} of the epochs on {origin} data"
            )
        sentences.append(f"Under {training}: {'; '.join(said)}.")
    return paragraph(*sentences)


def comparison_text(comparisons: pd.DataFrame, loss: str) -> str:
    """Say what changes from one training to the other: jumps and bifurcations per 1000 epochs, means over runs.

    Parameters
    ----------
    comparisons
        Rows of ``statistics/comparisons.parquet`` of one pair of conditions.
    loss
        The loss whose jumps are compared.
    """
    lines = []
    for quantity, chosen, name in (
        ("jumps_per_1000_epochs", comparisons["loss"] == loss, "Jumps"),
        ("bifurcations_per_1000_epochs", comparisons["kind"] == "any", "Bifurcations"),
    ):
        for row in comparisons[(comparisons["quantity"] == quantity) & chosen].itertuples():
            if not lines:
                first, second = (short_label(label, row.dataset) for label in (row.label_first, row.label_second))
                lines.append(f"**{second} against {first}** (per 1000 epochs, means over runs)")
            lines += wrapped(
                f"- {name}: {number(row.mean_second)} against {number(row.mean_first)}, difference"
                f" {number(row.difference)} (95 % interval {number(row.low)} to {number(row.high)};"
                f" p = {probability(row.p)}, {row.test})."
            )
    return "\n".join(lines)
