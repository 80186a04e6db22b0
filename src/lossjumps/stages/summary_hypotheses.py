"""The part of the summary that answers the hypotheses by name, and says what the jumps come from."""

from typing import Any

import numpy as np
import pandas as pd

from lossjumps.analysis.event_shares import BESIDE
from lossjumps.analysis.events import RECORDED_LOSS, TOO_FEW
from lossjumps.analysis.jump_causes import CARRIES, CAUSES, LINGERS, SPIKE
from lossjumps.stages.summary_text import LEVEL, number, paragraph, percent, plural, probability, within, wrapped

_TITLES = {
    "a": "(a) Jumps follow bifurcations more often than chance",
    "b": "(b) Folds and degenerate transcritical bifurcations of the occupied attractor carry jumps",
    "b, persistence": "(b) Persistence that changes nothing carries jumps",
    "c": "(c) Forcing removes the jumps that come from bifurcations",
    "d, transcritical": "(d) Gradient norms grow before degenerate transcritical bifurcations",
    "d, fold": "(d) Gradient norms grow before folds",
}
_ASKS_FOR_NO = ("b, persistence", "d, fold")
_SAME_QUESTION = ("threshold", "min_change", "detector", "window", "symmetric", "loss")
"""Choices of `statistics/sensitivity.parquet` that leave the question of (a) what it is."""
_NUMBERS = ["jumps", "precursor_rate", "expected", "p"]


def hypotheses_text(hypotheses: pd.DataFrame, window: int) -> str:
    """Answer every hypothesis in every condition.

    Parameters
    ----------
    hypotheses : DataFrame
        ``statistics/hypotheses.parquet``.
    window : int
        The primary tolerance window.
    """
    tests = int(hypotheses["p"].notna().sum())
    adjusted = f"p is adjusted for the {tests} tests of all conditions together (Holm)." if tests else ""
    if tests == 1:
        adjusted = "There is one test, so that p needs no adjusting."
    pieces = [
        paragraph(
            "Chosen before any result: jumps upwards of the primary loss; folds and degenerate transcritical"
            f" bifurcations of the attractor that the data run to (*such bifurcations*), {within(window)}.",
            *([adjusted] if adjusted else []),
            "Where the expected answer is no, a test that shows nothing is no proof of it.",
        )
    ]
    for name, rows in hypotheses.groupby("hypothesis", sort=False):
        lines = [paragraph(f"**{_TITLES[str(name)]}**{' (expected: no)' * (name in _ASKS_FOR_NO)}")]
        for row in rows.itertuples():
            lines += wrapped(f"- {row.label}{_against(row)}: **{row.answer}**{_told(row)}.")
        pieces.append("\n".join(lines))
    return "\n\n".join(pieces)


def sensitivity_text(sensitivity: pd.DataFrame, window: int) -> str:
    """Say of every condition that can tell what becomes of (a) where one choice is changed; empty if there is none.

    Parameters
    ----------
    sensitivity : DataFrame
        ``statistics/sensitivity.parquet``.
    window : int
        The primary tolerance window.
    """
    lines = []
    for _, mine in sensitivity.groupby("condition", sort=False):
        able = mine[mine["jumps"] >= TOO_FEW].dropna(subset="p")
        if "none" not in set(able["choice"]):
            continue
        chosen = able.loc[able["choice"] == "none", _NUMBERS].iloc[0]
        changed = (able[_NUMBERS] != chosen).any(axis=1)
        other = able[changed & able["choice"].isin(_SAME_QUESTION)]
        if other.empty:
            continue
        failing = [
            f"{row.choice.replace('_', ' ')}{f' {row.value}' * (row.value != 'true')} (p = {probability(row.p)})"
            for row in other[other["p"] > LEVEL].itertuples()
        ]
        exceptions = f", not with {', '.join(failing)}" if 0 < len(failing) < len(other) else ""
        lines += wrapped(
            f"- {mine['label'].iloc[0]}: {_range(other['precursor_rate'])} of the jumps, by chance"
            f" {_range(other['expected'])}; p <= {LEVEL:g} with {len(other) - len(failing)} of"
            f" {plural(len(other), 'choice')} that change{'s' * (len(other) == 1)} a number{exceptions}."
            f"{_when(able, window)}"
        )
    title = "**How (a) depends on the choices** (one is changed at a time; p of each by itself, not adjusted)"
    return "\n".join([paragraph(title), *lines]) if lines else ""


def _range(rates: pd.Series) -> str:
    return f"{percent(rates.min())} to {percent(rates.max())}"


def _when(choices: pd.DataFrame, window: int) -> str:
    """How often bifurcations are in the epoch of the jump, and before it."""
    pieces = []
    for choice, value, when in (
        ("window", "0", "in the same epoch"),
        ("lag", "1", f"1 to {1 + window} epochs before" if window else "one epoch before"),
    ):
        for row in choices[(choices["choice"] == choice) & (choices["value"] == value)].itertuples():
            pieces.append(f"{when} at {percent(row.precursor_rate)} (by chance {percent(row.expected)})")
    return f" Such a bifurcation lies {', and '.join(pieces)}." if pieces else ""


def _against(row: Any) -> str:
    return f" against {row.compared_with}" if row.compared_with else ""


