"""Networks in files, for `lossjumps find`."""

import json
from pathlib import Path

import pytest

from lossjumps import ReluMap
from lossjumps.command_line import main

# z' = relu(1 - 2 z).  On (z < 1/2): z = 1 - 2 z, so z = 1/3 with multiplier -2 and det(I - T) = 3 > 0.
# A cycle that meets the flat side z >= 1/2 contains 0, so it is 0 -> 1 -> 0: multiplier 0, stable.  Any other
# stays where F is affine and expands, so it is the fixed point: there is no 3-cycle.  The image is bounded,
# so each F^k has index sum 1: for k = 2, -1 for the fixed point (multiplier 4) and twice +1.
TENT = {"W": [[-2.0]], "b": [1.0]}


def find(capsys: pytest.CaptureFixture, *words: str) -> str:
    """What the command prints; nothing on standard error, where there is no terminal."""
    assert main(["find", *words]) == 0
    out, error = capsys.readouterr()
    assert error == ""
    return out


def two_cycles_and_more() -> tuple[ReluMap, str]:
    """A network in the plane with cycles of several orders and complex multipliers, and its file."""
    parameters = {"A": [0.7, -0.4], "W": [[0.2, -1.9], [1.6, 0.1]], "h": [0.3, 0.4]}
    Path("plane.json").write_text(json.dumps(parameters))
    return ReluMap.plrnn(**parameters), "plane.json"
