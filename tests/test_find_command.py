"""`lossjumps find`: what it prints, and that bad input is one line and exit status 2."""

import json
import logging
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.front_doors import refused
from tests.networks_in_files import find, two_cycles_and_more

from lossjumps import find_cycles
from lossjumps.command_line import main
from lossjumps.search.cycle import FoundCycles

pytestmark = pytest.mark.usefixtures("folder_with_tent")


def test_table_of_a_network_solved_by_hand(capsys: pytest.CaptureFixture) -> None:
    assert find(capsys, "tent.json", "--max-order", "4") == (
        "tent.json: relu_rnn, 1 state, 1 unit\n"
        "\n"
        "order  point      largest multiplier  stable  index  certificate\n"
        "    1  (0.33333)                   2  no         +1  regions\n"
        "    2  (1)                         0  yes        +1  splitting\n"
        "\n"
        "order 1: 1 fixed point, certified complete (regions), index sum 1\n"
        "order 2: 1 cycle, certified complete (splitting), index sum 1\n"
        "orders 3 to 4: no cycles, certified complete (splitting), index sum 1\n"
    )


def test_what_lies_on_a_border_is_decided_exactly_and_said_to_have_no_jacobian(capsys: pytest.CaptureFixture) -> None:
    # z' = relu(-2 z): the only fixed point, 0, lies on the border, with multiplier 0 on one side and -2 on the other.
    Path("border.json").write_text(json.dumps({"W": [[-2.0]], "b": [0.0]}))
    text = find(capsys, "border.json", "--max-order", "1")
    assert text == find(capsys, "border.json", "--max-order", "1", "--verify", "exact")
    assert re.search(r"^ +1 +\(0\) .* border +\+1 ", text, re.MULTILINE)
    assert "\nstable = border: a point lies on a border" in text


def test_method_and_box_reach_the_search(capsys: pytest.CaptureFixture) -> None:
    text = find(capsys, "tent.json", "--max-order", "2", "--method", "scyfi", "--seed", "3")
    assert text.count(", not certified complete, there may be more\n") == 2
    text = find(capsys, "tent.json", "--max-order", "3", "--box=-1:0.5")
    # The 2-cycle leaves the box; what is left has no index sum to compare.
    assert text.endswith(
        "order 1: 1 fixed point, certified complete (splitting)\n"
        "orders 2 to 3: no cycles, certified complete (splitting)\n"
        "only in the box [-1, 0.5]\n"
    )


def test_what_is_left_out_of_a_file_is_said(capsys: pytest.CaptureFixture) -> None:
    network = torch.nn.Module()
    network.rnn = torch.nn.RNN(1, 2, nonlinearity="relu")
    network.readout = torch.nn.Linear(2, 1)
    torch.save(network.state_dict(), "state.pt")
    lines = find(capsys, "state.pt", "--max-order", "1").splitlines()
    assert lines[:3] == [
        "state.pt: relu_rnn, 2 states, 2 units",
        'read as torch.nn.RNN(nonlinearity="relu") with input zero; the nonlinearity is not in the file',
        "no part of it: readout.weight, readout.bias",
    ]


