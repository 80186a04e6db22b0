"""Stage `statistics`: coincidence against chance in every condition, and trainings compared over their runs."""

from pathlib import Path

import numpy as np
import pandas as pd

from lossjumps.analysis.coincidence import SATURATED, CoincidenceResult, coincidence_over_windows
from lossjumps.analysis.comparison import compare_means
from lossjumps.analysis.events import ALL_LOSSES, COUNTED_KINDS, LOSSES
from lossjumps.configuration import load_events
from lossjumps.errors import InputError
from lossjumps.progress import Progress, silent
from lossjumps.schema import CoincidenceConfig
from lossjumps.stages.coincidences import bifurcation_epochs, jump_epochs
from lossjumps.stages.conditions import Tables, conditions_of, pairs_of, planned_history, runs_of_conditions
from lossjumps.stages.files import as_table, load_plan, read_table, write_table
from lossjumps.stages.formats import Table
from lossjumps.stages.hypotheses import hypotheses_table
from lossjumps.stages.sensitivity import sensitivity_table
from lossjumps.stages.tables import (
    Bifurcations,
    Coincidences,
    Comparisons,
    Conditions,
    Hypotheses,
    Jumps,
    Sensitivity,
    Status,
)

_EVENT_KEYS = ["loss", "kind", "window"]


def run(folder: Path, progress: Progress = silent) -> None:
    """Write the tables in ``statistics/`` of an experiment.

    Parameters
    ----------
    folder : Path
        ``results/<experiment>``.
    progress : callable
        Told every condition, with the condition, when it has been compared with chance.

    Raises
    ------
    InputError
        If the folder is no experiment folder or a table of a trained batch is missing.
    """
    folder = Path(folder)
    plan = load_plan(folder)
    events = load_events(folder)
    config = events.coincidence
    tables = planned_tables(folder, plan)
    write_table(folder / Conditions.FILE, conditions_table(plan, tables, config, progress), Conditions)
    write_table(folder / Comparisons.FILE, comparisons_table(plan, tables, config), Comparisons)
    conditions = list(runs_of_conditions(plan, tables, planned_history(folder, plan)))
    write_table(folder / Hypotheses.FILE, hypotheses_table(plan, conditions, config), Hypotheses)
    write_table(folder / Sensitivity.FILE, sensitivity_table(conditions, events), Sensitivity)


def planned_tables(folder: Path, plan: pd.DataFrame) -> Tables:
    """Read the tables of the batches of an experiment and keep the planned runs.

    A batch without ``status.parquet`` has not been trained: its runs are missing, and counted as such.

    Raises
    ------
    InputError
        If a trained batch lacks one of the other tables.
    """
    columns = {
        Status: ["run", "status", "last_epoch"],
        Jumps: ["run", "epoch", "loss", "sign"],
        Bifurcations: ["run", "epoch", "kind", "direction", "topological", "occupied"],
        Coincidences: None,
    }
    parts: dict[type[Table], list[pd.DataFrame]] = {schema: [] for schema in columns}
    for batch in sorted(plan["batch"].unique()):
        batch_folder = Path(folder) / "batches" / batch
        if not (batch_folder / Status.FILE).is_file():
            continue
        planned = plan.loc[plan["batch"] == batch, "run"]
        for schema, wanted in columns.items():
            table = read_table(batch_folder / schema.FILE, schema, wanted)
            parts[schema].append(table[table["run"].isin(planned)])
    if not parts[Status]:
        raise InputError(f"{folder}: no planned run has been trained")
    return Tables(*(pd.concat(tables, ignore_index=True) for tables in parts.values()))


