"""How kernels are compiled: by numba, once, and kept on disk."""

import hashlib
import logging
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import event

from lossjumps.progress import LOGGER

PACKAGE = Path(__file__).parent

SLOW = ("lossjumps.search.", "lossjumps.analysis.")
"""Packages whose kernels take long to compile; the others take seconds."""

SAID_ONCE = "compiling the search, which takes a minute or two; the machine code is kept for the next time"
SAID_WITHOUT_FOLDER = (
    "compiling the search, which takes a minute or two each time: the machine code can be kept neither beside the "
    "sources nor in the user's cache; export NUMBA_CACHE_DIR=FOLDER names a folder for it"
)
"""What the logger says when a process begins to compile kernels that are not kept yet."""


class _Compilation(event.Listener):
    """Says once that kernels are compiled, which numba does not do for those that it has kept."""

    said = False
    kept = True

    def on_start(self, event: event.Event) -> None:
        mine = event.data["dispatcher"].py_func.__module__.startswith(SLOW)
        if mine and not self.said:
            self.said = True
            logging.getLogger(LOGGER).info(SAID_ONCE if self.kept else SAID_WITHOUT_FOLDER)

    def on_end(self, event: event.Event) -> None:
        pass


_compilation = _Compilation()
event.register("numba:compile", _compilation)


def _digest_of_kernels(function: Callable) -> str:
    """Digest of what a function may inline: of all files in the folders that the kernels it names come from.

    Those of a folder may inline one another, so it counts as a whole.  `lossjumps.lanes` always counts.
    """
    named = {value.py_func.__module__ for value in function.__globals__.values() if hasattr(value, "py_func")}
    own = {name for name in named if name.startswith("lossjumps.") and name != function.__module__}
    places = {PACKAGE / "lanes.py", *(Path(sys.modules[name].__file__).parent for name in own)}
    return hashlib.sha256("".join(map(_digest_of, sorted(places))).encode()).hexdigest()


@cache
def _digest_of(place: Path) -> str:
    """Digest of a file, or of the sources in a folder."""
    digest = hashlib.sha256()
    for file in sorted(place.glob("*.py")) if place.is_dir() else [place]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """Decorate a function that numba compiles when it is first called, without Python objects.

    The machine code is kept beside the source, or in the user's cache where that folder cannot be written, and is used
    until a file changes whose kernels it may have inlined: numba itself looks at the function's own file only, and
    would go on with what it had inlined from another one.  Where no folder can be written each process compiles for
    itself.

    Parameters
    ----------
    **options
        Of `numba.njit`.
    """

    def decorate(function: Callable) -> Any:
        try:
            dispatcher = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder for the cache
            _compilation.kept = False
            return numba.njit(**options)(function)
        index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        if hasattr(index, "_source_stamp"):
            index._source_stamp = (index._source_stamp, _digest_of_kernels(function))
        return dispatcher

    return decorate
