"""The saved view of an experiment in MLflow: which columns the table of runs shows, and which charts are drawn.

Left to itself MLflow shows none of the metrics in the table, and all of them as charts.  A view is a tag of the
experiment, as its menu *Views* writes them; a link opens it by its name.
"""

import json
from typing import Any

from lossjumps.analysis.events import KINDS

VIEW = "jumps-and-bifurcations"
"""Name of the view in links."""
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"

METRIC_COLUMNS = (
    "event/jumps",
    "event/bifurcations",
    "condition/precursor_rate",
    "condition/precursor_chance",
    "condition/precursor_p",
    "coincidence/precursor_rate",
    "loss/free_final",
    "loss/free_long_final",
    "loss/forced_final",
    *(f"event/bifurcations_{kind}" for kind in KINDS),
    "event/bifurcations_occupied",
)
TAG_COLUMNS = ("dataset", "model", "training", "alpha", "seed", "status")

CHARTS = {
    "Losses": {"loss/free": "log", "loss/free_long": "log", "loss/train": "log", "loss/state_space_divergence": "log"},
    "Events": {"event/jump": "linear", "event/bifurcation": "linear"},
    "Dynamics": {"dynamics/stable": "linear", "dynamics/fixed_points": "linear", "dynamics/largest_multiplier": "log"},
}
"""Sections of charts: the metrics of each, and the scale of their values."""

CHARACTER_WIDTH, COLUMN_MARGIN = 7, 30
"""Pixels of a character of a heading, and of what surrounds it."""


def runs_page(experiment_id: str | int) -> str:
    """Return the page of an experiment's runs in the saved view, relative to the address of MLflow.

    Of the two sides that MLflow shows of itself it chooses *Model training*.
    """
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"


def charts_page(experiment_id: str | int) -> str:
    """Return the page of an experiment's charts in the saved view, relative to the address of MLflow."""
    return f"{runs_page(experiment_id)}&compareRunsMode=CHART"


def saved_view() -> str:
    """Return the value of the tag `VIEW_TAG`: columns, their order and width, the order of the runs, charts."""
    columns = [f"metrics.`{name}`" for name in METRIC_COLUMNS] + [f"tags.`{name}`" for name in TAG_COLUMNS]
    names = (*METRIC_COLUMNS, *TAG_COLUMNS)
    state = {
        "selectedColumns": [*columns, "attributes.`Dataset`"],
        "columnOrder": columns,
        "columnWidths": {
            column: CHARACTER_WIDTH * len(name) + COLUMN_MARGIN for column, name in zip(columns, names, strict=True)
        },
        "orderByKey": f"metrics.`{METRIC_COLUMNS[0]}`",
        "orderByAsc": False,
        "searchFilter": "",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "compareRunSections": [_section(name) for name in CHARTS],
        "compareRunCharts": [
            _chart(section, metric, scale) for section, charts in CHARTS.items() for metric, scale in charts.items()
        ],
        "isAccordionReordered": True,
    }
    return json.dumps({"name": "Jumps and bifurcations", "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})


def _section(name: str) -> dict[str, Any]:
    return {
        "uuid": name,
        "name": name,
        "display": True,
        "isReordered": True,
        "deleted": False,
        "isGenerated": False,
    }


def _chart(section: str, metric: str, scale: str) -> dict[str, Any]:
    return {
        "uuid": metric,
        "type": "LINE",
        "metricSectionId": section,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": metric,
        "runsCountToCompare": 10,
        "deleted": False,
        "isGenerated": False,
        "scaleType": scale,
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "lineSmoothness": 0,
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }
