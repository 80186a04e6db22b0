"""How kernels are compiled: by numba, once, and kept on disk.

Numba by itself makes machine code of every function, and makes it again in each function that calls it, and so on: of
a chain of n calls n times.  Here that is done for those functions alone that Python calls, each with all that it needs.
"""

import fcntl
import gc
import hashlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import event, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock

from lossjumps.progress import LOGGER

PACKAGE = Path(__file__).parent

SLOW = ("lossjumps.search.", "lossjumps.analysis.")
"""Packages whose kernels take long to compile; the others take seconds."""

SAID_ONCE = "compiling the search, which takes a minute or two; the machine code is kept for the next time"
SAID_WITHOUT_FOLDER = (
    "compiling the search, which takes a minute or two each time: the machine code can be kept neither beside the "
    "sources nor in the user's cache; export NUMBA_CACHE_DIR=FOLDER names a folder for it"
)
SAID_WAITING = "waiting for another process, which compiles the search; that takes a minute or two"
"""What the logger says when a process begins to compile kernels that are not kept yet, or another one does."""


NEW_OBJECTS = 20_000
"""New objects between two passes of Python's garbage collector while numba compiles: what it makes lives on."""


class _Compilation(event.Listener):
    """Says once that kernels are compiled, which numba does not do for those that it has kept."""

    said = False
    kept = True
    nested = 0

    def on_start(self, event: event.Event) -> None:
        if self.nested == 0:
            self.thresholds = gc.get_threshold()
            if 0 < self.thresholds[0] < NEW_OBJECTS:
                gc.set_threshold(NEW_OBJECTS, *self.thresholds[1:])
        self.nested += 1
        self.say(event.data["dispatcher"], SAID_ONCE if self.kept else SAID_WITHOUT_FOLDER)

    def on_end(self, event: event.Event) -> None:
        self.nested -= 1
        if self.nested == 0:
            gc.set_threshold(*self.thresholds)

    def say(self, dispatcher: Any, message: str) -> None:
        if dispatcher.py_func.__module__.startswith(SLOW) and not self.said:
            self.said = True
            logging.getLogger(LOGGER).info(message)


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


class _PartLibrary(JITCodeLibrary):
    """The code of a function that is linked into kernels, and optimised and turned into machine code there."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """There is no machine code that could ask for it."""


class _PartCompiler(CompilerBase):
    def define_pipelines(self) -> list:
        self.state.library = _PartLibrary(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        self.state.library.enable_object_caching()
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


def _without_literals(dispatcher: Any) -> None:
    """Compile what is called with a constant for numbers of its type, as for variables: once, not for each constant."""
    compiler = dispatcher._compiler
    name = "fold_argument_types" if hasattr(compiler, "fold_argument_types") else "fold_arguments"
    fold = getattr(compiler, name)

    def folded(arguments: Any, keywords: Any) -> tuple[Any, tuple]:
        signature, arguments = fold(arguments, keywords)
        return signature, tuple(types.unliteral(argument) for argument in arguments)

    setattr(compiler, name, folded)


def _one_process_at_a_time(dispatcher: Any, index: Path) -> None:
    """Let others that call the function meanwhile wait for the machine code, and load it.

    Numba's files are not made for two processes that compile at once: where they do so for different types of
    arguments, a later process may be given the machine code for the wrong ones.
    """
    compile_or_load = dispatcher.compile

    def alone(signature: Any) -> Any:
        # numba's own lock first, as in a compilation that compiles what it calls: threads must not wait in a circle
        with global_compiler_lock, _locked(index.with_suffix(".lock"), dispatcher):
            return compile_or_load(signature)

    dispatcher.compile = alone


@contextmanager
def _locked(path: Path, dispatcher: Any) -> Iterator[None]:
    """Wait until no other process holds the lock on a file, and hold it; go without one where there can be none."""
    with ExitStack() as held:
        with suppress(OSError):
            file = held.enter_context(open(path, "ab"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _compilation.say(dispatcher, SAID_WAITING)
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kernel_part(**options: Any) -> Callable[[Callable], Any]:
    """Decorate a function that is called by kernels (`compiled`) and other parts of them, not by Python.

    Parameters
    ----------
    **options
        Of `numba.njit`.
    """

    def decorate(function: Callable) -> Any:
        def refuse(*arguments: Any) -> None:
            raise TypeError(f"{function.__name__} is part of compiled kernels; Python cannot call it")

        dispatcher = numba.njit(
            pipeline_class=_PartCompiler, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options
        )(function)
        _without_literals(dispatcher)
        dispatcher._insert = lambda *overload: None
        dispatcher._compile_for_args = refuse
        return dispatcher

    return decorate


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """Decorate a function that numba compiles when it is first called, without Python objects.

    The machine code is kept beside the source, or in the user's cache where that folder cannot be written, and is used
    until a file changes whose kernels it may have inlined: numba itself looks at the function's own file only, and
    would go on with what it had inlined from another one.  Where no folder can be written each process compiles for
    itself.  Of several that want the same function at once one compiles it, and the others wait.

    Parameters
    ----------
    **options
        Of `numba.njit`.
    """

    def decorate(function: Callable) -> Any:
        try:
            dispatcher = numba.njit(cache=True, no_cfunc_wrapper=True, **options)(function)
        except RuntimeError:  # no folder for the cache
            _compilation.kept = False
            dispatcher = numba.njit(no_cfunc_wrapper=True, **options)(function)
        index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        if hasattr(index, "_source_stamp"):
            index._source_stamp = (index._source_stamp, _digest_of_kernels(function))
            _one_process_at_a_time(dispatcher, Path(index._index_path))
        _without_literals(dispatcher)
        return dispatcher

    return decorate
