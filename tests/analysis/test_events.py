import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lossjumps.analysis.events import COUNTED_KINDS, KIND_NAMES, KINDS, counted, counted_epochs
from lossjumps.errors import InputError

TABLE = {
    "epoch": [9, 4, 4, 9, 19, 20, 20, 20],
    "kind": [
        *("persistence", "nonsmooth_fold", "centre", "persistence", "unresolved", "nonsmooth_fold"),
        *("centre", "persistence"),
    ],
    "topological": [True, True, True, False, True, True, True, False],
    "occupied": [False, True, False, True, True, False, True, False],
}

EXPECTED = {
    "any": [0, 1, 2, 5, 6],
    "occupied": [1, 6],
    "occupied_fold_or_transcritical": [1],
    "occupied_neutral_persistence": [3],
    "nonsmooth_fold": [1, 5],
    # One that keeps its stability is listed and not counted.
    "persistence": [0],
    "degenerate_transcritical": [],
    "degenerate_flip": [],
    "centre": [2, 6],
    "unresolved": [4],
}


@pytest.mark.parametrize("kind", COUNTED_KINDS)
@pytest.mark.parametrize("form", [dict, pd.DataFrame])
def test_rows_that_count(kind, form):
    assert np.flatnonzero(counted(form(TABLE), kind)).tolist() == EXPECTED[kind]


def test_epochs_are_each_once_and_ascending():
    epochs = counted_epochs(pd.DataFrame(TABLE))
    assert (epochs.tolist(), epochs.dtype) == ([4, 9, 20], np.int64)
    assert counted_epochs(pd.DataFrame(TABLE)[:0]).tolist() == []


def test_an_unknown_kind_is_an_input_error():
    with pytest.raises(InputError, match=r"kind: expected one of any, occupied, .*got 'fold'"):
        counted(TABLE, "fold")


def test_every_kind_has_a_name():
    assert tuple(KIND_NAMES) == KINDS


def test_importing_it_is_light():
    code = "import sys, lossjumps.analysis.events; print({'numba', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
