"""What surrounds our programs in TensorFlow: its device scopes, and the ways of TensorFlow 1."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, TypeVar

import tensorflow as tf
from tensorflow.python.eager import context  # tells the open device scope; there is no public name

Function = TypeVar("Function", bound=Callable[..., Any])


def open_device() -> str:
    """The device of the `tf.device` scope that is open; '' for none."""
    if tf.executing_eagerly():
        return context.context().device_name or ""
    # A graph of TensorFlow 1 asks functions one after the other, each of which may know better.
    found = SimpleNamespace(device="", name="", type="")
    for function in tf.compat.v1.get_default_graph()._device_functions_outer_to_inner:
        device = "" if function is None else function(found)  # `tf.device(None)` ends all scopes
        found.device = device.to_string() if hasattr(device, "to_string") else device or ""
    return str(found.device)


def device_here(name: str) -> str | None:
    """This process's device that a name such as '/gpu:1' means; None where it has none such."""
    wanted = tf.DeviceSpec.from_string(name)
    for device in tf.config.list_logical_devices(wanted.device_type):
        if wanted.device_type and device.name.endswith(f":{wanted.device_index or 0}"):
            return str(device.name)
    return None


def default_device() -> str:
    """Where TensorFlow computes what is placed nowhere: on the first accelerator, or else on the CPU."""
    return str(sorted(tf.config.list_logical_devices(), key=lambda d: d.device_type == "CPU")[0].name)


def on(name: str) -> AbstractContextManager[Any]:
    """The scope of a device; devices that are not here count for nothing, as in a session of Keras 2."""
    device = device_here(name) if name else None
    return nullcontext() if device is None else tf.device(device)


def _has_old_shapes() -> bool:
    return not isinstance(tf.TensorShape([1])[0], int)


@contextmanager
def _version_2() -> Iterator[None]:
    """Eager execution and shapes of ints, also after `tf.disable_v2_behavior()` or within a graph."""
    old_shapes = _has_old_shapes()
    if old_shapes:
        tf.compat.v1.enable_v2_tensorshape()
    try:
        with nullcontext() if tf.executing_eagerly() else context.eager_mode():
            yield
    finally:
        if old_shapes:
            tf.compat.v1.disable_v2_tensorshape()


def in_version_2(function: Function) -> Function:
    """The function, run as TensorFlow 2 runs, whatever the user's program has switched off (decorator)."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if tf.executing_eagerly() and not _has_old_shapes():
            return function(*args, **kwargs)
        with _version_2():
            return function(*args, **kwargs)

    return call  # type: ignore[return-value]
