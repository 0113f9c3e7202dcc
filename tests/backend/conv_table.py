"""Rows on convolutions, pooling and resizing, against their definitions written out in NumPy.

The references are channels-last; a row says what a transposition of it must give.
"""

import itertools

import numpy as np
from function_table import Case, normal

from keras import backend as K

FIRST, LAST = "channels_first", "channels_last"


def moved(x, to):
    """A channels-last array in a data format, of one sample axis."""
    return x if to == LAST else np.moveaxis(x, -1, 1)


def back(x, data_format):
    return x if data_format == LAST else np.moveaxis(x, 1, -1)


def padding_of(size, window, stride, dilation, padding):
    """(before, after) along one axis; 'same' gives ceil(size / stride) places, as TensorFlow has it."""
    span = (window - 1) * dilation + 1
    if padding == "causal":
        return span - 1, 0
    total = max((-(-size // stride) - 1) * stride + span - size, 0) if padding == "same" else 0
    return total // 2, total - total // 2


def patches(x, window, strides, dilation, padding, fill=0.0):
    """[(offset in the window, the elements of x at it for all places)] and the padded sizes."""
    pads = [padding_of(*a, padding) for a in zip(x.shape[1:-1], window, strides, dilation, strict=True)]
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    spans = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    for offset in itertools.product(*map(range, window)):
        cut = [
            slice(o * d, n - span + o * d + 1, s)
            for o, d, n, span, s in zip(offset, dilation, x.shape[1:-1], spans, strides, strict=True)
        ]
        yield offset, x[(slice(None), *cut)]


def conv(x, kernel, strides, padding, dilation):
    window = kernel.shape[:-2]
    return sum(part @ kernel[offset] for offset, part in patches(x, window, strides, dilation, padding))


def depthwise(x, kernel, strides, padding, dilation):
    parts = patches(x, kernel.shape[:-2], strides, dilation, padding)
    result = sum(part[..., None] * kernel[offset] for offset, part in parts)
    return result.reshape(*result.shape[:-2], -1)


def transposed(x, kernel, sizes, strides, padding, dilation):
    """The transpose of the convolution that takes (samples, *sizes, filters) to the shape of x."""
    window = kernel.shape[:-2]
    pads = [padding_of(*a, padding) for a in zip(sizes, window, strides, dilation, strict=True)]
    result = np.zeros((len(x), *(n + sum(p) for n, p in zip(sizes, pads, strict=True)), kernel.shape[-2]))
    for offset in itertools.product(*map(range, window)):
        places = [
            slice(o * d, o * d + (n - 1) * s + 1, s)
            for o, d, n, s in zip(offset, dilation, x.shape[1:-1], strides, strict=True)
        ]
        result[(slice(None), *places)] += x @ kernel[offset].T
    return result[(slice(None), *(slice(p[0], p[0] + n) for n, p in zip(sizes, pads, strict=True)))]


def pool(x, window, strides, padding, mode):
    ones = (1,) * len(window)
    if mode == "max":
        return np.max([p for _, p in patches(x, window, strides, ones, padding, -np.inf)], axis=0)
    counts = sum(p for _, p in patches(np.ones_like(x), window, strides, ones, padding))
    return sum(p for _, p in patches(x, window, strides, ones, padding)) / counts


def _convolutions():
    cases = []

    def row(
        rank, padding="valid", strides=1, dilation=1, data_format=LAST, window=(3, 2, 2), sizes=(6, 5, 4), channels=2
    ):  # fmt: skip
        x, kernel = normal(2, *sizes[:rank], channels), normal(*window[:rank], channels, 3)
        full = [(v,) * rank if isinstance(v, int) else v for v in (strides, dilation)]
        call = lambda v, k: getattr(K, f"conv{rank}d")(v, k, strides, padding, data_format, dilation)  # noqa: E731
        expected = lambda v, k: moved(conv(back(v, data_format), k, full[0], padding, full[1]), data_format)  # noqa: E731
        label = f"{padding} s{strides} d{dilation} {data_format}"
        cases.append(Case(f"conv{rank}d", call, [moved(x, data_format), kernel], expected, label))

    for rank, data_format, padding in itertools.product((1, 2, 3), (LAST, FIRST), ("valid", "same")):
        row(rank, padding, data_format=data_format)
        row(rank, padding, strides=2, data_format=data_format)
    for dilation in (1, 2):
        row(1, "causal", dilation=dilation)
    row(1, "causal", strides=2)
    row(1, "same", dilation=3)
    row(1, "valid", dilation=2, data_format=FIRST)
    row(2, "same", strides=(2, 1))
    row(2, "same", strides=(1, 3), data_format=FIRST)
    row(2, "same", dilation=(2, 1))
    row(2, "valid", dilation=2, data_format=FIRST)
    row(2, "same", window=(1, 1))
    row(2, "same", strides=3, sizes=(7, 8))
    row(3, "same", dilation=2)
    row(2, strides=(1, 2), sizes=(6, 3), channels=1)  # one column, on which oneDNN errs
    row(3, strides=(2, 1, 3), sizes=(4, 5, 3), channels=1)
    row(3, "same", strides=(1, 1, 3), sizes=(4, 5, 3), channels=1)
    return cases


def _transposed_convolutions():
    cases = []

    def row(rank, padding, strides, sizes, data_format=LAST, dilation=1):
        full = ((strides,) * rank, (dilation,) * rank)
        kernel = normal(*(3, 2, 2)[:rank], 3, 2)
        probe = conv(np.zeros((1, *sizes, 3)), np.zeros((*kernel.shape[:-2], 3, 2)), full[0], padding, full[1])
        x = normal(2, *probe.shape[1:-1], 2)
        shape = (2, *sizes, 3) if data_format == LAST else (2, 3, *sizes)
        more = {} if dilation == 1 else {"dilation_rate": full[1]}
        name = f"conv{rank}d_transpose"
        call = lambda v, k: getattr(K, name)(v, k, shape, full[0], padding, data_format, **more)  # noqa: E731
        expected = lambda v, k: moved(  # noqa: E731
            transposed(back(v, data_format), k, sizes, full[0], padding, full[1]), data_format
        )
        label = f"{padding} s{strides} d{dilation} {data_format} {sizes}"
        cases.append(Case(name, call, [moved(x, data_format), kernel], expected, label))

    for padding, strides, data_format in itertools.product(("valid", "same"), (1, 2), (LAST, FIRST)):
        row(2, padding, strides, (7, 6), data_format)
        row(3, padding, strides, (5, 4, 4), data_format)
    row(2, "same", 2, (8, 5))  # sizes that stride 2 reaches from the same input
    row(2, "valid", 2, (8, 7))
    row(2, "same", 1, (6, 6), dilation=2)
    row(2, "valid", 1, (7, 7), FIRST, dilation=2)
    return cases


def _separable():
    cases = []

    def row(rank, padding="valid", strides=1, data_format=LAST, dilation=1):
        full = ((strides,) * rank, (dilation,) * rank)
        x, kernel = normal(2, *(6, 5)[:rank], 2), normal(*(3, 2)[:rank], 2, 2)
        point = normal(*(1,) * rank, 4, 3)
        label = f"{padding} s{strides} d{dilation} {data_format}"

        def spatial(v, k):
            return depthwise(back(v, data_format), k, full[0], padding, full[1])

        def mixed(v, k, p):
            return moved(spatial(v, k) @ p[(0,) * rank], data_format)

        given = moved(x, data_format)
        name = f"separable_conv{rank}d"
        call = lambda v, k, p: getattr(K, name)(v, k, p, strides if rank == 1 else full[0], padding, data_format,  # noqa: E731
                                                dilation if rank == 1 else full[1])  # fmt: skip
        cases.append(Case(name, call, [given, kernel, point], mixed, label))
        if rank == 2:
            call = lambda v, k: K.depthwise_conv2d(v, k, full[0], padding, data_format, full[1])  # noqa: E731
            expected = lambda v, k: moved(spatial(v, k), data_format)  # noqa: E731
            cases.append(Case("depthwise_conv2d", call, [given, kernel], expected, label))

    for rank, data_format in itertools.product((1, 2), (LAST, FIRST)):
        row(rank, "valid", 1, data_format)
        row(rank, "same", 2, data_format)
        row(rank, "same", 1, data_format, 2)
    return cases


def _pools():
    cases = []
    for rank, data_format, padding, mode, (window, strides) in itertools.product(
        (2, 3), (LAST, FIRST), ("valid", "same"), ("max", "avg"), (((2, 2, 2), (2, 2, 2)), ((3, 2, 1), (1, 2, 1)))
    ):
        window, strides = window[:rank], strides[:rank]
        x = moved(normal(2, *(5, 4, 3)[:rank], 2), data_format)
        how = (window, strides, padding, data_format, mode)
        call = lambda v, r=rank, a=how: getattr(K, f"pool{r}d")(v, *a)  # noqa: E731
        expected = lambda v, a=how: moved(pool(back(v, a[3]), a[0], a[1], a[2], a[4]), a[3])  # noqa: E731
        cases.append(Case(f"pool{rank}d", call, [x], expected, f"{mode} {window} {padding} {data_format}"))
    return cases


def bilinear(x, factor, axis):
    """TensorFlow 1's interpolation: new element i lies at i / factor, the last old one goes on."""
    size = x.shape[axis]
    at = np.arange(size * factor) / factor
    low = at.astype(int)
    high = np.minimum(low + 1, size - 1)
    share = (at - low).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share


def _resized():
    cases = []
    for data_format in (LAST, FIRST):
        image, volume = (moved(normal(2, *sizes, 2), data_format) for sizes in ((3, 2), (2, 3, 1)))
        start = 1 if data_format == LAST else 2
        nearest = lambda v, s=start: v.repeat(2, s).repeat(3, s + 1)  # noqa: E731
        smooth = lambda v, s=start: bilinear(bilinear(v, 2, s), 3, s + 1)  # noqa: E731
        thrice = lambda v, s=start: v.repeat(2, s).repeat(1, s + 1).repeat(3, s + 2)  # noqa: E731
        cases += [
            Case("resize_images", lambda v, f=data_format: K.resize_images(v, 2, 3, f), [image], nearest, data_format),
            Case("resize_images", lambda v, f=data_format: K.resize_images(v, 2, 3, f, "bilinear"), [image], smooth,
                 f"bilinear {data_format}"),
            Case("resize_volumes", lambda v, f=data_format: K.resize_volumes(v, 2, 1, 3, f), [volume], thrice,
                 data_format),
        ]  # fmt: skip
    return cases


def _local():
    """A kernel of its own at every place: (places, window * channels, filters)."""
    x, image = normal(2, 7, 3), normal(2, 5, 6, 2)
    narrow, wide = normal(3, 3 * 3, 4), normal(2 * 3, 3 * 2 * 2, 4)

    def flat(patch, data_format):  # the weights are in the data format's order of a patch
        return moved(patch, data_format).reshape(2, -1)

    def line(v, k, data_format=LAST):
        return np.stack([flat(v[:, 2 * i : 2 * i + 3], data_format) @ k[i] for i in range(3)], 1)

    def area(v, k, data_format=LAST):
        result = np.zeros((2, 2, 3, 4))
        for i, j in np.ndindex(2, 3):
            result[:, i, j] = flat(v[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 2], data_format) @ k[i * 3 + j]
        return result

    return [
        Case("local_conv1d", lambda v, k: K.local_conv1d(v, k, (3,), (2,)), [x, narrow], line),
        Case("local_conv1d", lambda v, k: K.local_conv1d(v, k, (3,), (2,), FIRST), [moved(x, FIRST), narrow],
             lambda v, k: moved(line(back(v, FIRST), k, FIRST), FIRST), FIRST),
        Case("local_conv2d", lambda v, k: K.local_conv2d(v, k, (3, 2), (2, 2), (2, 3)), [image, wide], area),
        Case("local_conv2d", lambda v, k: K.local_conv2d(v, k, (3, 2), (2, 2), (2, 3), FIRST),
             [moved(image, FIRST), wide], lambda v, k: moved(area(back(v, FIRST), k, FIRST), FIRST), FIRST),
    ]  # fmt: skip


CASES = [*_convolutions(), *_transposed_convolutions(), *_separable(), *_pools(), *_resized(), *_local()]