def conditions_table(
    plan: pd.DataFrame, tables: Tables, config: CoincidenceConfig, progress: Progress = silent
) -> pd.DataFrame:
    """Coincidence of every condition, pooled over its runs, and what chance gives.

    Parameters
    ----------
    plan : DataFrame
        One row a planned run: run, condition, label, seed, dataset, model, training.
    tables : Tables
        Of the planned runs.
    config : CoincidenceConfig
        Windows, surrogates and their seed.
    progress : callable
        Told every condition.

    Returns
    -------
    DataFrame
        The columns of `Conditions`, one row a condition, loss, kind and window.  Counts are sums over runs;
        rates are those sums divided: per 1000 epochs lived, precursor_rate = precursor_hits / jumps, trigger_rate =
        trigger_hits / bifurcations (NaN where that is 0 / 0), coverage = covered / epochs.
        `runs` are those with a result, `runs_diverged` of them ended early; `runs_missing` are planned without one.
        The null columns are mean and 2.5 and 97.5 % quantiles of the null, as rates.  `saturated`: chance alone gives
        more than 0.8, so that a coincidence says nothing.

    Raises
    ------
    InputError
        If the counts of a run or window are missing from the coincidences.
    """
    windows = sorted(set(config.windows))
    jumps_of, bifurcations_of = (
        dict(tuple(tables.jumps.groupby("run"))),
        dict(tuple(tables.bifurcations.groupby("run"))),
    )
    rows = []
    conditions = list(conditions_of(plan))
    for done, planned in enumerate(conditions, start=1):
        status = tables.status.set_index("run")
        runs = [name for name in planned["run"] if name in status.index]
        lengths = [int(status.at[name, "last_epoch"]) for name in runs]
        own = {
            "runs": len(runs),
            "runs_diverged": sum(status.at[name, "status"] == "diverged" for name in runs),
            "runs_missing": len(planned) - len(runs),
            **{name: planned[name].iloc[0] for name in ("condition", "label", "dataset", "model", "training")},
        }
        jumps = [jumps_of.get(name, tables.jumps[:0]) for name in runs]
        bifurcations = [bifurcations_of.get(name, tables.bifurcations[:0]) for name in runs]
        totals = _totals(tables.coincidences, runs)
        for loss in _losses(totals):
            jump_trains = [jump_epochs(table, loss, n) for table, n in zip(jumps, lengths, strict=True)]
            up = [jump_epochs(table[table["sign"] > 0], loss, n) for table, n in zip(jumps, lengths, strict=True)]
            for kind in COUNTED_KINDS:
                trains = [bifurcation_epochs(table, kind, n) for table, n in zip(bifurcations, lengths, strict=True)]
                results = coincidence_over_windows(
                    jump_trains,
                    trains,
                    lengths or 0,
                    windows,
                    null=config.null_model,
                    n_surrogates=config.surrogates,
                    seed=config.seed,
                )
                for window, result in zip(windows, results, strict=True):
                    event = {"loss": loss, "kind": kind, "window": window, "jumps_up": sum(map(len, up))}
                    total = _total(totals, len(runs), loss, kind, window)
                    if [total[name] for name in _COUNTED] != [getattr(result, name) for name in _COUNTED]:
                        raise InputError(f"coincidences.parquet: counts of {own['condition']} do not fit its events")
                    rows.append(own | event | total | _rates(total, result))
        progress(done, len(conditions), own["label"])
    return as_table(rows, Conditions)


def comparisons_table(plan: pd.DataFrame, tables: Tables, config: CoincidenceConfig) -> pd.DataFrame:
    """Trainings compared over their runs, where data set, model and everything else that is swept are the same.

    Parameters
    ----------
    plan, tables, config
        As of `conditions_table`.

    Returns
    -------
    DataFrame
        The columns of `Comparisons`.  One value a run (in `values_first` and `values_second` by seed, NaN where
        a run has none): `diverged` (0 or 1), `jumps_per_1000_epochs` and `jumps_up_per_1000_epochs` by loss,
        `bifurcations_per_1000_epochs` by kind, and by loss, kind and window `coincidences_per_1000_epochs` (precursor
        hits), `precursor_rate` (of runs with a jump) and `trigger_rate` (of runs with a bifurcation).  Loss and kind
        are empty and window is missing where they do not apply.  Difference: second minus first.
    """
    values = run_values(plan, tables)
    rows = []
    for first, second in pairs_of(plan):
        names = {
            f"{name}_{side}": planned[name].iloc[0]
            for side, planned in (("first", first), ("second", second))
            for name in ("training", "condition", "label")
        }
        common = {"dataset": first["dataset"].iloc[0], "model": first["model"].iloc[0], **names}
        one, two = (values[values["run"].isin(planned["run"])] for planned in (first, second))
        keys = ["quantity", *_EVENT_KEYS]
        groups_one, groups_two = (dict(tuple(side.groupby(keys, sort=False))) for side in (one, two))
        # In the order of `run_values`; a side without any run has no values at all.
        for key in dict.fromkeys([*groups_one, *groups_two]):
            sides = [groups.get(key, values[:0]).sort_values("seed") for groups in (groups_one, groups_two)]
            by_run = [side["value"].to_numpy() for side in sides]
            paired = np.array_equal(sides[0]["seed"], sides[1]["seed"])
            compared = compare_means(*by_run, paired=paired, seed=config.seed)
            quantity, loss, kind, window = key
            rows.append(
                common
                | {"quantity": quantity, "loss": loss, "kind": kind, "window": pd.NA if window < 0 else window}
                | vars(compared)
                | {"values_first": by_run[0].tolist(), "values_second": by_run[1].tolist()}
            )
    return as_table(rows, Comparisons)


