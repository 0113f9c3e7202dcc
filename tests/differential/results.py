"""Named arrays: stored compactly, and compared.

A difference is relative to the number itself or, where that is smaller, to the root mean square of its array (what
is nearly cancelled in a sum keeps no relative precision in any float type), or to `FLOOR`, where that is smaller.
Only some numbers of large arrays are kept: always the same ones, drawn by chance.
"""

import json
from dataclasses import dataclass

import numpy as np

FLOOR = 1e-3
KEPT = 256  # numbers of one array


@dataclass(frozen=True)
class Item:
    """One array: its shape and type, and the numbers that are kept."""

    shape: tuple
    dtype: str
    numbers: np.ndarray


def item(array):
    array = np.asarray(array)
    numbers = array.ravel()
    if numbers.size > KEPT:
        numbers = numbers[np.random.RandomState(0).choice(numbers.size, KEPT, replace=False)]
    return Item(array.shape, array.dtype.name, numbers.astype("float32"))


def items(arrays):
    """{name: Item} from {name: array or list of arrays}."""
    found = {}
    for name, value in arrays.items():
        if isinstance(value, (list, tuple)):
            found.update({f"{name} {number}": item(array) for number, array in enumerate(value)})
        else:
            found[name] = item(value)
    return found


def difference(got, wanted):
    """The largest relative difference of two Items; infinite if shapes, types or unordered numbers differ."""
    if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
        return np.inf
    one, other = got.numbers.astype("float64"), wanted.numbers.astype("float64")
    finite = np.isfinite(other)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True) or not np.isfinite(one[finite]).all():
        return np.inf
    one, other = one[finite], other[finite]
    if not other.size:
        return 0.0
    scale = np.maximum(np.abs(other), max(float(np.sqrt(np.mean(other**2))), FLOOR))
    return float(np.max(np.abs(one - other) / scale))


def differences(got, wanted, gradients=True):
    """{name: difference} of one group.

    Raises:
        KeyError: if the names are not the same; a runtime without gradients may lack some.
    """
    lacking, new = sorted(wanted.keys() - got.keys()), sorted(got.keys() - wanted.keys())
    if new or (lacking and gradients):
        raise KeyError(
            f"The stored numbers are of other tests: {len(new)} are new ({new[:3]}), {len(lacking)} lack"
            f" ({lacking[:3]}). If the tables of tests have changed, store them anew:"
            " KERAS_BACKEND=jax python -m tests.differential --store"
        )
    return {name: difference(got[name], wanted[name]) for name in got}


def write(path, groups):
    """Stores {group: {name: Item}}."""
    index = {
        group: [(name, list(item.shape), item.dtype, item.numbers.size) for name, item in found.items()]
        for group, found in groups.items()
    }
    numbers = [item.numbers for found in groups.values() for item in found.values()]
    text = np.frombuffer(json.dumps(index, separators=(",", ":")).encode(), np.uint8)
    np.savez_compressed(path, index=text, numbers=np.concatenate(numbers))


def read(path):
    """{group: {name: Item}} as stored."""
    with np.load(path, allow_pickle=False) as stored:
        index, numbers = json.loads(stored["index"].tobytes()), stored["numbers"]
    groups, start = {}, 0
    for group, entries in index.items():
        groups[group] = {}
        for name, shape, dtype, size in entries:
            groups[group][name] = Item(tuple(shape), dtype, numbers[start : start + size])
            start += size
    return groups
