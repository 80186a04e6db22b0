"""The one exception that means: what the user gave is wrong."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input, said in one line that names the thing and what was expected.

    The command line prints the message alone and exits with status 2.
    """


def one_of(name: object, known: Iterable[str]) -> str:
    """Say which names are known, and which one is likely meant: the tail of an error message."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    listed = f"expected one of {', '.join(known)}" if known else "nothing is known here"
    return f"{listed}; did you mean {close[0]}?" if close else listed
