"""The name that somebody may have meant, for messages."""

import difflib
import inspect


def did_you_mean(name, known, most=1):
    """" Did you mean 'units'?" where up to `most` of the known names are like the given one, "" where none is."""
    near = difflib.get_close_matches(str(name), [str(one) for one in known], most)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def argument_meant(given, function):
    """The same for the first of some arguments, by name, that a function or class does not take."""
    return did_you_mean(next(iter(given)), inspect.signature(function).parameters)
