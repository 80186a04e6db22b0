"""The benchmarks run, and all ways to a list of fixed points agree in them; times are never asserted."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.slow
def test_search_costs_are_measured_and_lists_agree(tmp_path: Path) -> None:
    picture = tmp_path / "cost.png"
    finished = subprocess.run(
        [sys.executable, BENCHMARKS / "search.py", "--quick", "--plot", picture],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    last = finished.stdout.splitlines()[-1].split()
    assert int(last[0]) > 50 and last[1:] == ["lists", "compared;", "0", "differ"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_list_that_differs_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import baselines

    import search

    m = search.random_network("plrnn", 4, 4, "expanding", 3)
    found, all_patterns = search.listed(m), np.arange(16)
    expected = baselines.fixed_points_by_loop(m)
    assert expected and expected.keys() == baselines.fixed_points_of_all_patterns(m).keys()
    comparison = search.Comparison()
    comparison.check("same", found, expected, all_patterns)
    assert (comparison.lists, comparison.different) == (1, 0)
    comparison.check("one missing", found, dict(list(expected.items())[1:]), all_patterns)
    moved = {key: point + 1e-3 for key, point in expected.items()}
    comparison.check("moved", found, moved, all_patterns)
    assert (comparison.lists, comparison.different) == (3, 2)
    assert capsys.readouterr().out.count("DIFFERENT") == 2


@pytest.mark.slow
def test_an_update_is_measured_beside_a_plain_loop() -> None:
    finished = subprocess.run(
        [sys.executable, BENCHMARKS / "training.py", "--quick"], capture_output=True, text=True, timeout=600
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    rows = [line.split() for line in finished.stdout.splitlines() if line[:1].isdigit()]
    assert [row[:3] for row in rows] == [
        [f"{m},", f"{h},", seeds] for m, h in ((3, 50), (10, 10), (20, 100)) for seeds in ("1", "16")
    ]
    assert finished.stdout.count("wanted >=") == 4
