"""Which program wrote a file: that decides what its names and numbers mean."""

import re
from typing import NamedTuple


class Origin(NamedTuple):
    """The program that wrote a file.

    Args:
        family: 'keras1' (Keras 0.x and 1.x), 'keras2' (multi-backend Keras 2.0 to 2.3, and this package),
            'tf_keras' (tf.keras 2.x: its files say `2.2.4-tf`, or 2.4 and later), or 'keras3'.
        version: tuple of numbers, such as (2, 2, 4).
        backend: 'tensorflow', 'theano', 'cntk', 'jax'... or None where the file does not say.
    """

    family: str
    version: tuple
    backend: str | None = None

    def __str__(self):
        names = {"keras1": "Keras", "keras2": "Keras", "tf_keras": "tf.keras", "keras3": "Keras"}
        return f"{names[self.family]} {'.'.join(map(str, self.version))}"


def origin_of(keras_version, backend=None):
    """The Origin for the attributes `keras_version` and `backend` of a file. A file without a version is Keras 1's.

    Raises:
        ValueError: for a version that is no version.
    """
    if not keras_version:
        return Origin("keras1", (1,), backend)
    numbers = re.match(r"\d+(?:\.\d+)*", str(keras_version))
    if numbers is None:
        raise ValueError(
            f"The file says that it was written by Keras {keras_version!r}, which is no version."
        )
    version = tuple(int(number) for number in numbers.group().split("."))
    return Origin(_family(version, str(keras_version)), version, backend)


def _family(version, text):
    if version[0] <= 1:
        return "keras1"
    if version[0] >= 3:
        return "keras3"
    # Multi-backend Keras ended with 2.3.1 (2.4 only handed tf.keras's names on).
    return "tf_keras" if text.endswith("-tf") or version >= (2, 4) else "keras2"


CURRENT = Origin("keras2", (2, 3, 1), "tensorflow")
