"""Convolutions on CPU by oneDNN, where it is installed.

The convolutions of CIFAR nets run 1.4 to 1.8 times as fast forward and 2.2 to 2.5 times with their gradients as by XLA
(jaxlib 0.10.2, 4 cores), those of ResNet50 1.1 to 1.7 and 1.1 to 2.5 times, its first one with gradients in 78 ms
instead of 197. Depthwise ones (3x3, 16 images of MobileNet) run 1.2 to 2.2 times as fast as `depthwise`, their
gradients by the image 1.3 to 3 times, by the kernel 2 to 9 times. A convolution is linear in the image and in the
kernel, and the gradients of its gradients are the same three operations again: gradients of any order stay here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...graph.ops.products import resolve_pads
from ..onednn import convolution as onednn
from ..onednn.convolution import Convolution
from . import native
from .depthwise import depthwise
from .windows import Window

Array = Any

# With fewer samples or multiplications a call, which wakes threads, costs more than it saves: ResNet50 predicts one
# sample in 69 to 127 ms so, and in 38 to 66 by XLA.
_SAMPLES, _WORTH = 8, 10_000_000
# Memory, not arithmetic, is what a multiplication of a depthwise convolution takes.
_WORTH_DEPTHWISE = 1_000_000


def conv(x: Array, kernel: Array, strides: Any, pads: Any, dilation: Any, groups: int = 1) -> Array | None:
    """`lax.conv_general_dilated`, channels last; None where XLA is to do it."""
    case = worth_a_call(x, kernel, x.shape[1:-1], strides, pads, dilation, groups)
    if case is None or native.operation(onednn.convolution, case) is None:
        return None
    return _conv(x, kernel, case)


def conv_biased(x: Array, kernel: Array, bias: Array, case: Convolution) -> Array | None:
    """`conv` plus a bias, whose gradient is made with that of the kernel."""
    return None if native.operation(onednn.convolution, case) is None else _conv_biased(x, kernel, bias, case)


def conv_then(x: Array, kernel: Array, operands: Sequence[Array], case: Convolution) -> Array | None:
    """`conv` and what the case says is to be done to the result; None where oneDNN can't do it. It has no gradient."""
    name = native.operation(onednn.convolution, case)
    return None if name is None else native.call(name, (x, kernel, *operands), [case.result])[0]


def image_gradient(gradient: Array, kernel: Array, sizes: Any, strides: Any, pads: Any, dilation: Any) -> Array | None:
    """The gradient of `conv` by an image of these sizes; None where XLA is to do it."""
    case = worth_a_call(gradient, kernel, sizes, strides, pads, dilation)
    if case is None or native.operation(onednn.image_gradient, case) is None:
        return None
    return _image_gradient(gradient, kernel, case)


def case_of(
    x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any, channels_last: bool, groups: int = 1
) -> Convolution | None:
    """What the primitive `conv` is to compute, if it is worth a call."""
    if not channels_last:
        return None
    pads = resolve_pads(padding, x.shape[1:-1], kernel.shape[:-2], strides, dilation)
    return worth_a_call(x, kernel, x.shape[1:-1], strides, pads, dilation, groups)


def worth_a_call(
    array: Array, kernel: Array, sizes: Any, strides: Any, pads: Any, dilation: Any, groups: int = 1
) -> Convolution | None:
    """What is to be computed, if it is worth a call."""
    *window, channels, filters = kernel.shape
    pads = tuple((int(before), int(after)) for before, after in pads)
    case = Convolution(
        array.shape[0], tuple(sizes), channels * groups, tuple(window), filters, tuple(strides), pads, tuple(dilation),
        groups,
    )  # fmt: skip
    if groups > 1 and not case.depthwise:
        return None  # with several filters for a channel oneDNN is slower than `depthwise`
    if array.dtype != jnp.float32 or kernel.dtype != jnp.float32 or min(case.made) < 1:
        return None
    worth = _WORTH if groups == 1 else _WORTH_DEPTHWISE
    return case if case.batch >= _SAMPLES and _multiplications(case) >= worth else None