BAD = {
    "nothing": ([], "the following arguments are required: FILE"),
    "absent": (["absent.npz"], "absent.npz: no such file"),
    "folder": (["folder.npz"], "folder.npz: expected a file, got a folder"),
    "suffix": (["tent.txt"], "tent.txt: expected a file that ends in .npz or .json or .safetensors or .pt"),
    "pickled": (["pickled.npz"], "pickled.npz: W: expected real numbers, got pickled objects, which are not loaded"),
    "cut": (["cut.json"], "cut.json: not JSON: Expecting ',' delimiter at line 1, column 12"),
    "ambiguous": (["shallow.npz"], "shallow.npz: family: the keys fit shallow_plrnn and clipped_shallow_plrnn; name"),
    "shapes": (["shapes.npz"], "shapes.npz: b: expected shape (1,), got (2,)"),
    "family": (["tent.json", "--family", "plrn"], "tent.json: family: got 'plrn', expected one of"),
    "other_family": (["tent.json", "--family", "plrnn"], "tent.json: missing A, h: plrnn has the keys A, W, h"),
    "order": (["tent.json", "--max-order", "0"], "argument --max-order: expected an integer >= 1, got '0'"),
    "order_text": (["tent.json", "--max-order", "many"], "argument --max-order: expected an integer >= 1, got 'many'"),
    "seed": (["tent.json", "--seed=-1"], "argument --seed: expected an integer >= 0, got '-1'"),
    "threads": (["tent.json", "--threads", "0"], "argument --threads: expected an integer >= 1"),
    "max_nodes": (["tent.json", "--max-nodes", "1e5"], "argument --max-nodes: expected an integer >= 1, got '1e5'"),
    "method": (["tent.json", "--method", "best"], "argument --method: invalid choice: 'best'"),
    "verify": (["tent.json", "--verify", "yes"], "argument --verify: invalid choice: 'yes'"),
    "box": (["tent.json", "--box=1:-1"], "argument --box: expected LOW:HIGH with LOW < HIGH"),
    "box_text": (["tent.json", "--box=all"], "argument --box: expected LOW:HIGH"),
    "box_infinite": (["tent.json", "--box=0:inf"], "argument --box: expected LOW:HIGH"),
    "box_of_three": (["tent.json", "--box=0:1:2"], "argument --box: expected LOW:HIGH"),
    "box_sides": (["tent.json", "--box=0:1,0:1"], "--box: expected one interval, got 2"),
    "box_sides_in_2d": (["plane.json", "--box=0:1,0:1,0:1"], "--box: expected one interval, or 2, one for each state"),
    "box_without_equals": (["tent.json", "--box", "-1:1"], "argument --box: expected one argument (write it with ="),
    "option": (["tent.json", "--colour"], "unrecognized arguments: --colour"),
    "output": (["tent.json", "--output", "cycles.csv"], "--output: expected a file that ends in .parquet or .json"),
    "output_is_input": (["tent.json", "--output", "./tent.json"], "--output: expected another file than the weights"),
    "output_is_folder": (["tent.json", "--output", "folder.json"], "--output: expected a file, folder.json is a fo"),
    "output_in_file": (["tent.json", "--output", "cut.json/a.json"], "--output: expected a folder to write a.json in"),
    "plot": (["tent.json", "--plot", "states.jpg"], "--plot: expected a file that ends in .png or .pdf or .svg"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_status_2(capsys: pytest.CaptureFixture, case: str) -> None:
    two_cycles_and_more()
    np.savez("shallow.npz", A=[0.5], W1=[[1.0]], W2=[[1.0]], h1=[0.0], h2=[0.0])
    np.savez("shapes.npz", W=[[-2.0]], b=[1.0, 2.0])
    np.savez("pickled.npz", W=np.array([[None]], dtype=object), b=[1.0])
    Path("cut.json").write_text('{"W": [[1.0')
    Path("tent.txt").touch()
    Path("folder.npz").mkdir()
    Path("folder.json").mkdir()
    words, said = BAD[case]
    assert refused(capsys, "find", *words).startswith(said)


@pytest.mark.parametrize("option", ["--output", "--plot"])
def test_where_nothing_can_be_written_the_search_does_not_begin(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    def fail(**options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lossjumps.find_command.tempfile.TemporaryFile", fail)
    monkeypatch.setattr("lossjumps.find_command.find_cycles", pytest.fail)
    name = {"--output": "cycles.json", "--plot": "states.png"}[option]
    said = refused(capsys, "find", "tent.json", option, name)
    assert said == f"{option}: {Path().absolute()} cannot be written (Permission denied)"


@pytest.mark.parametrize(
    ("option", "blocked", "said"),
    [
        ("--output=cycles.parquet", "pyarrow", "--output: Parquet takes pyarrow, which is not installed: pip install"),
        ("--plot=states.png", "matplotlib", "--plot: pictures take matplotlib, which is not installed: pip install"),
    ],
)
def test_a_missing_package_is_named_with_the_remedy(option: str, blocked: str, said: str) -> None:
    code = (
        f"import sys; sys.modules[{blocked!r}] = None\n"
        f"from lossjumps.command_line import main; sys.exit(main(['find', 'tent.json', {option!r}]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"lossjumps: {said} 'lossjumps[pipeline]'") and ended.stderr.count("\n") == 1


def test_without_pyarrow_and_matplotlib_all_the_rest_works() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['pyarrow', 'pandas', 'matplotlib', 'torch']))\n"
        "from lossjumps.command_line import main; sys.exit(main(['find', 'tent.json', '--output', 'cycles.json']))"
    )
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "") and ended.stdout.endswith("\nwritten: cycles.json\n")


def test_examples_of_the_help_work_when_pasted(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["find", "--help"])
    text = capsys.readouterr().out
    lines = [line.strip() for line in text.split("examples:\n")[1].splitlines() if line.strip()]
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    script = "set -e\n" + "\n".join(lines)
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\norder 1: ") == sum(line.startswith("lossjumps find ") for line in lines) == 4
    assert Path("cycles.json").is_file() and Path("states.png").is_file()


def test_progress_in_a_log_is_shown_when_asked_for(capsys: pytest.CaptureFixture) -> None:
    assert main(["find", "tent.json", "--max-order", "2", "--progress"]) == 0
    out, error = capsys.readouterr()
    assert [line.partition(",")[0] for line in error.splitlines()] == ["find: 0 %", "find: 50 %", "find: 100 %"]
    assert "order 2: 1 cycle" in out


def test_that_code_is_compiled_is_said_where_progress_is_shown(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiling(*arguments: object, **options: object) -> FoundCycles:
        logging.getLogger("lossjumps").info("compiling")
        return find_cycles(*arguments, **options)

    monkeypatch.setattr("lossjumps.find_command.find_cycles", compiling)
    for words, said in (((), []), (("--progress",), ["find: compiling"])):
        assert main(["find", "tent.json", "--max-order", "1", *words]) == 0
        assert [line for line in capsys.readouterr().err.splitlines() if "%" not in line] == said


def in_terminal(*words: str) -> tuple[int, int]:
    """A process of the command that believes to be on a terminal, and the terminal's other end."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-m", "lossjumps", "find", *words])
    return process, terminal


def until(terminal: int, words: bytes) -> bytes:
    """What is drawn on a terminal until these words are, or all of it."""
    drawn = b""
    while words not in drawn:
        assert select.select([terminal], [], [], 120)[0], f"nothing for two minutes after {drawn!r}"
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux says so that the other end is closed
            break
        if not part:
            break
        drawn += part
    return drawn


def test_a_terminal_gets_a_bar_that_is_gone_before_the_table() -> None:
    process, terminal = in_terminal("tent.json", "--max-order", "3")
    drawn = until(terminal, b"\0").decode()
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    os.close(terminal)
    assert "\r\x1b[Kfind [....................] 0 %, order 0 of 3" in drawn
    assert "] 100 %, order 3 of 3" in drawn and "\r\x1b[Ktent.json: relu_rnn, 1 state, 1 unit\r\n" in drawn


def test_ctrl_c_is_one_line_that_says_how_far_it_was(folder_with_tent: Path) -> None:
    generator = np.random.default_rng(4)
    weights = {"A": generator.normal(size=6), "W": generator.normal(size=(6, 6)), "h": generator.normal(size=6)}
    np.savez("weights.npz", **weights)
    process, terminal = in_terminal("weights.npz", "--max-order", "5000", "--method", "scyfi", "--output", "a.json")
    until(terminal, b"order 1 of 5000")
    os.kill(process, signal.SIGINT)
    rest = until(terminal, b"\0").decode()
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130
    os.close(terminal)
    last = rest.rpartition("\x1b[K")[2]
    assert re.match(
        r"lossjumps: find weights.npz \(order \d+ of 5000, .*\): stopped by Ctrl-C; nothing is half-w", last
    )
    assert last.count("\n") == 1 and not Path("a.json").exists()
