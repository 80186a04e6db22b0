"""How far a long computation is: a bar on a terminal, plain lines in a log.

A computation is given a `Progress` and calls it; who calls the computation decides whether and how that is shown.
"""

import contextlib
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from lossjumps.errors import InputError

LOGGER = "lossjumps"
"""The logger that tells what takes long beside the steps; shown by `ProgressDisplay.with_notes`."""

Progress = Callable[[int, int, str], None]
"""Called with the number of steps that are done, the number of all, and a remark on where things stand."""


def silent(done: int, total: int, remark: str = "") -> None:
    """Show nothing."""


def shown(progress: bool | Progress, unit: str) -> Progress:
    """What a computation calls, from the argument `progress` that it was given.

    Parameters
    ----------
    progress : bool or callable
        True: a line on standard error for each call; False: nothing.
    unit : str
        What a step is, such as ``order``.

    Raises
    ------
    InputError
        If it is neither.
    """
    if callable(progress):
        return progress
    if not isinstance(progress, bool):
        raise InputError(f"progress: expected True, False or a function of (done, total, remark), got {progress!r}")

    def line(done: int, total: int, remark: str = "") -> None:
        print(f"{unit} {done} of {total}{': ' if remark else ''}{remark}", file=sys.stderr, flush=True)

    return line if progress else silent


@contextlib.contextmanager
def with_running_clock(progress: Progress, total: int, seconds: float = 1.0) -> Iterator[Progress]:
    """A progress that is shown again and again while the block waits for the next step, so that its clock runs.

    Parameters
    ----------
    progress : callable
        Shows the progress; it is called from two threads, never at the same time.
    total : int
        Number of all steps.
    seconds : float
        Between two calls.
    """
    if progress is silent:
        yield silent
        return
    last = (0, total, "")
    over = threading.Event()
    showing = threading.Lock()

    def report(*step: int | str) -> None:
        nonlocal last
        with showing:
            last = step
            progress(*last)

    def show_again() -> None:
        while not over.wait(seconds):
            with showing:
                progress(*last)

    clock = threading.Thread(target=show_again, daemon=True)
    report(*last)
    clock.start()
    try:
        yield report
    finally:
        over.set()
        clock.join()


class ProgressDisplay:
    """Show the progress of one computation; a context manager, so that a bar is gone when something else is printed.

    Parameters
    ----------
    heading : str
        What is computed, such as ``train``.
    unit : str
        What a step is, such as ``epoch``.
    stream : text stream, optional
        Standard error if not given.  On a terminal one line is drawn over and over.  Elsewhere a line is written
        for every tenth of the work, and once a minute where a tenth takes longer.
    clock : callable
        Seconds that pass.
    """

    BAR = 20
    REDRAWN = 0.1
    """Seconds between two drawings of the bar."""
    WRITTEN = 60.0
    """Seconds between two lines in a log, where a tenth of the work takes longer."""

    def __init__(
        self, heading: str, unit: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.heading, self.unit, self.clock = heading, unit, clock
        self.stream = sys.stderr if stream is None else stream
        self.on_terminal = is_terminal(self.stream)
        self._started = clock()
        self._shown = self._started - self.REDRAWN
        self.place = ""
        """How far it is, in words; empty before the first step."""
        self._first: tuple[int, float] | None = None
        self._tenth = -1
        self._drawn = ""
        self._writing = threading.Lock()

    def __enter__(self) -> "ProgressDisplay":
        if self.on_terminal:  # the first step may be a while: code is compiled when it is first used
            self._draw(f"{self.heading} begins ...")
        return self

    def __exit__(self, *error: object) -> None:
        with self._writing:
            self._draw("")

    @contextlib.contextmanager
    def with_notes(self) -> Iterator[None]:
        """Write what the logger `LOGGER` tells inside the block: a line each, above the bar."""
        handler = _Notes(self)
        logger = logging.getLogger(LOGGER)
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.setLevel(level)
            logger.removeHandler(handler)

    def note(self, text: str) -> None:
        """Write a line; a bar goes on below it."""
        with self._writing:
            self._draw(self._drawn, above=f"{self.heading}: {text}\n")

    def _draw(self, bar: str, above: str = "") -> None:
        clear = "\r\x1b[K" if self._drawn else ""
        self._drawn = bar
        self.stream.write(clear + above + bar)
        self.stream.flush()

    def __call__(self, done: int, total: int, remark: str = "") -> None:
        """Take note that `done` of `total` steps are done, and show it if it is time to."""
        with self._writing:
            self._step(done, total, remark)

    def _step(self, done: int, total: int, remark: str) -> None:
        now = self.clock()
        self.place = ", ".join(part for part in (f"{self.unit} {done} of {total}", remark) if part)
        if self._first is None:
            self._first = done, now  # what came before does not count for how long the rest takes
        tenth = 10 * done // max(total, 1)
        if self.on_terminal:
            if self._drawn and done < total and now - self._shown < self.REDRAWN:
                return
            width = shutil.get_terminal_size().columns - 1
            self._draw(self._bar(done, total, remark, self._times(done, total, now))[:width])
        else:
            if tenth <= self._tenth and now - self._shown < self.WRITTEN:
                return
            self._draw("", above=self._line(done, total, remark, self._times(done, total, now)) + "\n")
        self._shown, self._tenth = now, tenth

    def _bar(self, done: int, total: int, remark: str, times: list[str]) -> str:
        filled = self.BAR * done // max(total, 1)
        bar = "#" * filled + "." * (self.BAR - filled)
        parts = [f"{self.heading} [{bar}] {self._where(done, total)}", *times, remark]
        return ", ".join(part for part in parts if part)

    def _line(self, done: int, total: int, remark: str, times: list[str]) -> str:
        said = ", ".join([f"{self.heading}: {self._where(done, total)}", *times])
        return f"{said}; {remark}" if remark else said

    def _where(self, done: int, total: int) -> str:
        return f"{100 * done // max(total, 1)} %, {self.unit} {done} of {total}"

    def _times(self, done: int, total: int, now: float) -> list[str]:
        elapsed = duration(now - self._started)
        first, since = self._first or (done, now)
        if done == first or done >= total:
            return [elapsed]
        return [elapsed, f"{duration((now - since) / (done - first) * (total - done))} left"]


class _Notes(logging.Handler):
    """What a logger tells becomes notes of a display."""

    def __init__(self, display: ProgressDisplay) -> None:
        super().__init__(logging.INFO)
        self.display = display

    def emit(self, record: logging.LogRecord) -> None:
        self.display.note(record.getMessage())


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a line can be drawn over on a stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def duration(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
