"""Matrix products, convolutions and pooling."""

from __future__ import annotations

from .. import dtypes
from ..primitive import Spec, fail, primitive
from ..tensor import Dim, Tensor
from . import shaping

Pairs = tuple[tuple[int, int], ...]
Axes = tuple[tuple[int, ...], tuple[int, ...]]  # of the first and of the second operand


@primitive()
def dot_general(x: Tensor, y: Tensor, contract: Axes, batch: Axes) -> Spec:
    """Sums of products over the `contract` axes, side by side along the `batch` axes.

    The result's axes are the batch axes, the remaining axes of x, the remaining axes of y.
    """
    for name, (left, right) in (("contracted", contract), ("batch", batch)):
        for i, j in zip(left, right, strict=True):
            a, b = x.shape[i], y.shape[j]
            if a is not None and b is not None and a != b:
                raise fail(
                    "dot", [x, y],
                    f"the {name} axes {i} of the first and {j} of the second must be of one size, got {a} and {b}",
                )  # fmt: skip
    dims: list[Dim] = [
        x.shape[i] if x.shape[i] is not None else y.shape[j] for i, j in zip(*batch, strict=True)
    ]
    dims += [d for i, d in enumerate(x.shape) if i not in contract[0] and i not in batch[0]]
    dims += [d for j, d in enumerate(y.shape) if j not in contract[1] and j not in batch[1]]
    return dims, dtypes.promote(x.dtype, y.dtype)


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """`x @ y` as in NumPy and TensorFlow: a product of matrices for each place in the axes before the last two.

    Those axes broadcast. What has one axis is a vector.
    """
    if x.ndim < 2 or y.ndim < 3:
        contract = ((x.ndim - 1,), (max(y.ndim - 2, 0),))
        return dot_general(x, y, contract=contract, batch=((), ()))  # type: ignore[no-any-return]
    rank = max(x.ndim, y.ndim)
    # The axes that each has, by their place among the `rank` axes; one of size 1 counts as none.
    left, right = ([a for a, size in enumerate(t.shape[:-2], rank - t.ndim) if size != 1] for t in (x, y))
    x, y = _without_ones(x), _without_ones(y)
    both = [a for a in left if a in right]
    batch = tuple(map(left.index, both)), tuple(map(right.index, both))
    product: Tensor = dot_general(x, y, contract=((len(left) + 1,), (len(right),)), batch=batch)
    # The result has the common axes, the rest of x, the rest of y: put them in order, and the ones back.
    order = [*both, *(a for a in left if a not in both), rank - 2, *(a for a in right if a not in both), rank - 1]
    if order != sorted(order):
        product = shaping.transpose(product, permutation=tuple(map(order.index, sorted(order))))
    for axis in range(rank):
        if axis not in order:
            product = shaping.expand_dims(product, axis=axis)
    return product


def _without_ones(x: Tensor) -> Tensor:
    """A stack of matrices without the axes of size 1 before the matrices."""
    ones = tuple(axis for axis, size in enumerate(x.shape[:-2]) if size == 1)
    return shaping.squeeze(x, axes=ones) if ones else x


def spatial_axes(ndim: int, channels_last: bool) -> range:
    return range(1, ndim - 1) if channels_last else range(2, ndim)


def window_places(
    size: Dim, window: int, stride: int, padding: str | tuple[int, int] = "valid", dilation: int = 1
) -> Dim:
    """How many places a window takes along an axis; `padding` is 'valid', 'same' or (before, after)."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    pads = (0, 0) if isinstance(padding, str) else padding
    return (size + sum(pads) - (window - 1) * dilation - 1) // stride + 1


def same_pads(size: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """The padding called 'same': ceil(size / stride) outputs, an odd rest goes to the end."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def resolve_pads(padding: str | Pairs, sizes: tuple[int, ...], window: tuple[int, ...],
                 strides: tuple[int, ...], dilation: tuple[int, ...]) -> Pairs:  # fmt: skip
    """Padding as explicit pairs, once the sizes are known (used by the runtimes)."""
    if padding == "valid":
        return tuple((0, 0) for _ in sizes)
    if padding == "same":
        return tuple(same_pads(*a) for a in zip(sizes, window, strides, dilation, strict=True))
    assert not isinstance(padding, str)
    return padding


