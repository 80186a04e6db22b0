"""The real MLflow UI in a browser: what a reviewer finds there, from the table of runs to the figure of one run.

``make screenshots RESULTS=...`` does the same with other results, and keeps pictures for the documentation.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from lossjumps.configuration.request import Request
from lossjumps.stages.listing import BATCH, STAGES
from lossjumps.stages.plan import run as write_plan
from lossjumps.stages.prepare import folders, prepare
from lossjumps.stages.tracking_views import CHARTS
from lossjumps.ui_command import HOST

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None, reason="no browser on PATH; install Debian's package chromium (apt-get install chromium)"
    ),
]

EVENTFUL = (
    "dataset=lorenz63",
    "training.epochs=100",
    "training.learning_rate=0.05",
    "events.jumps.threshold=2.5",
    "events.jumps.min_change=0.05",
)
"""Overrides of the smoke experiment with which its losses jump and its networks bifurcate."""

SIZE = {"width": 1600, "height": 1000}

# MLflow asks whether users have to log in; here they need not.
EXPECTED_FAILURE = re.compile(r"/ajax-api/2\.0/mlflow/users/current$")
# Said by browsers when a page changes its size while it is drawn; nothing is lost.
HARMLESS = "ResizeObserver loop completed with undelivered notifications"

READ_TABLE = """() => {
    const headings = {}, runs = {}
    for (const cell of document.querySelectorAll('.ag-header-cell'))
        headings[cell.getAttribute('col-id')] = cell.innerText.trim()
    for (const row of document.querySelectorAll('.ag-row')) {
        const run = runs[row.getAttribute('row-id')] ??= {position: Number(row.getAttribute('row-index'))}
        for (const cell of row.querySelectorAll('.ag-cell'))
            run[headings[cell.getAttribute('col-id')]] = (cell.querySelector('a') ?? cell).innerText.trim()
    }
    return Object.values(runs)
}"""


expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def experiment(request, tmp_path_factory):
    """The folder of a finished experiment: those results that pictures are wanted of, or a tiny one made here."""
    if results := request.config.getoption("--screenshots"):
        return next(path.parent for path in sorted(Path(results).resolve().glob("*/plan.parquet")))
    results = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        plan = Request("smoke", [*EVENTFUL, f"results={results}"], ROOT / "conf").plan()
        prepare(plan)
        for name in ("dataset", "train", "dynamics", "jumps", "causes", "coincidences"):
            for folder in folders(plan, STAGES[name]):
                STAGES[name].module.run(folder)
        write_plan(plan.folder, ROOT / "conf")
        STAGES["statistics"].module.run(plan.folder)
        STAGES["report"].module.run(plan.folder)
        assert STAGES["track"].folder == BATCH
        for folder in (*folders(plan, STAGES["track"]), plan.folder):
            STAGES["track"].module.run(folder)
    return plan.folder


@pytest.fixture(scope="module")
def runs(experiment):
    """What the tables say of every run, by the name it should have in MLflow."""
    plan = pd.read_parquet(experiment / "plan.parquet")
    read = {
        name: pd.concat([pd.read_parquet(path) for path in sorted(experiment.glob(f"batches/*/{name}.parquet"))])
        for name in ("history", "jumps", "bifurcations", "coincidences")
    }
    jumps = read["jumps"].query("loss == 'loss_free'")
    bifurcations = read["bifurcations"].query("topological and kind != 'unresolved'")
    primary = "loss == 'loss_free' and window == 1 and kind == 'any'"
    hits = read["coincidences"].query(primary).set_index("run")
    conditions = pd.read_parquet(experiment / "statistics" / "conditions.parquet").query(primary).set_index("condition")
    expected = {}
    for row in plan.itertuples():
        history = read["history"].query("run == @row.run").set_index("epoch")
        mine = bifurcations.query("run == @row.run")
        number = jumps.query("run == @row.run")["epoch"].nunique()
        condition = conditions.loc[row.condition]
        chance_known = condition["jumps"] > 0 and condition["bifurcations"] > 0
        expected[f"{row.label} s{row.seed}"] = {
            "losses": history["loss_free"],
            "loss/free_final": history["loss_free"].iloc[-1],
            "event/jumps": number,
            "event/bifurcations": mine["epoch"].nunique(),
            **{
                f"event/bifurcations_{kind}": mine.query("kind == @kind")["epoch"].nunique()
                for kind in ("nonsmooth_fold", "persistence", "centre")
            },
            "coincidence/precursor_rate": hits["precursor_hits"][row.run] / number if number else None,
            "condition/precursor_rate": condition["precursor_rate"] if condition["jumps"] else None,
            "condition/precursor_chance": condition["null_precursor_mean"] if chance_known else None,
            "condition/precursor_p": condition["p_precursor"] if chance_known and condition["jumps"] >= 5 else None,
            "dataset": row.dataset,
            "training": row.training,
            "seed": str(row.seed),
        }
    assert len(expected) == len(plan)
    return expected


@pytest.fixture(scope="module")
def links(experiment):
    """The server that `lossjumps ui` starts, and the links it prints; ended as by Ctrl-C."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lossjumps", "ui", str(experiment.parent), "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as server:
        try:
            said = []
            for line in server.stdout:
                if line == "Ctrl-C ends it.\n":
                    break
                said.append(line.rstrip())
            address = f"http://{HOST}:{port}"
            assert said[0] == f"MLflow starts at {address}, in some seconds."
            assert said[-3] == f"{experiment.name}:"
            runs, charts = (line.split()[1] for line in said[-2:])
            assert runs.startswith(f"{address}/#/experiments/") and charts.startswith(runs)
            yield SimpleNamespace(address=address, runs=runs, charts=charts)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGINT)  # as a terminal does, to all processes of the group
            status, ending = server.wait(timeout=60), server.stdout.read()
    assert (status, ending) == (0, "")
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, port)) != 0  # nothing that it started is left


