"""How the kernels of the search are compiled: by numba, once, and kept on disk."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba

KERNELS = Path(__file__).parent / "search"
"""The folder with all compiled kernels."""


@lru_cache(maxsize=1)
def _digest_of_kernels() -> str:
    digest = hashlib.sha256()
    for path in sorted(KERNELS.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """Decorate a function that numba compiles when it is first called, without Python objects.

    The machine code is kept beside the source, or in the user's cache where that folder cannot be written, and is used
    until any kernel of the package changes: numba itself looks at the function's own file only, and would go on with
    what it had inlined from another one.  Where no folder can be written each process compiles for itself.

    Parameters
    ----------
    **options
        Of `numba.njit`.
    """

    def decorate(function: Callable) -> Any:
        try:
            dispatcher = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder for the cache
            return numba.njit(**options)(function)
        index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        if hasattr(index, "_source_stamp"):
            index._source_stamp = (index._source_stamp, _digest_of_kernels())
        return dispatcher

    return decorate
