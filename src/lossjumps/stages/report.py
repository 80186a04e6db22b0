"""Stage *report*: the summary of an experiment in plain sentences, and its figures."""

import re
from pathlib import Path

import pandas as pd

from lossjumps.analysis.events import RECORDED_LOSS, TOO_FEW
from lossjumps.analysis.nulls import NULLS
from lossjumps.configuration import load_batch, load_events, load_search, load_tracking
from lossjumps.data.none import NO_DATA, name_of_data
from lossjumps.data.registry import DATASETS
from lossjumps.figures.experiment import overview_figure, raster_figure
from lossjumps.figures.style import save_png
from lossjumps.stages import summary_text as text
from lossjumps.stages.files import load_plan, read_table
from lossjumps.stages.losses import of_primary_loss, primary_of
from lossjumps.stages.summary_hypotheses import causes_text, hypotheses_text, sensitivity_text
from lossjumps.stages.summary_numbers import ExperimentTables, condition_numbers, run_counts
from lossjumps.stages.tables import (
    Attractors,
    Bifurcations,
    Causes,
    Coincidences,
    Comparisons,
    Conditions,
    Hypotheses,
    Jumps,
    Sensitivity,
    Status,
)
from lossjumps.stages.tracking_address import external_store
from lossjumps.stages.whole import write_text, write_whole

_BATCH_COLUMNS = {
    Status: None,
    Jumps: ["run", "epoch", "loss"],
    Bifurcations: ["run", "epoch", "kind", "topological"],
    Coincidences: None,
    Attractors: ["run", "epoch", "complete"],
    Causes: None,
}


def run(folder: Path) -> None:
    """Write ``summary.md`` and ``figures/`` of an experiment.

    Raises
    ------
    InputError
        If the folder is no experiment, or a table is missing or does not hold every planned run.
    """
    folder = Path(folder)
    tables = read_tables(folder)
    window = load_events(folder).coincidence.primary_window
    name = folder.resolve().name
    numbers, runs = condition_numbers(tables, window), run_counts(tables, window)
    figures = {"overview": overview_figure(numbers, runs, title=f"{name}: loss jumps and bifurcations", window=window)}
    jumps = tables.jumps.merge(runs[["run", "loss"]], on=["run", "loss"])
    for dataset, part in numbers.groupby("dataset", sort=False):
        chosen = runs[runs["condition"].isin(part["condition"])]
        figures[f"events-{dataset}"] = raster_figure(
            chosen,
            jumps,
            tables.bifurcations,
            title=f"{name}, {name_of_data(str(dataset))}: when the loss jumped, when the map bifurcated",
        )
    for stem, figure in figures.items():
        write_whole(folder / "figures" / f"{stem}.png", lambda temporary, figure=figure: save_png(figure, temporary))
    for path in (folder / "figures").glob("*.png"):
        if path.stem not in figures:
            path.unlink()
    order = load_search(folder).max_order
    store = external_store(load_tracking(folder).uri)
    write_text(folder / "summary.md", summary(name, tables, window, origins_of(folder, tables.plan), order, store))


def origins_of(folder: Path, plan: pd.DataFrame) -> dict[str, str]:
    """Return ``simulated`` or ``real`` for every data set of a plan that is either, by the name of its option.

    An option's name is the user's choice; what it loads is in the configuration of its batches.
    """
    first = plan.groupby("dataset", sort=False)["batch"].first()
    loaded = {option: load_batch(folder / "batches" / batch).dataset.name for option, batch in first.items()}
    return {option: DATASETS[name].origin for option, name in loaded.items() if DATASETS[name].origin}


def read_tables(folder: Path) -> ExperimentTables:
    """Read what the report is made from, keeping the runs of the plan.

    Raises
    ------
    InputError
        If a table is missing.
    """
    plan = load_plan(folder)
    batches = [folder / "batches" / name for name in plan["batch"].unique()]
    parts = {}
    for schema, columns in _BATCH_COLUMNS.items():
        tables = [read_table(batch / schema.FILE, schema, columns) for batch in batches]
        table = pd.concat(tables, ignore_index=True)
        parts[schema] = table[table["run"].isin(plan["run"])]
    return ExperimentTables(
        plan=plan,
        conditions=read_table(folder / Conditions.FILE, Conditions),
        comparisons=read_table(folder / Comparisons.FILE, Comparisons),
        hypotheses=read_table(folder / Hypotheses.FILE, Hypotheses),
        sensitivity=read_table(folder / Sensitivity.FILE, Sensitivity),
        causes=of_primary_loss(parts[Causes], "run"),
        status=parts[Status],
        jumps=parts[Jumps],
        bifurcations=parts[Bifurcations],
        coincidences=parts[Coincidences],
        completeness=parts[Attractors].drop_duplicates(["run", "epoch"]),
    )


