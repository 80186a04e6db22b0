"""Lines on a terminal or in a log, and on a terminal a last one that is drawn over."""

import shutil
from typing import TextIO

from lossjumps.progress import is_terminal

RED = "31"
BOLD = "1"


class Screen:
    """Where the lines go.

    Parameters
    ----------
    stream : text stream
    color : bool
        Whether a terminal may be sent colors.
    """

    def __init__(self, stream: TextIO, color: bool) -> None:
        self.stream = stream
        self.on_terminal = is_terminal(stream)
        self._color = color and self.on_terminal
        self._status = ""

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line above the last one, in a style such as `RED`."""
        text = f"\x1b[{style}m{text}\x1b[0m" if style and self._color else text
        self._draw(f"{text}\n", self._status)

    def status(self, text: str) -> None:
        """Draw the last line anew; an empty text removes it.  Nothing happens where there is no terminal."""
        if self.on_terminal and text != self._status:
            self._draw("", text)

    def _draw(self, above: str, status: str) -> None:
        clear = "\r\x1b[K" if self._status else ""
        self._status = status[: shutil.get_terminal_size().columns - 1]
        self.stream.write(clear + above + self._status)
        self.stream.flush()
