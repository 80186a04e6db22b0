"""Why a command ended, in a line that says what to do about it."""

import errno
import shutil
import signal
import traceback
from pathlib import Path

from lossjumps.errors import InputError

DONE, FAILED, BAD_INPUT = 0, 1, 2
SIGNALLED = 128
"""A shell's exit status for a program that a signal ended, less the signal's number."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
NO_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)
"""Errors of the operating system that say where nothing can be written."""
AGAIN = "nothing is half-written; run the same command again"


class Signalled(BaseException):
    """A signal asked the program to end: Ctrl-C, a time limit, a shutdown."""

    def __init__(self, number: int) -> None:
        super().__init__("Ctrl-C" if number == signal.SIGINT else f"the signal {signal.Signals(number).name}")
        self.status = SIGNALLED + number


def explain(error: BaseException, doing: str, place: str = "") -> tuple[str, int]:
    """Say in a line why a command ended, and with what exit status it should.

    Parameters
    ----------
    error : BaseException
        What ended it.
    doing : str
        The command and what it worked on, such as ``train results/default/batches/...``.
    place : str
        How far it was; empty if that is not known.

    Returns
    -------
    str
        One line; for an error that nobody foresaw the traceback before it.
    int
        Exit status.
    """
    reached = f"{doing} ({place})" if place else doing
    if isinstance(error, InputError):
        return str(error), BAD_INPUT
    if isinstance(error, KeyboardInterrupt):
        error = Signalled(signal.SIGINT)
    if isinstance(error, Signalled):
        return f"{reached}: stopped by {error}; {AGAIN}", error.status
    if isinstance(error, ModuleNotFoundError) and (error.name or "lossjumps").split(".")[0] != "lossjumps":
        return f"{error.name} is not installed; pip install 'lossjumps[pipeline]' brings it", FAILED
    if _is_memory(error):
        return (
            f"{reached}: not enough memory ({_one_line(error)}); fewer jobs at once (snakemake --cores 1)"
            " or fewer seeds in a batch (seeds_per_batch=1) need less",
            FAILED,
        )
    if _is_full(error):
        path = getattr(error, "filename", None) or doing.partition(" ")[2]
        return f"{path}: no space left on the device{_free(path)}; {AGAIN} when there is room", FAILED
    if isinstance(error, OSError) and error.errno in NO_PLACE and error.filename:
        return _no_place(Path(error.filename), error.strerror), BAD_INPUT
    told = "".join(traceback.format_exception(error))
    what = f"unexpected {type(error).__name__}: {_one_line(error)}"
    return f"{told}{reached}: {what}; the lines before this one say where, please report them", FAILED


def _is_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch says so with a RuntimeError."""
    text = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("allocate memory" in text or "not enough memory" in text)
    )


def _is_full(error: BaseException) -> bool:
    """Whether a disk is full; SQLite says so in words."""
    by_number = isinstance(error, OSError) and error.errno in NO_SPACE
    return by_number or "database or disk is full" in str(error)


def _no_place(path: Path, why: str) -> str:
    blocking = next((folder for folder in path.parents if folder.exists() and not folder.is_dir()), None)
    return f"{blocking}: expected a folder, found a file" if blocking else f"{path}: cannot be written ({why})"


def _free(path: str) -> str:
    folder = next((parent for parent in Path(path).parents if parent.is_dir()), None)
    if folder is None:
        return ""
    return f" ({shutil.disk_usage(folder).free / 1e6:.1f} MB free in {folder})"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
