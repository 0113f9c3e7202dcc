"""Pooling over windows and over whole samples, for sequences, images and volumes."""

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..legacy import interfaces
from ..utils import conv_utils
from ._common import channel_axis, check_sizes, data_format_of, join_shape, sizes_of, spatial_axes, window_padding


class _Pooling(Layer):
    """Pooling over windows. Subclasses give `rank` and `_pooling_function`."""

    rank = 0

    def __init__(self, pool_size, strides, padding, data_format, **kwargs):
        super().__init__(**kwargs)
        self.data_format = data_format_of(self, data_format)
        self.pool_size = sizes_of(self, "pool_size", pool_size, self.rank)
        strides = pool_size if strides is None else strides
        self.strides = sizes_of(self, "strides", strides, self.rank)
        self.padding = window_padding(self, padding)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _pooling_function(self, inputs, pool_size, strides, padding, data_format):
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        sizes = [
            conv_utils.conv_output_length(input_shape[axis], window, self.padding, stride)
            for axis, window, stride in zip(
                spatial_axes(self.data_format, self.rank), self.pool_size, self.strides, strict=True
            )
        ]
        advice = f"Use a smaller pool_size than {self.pool_size}, padding='same' or larger inputs."
        check_sizes(self, input_shape, sizes, advice)
        return join_shape(
            self.data_format, input_shape[0], sizes, input_shape[channel_axis(self.data_format)]
        )

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        return self._pooling_function(
            inputs=inputs,
            pool_size=self.pool_size,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
        )

    def get_config(self):
        own = {
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }
        return {**super().get_config(), **own}


