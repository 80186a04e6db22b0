"""How far a search is, from what it says of each order on standard error."""

import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from lossjumps.progress import Progress, silent

SAID = "order "
"""How a line begins in which the search says what an order brought."""


class _Follower(io.TextIOBase):
    """Takes the place of standard error: a line about an order is progress, anything else is passed on."""

    def __init__(self, progress: Progress, orders: int, stream: TextIO) -> None:
        self.progress, self.orders, self.stream = progress, orders, stream
        self.done = 0
        self.remark = ""
        self.unfinished = ""
        self.lock = threading.Lock()

    def write(self, text: str) -> int:
        *lines, self.unfinished = (self.unfinished + text).split("\n")
        for line in lines:
            if line.startswith(SAID):
                self.done, self.remark = self.done + 1, line.partition(": ")[2]
                self.show()
            else:
                self.stream.write(line + "\n")
        return len(text)

    def show(self) -> None:
        """Show where things stand; called from two threads."""
        with self.lock:
            self.progress(self.done, self.orders, self.remark)


@contextlib.contextmanager
def following(progress: Progress, orders: int, seconds: float = 1.0) -> Iterator[bool]:
    """Show the progress of a search inside the block: after each order, and once a second so that its clock runs.

    Yields
    ------
    bool
        Whether the search shall say what each order brought.
    """
    if progress is silent:
        yield False
        return
    follower = _Follower(progress, orders, sys.stderr)
    over = threading.Event()

    def show_again() -> None:
        while not over.wait(seconds):
            follower.show()

    clock = threading.Thread(target=show_again, daemon=True)
    follower.show()
    clock.start()
    try:
        with contextlib.redirect_stderr(follower):
            yield True
    finally:
        over.set()
        clock.join()
        if follower.unfinished:
            follower.stream.write(follower.unfinished)