def _outputs(name: str, x: Tensor, sizes: list[Dim], window: tuple[int, ...], strides: tuple[int, ...],
             padding: str | Pairs, dilation: tuple[int, ...]) -> list[Dim]:  # fmt: skip
    result: list[Dim] = []
    for axis, size in enumerate(sizes):
        pads = padding if isinstance(padding, str) else padding[axis]
        out = window_places(size, window[axis], strides[axis], pads, dilation[axis])
        if out is not None and out <= 0:
            raise fail(
                name, [x],
                f"the input is too small: along spatial axis {axis} (size {size}) a window of "
                f"{(window[axis] - 1) * dilation[axis] + 1} with padding '{padding}' leaves nothing. "
                "Use a smaller window, less pooling before it, padding='same' or a larger input",
            )  # fmt: skip
        result.append(out)
    return result


def with_spatial(x: Tensor, spatial: list[Dim], channels: Dim, channels_last: bool) -> list[Dim]:
    return [x.shape[0], *spatial, channels] if channels_last else [x.shape[0], channels, *spatial]


@primitive()
def conv(
    x: Tensor, kernel: Tensor, strides: tuple[int, ...], padding: str | Pairs,
    dilation: tuple[int, ...], channels_last: bool, groups: int = 1,
) -> Spec:  # fmt: skip
    """Cross-correlation over 1 to 3 spatial axes.

    x is (batch, *spatial, channels) or (batch, channels, *spatial); the kernel is
    (*window, channels // groups, filters) in either case.
    """
    rank = x.ndim - 2
    if kernel.ndim != x.ndim or rank not in (1, 2, 3):
        raise fail("conv", [x, kernel], f"wanted a kernel of {x.ndim} dimensions (*window, channels, filters)")
    channels = x.shape[-1] if channels_last else x.shape[1]
    if channels is not None and kernel.shape[-2] is not None and channels != kernel.shape[-2] * groups:
        raise fail(
            "conv", [x, kernel],
            f"the input has {channels} channels, the kernel takes {kernel.shape[-2] * groups}",
        )  # fmt: skip
    window = tuple(int(d or 1) for d in kernel.shape[:-2])
    sizes = [
        x.shape[a] if d is not None or padding == "same" else None
        for a, d in zip(spatial_axes(x.ndim, channels_last), kernel.shape, strict=False)
    ]
    spatial = _outputs("conv", x, sizes, window, strides, padding, dilation)
    return with_spatial(x, spatial, kernel.shape[-1], channels_last), dtypes.promote(x.dtype, kernel.dtype)


@primitive()
def conv_transpose(
    x: Tensor, kernel: Tensor, size: Tensor, strides: tuple[int, ...], padding: str,
    dilation: tuple[int, ...], channels_last: bool,
) -> Spec:  # fmt: skip
    """The gradient of `conv` with respect to its input: spreads x over `size` spatial places.

    The kernel is (*window, filters, channels): channels are those of x, filters those made.
    """
    channels = x.shape[-1] if channels_last else x.shape[1]
    if channels is not None and kernel.shape[-1] is not None and channels != kernel.shape[-1]:
        raise fail(
            "conv_transpose", [x, kernel],
            f"the input has {channels} channels, the kernel takes {kernel.shape[-1]}",
        )  # fmt: skip
    spatial = shaping.static_dims(size) or [None] * (x.ndim - 2)
    return with_spatial(x, spatial, kernel.shape[-2], channels_last), dtypes.promote(x.dtype, kernel.dtype)


@primitive()
def pool(
    x: Tensor, window: tuple[int, ...], strides: tuple[int, ...], padding: str, mode: str, channels_last: bool
) -> Spec:
    """The maximum (mode 'max') or mean ('avg', padding not counted) of each window."""
    sizes = [x.shape[a] for a in spatial_axes(x.ndim, channels_last)]
    ones = (1,) * len(window)
    spatial = _outputs("pool", x, sizes, window, strides, padding, ones)
    return with_spatial(x, spatial, x.shape[-1] if channels_last else x.shape[1], channels_last), x.dtype
