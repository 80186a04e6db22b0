"""Train a batch in processes of its own that are stopped: `python killed_trainings.py FOLDER SIGNAL=SECONDS ...`.

Each gets its signal so long after its first checkpoint, and one more runs to the end.  They are forked, as importing
torch takes seconds.  Prints the exit status of each, and whether there is a checkpoint then.
"""

import os
import signal
import sys
import time
from pathlib import Path

import lossjumps.stages.train
import lossjumps.training.loop  # noqa: F401
from lossjumps.command_line import main
from lossjumps.configuration.source import source_digest


def start(folder: str) -> int:
    """Begin to train, with a checkpoint every epoch; the process."""
    process = os.fork()
    if process == 0:
        os._exit(main(["train", folder, "--checkpoint-seconds", "0"]))
    return process


def killed(folder: str, number: int, seconds: float) -> int:
    """The exit status of a training that got a signal."""
    before, process = written(folder), start(folder)
    deadline = time.monotonic() + 60
    while written(folder) == before and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(process, number)
    return status_of(process)


def written(folder: str) -> int:
    """When the last checkpoint was; 0 without one."""
    try:
        return (Path(folder) / "checkpoint" / "state.npz").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def status_of(process: int) -> int:
    """Wait for a process."""
    status = os.waitpid(process, 0)[1]
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    folder = sys.argv[1]
    source_digest("lossjumps.stages.train")  # keeps what it has parsed, for all processes
    for stop in sys.argv[2:]:
        name, _, seconds = stop.partition("=")
        status = killed(folder, signal.Signals[name], float(seconds))
        print(status, written(folder) > 0, flush=True)
    print(status_of(start(folder)), (Path(folder) / "checkpoint").exists())
