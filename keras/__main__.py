"""`python -m keras`: the command line, see `keras.cli`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