def summary(
    name: str, tables: ExperimentTables, window: int, origins: dict[str, str], max_order: int, uri: str | None = None
) -> str:
    """Return the text of ``summary.md``; where its numbers come from is in `lossjumps.stages.summary_numbers`.

    Parameters
    ----------
    name
        Of the experiment.
    tables
        What the numbers come from.
    window
        The tolerance window in epochs that is spoken of.
    origins
        ``simulated`` or ``real`` for the data sets where that is known.
    max_order
        Largest order of the cycles that are searched.
    uri
        The tracking URI, where one is chosen; None: MLflow's database lies in the results folder.
    """
    numbers = condition_numbers(tables, window)
    pieces = [
        f"# {name}: do loss jumps and bifurcations come together?",
        text.answer(numbers, _of_jumps(tables.comparisons), origins),
        _what_was_run(numbers, window, max_order),
        f"```\n{text.overview_table(numbers, origins)}\n```",
    ]
    for dataset, part in numbers.groupby("dataset", sort=False):
        pieces.append(f"## {text.heading(str(dataset), origins)}")
        pieces += [text.condition_text(row, window) for row in part.itertuples()]
        pairs = tables.comparisons[tables.comparisons["dataset"] == dataset]
        pieces += [
            text.comparison_text(pair, primary_of(pair["loss"].unique()))
            for _, pair in pairs.groupby(["condition_first", "condition_second"], sort=False)
        ]
    compared = text.origin_paragraph(numbers, origins)
    if compared:
        pieces += ["## Simulated and real data", compared]
    pieces += ["## The hypotheses", hypotheses_text(tables.hypotheses, window)]
    pieces += [sensitivity_text(tables.sensitivity, window)]
    pieces += ["## What the jumps come from", causes_text(tables.causes, tables.plan)]
    pieces += [
        "## How to read this",
        *_reading(numbers, tables.comparisons),
        "## Where things are",
        _places(numbers, uri),
    ]
    return "\n\n".join(piece for piece in pieces if piece) + "\n"


def _of_jumps(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of the jumps of the primary loss."""
    return of_primary_loss(comparisons[comparisons["quantity"] == "jumps_per_1000_epochs"], "condition_first")


def _what_was_run(numbers: pd.DataFrame, window: int, max_order: int) -> str:
    objects = "a fixed point" if max_order == 1 else f"a fixed point or cycle of order up to {max_order}"
    return text.paragraph(
        f"{text.plural(int(numbers['runs'].sum()), 'training')} in {text.plural(len(numbers), 'condition')}"
        f" {_on_what(numbers['dataset'])}, {int(numbers['epochs'].sum())} epochs in all;"
        f" {text.plural(int(numbers['runs_diverged'].sum()), 'training')} diverged.",
        *_jumping_losses(numbers),
        f"A bifurcation is {objects} of the free-running map appearing, vanishing or changing stability.",
        f"A jump had a bifurcation if one lies {text.within(window)}.",
        text.certificates(numbers),
    )


def _on_what(datasets: pd.Series) -> str:
    """Say on how many data sets, and whether also on none."""
    chosen = set(datasets) - {NO_DATA}
    if not chosen:
        return "without a data set"
    return f"on {text.plural(len(chosen), 'data set')}" + (" or without one" if NO_DATA in set(datasets) else "")


def _jumping_losses(numbers: pd.DataFrame) -> list[str]:
    """Say which loss jumps are those of."""
    recorded = numbers["loss"] == RECORDED_LOSS
    sentences = []
    if not recorded.all():
        sentences.append(
            "A jump is one of the free-running loss over a short horizon, the same evaluation for every training."
        )
    if recorded.any():
        where = "" if recorded.all() else "Where there is no data set, "
        said = "a jump is one of the loss that was recorded with the training, whatever that measures."
        sentences.append(where + said if where else said[0].upper() + said[1:])
    return sentences


def _reading(numbers: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """Explain the columns, and the nulls and tests that were used."""
    used = dict.fromkeys(name for null in numbers["null"] for name in text.null_names(null))
    tests = _of_jumps(comparisons).dropna(subset="p")["test"].unique()
    return [
        text.paragraph(
            "Epochs are counted, not events: several in one epoch count once.",
            "*By chance*: mean of the surrogates of the null with the larger p; p: the share of them with at"
            " least as many coincidences (*swap*: for the numbers of both in the runs that are paired)."
            f" Up to p = {text.LEVEL:g}, each condition by itself, it is called more than"
            f" chance gives; with fewer than {TOO_FEW} jumps nothing is.",
        ),
        *(text.paragraph(f"Null *{name}*: {NULLS[name].partition(': ')[2]}.") for name in used if name in NULLS),
        *(text.paragraph(f"Trainings are compared over their runs ({test}).") for test in tests),
    ]


def _places(numbers: pd.DataFrame, uri: str | None) -> str:
    """Say where the figures and tables are, relative to the experiment's folder."""
    shown = "`make ui`" if uri is None else f"the server or database {re.sub(r'//[^/@]*@', '//', uri)}"
    datasets = ", ".join(f"events-{dataset}.png" for dataset in numbers["dataset"].unique())
    lines = [
        "In the folder of this file:",
        "- figures/overview.png: every condition at a glance",
        *text.wrapped(f"- figures/{datasets}: every run as a line of events"),
        "- batches/BATCH/figures/RUN.png: one run: its losses and its bifurcation diagram",
        "- statistics/conditions.parquet, comparisons.parquet: all windows, losses and kinds of bifurcation",
        "- statistics/hypotheses.parquet, sensitivity.parquet: the tests; (a) with one choice changed",
        "- batches/BATCH/*.parquet: every cycle, bifurcation and jump; docs/columns.md describes each column",
        *text.wrapped(f"- MLflow: {shown} shows every run, with these tables and figures in the run `summary`"),
    ]
    return "\n".join(lines)
