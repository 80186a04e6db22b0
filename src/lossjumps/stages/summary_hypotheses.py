"""The part of the summary that answers the hypotheses by name, and says what the jumps come from."""

from typing import Any

import numpy as np
import pandas as pd

from lossjumps.analysis.jump_causes import CAUSES, SPIKE
from lossjumps.stages.summary_text import number, paragraph, percent, plural, probability, within, wrapped

_TITLES = {
    "a": "(a) Jumps follow bifurcations more often than chance",
    "b": "(b) Folds and degenerate transcritical bifurcations of the occupied attractor carry jumps",
    "b, persistence": "(b) and persistence that changes nothing does not",
    "c": "(c) Forcing removes the jumps that come from bifurcations",
    "d, transcritical": "(d) Gradient norms grow before degenerate transcritical bifurcations",
    "d, fold": "(d) and not before folds",
}
_ASKS_FOR_NO = ("b, persistence", "d, fold")


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
    for label in plan["label"].drop_duplicates():
        mine = table[table["label"] == label]
        if mine.empty:
            pieces.append("\n".join(wrapped(f"- {label}: no jump to explain.")))
            continue
        counts = mine["cause"].value_counts()
        named = ", ".join(f"{cause.replace('_', ' ')} {counts[cause]}" for cause in CAUSES if cause in counts)
        pieces.append("\n".join(wrapped(f"- {label}: {plural(len(mine), 'jump')}: {named}. {_shares(mine)}")))
    return "\n".join(pieces)


def _shares(mine: pd.DataFrame) -> str:
    """The share of the change that happens at bifurcations, beside the placebos, and the steps."""
    sentences = []
    measured = mine[mine["share"].notna()]
    if len(measured):
        middle = {name: float(measured[name].median()) for name in ("share", "share_random", "share_reversed")}
        middle["share_matched"] = float(measured["share_matched"].median())
        carried = int((measured[["share", "share_long"]].max(axis=1) >= 0.5).sum())
        sentences.append(
            f"In {len(measured)} of them a bifurcation lies in the epoch itself; the median share of the change that"
            f" happens at it is {number(middle['share'], 3)} (at random places {number(middle['share_random'], 3)},"
            f" on the reversed step {number(middle['share_reversed'], 3)},"
            f" on matched steps {number(middle['share_matched'], 3)}), and at least half in {carried}."
        )
    else:
        sentences.append("In none of their epochs is the share that happens at a bifurcation measured.")
    steps = mine["step_ratio"].dropna()
    if len(steps):
        long = int((steps >= SPIKE).sum())
        sentences.append(
            f"The step was {number(float(steps.median()))} times as long as those around it (median), at least"
            f" {SPIKE:g} times in {long}."
        )
    return " ".join(sentences)
