"""The one exception that means: what the user gave is wrong."""

import difflib
from collections.abc import Iterable

LONGEST_VALUE = 60
"""Characters of a value that a message shows."""


class InputError(ValueError):
    """Bad input, said in one line that names the thing and what was expected.

    The command line prints the message alone and exits with status 2.
    """


def one_of(name: object, known: Iterable[str]) -> str:
    """Say which names are known, and which one is likely meant: the tail of an error message."""
    known = sorted(known)
    whatever_case = {one.lower(): one for one in known}
    close = difflib.get_close_matches(str(name).lower(), whatever_case, n=1)
    listed = f"expected one of {', '.join(known)}" if known else "nothing is known here"
    return f"{listed}; did you mean {whatever_case[close[0]]}?" if close else listed


def shown(value: object) -> str:
    """A value as it is written in YAML, cut where it is long: the end of an error message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = f"[{', '.join(map(shown, value))}]" if isinstance(value, list | tuple) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ..."
