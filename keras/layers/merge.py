"""Layers that join several tensors into one, and their functional forms."""

import operator
import sys
import types
from functools import reduce

from .. import backend as K
from ..engine.base_layer import Layer
from ._common import describe


class _Merge(Layer):
    """Joins tensors element by element, broadcasting as NumPy does within a sample.

    Inputs of fewer axes get axes of size 1 right after the batch axis. Subclasses give
    `_merge_function(inputs)`. The output's mask is where all given masks are true.
    """

    _count = None  # how many inputs; None: 2 or more

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def _merge_function(self, inputs):
        raise NotImplementedError

    def _check_inputs(self, inputs):
        """Raises ValueError unless `inputs` are the shapes of as many inputs as the layer takes."""
        wanted = f"exactly {self._count}" if self._count else "at least 2"
        if not isinstance(inputs, (list, tuple)) or (inputs and not isinstance(inputs[0], (list, tuple))):
            raise ValueError(
                f"{describe(self)}: A merge layer should be called on a list of {wanted} inputs, as in "
                f"`{type(self).__name__}()([a, b])`. Got a single input of shape {inputs}."
            )
        if len(inputs) < 2 or (self._count and len(inputs) != self._count):
            raise ValueError(
                f"{describe(self)}: A merge layer should be called on a list of {wanted} inputs. Got "
                f"{len(inputs)} inputs of shapes {list(inputs)}."
            )

    def _batch_size(self, input_shape):
        """The common batch size of the inputs, as far as known."""
        sizes = {shape[0] for shape in input_shape} - {None}
        if len(sizes) > 1:
            raise ValueError(
                f"{describe(self)}: Can not merge tensors with different batch sizes. Got tensors with "
                f"shapes: {list(input_shape)}."
            )
        return sizes.pop() if len(sizes) == 1 else None

    def _compute_elemwise_op_output_shape(self, shape1, shape2):
        """The shape of an elementwise operation on two samples (shapes without the batch axis)."""
        if len(shape1) < len(shape2):
            shape1, shape2 = shape2, shape1
        lead = len(shape1) - len(shape2)
        output = list(shape1[:lead])
        for i, j in zip(shape1[lead:], shape2, strict=True):
            if i is None or j is None:
                output.append(None)
            elif i == j or 1 in (i, j):
                output.append(j if i == 1 else i)
            else:
                raise ValueError(
                    f"{describe(self)}: Operands could not be broadcast together with shapes "
                    f"{tuple(shape1)} {tuple(shape2)} (without the batch axis): each pair of sizes, "
                    "counted from the last axis, must be equal or hold a 1. Make the sizes equal, e.g. by "
                    "a Dense or Reshape layer before, or use `Concatenate`."
                )
        return tuple(output)

    def build(self, input_shape):
        self._check_inputs(input_shape)
        self.compute_output_shape(input_shape)
        self.built = True

    def _check_tensors(self, inputs):
        """As `build` does: a layer that is built may be called with other inputs."""
        shapes = [K.int_shape(x) for x in inputs] if isinstance(inputs, (list, tuple)) else K.int_shape(inputs)
        self._check_inputs(shapes)

    def call(self, inputs):
        self._check_tensors(inputs)
        ndim = max(K.ndim(x) for x in inputs)
        return self._merge_function([_with_ndim(x, ndim) for x in inputs])

    def compute_output_shape(self, input_shape):
        batch = self._batch_size(input_shape)
        sample = tuple(input_shape[0][1:])
        for shape in input_shape[1:]:
            sample = self._compute_elemwise_op_output_shape(sample, tuple(shape[1:]))
        return (batch, *sample)

    def _check_mask(self, inputs, mask):
        if not isinstance(mask, list) or not isinstance(inputs, list) or len(mask) != len(inputs):
            raise ValueError(
                f"{describe(self)}: `inputs` and `mask` should be lists of the same length. Got "
                f"{inputs} and {mask}."
            )

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        self._check_mask(inputs, mask)
        return _all_of([m for m in mask if m is not None])


def _with_ndim(x, ndim):
    for _ in range(ndim - K.ndim(x)):
        x = K.expand_dims(x, 1)
    return x


def _all_of(masks):
    """Where all masks are true, broadcast as their tensors are; None if there is no mask."""
    if len(masks) < 2:
        return masks[0] if masks else None
    return reduce(operator.and_, (K.cast(mask, "bool") for mask in masks))


class Add(_Merge):
    """Adds a list of inputs: `Add()([a, b, c])` is `a + b + c`."""

    def _merge_function(self, inputs):
        return reduce(operator.add, inputs)


class Subtract(_Merge):
    """Subtracts the second of two inputs from the first."""

    _count = 2

    def _merge_function(self, inputs):
        return inputs[0] - inputs[1]


class Multiply(_Merge):
    """Multiplies a list of inputs element by element."""

    def _merge_function(self, inputs):
        return reduce(operator.mul, inputs)


class Average(_Merge):
    """Takes the mean of a list of inputs, element by element."""

    def _merge_function(self, inputs):
        return reduce(operator.add, inputs) / len(inputs)


class Maximum(_Merge):
    """Takes the greatest of a list of inputs, element by element."""

    def _merge_function(self, inputs):
        return reduce(K.maximum, inputs)


class Minimum(_Merge):
    """Takes the least of a list of inputs, element by element."""

    def _merge_function(self, inputs):
        return reduce(K.minimum, inputs)


