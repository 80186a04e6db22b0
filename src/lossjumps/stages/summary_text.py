"""The summary in words: a table first, then plain sentences, no line longer than 100 characters."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from lossjumps.analysis.events import KIND_NAMES, TOO_FEW
from lossjumps.analysis.nulls import NULLS
from lossjumps.data.none import name_of_data

WIDTH = 98
LEVEL = 0.05
"""A p at most this large is called more than chance."""
FEW = 10
"""With fewer jumps than this rates are called rough."""
MANY = 4
"""Of more conditions than this on a data set the head of the summary says no more than how many are which."""
LABEL_WIDTH = 34


def percent(share: float) -> str:
    """Return a share in percent with one decimal, or a dash."""
    return f"{100 * share:.1f}%" if math.isfinite(share) else "-"


def number(value: float, decimals: int = 1) -> str:
    """Return a number with fixed decimals, or a dash; what rounds to zero has no sign."""
    return f"{value:z.{decimals}f}" if math.isfinite(value) else "-"


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
    return "\n".join(_lines(" ".join(sentences)))


def wrapped(item: str) -> list[str]:
    """Break an item of a list into lines, the further ones indented."""
    return _lines(item, subsequent_indent="  ")


def _lines(text: str, **options: str) -> list[str]:
    """Break text into lines, but not within ``p = 0.05``."""
    whole = re.sub(r"\bp (<?=) ", "p\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)
    lines = textwrap.wrap(whole, WIDTH, break_long_words=False, break_on_hyphens=False, **options)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


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
                    "too few" if 0 < row.jumps < TOO_FEW and row.bifurcations else probability(row.p_precursor),
                ]
            )
    return "\n".join(aligned(rows, headers))


def heading(dataset: str, origins: dict[str, str]) -> str:
    """Return the name of a data set with its origin."""
    return f"{dataset} ({origins[dataset]})" if dataset in origins else name_of_data(dataset)


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
    points = [_jumps(row), _bifurcations(row), *_coincidence(row, window), *_quality(row)]
    title = f"**{short_label(row.label, row.dataset)}** ({plural(row.runs, 'run')}{diverged})"
    return "\n".join([title, *(line for point in points for line in wrapped(f"- {point}"))])


def _jumps(row: Any) -> str:
    if row.jumps == 0:
        return f"The loss never jumped in {row.epochs} epochs."
    return (
        f"The loss jumped at {row.jumps} of {row.epochs} epochs ({row.jumps_up} upwards), in {row.runs_with_jumps} of"
        f" {plural(row.runs, 'run')}."
    )


def _bifurcations(row: Any) -> str:
    """Say how many bifurcations there were, of which kinds, and how many of the occupied attractor."""
    if row.bifurcations == 0:
        return "No bifurcation happened."
    found = [f"{KIND_NAMES[kind]} {count}" for kind, count in row.by_kind.items() if count and kind != "unresolved"]
    return (
        f"Bifurcations at {row.bifurcations} epochs ({', '.join(found)}); at {row.occupied_bifurcations} of the"
        " attractor that the data run to."
    )


def _coincidence(row: Any, window: int) -> list[str]:
    """Say how often jumps and bifurcations came together, or why that cannot be answered."""
    if row.jumps == 0 or row.bifurcations == 0:
        what = "jump" if row.jumps == 0 else "bifurcation"
        return [f"Whether bifurcations accompany jumps cannot be answered here, for there is no {what}."]
    few = row.jumps < TOO_FEW
    points = [
        f"Of the jumps, {percent(row.precursor_rate)} had a bifurcation, by chance {percent(row.null_precursor_mean)}"
        f" (p = {probability(row.p_precursor)}, null {null_names(row.null)[0]}):"
        f" {'too few jumps to tell' if few else verdict(row.p_precursor)}."
    ]
    if not few and row.occupied_bifurcations:
        points.append(
            f"Of the jumps, {percent(row.occupied_precursor_rate)} had a bifurcation of the attractor that the data run"
            f" to, by chance {percent(row.occupied_null_precursor_mean)}"
            f" (p = {probability(row.occupied_p_precursor)}): {verdict(row.occupied_p_precursor)}."
        )
    if not few:
        points.append(
            f"Of the bifurcations, {percent(row.trigger_rate)} had a jump {after(window)}, by chance"
            f" {percent(row.null_trigger_mean)} (p = {probability(row.p_trigger)}, null {null_names(row.null)[-1]}):"
            f" {verdict(row.p_trigger)}."
        )
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


def _quality(row: Any) -> list[str]:
    """Say what is not certified and what is unresolved; nothing where there is no such thing."""
    points = []
    if row.complete_share < 1:
        points.append(f"Fixed points are certified complete at {percent(row.complete_share)} of the recorded epochs.")
    if row.unresolved:
        changes = plural(row.unresolved, "change")
        points.append(
            f"{changes} of the lists of objects could not be named and {'is' if row.unresolved == 1 else 'are'} not"
            " counted."
        )
    return points


def certificates(numbers: pd.DataFrame) -> str:
    """Say for all conditions together what is certified."""
    if (numbers["complete_share"] == 1).all() and not numbers["unresolved"].any():
        return "All fixed points of every epoch are certified to be listed, and every change of the lists was resolved."
    return (
        "Not every list of fixed points is certified complete, or not every change of the lists could be named: the"
        " conditions below say where."
    )


def answer(numbers: pd.DataFrame, comparisons: pd.DataFrame, origins: dict[str, str]) -> str:
    """Answer the question for each data set: how often the loss jumped, and whether bifurcations accompany jumps.

    Parameters
    ----------
    numbers
        `lossjumps.stages.summary_numbers.condition_numbers`.
    comparisons
        Rows of ``statistics/comparisons.parquet`` that compare the jumps per 1000 epochs of the same loss.
    origins
        ``simulated`` or ``real`` for the data sets where that is known.
    """
    lines = []
    for dataset, part in numbers.groupby("dataset", sort=False):
        lived = part[part["epochs"] > 0]
        said = "no run lived an epoch."
        if len(lived) > MANY:
            said = _answer_of_many(lived)
        elif len(lived):
            compared = comparisons.loc[comparisons["dataset"] == dataset, "p"]
            certain = ""
            if len(lived) == 2 and len(compared) == 1 and math.isfinite(compared.item()):
                certain = f" (p = {probability(compared.item())} for no difference)"
            rates = [f"{number(row.jumps_per_1000_epochs)} under {_short(row)}" for row in lived.itertuples()]
            judged = "; ".join(_judgement(row) for row in lived.itertuples())
            said = f"jumps of the loss per 1000 epochs: {', '.join(rates)}{certain}. {judged[0].upper()}{judged[1:]}."
        lines += wrapped(f"- **{heading(str(dataset), origins)}**: {said}")
    return "\n".join(lines)


def _short(row: Any) -> str:
    return short_label(row.label, row.dataset)


def _judgement(row: Any) -> str:
    """Say for one condition whether bifurcations accompany jumps."""
    if row.jumps == 0:
        return f"under {_short(row)} no jump"
    if row.bifurcations == 0:
        return f"under {_short(row)} no bifurcation"
    if row.jumps < TOO_FEW:
        return f"under {_short(row)} too few jumps to tell ({row.jumps})"
    if row.saturated:
        return f"under {_short(row)} bifurcations are so dense that chance alone puts one at nearly every jump"
    return (
        f"under {_short(row)} {percent(row.precursor_rate)} of the jumps had a bifurcation, by chance"
        f" {percent(row.null_precursor_mean)} (p = {probability(row.p_precursor)}): {verdict(row.p_precursor)}"
    )


def _answer_of_many(numbers: pd.DataFrame) -> str:
    """Say the same of more conditions than a sentence can hold; the table has each."""
    rates = numbers["jumps_per_1000_epochs"]
    able = numbers[(numbers["jumps"] >= TOO_FEW) & (numbers["bifurcations"] > 0) & ~numbers["saturated"]]
    more = int((able["p_precursor"] <= LEVEL).sum())
    return (
        f"jumps of the loss per 1000 epochs: {number(rates.min())} to {number(rates.max())} in"
        f" {len(numbers)} conditions. Jumps had a bifurcation more often than chance gives in {more} of the"
        f" {plural(len(able), 'condition')} that can tell (p <= {LEVEL:g} each)."
    )


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
            p = f"p = {probability(row.p)}" if math.isfinite(row.p) else f"no p, {row.test}"
            lines += wrapped(
                f"- {name}: {number(row.mean_second)} against {number(row.mean_first)}, difference"
                f" {number(row.difference)} (95 % interval {number(row.low)} to {number(row.high)}; {p})."
            )
    return "\n".join(lines)
