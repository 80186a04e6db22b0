"""The table of the pre-registered hypotheses, each with its number, its p and an answer."""

import numpy as np
import pandas as pd

from lossjumps.analysis.coincidence import SATURATED, event_coincidence
from lossjumps.analysis.comparison import MeanComparison, compare_means, holm
from lossjumps.analysis.events import NEUTRAL_KIND, PRIMARY_KIND, TOO_FEW
from lossjumps.analysis.hypotheses import HYPOTHESES, LEAST_RUNS, excess_hits, gradient_growth, jump_odds
from lossjumps.schema import CoincidenceConfig
from lossjumps.stages.conditions import ConditionRuns, pairs_of
from lossjumps.stages.files import as_table
from lossjumps.stages.tables import Hypotheses

LEVEL = 0.05
"""Adjusted p up to which a hypothesis is answered with yes."""

UP = 1
_ODDS = ("odds_ratio", "p_odds_ratio", "odds_ratio_given_steps", "p_odds_ratio_given_steps")
_UNKNOWN = dict.fromkeys(_ODDS, np.nan) | {"compared_with": ""}


def hypotheses_table(plan: pd.DataFrame, conditions: list[ConditionRuns], config: CoincidenceConfig) -> pd.DataFrame:
    """Test the hypotheses in every condition, and (c) in every pair of them; p is adjusted over all tests (Holm).

    Parameters
    ----------
    plan : DataFrame
    conditions : list of ConditionRuns
    config : CoincidenceConfig

    Returns
    -------
    DataFrame
        The columns of `Hypotheses`.
    """
    rows = []
    for condition in conditions:
        rows += [*_coincidences(condition, config), *_gradients(condition, config.seed)]
    by_name = {condition.names["condition"]: condition for condition in conditions}
    for pair in pairs_of(plan):
        rows.append(_removal(*(by_name[planned["condition"].iloc[0]] for planned in pair), config))
    order = list(HYPOTHESES)
    rows.sort(key=lambda row: order.index(row["hypothesis"]))
    adjusted = holm(np.array([row["p"] for row in rows], dtype=np.float64))
    for row, p in zip(rows, adjusted, strict=True):
        row |= {"question": HYPOTHESES[row["hypothesis"]], "p_holm": p}
        row["answer"] = row.pop("lacking") or ("yes" if p <= LEVEL and row.pop("as_asked") else "not shown")
        row.pop("as_asked", None)
    return as_table(rows, Hypotheses)


def _coincidences(condition: ConditionRuns, config: CoincidenceConfig) -> list[dict[str, object]]:
    """(a), (b) and what (b) says of persistence."""
    jumps, rows = condition.jump_trains(UP), []
    for name, kind, side in (
        ("a", PRIMARY_KIND, "precursor"),
        ("b", PRIMARY_KIND, "trigger"),
        ("b, persistence", NEUTRAL_KIND, "trigger"),
    ):
        trains = condition.bifurcation_trains(kind)
        result = event_coincidence(
            jumps,
            trains,
            condition.lengths or 0,
            config.primary_window,
            null=config.null_model,
            n_surrogates=config.surrogates,
            seed=config.seed,
        )
        expected = getattr(result, f"expected_{side}_rate")
        lacking = ""
        if result.jumps < TOO_FEW:
            lacking = f"cannot tell: {result.jumps or 'no'} jump{'s' * (result.jumps != 1)} upwards"
        elif result.bifurcations == 0:
            lacking = "cannot tell: no such bifurcation"
        elif expected > SATURATED:
            lacking = "cannot tell: chance alone gives nearly as much"
        row = {
            **condition.names,
            **_UNKNOWN,
            "hypothesis": name,
            "runs": len(condition.runs),
            "jumps": result.jumps,
            "bifurcations": result.bifurcations,
            "estimate": getattr(result, f"{side}_rate"),
            "expected": expected,
            "p": np.nan if lacking else getattr(result, f"p_{side}"),
            "test": result.null[side],
            "lacking": lacking,
            "as_asked": True,
        }
        row["low"], row["high"] = getattr(result, f"expected_{side}_range")
        if name == "a" and not lacking:
            steps = [condition.values(column) for column in ("step_length", "grad_norm")]
            known = [values for values in steps if any(np.isfinite(own).any() for own in values)]
            odds = [
                jump_odds(jumps, trains, condition.lengths, config.primary_window, given) for given in ([], known)
            ]  # fmt: skip
            numbers = [(float(np.exp(one.coefficients[0])), float(one.p[0])) for one in odds]
            row |= dict(zip(_ODDS, numbers[0] + numbers[1], strict=True))
        rows.append(row)
    return rows