@pytest.fixture(scope="module")
def context(links):
    """A browser as a user has it after closing the assistant and choosing *Model training* once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--disable-dev-shm-usage"])
        context = browser.new_context(viewport=SIZE)
        context.set_default_timeout(30_000)
        context.outside = []

        def only_here(route):
            if route.request.url.startswith(f"{links.address}/"):
                route.continue_()
            else:
                context.outside.append(route.request.url)
                route.abort()

        context.route("**/*", only_here)
        page = context.new_page()
        page.goto(f"{links.address}/#/experiments")
        page.get_by_role("button", name="Close", exact=True).click()  # the assistant covers a quarter of the page
        page.get_by_text("Model training", exact=True).click()
        expect(page.get_by_text("Model registry", exact=True)).to_be_visible()
        page.close()
        yield context
        browser.close()


@pytest.fixture
def page(context):
    """A new page; the test fails if the page raises an error or asks another computer for anything."""
    page = context.new_page()
    errors = []

    def note_console(message):
        known = HARMLESS in message.text or EXPECTED_FAILURE.search(message.location.get("url", ""))
        if message.type == "error" and not known:
            errors.append(f"{message.text} ({message.location.get('url')})")

    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", note_console)
    yield page
    page.close()
    assert errors == []
    assert context.outside == []


@pytest.fixture
def photograph(request, page):
    """Return a function that keeps a picture of the page, where pictures are wanted."""

    def keep(name):
        if request.config.getoption("--screenshots"):
            page.set_viewport_size(SIZE)
            page.mouse.move(700, 5)
            page.wait_for_timeout(500)  # what appears under the mouse fades away
            # Where files are on one computer is of no use to others.
            place = page.get_by_text("Path: file://")
            page.screenshot(path=IMAGES / f"mlflow_{name}.png", mask=[place], mask_color="white")

    return keep


def open_runs(page: Page, link: str, number: int) -> None:
    page.goto(link)
    expect_runs(page, number)
    banner = page.get_by_role("button", name="Hide banner")
    if banner.count():
        banner.click()


def expect_runs(page: Page, number: int) -> None:
    expect(page.get_by_text(f"{number} matching run", exact=False)).to_be_visible()
    expect(page.locator(".ag-row").first).to_be_visible()


def enlarge(page: Page, number: int) -> None:
    page.set_viewport_size({"width": 6000, "height": 500 + 40 * number})


def read_table(page: Page, number: int) -> pd.DataFrame:
    """Read the table of runs: the text of every cell, by run; only what is on the screen exists in the page."""
    enlarge(page, number)
    expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(number)
    expect(page.locator(heading("tags", "status"))).to_be_visible()
    return pd.DataFrame(page.evaluate(READ_TABLE)).set_index("Run Name").sort_values("position")


def heading(group: str, name: str) -> str:
    return f".ag-header-cell[col-id='{group}.`{name}`']"


def open_run(page: Page, links: SimpleNamespace, name: str, number: int) -> None:
    open_runs(page, links.runs, number)
    search(page, f"attributes.run_name = '{name}'")
    expect_runs(page, 1)
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def search(page: Page, text: str) -> None:
    field = page.get_by_placeholder("metrics.rmse")
    field.fill(text)
    field.press("Enter")


def most_eventful(runs: dict) -> str:
    return max(runs, key=lambda name: (runs[name]["event/jumps"], runs[name]["event/bifurcations"]))


def test_runs_are_listed_by_name_with_the_columns_that_answer(page, links, runs, photograph):
    open_runs(page, links.runs, len(runs) + 1)
    table = read_table(page, len(runs) + 1)
    assert sorted(table.index) == sorted([*runs, "summary"])
    for name, expected in runs.items():
        for column in ("dataset", "training", "seed"):
            assert table.loc[name, column] == expected[column]
        assert table.loc[name, "status"] in ("finished", "diverged")
        for column in [name for name in expected if "/" in name]:
            text = table.loc[name, column]
            shown = None if text == "-" else float(text.replace(",", ""))
            assert shown == pytest.approx(expected[column]), (name, column)
    # The saved view sorts them: most jumps first.
    jumps = [runs[name]["event/jumps"] for name in table.index if name != "summary"]
    assert jumps == sorted(jumps, reverse=True) and jumps[0] > jumps[-1]
    photograph("runs")


def test_search_and_sorting_find_runs_by_a_metric(page, links, runs):
    open_runs(page, links.runs, len(runs) + 1)
    losses = pd.Series({name: run["loss/free_final"] for name, run in runs.items()}).sort_values()
    threshold = losses.iloc[: len(losses) // 2 + 1].tail(2).mean()
    below = losses[losses < threshold]
    enlarge(page, len(runs))
    search(page, f"metrics.`loss/free_final` < {threshold:.17g}")
    expect_runs(page, len(below))
    assert sorted(read_table(page, len(below)).index) == sorted(below.index)
    for ascending, expected in (("false", below[::-1]), ("true", below)):
        page.locator(heading("metrics", "loss/free_final")).click()
        expect(page).to_have_url(re.compile(f"orderByKey=metrics.*free_final.*orderByAsc={ascending}"))
        expect(page.locator(".ag-row[row-index='0']").filter(has=page.get_by_role("link"))).to_contain_text(
            expected.index[0]
        )
        assert list(read_table(page, len(below)).index) == list(expected.index)


def test_charts_draw_the_losses_of_the_runs_that_are_shown(page, links, runs, photograph):
    open_runs(page, links.charts, len(runs) + 1)
    chart = page.get_by_test_id("experiment-view-compare-runs-card").filter(
        has=page.get_by_text("loss/free", exact=True)
    )
    expect(chart).to_have_count(1)
    expect(chart.locator(".js-plotly-plot .scatterlayer .trace path.js-line").first).to_be_attached()
    drawn = chart.locator(".js-plotly-plot").evaluate("plot => plot.data.map(t => [t.name, t.x, t.y])")
    curves = {name: pd.Series(y, index=x) for name, x, y in drawn}
    assert len(curves) == min(10, len(runs))  # MLflow shows ten runs until told otherwise
    for name, curve in curves.items():
        losses = runs[name]["losses"]
        assert curve.index[0] == 0 and curve.index[-1] == losses.index[-1]
        np.testing.assert_allclose(curve, losses[curve.index], rtol=1e-12)
    photograph("charts")
    for section, charts in CHARTS.items():
        expect(page.get_by_text(re.compile(rf"^{section}\s*\({len(charts)}\)$"))).to_be_attached()


def test_notes_are_rendered(page, links, runs, photograph):
    open_runs(page, links.runs, len(runs) + 1)
    note = page.locator("p", has_text="Each run is one training")
    expect(note).to_be_visible()
    page.locator("[data-component-id='mlflow.experiment.metadata_editor.expand_button']").click()
    expect(page.locator("li strong", has_text="Epoch")).to_be_visible()
    charts = page.get_by_role("link", name="charts", exact=True)
    expect(charts).to_have_attribute("href", f"#{links.charts.partition('#')[2]}")
    photograph("note")
    open_run(page, links, "summary", len(runs) + 1)
    page.get_by_text("Show more").click()
    rendered = page.get_by_test_id("note-editor-preview-content")
    expect(rendered.locator("h2").first).to_contain_text("do loss jumps and bifurcations come together?")
    expect(rendered.locator("li strong").first).to_be_visible()
    expect(rendered.locator("pre, table").first).to_contain_text("bptt")
    photograph("summary")


def test_a_run_has_its_parameters_tags_data_set_and_figure(page, links, runs, photograph):
    name = most_eventful(runs)
    open_run(page, links, name, len(runs) + 1)
    photograph("run")
    expect(page.get_by_text("experiment:")).to_be_visible()
    for tag in ("dataset", "training", "seed"):
        expect(page.get_by_text(f"{tag}: {runs[name][tag]}", exact=True)).to_be_visible()
    page.get_by_placeholder("Search parameters").fill("training.epochs")
    expect(page.get_by_role("row").filter(has_text="training.epochs")).to_contain_text(
        str(runs[name]["losses"].index[-1])
    )
    datasets = page.locator("section, div").filter(has=page.get_by_role("heading", name="Datasets")).last
    expect(datasets).to_contain_text(runs[name]["dataset"])
    # A link in a description opens another tab; here it is this one, which is watched for errors.
    page.goto(f"{links.address}/{page.get_by_role('link', name='Losses, fixed points').get_attribute('href')}")
    for artifact in ("config.yaml", "tables"):
        expect(page.get_by_text(artifact, exact=True)).to_be_visible()
    figure = page.locator("img[alt$='.png']")
    expect(figure).to_be_visible()
    assert figure.evaluate("image => image.decode().then(() => image.naturalWidth)") >= 1500
    photograph("figure")


def test_the_summary_carries_tables_and_figures(page, links, runs):
    open_run(page, links, "summary", len(runs) + 1)
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("statistics", exact=True).click()
    page.get_by_text("conditions.csv").click()
    expect(page.get_by_role("row").filter(has_text="bptt").first).to_be_visible()
    page.get_by_text("figures", exact=True).click()
    page.get_by_text(re.compile(r"\.png$")).first.click()
    figure = page.locator("img[alt$='.png']")
    expect(figure).to_be_visible()
    assert figure.evaluate("image => image.decode().then(() => image.naturalWidth)") >= 1000
