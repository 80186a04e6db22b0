"""`lossjumps find`: what it prints, and that bad input is one line and exit status 2."""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lossjumps import InputError, ReluMap, find_cycles
from lossjumps.command_line import main
from lossjumps.find_command import add_arguments, format_table, run


def find(*words: str | Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args([str(word) for word in words]))


def test_table_of_a_network_solved_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    # z' = relu(1 - 2 z).  On (z < 1/2): z = 1 - 2 z, so z = 1/3 with multiplier -2 and det(I - T) = 3 > 0.
    # A cycle that meets the flat side z >= 1/2 contains 0, so it is 0 -> 1 -> 0: multiplier 0, stable.  Any other
    # stays where F is affine and expands, so it is the fixed point: there is no 3-cycle.  The image is bounded,
    # so each F^k has index sum 1: for k = 2, -1 for the fixed point (multiplier 4) and twice +1.
    path = tmp_path / "weights.npz"
    np.savez(path, W=[[-2.0]], b=[1.0])
    find(path, "--max-order", "3")
    assert capsys.readouterr().out == (
        f"{path}: relu_rnn, 1 state, 1 unit\n"
        "\n"
        "order  first point  largest multiplier  stable  index  complete\n"
        "    1  (0.333333)                    2  no         +1  yes\n"
        "    2  (1)                           0  yes        +1  yes\n"
        "\n"
        "order 1: 1 fixed point, certified complete, index sum 1\n"
        "order 2: 1 cycle, certified complete, index sum 1\n"
        "order 3: 0 cycles, certified complete, index sum 1\n"
    )


def test_no_cycle_at_all() -> None:
    # z' = z + relu(z) + 1 > z everywhere.
    found = find_cycles(ReluMap.plrnn([1.0], [[1.0]], [1.0]), max_order=1)
    assert format_table(found) == "order 1: 0 fixed points, certified complete, index sum 0"


def test_continuum_is_not_called_complete() -> None:
    # z' = z - relu(z): every z <= 0 is a fixed point.
    found = find_cycles(ReluMap.plrnn([1.0], [[-1.0]], [0.0]), max_order=1)
    assert "not complete, and 1 itinerary with a continuum of solutions" in format_table(found)


def test_uncertified_orders_are_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    size = 8
    path = tmp_path / "weights.npz"
    np.savez(path, A=np.full(size, 0.5), W=np.zeros((size, size)), h=np.ones(size))
    find(path, "--max-order", "3", "--seed", "4")
    lines = capsys.readouterr().out.splitlines()
    # z' = z / 2 + 1: one fixed point, at 2 in each of the 8 coordinates, 6 of which are shown.
    assert "(2, 2, 2, 2, 2, 2, ...)" in lines[3]
    assert lines[-3].endswith("index sum 1")
    # 2^8 regions: 2^16 words of order 2 are listed, those of order 3 are not.
    assert "certified complete, index sum 1" in lines[-2]
    assert lines[-1] == "order 3: 0 cycles, not certified complete, there may be more"


@pytest.mark.parametrize(("option", "value"), [("--max-order", "0"), ("--max-order", "-3"), ("--seed", "-1")])
def test_options_out_of_range(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(InputError, match=f"^{option}: expected an integer >= [01], got {value}$"):
        find(tmp_path / "weights.npz", f"{option}={value}")


def malformed(folder: Path) -> dict[str, list[str]]:
    """Command lines that are bad input, by what is wrong with them; `tests/maps/test_weights.py` has every bad file."""
    np.savez(folder / "good.npz", W=[[-2.0]], b=[1.0])
    np.savez(folder / "ambiguous.npz", A=[0.5], W1=[[1.0]], W2=[[1.0]], h1=[0.0], h2=[0.0])
    np.savez(folder / "unknown_key.npz", W=[[-2.0]], b=[1.0], bias=[1.0])
    np.savez(folder / "shapes.npz", W=[[-2.0]], b=[1.0, 2.0])
    np.savez(folder / "pickled.npz", W=np.array([[None]], dtype=object), b=[1.0])
    (folder / "text.json").write_text('{"W": [["a"]], "b": [1]}')
    (folder / "cut.json").write_text('{"W": [[1.0')
    (folder / "empty.npz").touch()
    (folder / "folder.npz").mkdir()
    files = ("absent.npz", "ambiguous.npz", "unknown_key.npz", "shapes.npz", "pickled.npz", "text.json", "cut.json")
    return {
        **{name: [str(folder / name)] for name in (*files, "empty.npz", "folder.npz")},
        "order": [str(folder / "good.npz"), "--max-order", "0"],
        "order_text": [str(folder / "good.npz"), "--max-order", "many"],
        "family": [str(folder / "good.npz"), "--family", "plrnn"],
        "option": [str(folder / "good.npz"), "--colour"],
        "nothing": [],
    }


def test_bad_input_is_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for case, words in malformed(tmp_path).items():
        assert main(["find", *words]) == 2, case
        out, err = capsys.readouterr()
        assert out == "", case
        assert err.startswith("lossjumps: ") and err.endswith("\n") and err.count("\n") == 1, case
        assert "usage:" not in err, case


@pytest.mark.parametrize(
    ("words", "status", "out", "err"),
    [
        (["good.npz", "--max-order", "2"], 0, "order 2: 1 cycle, certified complete, index sum 1\n", ""),
        (["cut.json"], 2, "", "lossjumps: cut.json: not JSON: Expecting ',' delimiter at line 1, column 12\n"),
    ],
)
def test_command_as_a_user_calls_it(tmp_path: Path, words: list[str], status: int, out: str, err: str) -> None:
    malformed(tmp_path)
    finished = subprocess.run(
        [sys.executable, "-m", "lossjumps", "find", *words], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert (finished.returncode, finished.stderr) == (status, err)
    assert finished.stdout.endswith(out)
    assert bool(finished.stdout) == bool(out)
