"""What ended a command, in a line, with the exit status."""

import errno
import signal
import sqlite3

import numpy as np
import pytest

from lossjumps.errors import InputError
from lossjumps.failures import Signalled, explain


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (InputError("seed: expected an integer"), "seed: expected an integer", 2),
        (
            ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"),
            "torch.nn is not installed; pip install 'lossjumps[pipeline]' brings it",
            1,
        ),
        (
            KeyboardInterrupt(),
            "train x (epoch 3 of 9): stopped by Ctrl-C; nothing is half-written; run the same command again",
            130,
        ),
        (
            Signalled(signal.SIGTERM),
            "train x (epoch 3 of 9): stopped by the signal SIGTERM; nothing is half-written; run the same",
            143,
        ),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:124]\n DefaultCPUAllocator: can't allocate memory"),
            "train x (epoch 3 of 9): not enough memory ([enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't "
            "allocate memory); fewer jobs at once (snakemake --cores 1) or fewer seeds in a batch (seeds_per_batch=1) "
            "need less",
            1,
        ),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded", "nowhere/a.npz"),
            "nowhere/a.npz: no space left on the device",
            1,
        ),
        (sqlite3.OperationalError("database or disk is full"), "x: no space left on the device", 1),
        (PermissionError(errno.EACCES, "Permission denied", "nowhere/a"), "nowhere/a: cannot be written (Perm", 2),
    ],
)
def test_what_is_foreseen_is_one_line(error, line, status):
    said, chosen = explain(error, "train x", "epoch 3 of 9")
    assert said.startswith(line) and "\n" not in said and chosen == status


def test_memory_that_numpy_asks_for_in_vain_is_not_enough_memory():
    with pytest.raises(MemoryError) as caught:
        np.empty((1 << 30, 1 << 24))
    said, status = explain(caught.value, "train x")
    assert said.startswith("train x: not enough memory (Unable to allocate 128. PiB") and status == 1


def test_a_full_disk_says_how_much_is_free(tmp_path):
    said, _ = explain(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "new" / "a.npz")), "train x")
    assert said.startswith(f"{tmp_path / 'new' / 'a.npz'}: no space left on the device (")
    assert f" MB free in {tmp_path}); nothing is half-written; " in said


def test_a_file_where_a_folder_should_be_is_named(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(NotADirectoryError) as caught:
        (tmp_path / "results" / "single" / "data").mkdir()
    said, status = explain(caught.value, "dataset x")
    assert said == f"{tmp_path / 'results'}: expected a folder, found a file" and status == 2


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'lossjumps.gone'", name="lossjumps.gone"),
        OSError("no number"),
        ZeroDivisionError("division\nby zero"),
    ],
)
def test_what_nobody_foresaw_has_a_traceback_and_a_last_line_that_says_where_it_was(error):
    try:
        raise error
    except Exception as raised:
        said, status = explain(raised, "train x", "epoch 3 of 9")
    lines = said.splitlines()
    assert lines[0] == "Traceback (most recent call last):" and status == 1
    what = " ".join(str(error).split())
    assert lines[-1].startswith(f"train x (epoch 3 of 9): unexpected {type(error).__name__}: {what}; the lines before")
