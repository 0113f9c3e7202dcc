"""Whether another package named `keras` has been installed into our folder.

TensorFlow asks for one, and pip lets two packages write into one folder without a word: whichever came last has its
files there, where names are the same. Ours came last if this is run at all.
"""

import os
import warnings

# What only others have: Keras 3 and 2.13 on, 2.4 to 2.12, and Keras 2.0 to 2.3.
_THEIRS = ("src", "distribute", os.path.join("backend", "theano_backend.py"))

WHAT_TO_DO = (
    "Only one of them can be there: pip uninstall -y keras keras-classic, then pip install keras-classic. "
    "How to have TensorFlow without its keras is told in the README under 'Beside TensorFlow'."
)


def found(folder=None):
    """Paths in the folder of this package (or another) that belong to another `keras`; quick."""
    folder = folder or os.path.dirname(os.path.abspath(__file__))
    return [path for path in (os.path.join(folder, name) for name in _THEIRS) if os.path.exists(path)]


def notice(folder=None):
    """Warns if another `keras` lies in the folder, and says what to do."""
    theirs = found(folder)
    if theirs:
        warnings.warn(
            f"Another package named keras has been installed into the folder of keras-classic ({theirs[0]} is not "
            f"ours), so files of either may be lost. {WHAT_TO_DO}",
            stacklevel=2,
        )


notice()
