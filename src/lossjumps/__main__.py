"""`python -m lossjumps`: the command line, with the interpreter one is running."""

import sys

from lossjumps.command_line import main

if __name__ == "__main__":
    sys.exit(main())
