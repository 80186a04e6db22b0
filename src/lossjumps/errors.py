"""The one exception that means: what the user gave is wrong."""


class InputError(ValueError):
    """Bad input, said in one line that names the thing and what was expected.

    The command line prints the message alone and exits with status 2.
    """
