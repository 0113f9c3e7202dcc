"""Images of a batch, each changed in a way of its own: worked on together.

The random numbers are drawn before (`drawing`): `changes` is {name: array (N,)}, without the names of what stays.
"""

import numpy as np

from . import resampling
from .affine_transformations import affine_matrices, brighten
from .drawing import UNCHANGED
from .threads import scratch


def transform(out, images, changes, generator):
    """Changes each image in its way.

    # Arguments
        out: array (N, ...) for the changed images.
        images: N arrays (...), or an array of them, in the generator's data format.
        changes: see above.
        generator: ImageDataGenerator: `fill_mode`, `cval`, `interpolation_order` and the axes.

    # Returns
        The changed images: `out`, or a new array if a change of colours gives another type.
    """
    move(out, images, changes, generator)
    return recolour(out, changes, generator)


def is_affine(changes):
    """Whether images are turned, shifted, sheared or zoomed."""
    return any(name in changes for name in UNCHANGED)


def move(out, images, changes, generator, factor=None):
    """Affine changes and flips: see `transform`. Without affine changes the values may be multiplied by a factor."""
    if generator.data_format == "channels_first":
        out, images = out.transpose(0, 2, 3, 1), [image.transpose(1, 2, 0) for image in images]
    _move(out, images, changes, generator, factor)


def _move(out, images, changes, generator, factor=None):
    flips = [changes.get(name) for name in ("flip_vertical", "flip_horizontal")]
    moved = np.zeros(len(out), bool)
    for name, stays in UNCHANGED.items():
        if name in changes:
            moved |= changes[name] != stays
    if not moved.any():
        _copy(out, images, flips, factor)
        return
    if not moved.all() and generator.interpolation_order > 1:
        # Splines through the pixels of an image that stays would change it a little: one by one.
        for n in range(len(out)):
            one = slice(n, n + 1)
            _move(out[one], images[one], {name: values[one] for name, values in changes.items()}, generator)
        return
    matrices = affine_matrices(*out.shape[1:3], *(changes.get(name, stays) for name, stays in UNCHANGED.items()))
    resampling.affine(
        out, images, matrices[..., :2], matrices[..., 2],
        generator.fill_mode, generator.cval, generator.interpolation_order, flips,
    )  # fmt: skip


def _copy(out, images, flips, factor):
    vertical, horizontal = ([False] * len(out) if flip is None else flip.tolist() for flip in flips)
    for target, image, upside_down, mirrored in zip(out, images, vertical, horizontal):
        if not (upside_down or mirrored):
            _write(target, image, factor)
            continue
        # Memory is read fastest from its beginning on: backwards then from the processor's cache.
        near = scratch("image", target.shape, target.dtype)
        _write(near, image, factor)
        near = near[::-1] if upside_down else near
        if mirrored:
            _mirror(near, target)
        else:
            target[...] = near


def _write(out, image, factor):
    if factor is None:
        out[...] = image
    else:
        np.multiply(image, factor, out=out, dtype=out.dtype)


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


def recolour(images, changes, generator):
    """Channel shifts and brightness of images, in their memory; returns them, or a new array: see `transform`."""
    if "channel_shift_intensity" in changes:
        images = images if images.dtype.kind == "f" else images.astype(float)
        _shift_channels(images, changes["channel_shift_intensity"])
    if "brightness" in changes:
        images = images.astype("float32", copy=False)
        brighten(images, changes["brightness"], generator.channel_axis)
    return images


def _shift_channels(images, shifts):
    """Adds a number to each image, and clips it to the range of values it had."""
    flat = images.reshape(len(images), -1)
    low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    flat += shifts[:, None].astype(images.dtype)
    np.clip(flat, low, high, out=flat)
