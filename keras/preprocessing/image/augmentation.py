"""Images of a batch, each changed in a way of its own: worked on together.

The random numbers are drawn before (`drawing`): `changes` is {name: array (N,)}, without the names of what stays.
"""

import numpy as np

from . import resampling, values
from .affine_transformations import affine_matrices
from .drawing import UNCHANGED
from .threads import scratch


def transform(out, images, changes, generator):
    """Changes each image in its way.

    Args:
        out: array (N, ...) for the changed images.
        images: N arrays (...), or an array of them, in the generator's data format.
        changes: see above.
        generator: ImageDataGenerator: `fill_mode`, `cval`, `interpolation_order` and the axes.

    Returns:
        The changed images: `out`, or a new array if a change of colours gives another type.
    """
    move(out, images, changes, generator)
    if "channel_shift_intensity" in changes and out.dtype.kind != "f":
        out = out.astype(float)
    if "brightness" in changes:
        out = out.astype("float32", copy=False)
    values.change_all(out, colours(changes, generator))
    return out


def is_affine(changes):
    """Whether images are turned, shifted, sheared or zoomed."""
    return any(name in changes for name in UNCHANGED)


def colours(changes, generator):
    """Channel shifts and brightness, as changes of values."""
    found = []
    if "channel_shift_intensity" in changes:
        found.append(values.shifted(changes["channel_shift_intensity"]))
    if "brightness" in changes:
        found.append(values.brightened(changes["brightness"], generator.channel_axis))
    return found


def move(out, images, changes, generator):
    """Affine changes and flips: see `transform`."""
    if generator.data_format == "channels_first":
        out, images = out.transpose(0, 2, 3, 1), [image.transpose(1, 2, 0) for image in images]
    _move(out, images, changes, generator)


def _move(out, images, changes, generator):
    flips = [changes.get(name) for name in ("flip_vertical", "flip_horizontal")]
    moved = np.zeros(len(out), bool)
    for name, stays in UNCHANGED.items():
        if name in changes:
            moved |= changes[name] != stays
    if not moved.any():
        _copy(out, images, *flips)
        return
    if not moved.all() and generator.interpolation_order > 1:
        # Splines through the pixels of an image that stays would change it a little: one by one.
        for n in range(len(out)):
            one = slice(n, n + 1)
            _move(out[one], images[one], {name: drawn[one] for name, drawn in changes.items()}, generator)
        return
    matrices = affine_matrices(*out.shape[1:3], *(changes.get(name, stays) for name, stays in UNCHANGED.items()))
    resampling.affine(
        out, images, matrices[..., :2], matrices[..., 2],
        generator.fill_mode, generator.cval, generator.interpolation_order, flips,
    )  # fmt: skip


def _copy(out, images, vertical, horizontal):
    for n, (target, image) in enumerate(zip(out, images)):
        _copy_one(target, image, *(flip is not None and flip[n] for flip in (vertical, horizontal)))


def _copy_one(out, image, upside_down, mirrored):
    image = image[::-1] if upside_down else image
    if mirrored:
        _mirror(image, out)
    else:
        out[...] = image


def _mirror(images, out):
    """Reverses the columns of images (..., columns, channels)."""
    for channel in range(images.shape[-1]):  # four times faster than all at once
        out[..., channel] = images[..., ::-1, channel]


def flip(images, changes, generator):
    """Flips small images in their memory: those with the same flip all at once, for calls are what costs here."""
    upside_down, mirrored = (changes.get(name) for name in ("flip_vertical", "flip_horizontal"))
    if generator.data_format == "channels_first":
        images = images.transpose(0, 2, 3, 1)
    if upside_down is not None:
        images[upside_down] = images[upside_down][:, ::-1]
    if mirrored is not None:
        chosen = images[mirrored]
        turned = np.empty_like(chosen)
        _mirror(chosen, turned)
        images[mirrored] = turned


def copy_flipped(out, images, changes, generator, first):
    """Copies large images, flips them, and makes a change of values on the way.

    Args:
        out: array (N, ...).
        images: N arrays (...).
        changes: see above.
        generator: ImageDataGenerator.
        first: the change (see `values`), the same for each image; or None.
    """
    order = (1, 2, 0) if generator.data_format == "channels_first" else (0, 1, 2)
    stay = [False] * len(out)
    flips = [changes[name].tolist() if name in changes else stay for name in ("flip_vertical", "flip_horizontal")]
    for image, target, upside_down, mirrored in zip(images, out, *flips):
        if upside_down or mirrored:
            # Memory is read fastest from its beginning on: backwards then from the processor's cache.
            near = scratch("image", image.shape, out.dtype)
            near[...] = image
            _copy_one(target.transpose(order), near.transpose(order), upside_down, mirrored)
        elif first and image.dtype == out.dtype:
            first(image[None], target[None])
            continue
        else:
            target[...] = image
        if first:
            first(target[None], target[None])
