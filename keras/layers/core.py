"""Layers that nearly every model uses: Dense, Activation, Dropout, shape changes, Lambda, Masking."""

import types

import numpy as np

from .. import activations, constraints, initializers, regularizers  # noqa: F401  (names of Keras 2)
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer, as_tensors
from ..legacy import interfaces
from ..utils.generic_utils import deserialize_keras_object, func_dump, func_load, get_custom_objects, has_arg, to_list
from ._common import (
    activation_of,
    add_weight,
    data_format_of,
    describe,
    drop_rate,
    keep_weight_options,
    number,
    positive,
    required_dim,
    weight_options_config,
)


class Masking(Layer):
    """Masks the time steps of which every feature equals `mask_value`.

    Downstream layers that support masking skip those steps; the masked steps' values become 0.

    Input: `(batch, steps, ...)`. Output: the same shape, with a mask `(batch, steps)`.
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mask_value = mask_value
        self.input_spec = InputSpec(min_ndim=2)

    def compute_mask(self, inputs, mask=None):
        return K.any(K.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        keep = K.any(K.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return inputs * K.cast(keep, K.dtype(inputs))

    def get_config(self):
        return {**super().get_config(), "mask_value": self.mask_value}

    def compute_output_shape(self, input_shape):
        return input_shape


class Dropout(Layer):
    """Sets a fraction `rate` of the inputs to 0 in training and scales the rest by `1 / (1 - rate)`.

    Args:
        rate: fraction to drop, clipped to 0...1. At exactly 0 or 1 the layer does nothing (as in Keras 2).
        noise_shape: shape of the binary mask, broadcast over the inputs; `None` entries take the
            input's size. `(None, 1, n)` drops whole features for all time steps.
        seed: integer; by default taken from NumPy's global generator.

    Reference: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """

    @interfaces.legacy_dropout_support
    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = drop_rate(self, "rate", rate)
        self.noise_shape = noise_shape
        self.seed = seed
        self.supports_masking = True

    def _get_noise_shape(self, inputs):
        if self.noise_shape is None:
            return None
        if len(self.noise_shape) != K.ndim(inputs):
            raise ValueError(
                f"{describe(self)}: `noise_shape` {tuple(self.noise_shape)} has {len(self.noise_shape)} "
                f"entries, but the input of shape {K.int_shape(inputs)} has {K.ndim(inputs)} axes. Give "
                "one entry per axis, the batch axis included (None: the input's own size)."
            )
        sizes = K.shape(inputs)
        return tuple(sizes[axis] if size is None else size for axis, size in enumerate(self.noise_shape))

    def call(self, inputs, training=None):
        if not 0.0 < self.rate < 1.0:
            return inputs
        noise_shape = self._get_noise_shape(inputs)

        def dropped_inputs():
            return K.dropout(inputs, self.rate, noise_shape, seed=self.seed)

        return K.in_train_phase(dropped_inputs, inputs, training=training)

    def get_config(self):
        own = {"rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}
        return {**super().get_config(), **own}

    def compute_output_shape(self, input_shape):
        return input_shape


class _SpatialDropout(Dropout):
    """Drops whole feature maps: one decision per sample and channel."""

    rank = 1

    def _set_format(self, data_format, chosen=True):
        self.data_format = data_format_of(self, data_format)
        self._chose_format = chosen and data_format is not None
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _get_noise_shape(self, inputs):
        sizes = K.shape(inputs)
        ones = (1,) * self.rank
        if self.data_format == "channels_first":
            return (sizes[0], sizes[1], *ones)
        return (sizes[0], *ones, sizes[self.rank + 1])

    def get_config(self):
        config = super().get_config()
        # Keras 2.3.1 loses the format here; kept where the user chose one, so that a copy is a copy.
        if self._chose_format:
            config["data_format"] = self.data_format
        return config


class SpatialDropout1D(_SpatialDropout):
    """Drops whole features of a sequence `(batch, steps, channels)`: all steps of a feature or none.

    Args:
        rate: fraction of the features to drop.

    Reference: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014.
    """

    @interfaces.legacy_spatialdropout1d_support
    def __init__(self, rate, **kwargs):
        super().__init__(rate, **kwargs)
        self._set_format("channels_last", chosen=False)


class SpatialDropout2D(_SpatialDropout):
    """Drops whole feature maps of images. See `SpatialDropout1D`.

    Args:
        rate: fraction of the feature maps to drop.
        data_format: `'channels_first'`, `'channels_last'` or None (`K.image_data_format()`).
    """

    rank = 2

    @interfaces.legacy_spatialdropoutNd_support
    def __init__(self, rate, data_format=None, **kwargs):
        super().__init__(rate, **kwargs)
        self._set_format(data_format)


class SpatialDropout3D(_SpatialDropout):
    """Drops whole feature maps of volumes. See `SpatialDropout2D`."""

    rank = 3

    @interfaces.legacy_spatialdropoutNd_support
    def __init__(self, rate, data_format=None, **kwargs):
        super().__init__(rate, **kwargs)
        self._set_format(data_format)


class Activation(Layer):
    """Applies an activation function.

    Args:
        activation: name of a function of `keras.activations`, or any function of tensors.
    """

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activation_of(self, activation)

    def call(self, inputs):
        return self.activation(inputs)

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}

    def compute_output_shape(self, input_shape):
        return input_shape


class Reshape(Layer):
    """Gives each sample another shape; the values keep their (row-major) order.

    Args:
        target_shape: tuple of ints without the batch axis; one entry may be -1 (whatever is left).
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        self.target_shape = self._whole_numbers(target_shape)
        if self.target_shape.count(-1) > 1 or any(size < -1 for size in self.target_shape):
            raise ValueError(
                f"{describe(self)}: bad `target_shape` {self.target_shape}: wanted sizes >= 0 (without the "
                "batch axis), of which at most one may be -1."
            )

    def compute_output_shape(self, input_shape):
        if None in input_shape[1:]:
            return (input_shape[0], *(size if size != -1 else None for size in self.target_shape))
        return (input_shape[0], *self._complete(input_shape[1:]))

    def _whole_numbers(self, target_shape):
        try:
            return tuple(int(size) for size in target_shape)
        except (TypeError, ValueError):
            raise ValueError(
                f"{describe(self)}: `target_shape` must be a tuple of integers (without the batch axis), got "
                f"{target_shape!r}."
            ) from None

    def _complete(self, given):
        """The target shape with its -1 replaced, for a sample of shape `given`."""
        total = int(np.prod(given, dtype="int64"))
        known = int(np.prod([size for size in self.target_shape if size != -1], dtype="int64"))
        fits = known == total if -1 not in self.target_shape else known > 0 and total % known == 0
        if not fits:
            raise ValueError(
                f"{describe(self)}: total size of new array must be unchanged: a sample of shape "
                f"{tuple(given)} has {total} values and cannot become target_shape={self.target_shape}."
            )
        return tuple(total // known if size == -1 else size for size in self.target_shape)

    def call(self, inputs):
        shape = K.int_shape(inputs)
        if None in shape[1:]:
            return K.reshape(inputs, (K.shape(inputs)[0], *self.target_shape))
        batch, *sample = self.compute_output_shape(shape)
        return K.reshape(inputs, (-1 if batch is None else batch, *sample))

    def get_config(self):
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """Reorders the axes of each sample.

    Args:
        dims: permutation of 1...n (the batch axis, 0, stays): `(2, 1)` swaps the first two axes of a sample.
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(int(axis) for axis in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{describe(self)}: bad `dims` {self.dims}: wanted each of 1...{len(self.dims)} exactly once "
                "(the batch axis is not counted)."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def call(self, inputs):
        return K.permute_dimensions(inputs, (0, *self.dims))

    def get_config(self):
        return {**super().get_config(), "dims": self.dims}


class Flatten(Layer):
    """Makes each sample a vector: `(batch, a, b, ...)` becomes `(batch, a * b * ...)`.

    Args:
        data_format: with `'channels_first'` the channels are moved last before flattening, so that weights of
            a later Dense fit both formats. None: `K.image_data_format()`.

    Raises:
        ValueError: if a dimension other than the batch's is undefined.
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        # Samples that are vectors already pass through: files of tf.keras hold such layers.
        self.input_spec = InputSpec(min_ndim=2)
        self.data_format = data_format_of(self, data_format)

    def compute_output_shape(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(
                f'{describe(self)}: The shape of the input to "Flatten" is not fully defined (got '
                f'{tuple(input_shape[1:])}). Make sure to pass a complete "input_shape" or "batch_input_shape" '
                "argument to the first layer in your model."
            )
        return (input_shape[0], int(np.prod(input_shape[1:], dtype="int64")))

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        if self.data_format == "channels_first" and K.ndim(inputs) > 2:
            inputs = K.permute_dimensions(inputs, (0, *range(2, K.ndim(inputs)), 1))
        return K.batch_flatten(inputs)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


class RepeatVector(Layer):
    """Repeats a vector along a new time axis: `(batch, features)` becomes `(batch, n, features)`.

    Args:
        n: number of repetitions.
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = positive(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])

    def call(self, inputs):
        return K.repeat(inputs, self.n)

    def get_config(self):
        return {**super().get_config(), "n": self.n}


class Lambda(Layer):
    """Makes a layer of any function of tensors (written with `keras.backend` or operators).

    Args:
        function: takes the input tensor (or list of tensors) first, and `mask` if it has such an argument.
        output_shape: shape without the batch axis, or a function from input shape to output shape. Not
            needed: the shape is inferred.
        mask: the output's mask, or a function `(inputs, mask)` that gives it. None: the layer drops masks.
        arguments: dict of further keyword arguments of `function`.

    The function is stored in configs as Python bytecode, which only the same Python version reads and which
    runs whatever code a file holds. A named function given through `custom_objects`, or a layer class of
    one's own, is the better choice for models to be saved.
    """

    @interfaces.legacy_lambda_support
    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{describe(self)}: `function` must be callable, got {function!r}.")
        self.function = function
        self.arguments = arguments or {}
        if mask is not None:
            self.supports_masking = True
        self.mask = mask
        self._input_dtypes = None
        if output_shape is not None and not callable(output_shape):
            if not isinstance(output_shape, (tuple, list)):
                raise TypeError(
                    f"{describe(self)}: In Lambda, `output_shape` must be a list, a tuple, or a function. "
                    f"Got {output_shape!r}."
                )
            output_shape = tuple(output_shape)
        self._output_shape = output_shape

    def compute_output_shape(self, input_shape):
        if self._output_shape is None:
            return self._infer_output_shape(input_shape)
        if isinstance(self._output_shape, tuple):
            first = input_shape[0] if isinstance(input_shape, list) else input_shape
            return (first[0] if first else None, *self._output_shape)
        shape = self._output_shape(input_shape)
        if not isinstance(shape, (list, tuple)):
            raise ValueError(
                f"{describe(self)}: `output_shape` function must return a tuple or a list of tuples. "
                f"Got {shape!r}."
            )
        if isinstance(shape, list) and (not shape or isinstance(shape[0], int) or shape[0] is None):
            shape = tuple(shape)
        return shape

    def _tell_shapes(self, inputs, output):
        if self._output_shape is not None:
            super()._tell_shapes(inputs, output)

    def _infer_output_shape(self, input_shape):
        """Runs the function on placeholders of the given shape(s)."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        dtypes = self._input_dtypes or [None] * len(shapes)
        inputs = [K.placeholder(shape=s, dtype=d) for s, d in zip(shapes, dtypes, strict=True)]
        output = self._apply(inputs if isinstance(input_shape, list) else inputs[0], None)
        return [K.int_shape(x) for x in output] if isinstance(output, list) else K.int_shape(output)

    def _apply(self, inputs, mask):
        arguments = dict(self.arguments)
        if has_arg(self.function, "mask"):
            arguments["mask"] = mask
        output = as_tensors(self.function(inputs, **arguments))
        for x in to_list(output, allow_tuple=True):
            if not K.is_tensor(x):
                raise ValueError(
                    f"{describe(self)}: the function must return a tensor or a list of tensors, got {output!r}. "
                    "Write it with `keras.backend` (K.constant makes a tensor of an array), and with a `return`."
                )
        return output

    def call(self, inputs, mask=None):
        self._input_dtypes = [K.dtype(x) for x in (inputs if isinstance(inputs, list) else [inputs])]
        return self._apply(inputs, mask)

    def compute_mask(self, inputs, mask=None):
        if callable(self.mask):
            return self.mask(inputs, mask)
        return self.mask

    def get_config(self):
        function, function_type = _dump(self.function)
        output_shape, output_shape_type = self._output_shape, "raw"
        if callable(output_shape):
            output_shape, output_shape_type = _dump(output_shape)
        own = {
            "function": function,
            "function_type": function_type,
            "output_shape": output_shape,
            "output_shape_type": output_shape_type,
            "arguments": self.arguments,
        }
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        # Keys that tf.keras writes besides; its mask functions are not ours to run.
        for key in ("module", "output_shape_module", "mask_module", "mask_type", "mask"):
            config.pop(key, None)
        for key, kind in (("function", "function"), ("output_shape", "output_shape function")):
            how = config.pop(key + "_type", "raw")
            if how != "raw":
                config[key] = _load(config[key], how, kind, config.get("name"), custom_objects)
        config["arguments"] = {k: _restore(v) for k, v in (config.get("arguments") or {}).items()}
        return cls(**config)


def _dump(function):
    """A function as a config holds it, and how it is held."""
    if isinstance(function, types.FunctionType):
        return func_dump(function), "lambda"
    return getattr(function, "__name__", type(function).__name__), "function"


def _load(value, how, kind, layer_name, custom_objects):
    if how == "function":
        return deserialize_keras_object(
            value, custom_objects=custom_objects, printable_module_name=f"{kind} in Lambda layer"
        )
    if how == "lambda":
        # A function given under the layer's name takes the place of bytecode from a file.
        given = {**get_custom_objects(), **(custom_objects or {})}.get(layer_name)
        if kind == "function" and callable(given):
            return given
        return func_load(value, globs={**globals(), **(custom_objects or {})})
    raise TypeError(
        f"Lambda layer {layer_name!r}: unknown {kind} type {how!r}: wanted 'function', 'lambda' or 'raw'."
    )


def _restore(argument):
    """Arrays among the arguments come back from JSON as dicts."""
    if isinstance(argument, dict) and argument.get("type") == "ndarray":
        return np.array(argument["value"])
    return argument


class Dense(Layer):
    """A densely connected layer: `activation(inputs . kernel + bias)`.

    Inputs of more than two axes are transformed along the last one.

    Args:
        units: number of outputs.
        activation: name or function; None: linear.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: names or functions of `keras.initializers`.
        kernel_regularizer, bias_regularizer, activity_regularizer: of `keras.regularizers`.
        kernel_constraint, bias_constraint: of `keras.constraints`.

    Input: `(batch, ..., input_dim)`. Output: `(batch, ..., units)`.
    """

    @interfaces.legacy_dense_support
    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        if "input_shape" not in kwargs and "input_dim" in kwargs:
            kwargs["input_shape"] = (kwargs.pop("input_dim"),)
        super().__init__(**kwargs)
        self.units = positive(self, "units", units)
        self.activation = activation_of(self, activation)
        self.use_bias = use_bias
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape):
        input_dim = required_dim(self, input_shape, -1)
        self.kernel = add_weight(self, "kernel", (input_dim, self.units))
        self.bias = add_weight(self, "bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_dim})
        self.built = True

    def call(self, inputs):
        output = K.dot(inputs, self.kernel)
        if self.use_bias:
            output = K.bias_add(output, self.bias, data_format="channels_last")
        return self.activation(output)

    def compute_output_shape(self, input_shape):
        required_dim(self, input_shape, -1)
        return (*input_shape[:-1], self.units)

    def get_config(self):
        own = {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            **weight_options_config(self, "kernel", "bias"),
        }
        return {**super().get_config(), **own}


class ActivityRegularization(Layer):
    """Adds a penalty on the inputs to the loss and passes the inputs on unchanged.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2
        for name in ("l1", "l2"):
            number(self, name, getattr(self, name))
        self.activity_regularizer = regularizers.L1L2(l1=l1, l2=l2)

    def get_config(self):
        return {**super().get_config(), "l1": self.l1, "l2": self.l2}

    def compute_output_shape(self, input_shape):
        return input_shape