def run_values(plan: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Every quantity that is compared, one row a run with a result.

    Returns
    -------
    DataFrame
        Columns run, seed, quantity, loss, kind, window (-1: does not apply), value.
    """
    seeds = plan[["run", "seed"]].drop_duplicates("run")
    counts = tables.coincidences.copy()
    for name, keys in (("loss", ALL_LOSSES), ("kind", COUNTED_KINDS)):
        counts[name] = pd.Categorical(counts[name], categories=keys, ordered=True)
    counts = counts.sort_values(["run", *_EVENT_KEYS], ignore_index=True)
    counts = counts.astype({"loss": "str", "kind": "str"})
    by_loss = counts.drop_duplicates(["run", "loss"])
    by_kind = counts.drop_duplicates(["run", "kind"])
    rising = tables.jumps[tables.jumps["sign"] > 0].groupby(["run", "loss"])["epoch"].nunique()
    up = rising.reindex(pd.MultiIndex.from_frame(by_loss[["run", "loss"]]), fill_value=0).to_numpy()
    status = tables.status.assign(diverged=(tables.status["status"] == "diverged").astype(float))

    def quantity(name: str, table: pd.DataFrame, over: list[str], value: np.ndarray) -> pd.DataFrame:
        described = {"loss": "", "kind": "", "window": -1} | {key: table[key].to_numpy() for key in over}
        return pd.DataFrame({"run": table["run"].to_numpy(), "quantity": name, **described, "value": value})

    parts = [
        quantity("diverged", status, [], status["diverged"].to_numpy()),
        quantity("jumps_per_1000_epochs", by_loss, ["loss"], _share(by_loss["jumps"], by_loss["epochs"], 1000)),
        quantity("jumps_up_per_1000_epochs", by_loss, ["loss"], _share(up, by_loss["epochs"], 1000)),
        quantity(
            "bifurcations_per_1000_epochs", by_kind, ["kind"], _share(by_kind["bifurcations"], by_kind["epochs"], 1000)
        ),
        quantity(
            "coincidences_per_1000_epochs",
            counts,
            _EVENT_KEYS,
            _share(counts["precursor_hits"], counts["epochs"], 1000),
        ),
        quantity("precursor_rate", counts, _EVENT_KEYS, _share(counts["precursor_hits"], counts["jumps"])),
        quantity("trigger_rate", counts, _EVENT_KEYS, _share(counts["trigger_hits"], counts["bifurcations"])),
    ]
    return pd.concat(parts, ignore_index=True).merge(seeds, on="run", how="inner")


_COUNTED = ("jumps", "bifurcations", "precursor_hits", "trigger_hits")


def _share(part: pd.Series | np.ndarray, whole: pd.Series, unit: float = 1.0) -> np.ndarray:
    """`part` over `whole` in `unit`; NaN where there is no whole."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(unit * part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


_SUMMED = (*_COUNTED, "epochs", "covered")


def _totals(counts: pd.DataFrame, runs: list[str]) -> dict[tuple[str, str, int], dict[str, int]]:
    """Sums over the runs of a condition by loss, kind and window; ``rows``: how many runs have counts."""
    grouped = counts[counts["run"].isin(runs)].groupby(_EVENT_KEYS)
    table = grouped[list(_SUMMED)].sum().assign(rows=grouped["run"].nunique())
    return {key: dict(zip(table.columns, map(int, row), strict=True)) for key, *row in table.itertuples(name=None)}


def _losses(totals: dict[tuple[str, str, int], dict[str, int]]) -> list[str]:
    """The losses that the runs of a condition have; all that are measured where no run has a result."""
    return [loss for loss in ALL_LOSSES if any(key[0] == loss for key in totals)] or list(LOSSES)


def _total(
    totals: dict[tuple[str, str, int], dict[str, int]], n_runs: int, loss: str, kind: str, window: int
) -> dict[str, int]:
    """Sums of one loss, kind and window, checked to be those of every run."""
    if n_runs == 0:
        return dict.fromkeys(_SUMMED, 0)
    found = totals.get((loss, kind, window), {"rows": 0})
    if found["rows"] != n_runs:
        raise InputError(
            f"coincidences.parquet: no counts of {loss}, {kind}, window {window} for every run; "
            "run the stage coincidences"
        )
    return {name: found[name] for name in _SUMMED}


def _rates(total: dict[str, int], result: CoincidenceResult) -> dict[str, object]:
    """Rates of the sums of a condition, and what its null says."""
    epochs = total["epochs"]
    covered = total["covered"] / epochs if epochs else np.nan
    texts = result.null
    same = texts["precursor"] == texts["trigger"]
    return {
        "jumps_per_1000_epochs": 1000 * total["jumps"] / epochs if epochs else np.nan,
        "bifurcations_per_1000_epochs": 1000 * total["bifurcations"] / epochs if epochs else np.nan,
        "precursor_rate": result.precursor_rate,
        "trigger_rate": result.trigger_rate,
        "null_precursor_mean": result.expected_precursor_rate,
        "null_precursor_low": result.expected_precursor_range[0],
        "null_precursor_high": result.expected_precursor_range[1],
        "null_trigger_mean": result.expected_trigger_rate,
        "null_trigger_low": result.expected_trigger_range[0],
        "null_trigger_high": result.expected_trigger_range[1],
        "p_precursor": result.p_precursor,
        "p_trigger": result.p_trigger,
        "null": texts["precursor"] if same else f"precursor {texts['precursor']}; trigger {texts['trigger']}",
        "coverage": covered,
        "saturated": bool(covered > SATURATED or result.expected_precursor_rate > SATURATED),
    }
