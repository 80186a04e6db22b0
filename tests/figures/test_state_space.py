"""The picture of the state space: what is drawn where, and that every case can be drawn."""

import io

import numpy as np
import pytest

from lossjumps import ReluMap, find_cycles
from lossjumps.figures.state_space import FAR, border_lines, orbits, principal_view, state_space_figure
from lossjumps.figures.style import save_png

TENT = ReluMap.relu_rnn([[-2.0]], [1.0])
"""z' = relu(1 - 2 z): an unstable fixed point at 1/3 and the stable cycle 0 -> 1 -> 0."""


def drawn(m: ReluMap, **options: object):
    figure = state_space_figure(m, find_cycles(m, 3, **options), title="title")
    save_png(figure, io.BytesIO())
    axes = figure.axes[0]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    marks = [line for line in axes.get_lines() if line.get_linestyle() == "None"]
    return axes, labels, marks


def test_one_state_is_the_graph_with_cobwebs() -> None:
    axes, labels, marks = drawn(TENT)
    assert labels == [
        "fixed point, unstable (1)",
        "2-cycle, stable (1)",
        "F(z)",
        "diagonal F(z) = z",
        "border of a unit",
    ]
    fixed, cycle = marks
    assert fixed.get_xydata() == pytest.approx(np.array([[1 / 3, 1 / 3]])) and fixed.get_markerfacecolor() == "white"
    assert sorted(cycle.get_xydata().tolist()) == [[0, 1], [1, 0]]
    assert cycle.get_markerfacecolor() == cycle.get_markeredgecolor()
    assert fixed.get_marker() != cycle.get_marker()
    [graph] = [line for line in axes.get_lines() if line.get_linewidth() == 1.6]
    # Straight between its ends and the border at 1/2, where it bends.
    states, images = graph.get_xydata().T
    assert states[1] == 0.5 and len(states) == 3
    assert images == pytest.approx(np.maximum(1 - 2 * states, 0))
    # The cobweb is the square with the corners (0, 1), (1, 1), (1, 0), (0, 0).
    web = next(line for line in axes.get_lines() if line.get_zorder() == 3)
    assert {tuple(corner) for corner in web.get_xydata()} == {(0, 1), (1, 1), (1, 0), (0, 0)}


def test_two_states_have_arrows_along_the_flow() -> None:
    m = ReluMap.plrnn([0.5, 0.2], [[0.1, 0.2], [0.0, 0.1]], [1.0, -1.0])
    axes, labels, [mark] = drawn(m)
    assert labels[0] == "fixed point, stable (1)"
    [arrows] = axes.collections
    states = arrows.get_offsets()
    steps = m(np.asarray(states)) - states
    shown = np.column_stack([arrows.U, arrows.V])
    length = np.linalg.norm(steps, axis=1)
    assert (np.linalg.norm(shown, axis=1) <= length * (1 + 1e-9)).all()
    # The view is a square here, so shortening keeps the direction.
    assert np.cross(np.pad(steps, ((0, 0), (0, 1))), np.pad(shown, ((0, 0), (0, 1))))[:, 2] == pytest.approx(
        0, abs=1e-9
    )
    assert ((steps * shown).sum(axis=1) >= 0).all()
    assert mark.get_xydata() == pytest.approx(np.array([[2.5, -1.25]]))


def test_borders_end_at_the_edges_of_the_view() -> None:
    V = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
    m = ReluMap(np.zeros((2, 2)), np.ones((2, 5)), V, np.array([0.0, -0.5, 1.0, -7.0, 1.0]), np.zeros(2))
    low, high = np.array([-1.0, -1.0]), np.array([1.0, 2.0])
    lines = [sorted(np.round(line, 12).tolist()) for line in border_lines(m, low, high)]
    # z1 + z2 = 0 from corner to corner below; z1 = 1/2; z2 = -1/2; z1 = 7 is outside, and a zero row has none.
    assert lines == [[[-1, 1], [1, -1]], [[0.5, -1], [0.5, 2]], [[-1, -0.5], [1, -0.5]]]


