"""A batch of images, each changed in a way of its own: worked on together, in threads where that pays.

The random numbers are drawn before, one image after the other (`ImageDataGenerator.get_random_transform`).
"""

import os
import threading

import numpy as np

from . import resampling
from .affine_transformations import NO_CHANGE, affine_matrix, brightened

# Values that are worth handing to another thread.
JOB = 2**17

_threads = None
_lock = threading.Lock()


def in_threads(function, count, values):
    """Calls `function(slice)` for slices of range(count), each of the things having that many values."""
    size = max(1, min(count, JOB // max(1, values)))
    slices = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    if len(slices) < 2:
        for one in slices:
            function(one)
        return
    for done in [_pool().submit(function, one) for one in slices]:
        done.result()


def _pool():
    """NumPy, SciPy and Pillow let other threads run while they work on pixels."""
    global _threads
    from concurrent.futures import ThreadPoolExecutor

    with _lock:
        if _threads is None:
            _threads = ThreadPoolExecutor(min(8, _cores()), thread_name_prefix="keras-images")
        return _threads


def _cores():
    if hasattr(os, "sched_getaffinity"):  # those that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _forget_threads():
    """A forked process has the pool without its threads."""
    global _threads, _lock
    _threads, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def transform(images, parameters, generator):
    """Applies each image's transform to it.

    # Arguments
        images: array (N, ...) of images in the generator's data format; it is changed.
        parameters: N dictionaries as `get_random_transform` gives them; what lacks is left as it is.
        generator: ImageDataGenerator: `fill_mode`, `cval`, `interpolation_order` and the axes.

    # Returns
        The changed images: `images` itself or a new array.
    """
    _move(np.moveaxis(images, generator.channel_axis, -1), parameters, generator)
    images = _shift_channels(images, parameters)
    return _brighten(images, parameters, generator.channel_axis)


def _move(images, parameters, generator):
    """Affine changes and flips of images (N, rows, columns, channels), in their memory."""
    height, width = images.shape[1:3]
    changes = [tuple(one.get(name, default) for name, default in _CHANGES.items()) for one in parameters]
    flips = [np.array([bool(one.get(name)) for one in parameters]) for name in ("flip_vertical", "flip_horizontal")]
    moved = np.array([change != NO_CHANGE for change in changes])
    if not moved.any():
        _flip(images, flips)
        return
    if not moved.all() and generator.interpolation_order > 1:
        # Splines through the pixels of an image that stays would change it a little: one by one.
        for n, one in enumerate(parameters):
            _move(images[n : n + 1], [one], generator)
        return
    matrices = np.array([affine_matrix(height, width, *change) for change in changes])
    resampling.affine(
        images, matrices[..., :2], matrices[..., 2],
        generator.fill_mode, generator.cval, generator.interpolation_order, flips,
    )  # fmt: skip


_CHANGES = dict(zip(("theta", "tx", "ty", "shear", "zx", "zy"), NO_CHANGE))


def _flip(images, flips):
    for image, vertical, horizontal in zip(images, *flips):
        if vertical or horizontal:
            flipped = image.copy()[:: -1 if vertical else 1, :: -1 if horizontal else 1]
            for channel in range(image.shape[-1]):  # four times faster than all at once
                image[..., channel] = flipped[..., channel]


def _shift_channels(images, parameters):
    shifts = [one.get("channel_shift_intensity") for one in parameters]
    if all(shift is None for shift in shifts):
        return images
    if images.dtype.kind != "f":
        images = images.astype(float)
    for image, shift in zip(images, shifts):
        if shift is not None:
            limits = image.min(), image.max()
            image += shift
            np.clip(image, *limits, out=image)
    return images


def _brighten(images, parameters, channel_axis):
    wanted = [n for n, one in enumerate(parameters) if one.get("brightness") is not None]
    if not wanted:
        return images
    factors = [parameters[n]["brightness"] for n in wanted]
    if len(wanted) == len(images):
        return brightened(images, factors, channel_axis)
    images[wanted] = brightened(images[wanted], factors, channel_axis)
    return images