class Concatenate(_Merge):
    """Joins inputs along one axis; their other sizes must be equal.

    Args:
        axis: the axis to join along, counted with the batch axis (-1: the last).
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        self._check_tensors(inputs)
        return K.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape):
        self._check_inputs(input_shape)
        ndim = len(input_shape[0])
        if not -ndim <= self.axis < ndim:
            raise ValueError(
                f"{describe(self)}: axis={self.axis} is not an axis of inputs of shapes {input_shape}."
            )
        axis = self.axis % ndim
        if any(len(shape) != ndim for shape in input_shape):
            raise self._mismatch(input_shape)
        columns = list(zip(*input_shape, strict=True))
        output = [self._common(sizes, input_shape) if i != axis else None for i, sizes in enumerate(columns)]
        if None not in columns[axis]:
            output[axis] = sum(columns[axis])
        return tuple(output)

    def _common(self, sizes, input_shape):
        known = set(sizes) - {None}
        if len(known) > 1:
            raise self._mismatch(input_shape)
        return known.pop() if known else None

    def _mismatch(self, input_shape):
        return ValueError(
            f"{describe(self)}: A `Concatenate` layer requires inputs with matching shapes except for the "
            f"concat axis ({self.axis}). Got inputs shapes: {[tuple(shape) for shape in input_shape]}."
        )

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        self._check_mask(inputs, mask)
        given = [m for m in mask if m is not None]
        if not given:
            return None
        ndim = min(K.ndim(m) for m in given)
        axis = self.axis % K.ndim(inputs[0])
        if axis >= ndim:
            return _all_of(given)
        # Joined along an axis the masks have (such as time): an input without mask counts as all true.
        masks = [_unmasked(x, ndim) if m is None else m for x, m in zip(inputs, mask, strict=True)]
        return K.concatenate(masks, axis=axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


def _unmasked(x, ndim):
    """A mask of `ndim` axes that is true everywhere, for the tensor x."""
    while K.ndim(x) > ndim:
        x = x[..., 0]
    return K.ones_like(x, dtype="bool")


class Dot(_Merge):
    """Takes the dot product of two inputs, sample by sample, along one axis of each.

    Args:
        axes: int or pair of ints: the axis of each input to sum over, counted with the batch axis.
        normalize: whether to L2-normalize along those axes first: the result is the cosine proximity.

    Inputs `(batch, n, d)` and `(batch, m, d)` with `axes=2` give `(batch, n, m)`; two vectors give `(batch,
    1)`.
    """

    _count = 2

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(
                    f"{describe(self)}: Invalid type for `axes` - should be a list or an int. Got {axes!r}."
                )
            if len(axes) != 2 or not all(isinstance(axis, int) for axis in axes):
                raise ValueError(
                    f"{describe(self)}: Invalid format for `axes` - should be an int or a pair of "
                    f"ints. Got {axes!r}."
                )
        self.axes = axes
        self.normalize = normalize
        self.supports_masking = True

    def _resolve_axes(self, ndims):
        axes = [self.axes, self.axes] if isinstance(self.axes, int) else list(self.axes)
        for axis, ndim in zip(axes, ndims, strict=True):
            if not -ndim < axis < ndim or axis == 0:
                raise ValueError(
                    f"{describe(self)}: axes={self.axes} does not fit inputs of "
                    f"{' and '.join(map(str, ndims))} axes: wanted an axis of each input other than the "
                    "batch axis, 0."
                )
        return [axis % ndim for axis, ndim in zip(axes, ndims, strict=True)]

    def compute_output_shape(self, input_shape):
        self._check_inputs(input_shape)
        shape1, shape2 = (tuple(shape) for shape in input_shape)
        first, second = self._resolve_axes([len(shape1), len(shape2)])
        size1, size2 = shape1[first], shape2[second]
        if size1 != size2 and None not in (size1, size2):
            raise ValueError(
                f"{describe(self)}: Dimension incompatibility {size1} != {size2}. Layer shapes: {shape1}, "
                f"{shape2}. Chosen axes: {first}, {second}."
            )
        kept1 = [size for axis, size in enumerate(shape1) if axis not in (0, first)]
        kept2 = [size for axis, size in enumerate(shape2) if axis not in (0, second)]
        return (self._batch_size(input_shape), *(kept1 + kept2 or [1]))

    def call(self, inputs):
        self._check_tensors(inputs)
        axes = self._resolve_axes([K.ndim(x) for x in inputs])
        if self.normalize:
            inputs = [K.l2_normalize(x, axis=axis) for x, axis in zip(inputs, axes, strict=True)]
        return K.batch_dot(inputs[0], inputs[1], axes)

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def add(inputs, **kwargs):
    """Functional form of `Add`: the sum of a list of tensors."""
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """Functional form of `Subtract`: the difference of two tensors."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """Functional form of `Multiply`: the elementwise product of a list of tensors."""
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """Functional form of `Average`: the elementwise mean of a list of tensors."""
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """Functional form of `Maximum`: the elementwise maximum of a list of tensors."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """Functional form of `Minimum`: the elementwise minimum of a list of tensors."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """Functional form of `Concatenate`: a list of tensors joined along `axis`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes, normalize=False, **kwargs):
    """Functional form of `Dot`: the samplewise dot product of two tensors along `axes`."""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)


class _Module(types.ModuleType):
    def __call__(self, *args, **kwargs):
        from ..legacy.layers import merge

        return merge(*args, **kwargs)


# Up to Keras 2.1 `keras.layers.merge` was a function as well as this module.
sys.modules[__name__].__class__ = _Module
