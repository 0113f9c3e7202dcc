"""The command line: `keras info`, `convert`, `check` and `doctor`.

Each command is a module with `add_to(parser)` and `run(options)`, which returns the exit code. They are imported
here without anything else of Keras, so that `keras doctor` runs where an installation is broken.

Exit codes: 0 all is well, 1 a problem was found (it is printed), 2 the command line was not understood.
"""

import argparse
import os
import sys
import warnings

from . import check, convert, doctor, info

OK, PROBLEM = 0, 1
_COMMANDS = {"info": info, "convert": convert, "check": check, "doctor": doctor}

_DESCRIPTION = """\
Look at, convert and check Keras models without writing a script.

Files may come from strangers: nothing in them is run unless you say --run-code.
"""

_EPILOG = """\
examples:
  keras info model.h5              what is in a file, and is it safe to load?
  keras convert model.h5 model.keras
  keras convert model.h5 model.onnx
  keras check model.h5             does it load, predict, and survive conversion?
  keras doctor                     is this installation in order?

'keras COMMAND --help' tells more about a command. Without the script 'keras' on the path, write 'python -m keras'.
Exit codes: 0 all is well, 1 a problem was found, 2 the command was not understood.
"""


def main(arguments=None):
    """Run the command line. arguments: a list of text, by default those of the process. Gives the exit code."""
    options = parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return options.run(options)
    except KeyboardInterrupt:
        return _failed("interrupted")
    except BrokenPipeError:  # `keras info model.h5 | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (ValueError, OSError, ImportError, NotImplementedError) as error:
        return _failed(error)


def _show_warning(message, *where, **more):
    print(f"keras: note: {_visible(message)}", file=sys.stderr)


def _failed(error):
    print(f"keras: {_visible(error)}", file=sys.stderr)
    return PROBLEM


def _visible(message):
    """A message as text in which nothing that comes from a file steers the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(message))


def parser():
    """The parser of the command line."""
    top = argparse.ArgumentParser(
        prog="keras", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_to(command)
        command.set_defaults(run=module.run)
    return top
