"""The bifurcation diagram: its axis, the frame, lines that break where objects do, and marks where events are."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lossjumps.figures.diagram import MOST_MARKERS, StateAxis, draw_diagram, draw_objects
from lossjumps.figures.style import FIXED_POINT, MARKS

AXIS = StateAxis(np.array([0.0, 1.0]), -2.0, 2.0, "second coordinate", True)
COLUMNS = ["epoch", "order", "cycle", "stable", "itinerary", "point"]


def objects(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def events(*rows):
    return pd.DataFrame(rows, columns=["kind", "topological", "occupied", "point"])


def drawn(cycles, bifurcations=None, times=(), long=None, axis=AXIS):
    axes = Figure().subplots()
    bifurcations = events() if bifurcations is None else bifurcations
    long = np.zeros(len(cycles), dtype=bool) if long is None else long
    draw_diagram(axes, cycles, bifurcations, np.array(times), long, axis)
    return axes


def pieces(axes, width):
    """Pieces (epoch, value, epoch, value) of the lines of a width."""
    rows = []
    for line in axes.get_lines():
        if line.get_marker() == "None" and line.get_linewidth() == width:
            x, y = (
                np.asarray(data, dtype=float).reshape(-1, 3)[:, :2] for data in (line.get_xdata(), line.get_ydata())
            )
            rows += [(a, c, b, d) for (a, b), (c, d) in zip(x, y, strict=True)]
    return sorted(rows)


def test_the_axis_of_a_series_is_its_first_principal_one_with_its_share_of_the_variance():
    steps = np.linspace(-1.0, 1.0, 2001)
    series = np.outer(steps, [3.0, 4.0]) + np.outer(np.sign(np.sin(1e5 * steps)), [0.8, -0.6])
    axis = StateAxis.of_series(series)
    np.testing.assert_allclose(axis.direction, [0.6, 0.8], atol=0.01)
    assert axis.of_data and axis.high == pytest.approx(0.95 * 5.0, rel=0.01) and axis.low == pytest.approx(-axis.high)
    share = 100 * (25 / 3) / (25 / 3 + 1)
    assert axis.label == f"first principal axis of\nthe data ({share:.2g} % of variance)\n(standard deviations)"
    # of a network with further states the observed ones, the first, are looked at
    assert axis(pd.Series([[3.0, 4.0, 99.0]])) == pytest.approx([5.0], rel=0.01)


def test_the_axis_of_objects_leaves_out_what_is_far_away():
    generator = np.random.default_rng(0)
    near = generator.normal(size=(200, 3)) * [0.1, 0.1, 2.0]
    points = [*near, np.array([1e9, 0.0, 0.0]), np.array([np.inf, 0.0, 0.0])]
    axis = StateAxis.of_objects(pd.Series(points))
    assert abs(axis.direction[2]) > 0.99 and -6.0 < axis.low < axis.high < 6.0
    assert "the objects" in axis.label and not axis.of_data


@pytest.mark.parametrize("points", [[], [[np.nan, 1.0]], [[2.0, 1.0]] * 3, [[0.0, 0.0]]])
def test_objects_without_extent_have_an_axis_that_can_be_drawn(points):
    cycles = objects(*((epoch, 1, 0, True, "0", point) for epoch, point in enumerate(points)))
    axes = drawn(cycles, axis=StateAxis.of_objects(cycles["point"]))
    low, high = axes.get_ylim()
    assert low < high


def test_lines_end_where_objects_do_and_are_thick_where_they_are_stable():
    cycles = objects(
        *((epoch, 1, 0, epoch <= 2, "00", [9.0, epoch / 10]) for epoch in range(5)),
        *((epoch, 1, 1, False, "01", [9.0, 1.0]) for epoch in (1, 2, 4, 5)),
        *((epoch, 2, 2, True, "0011" if epoch < 2 else "0110", [9.0, -1.0]) for epoch in range(4)),
    )
    axes = drawn(cycles.sample(frac=1.0, random_state=0))
    assert pieces(axes, 1.8) == [(0, -1, 1, -1), (0, 0, 1, 0.1), (1, 0.1, 2, 0.2), (2, -1, 3, -1)]
    assert pieces(axes, 0.6) == [(1, 1, 2, 1), (2, 0.2, 3, 0.3), (3, 0.3, 4, 0.4), (4, 1, 5, 1)]
    faces = {(line.get_marker(), line.get_markerfacecolor()) for line in axes.get_lines() if line.get_xdata().size}
    assert {("o", "white"), ("o", FIXED_POINT)} <= faces


def test_every_stretch_of_an_object_has_a_marker_unless_there_are_too_many():
    for count in (10, 3 * MOST_MARKERS):
        cycles = objects(*((0, 1, number, True, "0", [0.0, number / count]) for number in range(count)))
        long_lived = objects(*((epoch, 1, count, True, "0", [0.0, -1.0]) for epoch in range(100)))
        table = pd.concat([cycles, long_lived], ignore_index=True)
        axes = Figure().subplots()
        draw_objects(axes, table, np.array([point[1] for point in table["point"]]), np.zeros(len(table), dtype=bool))
        marked = [line.get_ydata() for line in axes.get_lines() if line.get_marker() == "o"]
        values = np.concatenate(marked)
        assert len(values) <= MOST_MARKERS
        assert (values == -1.0).any()
        assert (set(cycles["point"].str[1]) <= set(values)) == (count == 10)


def test_what_is_beyond_the_frame_is_at_its_edge_and_said_to_be():
    cycles = objects(*((epoch, 1, 0, True, "0", [0.0, 10.0**epoch]) for epoch in range(6)))
    bifurcations = events(("degenerate_transcritical", True, False, [0.0, -1e12]))
    axes = drawn(cycles, bifurcations, [5.5])
    low, high = axes.get_ylim()
    assert low < -2.0 and 2.0 < high <= 4.0
    assert [text.get_text() for text in axes.texts] == ["at the edge: farther out, objects as far as 1e+05"]
    values = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    values = values[np.isfinite(values)]
    assert low < values.min() < -2.0 and 2.0 < values.max() < high
    assert len(drawn(cycles[:1]).texts) == 0
    only_event = drawn(cycles[:1], bifurcations, [5.5])
    assert [text.get_text() for text in only_event.texts] == ["at the edge: farther out"]


def test_events_that_count_are_marked_by_kind_where_they_are_and_filled_where_they_are_occupied():
    bifurcations = events(
        ("nonsmooth_fold", True, True, [0.0, 0.5]),
        ("nonsmooth_fold", True, False, [0.0, -0.5]),
        ("persistence", False, True, [0.0, 1.0]),
        ("unresolved", False, False, [0.0, 1.5]),
    )
    axes = drawn(objects(), bifurcations, [3.25, 4.5, 6.0, 7.75])
    marked = {
        (line.get_marker(), line.get_markerfacecolor()): (*line.get_xdata(), *line.get_ydata())
        for line in axes.get_lines()
        if line.get_xdata().size
    }
    fold, unresolved = MARKS["nonsmooth_fold"], MARKS["unresolved"]
    assert marked == {
        (fold.marker, fold.colour): (3.25, 0.5),
        (fold.marker, "white"): (4.5, -0.5),
        (unresolved.marker, "white"): (7.75, 1.5),
    }