def test_principal_axes_say_how_much_they_show() -> None:
    # Along e3 with variance 4, along e1 with variance 1, nothing else.
    points = np.array([[1, 0, 0, 0], [-1, 0, 0, 0], [0, 0, 2, 0], [0, 0, -2, 0.0]]) + 5.0
    view = principal_view(points, [])
    assert view.labels == (
        "principal axis 1 (80 % of the variance of the points)",
        "principal axis 2 (20 % of the variance of the points)",
    )
    assert view(points) == pytest.approx(np.array([[0, 1], [0, -1], [2, 0], [-2, 0]]), abs=1e-12)


def test_orbits_are_orbits_as_long_as_they_are_near() -> None:
    growing = ReluMap.plrnn([2.0, 0.5, 0.5], np.zeros((3, 3)), np.zeros(3))
    for orbit in orbits(growing, np.zeros((1, 3)), None):
        assert np.array_equal(orbit[1:], growing(orbit[:-1])) and 1 <= len(orbit) < 60
    largest = max(np.abs(orbit).max() for orbit in orbits(growing, np.zeros((1, 3)), None))
    starts = max(np.abs(orbit[0]).max() for orbit in orbits(growing, np.zeros((1, 3)), None))
    assert starts < largest <= FAR * starts


def random_map(dimension: int, seed: int, scale: float) -> ReluMap:
    generator = np.random.default_rng(seed)
    W = generator.normal(size=(dimension, dimension)) * scale
    return ReluMap.plrnn(generator.uniform(-0.9, 0.9, dimension), W, generator.normal(size=dimension))


CASES = {
    "nothing_found_1d": ReluMap.plrnn([1.0], [[1.0]], [1.0]),
    "nothing_found_2d": ReluMap.plrnn([1.0, 0.5], [[1.0, 0.0], [0.0, 0.1]], [1.0, 1.0]),
    "nothing_found_3d": ReluMap.plrnn([1.0, 0.5, 0.5], np.diag([1.0, 0, 0]), [1.0, 1.0, 0.0]),
    "continuum": ReluMap.plrnn([1.0], [[-1.0]], [0.0]),
    "one_point_5d": random_map(5, 0, 0.0),
    "constant_3d": ReluMap.plrnn(np.zeros(3), np.zeros((3, 3)), np.zeros(3)),
    "constant_2d": ReluMap(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros((1, 2)), np.zeros(1), np.zeros(2)),
    "cycles_3d": random_map(3, 3, 1.5),
    "cycles_10d": random_map(10, 59, 0.7),
}


@pytest.mark.parametrize("verify", ["float", "exact"])
@pytest.mark.parametrize("case", CASES)
def test_every_case_is_drawn(case: str, verify: str) -> None:
    axes, labels, _ = drawn(CASES[case], verify=verify)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert np.isfinite([left, right, bottom, top]).all() and left < right and bottom < top
    if case.startswith("nothing_found"):
        assert labels[0] == "no fixed point\nor cycle found"
    if case.startswith("cycles"):
        assert "principal axis 1 (" in axes.get_xlabel() and len(labels) > 1


def test_a_box_is_the_view() -> None:
    m = random_map(2, 1, 1.0)
    axes, _, _ = drawn(m, box=([-3.0, -2.0], [1.0, 4.0]))
    assert axes.get_xlim() == (-3.0, 1.0) and axes.get_ylim() == (-2.0, 4.0)


def test_what_is_neither_stable_nor_unstable_is_grey() -> None:
    # z' = relu(-2 z): the fixed point 0 lies on the border.
    _, labels, [mark] = drawn(ReluMap.relu_rnn([[-2.0]], [0.0]), verify="exact")
    assert labels[0] == "fixed point, neither (1)" and mark.get_markerfacecolor() == "white"