class _Pooling1D(_Pooling):
    rank = 1

    @interfaces.legacy_pooling1d_support
    def __init__(self, pool_size=2, strides=None, padding="valid", data_format="channels_last", **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        # Sequences are pooled as images of width 1.
        extra = 2 if self.data_format == "channels_last" else 3
        output = self._pooling_function(
            inputs=K.expand_dims(inputs, extra),
            pool_size=(*self.pool_size, 1),
            strides=(*self.strides, 1),
            padding=self.padding,
            data_format=self.data_format,
        )
        return K.squeeze(output, extra)


class _Pooling2D(_Pooling):
    rank = 2

    @interfaces.legacy_pooling2d_support
    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class _Pooling3D(_Pooling):
    rank = 3

    @interfaces.legacy_pooling3d_support
    def __init__(self, pool_size=(2, 2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


def _pool(mode, function_name):
    """The `_pooling_function` of a class: K.pool2d or K.pool3d with a mode."""

    def _pooling_function(self, inputs, pool_size, strides, padding, data_format):
        return getattr(K, function_name)(inputs, pool_size, strides, padding, data_format, pool_mode=mode)

    return _pooling_function


class MaxPooling1D(_Pooling1D):
    """Takes the maximum over windows of a sequence.

    Args:
        pool_size: size of the windows, in steps.
        strides: distance of the windows; None: `pool_size`.
        padding: `'valid'` (only full windows) or `'same'` (`ceil(steps / strides)` windows).
        data_format: `'channels_last'`: `(batch, steps, channels)`, `'channels_first'`: `(batch, channels, steps)`.
    """

    _pooling_function = _pool("max", "pool2d")


class AveragePooling1D(_Pooling1D):
    """Takes the mean over windows of a sequence. Arguments as in `MaxPooling1D`."""

    _pooling_function = _pool("avg", "pool2d")


class MaxPooling2D(_Pooling2D):
    """Takes the maximum over windows of an image.

    Args:
        pool_size: int or pair of ints: rows and columns of the windows.
        strides: int or pair: distance of the windows; None: `pool_size`.
        padding: `'valid'` (only full windows) or `'same'`.
        data_format: `'channels_last'`: `(batch, rows, cols, channels)`, `'channels_first'`:
            `(batch, channels, rows, cols)`, None: `K.image_data_format()`.
    """

    _pooling_function = _pool("max", "pool2d")


class AveragePooling2D(_Pooling2D):
    """Takes the mean over windows of an image. Arguments as in `MaxPooling2D`.

    With `padding='same'`, padded cells are not counted in the mean.
    """

    _pooling_function = _pool("avg", "pool2d")


class MaxPooling3D(_Pooling3D):
    """Takes the maximum over windows of a volume. Arguments as in `MaxPooling2D`, with three sizes."""

    _pooling_function = _pool("max", "pool3d")


class AveragePooling3D(_Pooling3D):
    """Takes the mean over windows of a volume. Arguments as in `MaxPooling2D`, with three sizes."""

    _pooling_function = _pool("avg", "pool3d")


class _GlobalPooling(Layer):
    """Pools over all positions of a sample: gives `(batch, channels)`. Subclasses give `rank`."""

    rank = 0

    _config_arguments = ("keepdims",)

    def __init__(self, **kwargs):
        # In models read from files of tf.keras the axes over which is pooled may stay, with one position each.
        self._keepdims = kwargs.pop("keepdims", False)
        super().__init__(**kwargs)

    def _set_format(self, data_format):
        self.data_format = data_format_of(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _axes(self):
        return list(spatial_axes(self.data_format, self.rank))

    def compute_output_shape(self, input_shape):
        if self._keepdims:
            return tuple(1 if axis in self._axes() else size for axis, size in enumerate(input_shape))
        return (input_shape[0], input_shape[channel_axis(self.data_format)])

    def call(self, inputs):
        raise NotImplementedError

    def get_config(self):
        config = {**super().get_config(), "data_format": self.data_format}
        return {**config, "keepdims": True} if self._keepdims else config


class _GlobalPooling1D(_GlobalPooling):
    rank = 1

    def __init__(self, data_format="channels_last", **kwargs):
        super().__init__(**kwargs)
        self._set_format(data_format)


class _GlobalPooling2D(_GlobalPooling):
    rank = 2

    @interfaces.legacy_global_pooling_support
    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._set_format(data_format)


class _GlobalPooling3D(_GlobalPooling):
    rank = 3

    @interfaces.legacy_global_pooling_support
    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._set_format(data_format)


class GlobalAveragePooling1D(_GlobalPooling1D):
    """Takes the mean over all steps of a sequence; masked steps don't count.

    Args:
        data_format: `'channels_last'`: `(batch, steps, channels)`, `'channels_first'`: `(batch, channels, steps)`.
    """

    def __init__(self, data_format="channels_last", **kwargs):
        super().__init__(data_format, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        (steps,) = self._axes()
        if mask is None:
            return K.mean(inputs, axis=steps, keepdims=self._keepdims)
        weights = K.expand_dims(K.cast(mask, K.dtype(inputs)), axis=channel_axis(self.data_format))
        total = K.sum(inputs * weights, axis=steps, keepdims=self._keepdims)
        return total / K.sum(weights, axis=steps, keepdims=self._keepdims)

    def compute_mask(self, inputs, mask=None):
        return None


class GlobalMaxPooling1D(_GlobalPooling1D):
    """Takes the maximum over all steps of a sequence. Arguments as in `GlobalAveragePooling1D`."""

    def call(self, inputs):
        return K.max(inputs, axis=self._axes(), keepdims=self._keepdims)


class GlobalAveragePooling2D(_GlobalPooling2D):
    """Takes the mean over all positions of an image.

    Args:
        data_format: `'channels_last'`: `(batch, rows, cols, channels)`, `'channels_first'`:
            `(batch, channels, rows, cols)`, None: `K.image_data_format()`.
    """

    def call(self, inputs):
        return K.mean(inputs, axis=self._axes(), keepdims=self._keepdims)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """Takes the maximum over all positions of an image. Arguments as in `GlobalAveragePooling2D`."""

    def call(self, inputs):
        return K.max(inputs, axis=self._axes(), keepdims=self._keepdims)


class GlobalAveragePooling3D(_GlobalPooling3D):
    """Takes the mean over all positions of a volume. Arguments as in `GlobalAveragePooling2D`."""

    def call(self, inputs):
        return K.mean(inputs, axis=self._axes(), keepdims=self._keepdims)


class GlobalMaxPooling3D(_GlobalPooling3D):
    """Takes the maximum over all positions of a volume. Arguments as in `GlobalAveragePooling2D`."""

    def call(self, inputs):
        return K.max(inputs, axis=self._axes(), keepdims=self._keepdims)


AvgPool1D = AveragePooling1D
MaxPool1D = MaxPooling1D
AvgPool2D = AveragePooling2D
MaxPool2D = MaxPooling2D
AvgPool3D = AveragePooling3D
MaxPool3D = MaxPooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
