"""The random numbers of `ImageDataGenerator`: from NumPy's global generator, in the order of Keras-Preprocessing.

So a seed gives the images that it gave there.
"""

import numpy as np

from .affine_transformations import NO_CHANGE

FLIPS = {"flip_horizontal", "flip_vertical"}
UNCHANGED = dict(zip(("theta", "tx", "ty", "shear", "zx", "zy"), NO_CHANGE))


def one(generator, shape):
    """Draws the changes of one image of that shape: the dictionary that `get_random_transform` gives."""
    changes = {**UNCHANGED, "channel_shift_intensity": None, "brightness": None}
    for name, low, high, choices, factor in _plan(generator, shape):
        if choices is None:
            changes[name] = np.random.uniform(low, high) * factor
        else:
            # Like np.random.choice, at a tenth of its price.
            chosen = choices[np.random.randint(len(choices))]
            changes[name] = chosen * (-1, 1)[np.random.randint(2)] * factor
    for name, wanted in _flips(generator):
        changes[name] = (changes.pop(name) < 0.5) * wanted
    return changes


def many(generator, shape, count):
    """Draws the changes of images of that shape: {name: array (count,)}, without the names of what stays."""
    plan = list(_plan(generator, shape))
    if any(choices is not None for *_, choices, _ in plan):
        return columns([one(generator, shape) for _ in range(count)])
    # What np.random.uniform(low, high) makes of them, in a fraction of its time.
    numbers = np.random.random_sample((count, len(plan))).T
    drawn = {
        name: numbers[n] if (low, high, factor) == (0, 1, 1) else (low + (high - low) * numbers[n]) * factor
        for n, (name, low, high, _, factor) in enumerate(plan)
    }
    for name, wanted in _flips(generator):
        numbers = drawn.pop(name)
        if wanted:
            drawn[name] = numbers < 0.5
    return drawn


def is_affine(generator, shape):
    """Whether images of that shape are turned, shifted, sheared or zoomed."""
    return any(name in UNCHANGED for name, *_ in _plan(generator, shape))


def _flips(generator):
    return ("flip_horizontal", bool(generator.horizontal_flip)), ("flip_vertical", bool(generator.vertical_flip))


def columns(changes):
    """Dictionaries, as users and `one` write them, as {name: array}; names whose value is None everywhere lack."""
    names = [*UNCHANGED, *FLIPS, "channel_shift_intensity", "brightness"]
    found = {name: [each.get(name, UNCHANGED.get(name)) for each in changes] for name in names}
    return {
        name: np.array(values, bool if name in FLIPS else float)
        for name, values in found.items()
        if any(value is not None for value in values)
    }


def _plan(generator, shape):
    """What is drawn, in order: (name, low, high, None or the values to choose from, factor)."""
    if generator.rotation_range:
        yield "theta", -generator.rotation_range, generator.rotation_range, None, 1
    yield from _shift("tx", generator.height_shift_range, shape[generator.row_axis - 1])
    yield from _shift("ty", generator.width_shift_range, shape[generator.col_axis - 1])
    if generator.shear_range:
        yield "shear", -generator.shear_range, generator.shear_range, None, 1
    low, high = generator.zoom_range
    if not low == high == 1:
        yield "zx", low, high, None, 1
        yield "zy", low, high, None, 1
    yield "flip_horizontal", 0, 1, None, 1
    yield "flip_vertical", 0, 1, None, 1
    if generator.channel_shift_range != 0:
        yield "channel_shift_intensity", -generator.channel_shift_range, generator.channel_shift_range, None, 1
    if generator.brightness_range is not None:
        yield "brightness", *generator.brightness_range, None, 1


def _shift(name, limit, size):
    """A shift in pixels. A list gives the values to choose from, an int n those below n."""
    if isinstance(limit, (float, np.floating)):
        if limit:
            yield name, -limit, limit, None, size if limit < 1 else 1
    elif np.ndim(limit):
        yield name, 0, 0, limit, size if np.max(limit) < 1 else 1
    elif limit:
        yield name, 0, 0, range(limit), 1