def _told(row: Any) -> str:
    """The number behind an answer; nothing where there is none."""
    if not np.isfinite(row.estimate):
        return ""
    p = f"adjusted p = {probability(row.p_holm)}" if np.isfinite(row.p_holm) else "not tested"
    if row.hypothesis in ("a", "b", "b, persistence"):
        of = f"{plural(row.jumps, 'jump')} upwards" if row.hypothesis == "a" else f"{row.bifurcations} of these"
        what = "had such a bifurcation" if row.hypothesis == "a" else "were followed by a jump"
        chance = f", by chance {percent(row.expected)}" if np.isfinite(row.expected) else ""
        second = ""
        if np.isfinite(row.p_odds_ratio):
            second = f"; odds ratio {number(row.odds_ratio, 2)}, p = {probability(row.p_odds_ratio)}"
        if np.isfinite(row.p_odds_ratio_given_steps):
            second += (
                f"; with step length and gradient norm accounted for {number(row.odds_ratio_given_steps, 2)},"
                f" p = {probability(row.p_odds_ratio_given_steps)}"
            )
        return f"; {percent(row.estimate)} of {of} {what}{chance} ({p}{second})"
    interval = ""
    if np.isfinite(row.low):
        interval = f", 95 % interval {number(row.low, 2)} to {number(row.high, 2)}"
    if row.hypothesis == "c":
        return f"; coincidences beyond chance a run change by {number(row.estimate, 2)}{interval} ({p})"
    return f"; growth {number(row.estimate, 3)} in log10 units, mean over {plural(row.runs, 'run')}{interval} ({p})"


def causes_text(causes: pd.DataFrame, plan: pd.DataFrame) -> str:
    """Say for every condition what the jumps come from, and what of them happens at a bifurcation.

    Parameters
    ----------
    causes : DataFrame
        ``causes.parquet`` of the planned runs, rows of the primary loss.
    plan : DataFrame
    """
    table = causes.merge(plan[["run", "label"]], on="run")
    pieces = []
    if len(table):
        pieces.append(
            paragraph(
                "A jump has the first of the causes for which there is evidence, in the order of docs/statistics.md. In"
                " brackets: how frequent the same evidence is in epochs nearby without a jump; what is as frequent"
                f" there explains nothing. A change that is spread evenly over an epoch has a share of {2 * BESIDE:g}"
                " at any place of it; a network lingers where its attractor was, so that what a bifurcation does"
                " shows over the long horizon."
            )
            + "\n"
        )
    for label in plan["label"].drop_duplicates():
        mine = table[table["label"] == label]
        if mine.empty:
            pieces.append("\n".join(wrapped(f"- {label}: no jump to explain.")))
            continue
        counts = mine["cause"].value_counts()
        named = ", ".join(f"{cause.replace('_', ' ')} {counts[cause]}" for cause in CAUSES if cause in counts)
        said = f"{plural(len(mine), 'jump')}: {named}. {_evidence(mine)} {_shares(mine)}"
        pieces.append("\n".join(wrapped(f"- {label}: {said}")))
    return "\n".join(pieces)


def _evidence(mine: pd.DataFrame) -> str:
    """How frequent each evidence is at jumps and in epochs nearby."""
    others = mine["others"].sum()
    pieces = []
    for what, found, column in (
        ("what data states are taken to changed", mine["attractor_change"] != "", "others_attractor_change"),
        (
            f"the step was at least {SPIKE:g} times as long as those around it",
            mine["step_ratio"].dropna() >= SPIKE,
            "others_step_spike",
        ),
        (
            "an orbit from the data lingered and left",
            mine.loc[mine["loss"] != RECORDED_LOSS, "ghost_steps"] >= LINGERS,
            "others_ghost",
        ),
    ):
        if len(found):
            nearby = f" ({percent(mine[column].sum() / others)})" if others else ""
            pieces.append(f"{what} in {percent(found.mean())}{nearby}")
    return f"Of their epochs, {'; '.join(pieces)}."


def _shares(mine: pd.DataFrame) -> str:
    """The share of the change that happens at bifurcations, beside the placebos."""
    measured = mine[mine["share"].notna()]
    if measured.empty:
        found = int((mine["events"] > 0).sum())
        return (
            f"In {found} of them a bifurcation lies; no share is measured."
            if found
            else "None of them has a bifurcation."
        )
    middle = measured.median(numeric_only=True)
    sentences = [
        f"In {len(measured)} of them a bifurcation lies; the median share of the change that happens at it is"
        f" {number(middle['share'], 3)} (at random places {number(middle['share_random'], 3)}, on the reversed step"
        f" {number(middle['share_reversed'], 3)}, on matched steps {number(middle['share_matched'], 3)})."
    ]
    far = measured[measured["share_long"].notna()]
    if len(far):
        more = int((far["share_long"] > far["share_long_random"]).sum())
        sentences.append(
            f"Over the long horizon, where the loss changes in {len(far)} of these, it is"
            f" {number(float(far['share_long'].median()), 3)} (at random places"
            f" {number(float(far['share_long_random'].median()), 3)}; it is larger than there in {more})."
        )
    carried = int((measured[["share", "share_long"]].max(axis=1) >= CARRIES).sum())
    sentences.append(f"At least half of the change happens at a bifurcation in {carried or 'none'}.")
    return " ".join(sentences)