def _gradients(condition: ConditionRuns, seed: int) -> list[dict[str, object]]:
    """(d), for each of the two kinds."""
    rows = []
    for name, kind in (("d, transcritical", "degenerate_transcritical"), ("d, fold", "nonsmooth_fold")):
        occupied = [table[table["occupied"].astype(bool)] for table in condition.bifurcations]
        trains = [
            np.unique(table.loc[(table["kind"] == kind) & table["topological"].astype(bool), "epoch"].to_numpy())
            for table in occupied
        ]
        trains = [train[train < n].astype(np.int64) for train, n in zip(trains, condition.lengths, strict=True)]
        growth = np.array(
            [gradient_growth(norms, train) for norms, train in zip(condition.values("grad_norm"), trains, strict=True)]
        )
        growth = growth[~np.isnan(growth)]
        compared = compare_means(np.zeros(growth.size), growth, paired=True, seed=seed)
        few = f"cannot tell: {growth.size or 'no'} run{'s' * (growth.size != 1)} with such an event"
        rows.append(
            {
                **condition.names,
                **_UNKNOWN,
                **_numbers(compared),
                "hypothesis": name,
                "runs": growth.size,
                "jumps": 0,
                "bifurcations": sum(map(len, trains)),
                "lacking": few if growth.size < LEAST_RUNS else "",
                "as_asked": compared.difference > 0,
            }
            | ({"p": np.nan} if growth.size < LEAST_RUNS else {})
        )
    return rows


def _removal(first: ConditionRuns, second: ConditionRuns, config: CoincidenceConfig) -> dict[str, object]:
    """(c): hits beyond chance per run, of the second condition against the first."""
    excess, counts = [], np.zeros(2, dtype=int)
    for condition in (first, second):
        trains = condition.jump_trains(UP), condition.bifurcation_trains(PRIMARY_KIND)
        counts += [sum(map(len, side)) for side in trains]
        excess.append(
            np.array([
                excess_hits(jumps, bifurcations, n, config.primary_window)
                for jumps, bifurcations, n in zip(*trains, condition.lengths, strict=True)
            ])
        )  # fmt: skip
    compared = compare_means(*excess, paired=first.seeds == second.seeds, seed=config.seed)
    lacking = ""
    if min(map(len, excess)) < 2:
        lacking = "cannot tell: fewer than two runs on a side"
    elif not counts.all():
        lacking = f"cannot tell: no {'such bifurcation' if counts[0] else 'jump upwards'}"
    return {
        **second.names,
        **_UNKNOWN,
        **_numbers(compared),
        "hypothesis": "c",
        "compared_with": first.names["label"],
        "runs": sum(map(len, excess)),
        "jumps": counts[0],
        "bifurcations": counts[1],
        "lacking": lacking,
        "as_asked": compared.difference < 0,
    } | ({"p": np.nan} if lacking else {})


def _numbers(compared: MeanComparison) -> dict[str, object]:
    interval = f"; {compared.interval} interval" if compared.interval else ""
    return {
        "estimate": compared.difference,
        "expected": 0.0,
        "low": compared.low,
        "high": compared.high,
        "p": compared.p,
        "test": compared.test + interval,
    }