def _multiplications(case: Convolution) -> int:
    return case.batch * prod(case.made) * prod(case.kernel)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _conv(x: Array, kernel: Array, case: Convolution) -> Array:
    return _called(onednn.convolution, case, (x, kernel), case.result)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _image_gradient(gradient: Array, kernel: Array, case: Convolution) -> Array:
    shape = (case.batch, *case.sizes, case.channels)
    return _called(onednn.image_gradient, case, (gradient, kernel), shape)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _kernel_gradient(x: Array, gradient: Array, case: Convolution) -> Array:
    return _called(onednn.kernel_gradient, case, (x, gradient), case.kernel)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _kernel_and_bias_gradient(x: Array, gradient: Array, case: Convolution) -> tuple[Array, Array]:
    by_kernel, by_bias = _called(onednn.kernel_and_bias_gradient, case, (x, gradient), case.kernel, (case.filters,))
    return by_kernel, by_bias


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _conv_biased(x: Array, kernel: Array, bias: Array, case: Convolution) -> Array:
    return _conv(x, kernel, case) + bias


_conv.defvjp(
    lambda x, kernel, case: (_conv(x, kernel, case), (x, kernel)),
    lambda case, kept, g: (_image_gradient(g, kept[1], case), _kernel_gradient(kept[0], g, case)),
)
_conv_biased.defvjp(
    lambda x, kernel, bias, case: (_conv_biased(x, kernel, bias, case), (x, kernel)),
    lambda case, kept, g: (_image_gradient(g, kept[1], case), *_kernel_and_bias_gradient(kept[0], g, case)),
)
_image_gradient.defvjp(
    lambda gradient, kernel, case: (_image_gradient(gradient, kernel, case), (gradient, kernel)),
    lambda case, kept, g: (_conv(g, kept[1], case), _kernel_gradient(g, kept[0], case)),
)
_kernel_gradient.defvjp(
    lambda x, gradient, case: (_kernel_gradient(x, gradient, case), (x, gradient)),
    lambda case, kept, g: (_image_gradient(kept[1], g, case), _conv(kept[0], g, case)),
)
_kernel_and_bias_gradient.defvjp(
    lambda x, gradient, case: (_kernel_and_bias_gradient(x, gradient, case), (x, gradient)),
    lambda case, kept, g: (_image_gradient(kept[1], g[0], case), _conv_biased(kept[0], *g, case)),
)


def _called(recipe: native.Recipe, case: Convolution, arrays: tuple[Array, Array], *shapes: tuple[int, ...]) -> Any:
    name = native.operation(recipe, case)
    if name is None:
        return _BY_XLA[recipe](*arrays, case)
    made = native.call(name, arrays, shapes)
    return made[0] if len(shapes) == 1 else tuple(made)


def _xla(x: Array, kernel: Array, case: Convolution) -> Array:
    if case.depthwise:
        window = Window(case.sizes, case.window, case.strides, case.dilation, case.pads)
        return depthwise(x, jnp.swapaxes(kernel, -1, -2), window)
    space = "DHW"[-len(case.sizes) :]
    names = (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(
        x, kernel, case.strides, case.pads, rhs_dilation=case.dilation, dimension_numbers=names
    )


def _xla_image_gradient(gradient: Array, kernel: Array, case: Convolution) -> Array:
    x = jnp.zeros((case.batch, *case.sizes, case.channels), gradient.dtype)
    return jax.vjp(lambda x: _xla(x, kernel, case), x)[1](gradient)[0]


def _xla_kernel_gradient(x: Array, gradient: Array, case: Convolution) -> Array:
    kernel = jnp.zeros(case.kernel, x.dtype)
    return jax.vjp(lambda kernel: _xla(x, kernel, case), kernel)[1](gradient)[0]


def _xla_kernel_and_bias_gradient(x: Array, gradient: Array, case: Convolution) -> tuple[Array, Array]:
    return _xla_kernel_gradient(x, gradient, case), jnp.sum(gradient, tuple(range(gradient.ndim - 1)))


# Where oneDNN can do one of the three and another not.
_BY_XLA: dict[Any, Any] = {
    onednn.convolution: _xla,
    onednn.image_gradient: _xla_image_gradient,
    onednn.kernel_gradient: _xla_kernel_gradient,
    onednn.kernel_and_bias_gradient: _xla_kernel_and_bias_gradient,
}
