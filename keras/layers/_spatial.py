"""Layers that change the spatial size without weights: upsampling, zero padding, cropping.

Users find them in `keras.layers` and `keras.layers.convolutional`.
"""

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..legacy import interfaces
from ._common import check_sizes, data_format_of, describe, sizes_of, spatial_axes


class _Spatial(Layer):
    """A layer that gives each spatial axis a new size. Subclasses give `rank` and `_new_size`."""

    rank = 0

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = data_format_of(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _new_size(self, size, index):
        """The new size of spatial axis `index`, which has the (known) size `size`."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        axes = spatial_axes(self.data_format, self.rank)
        for index, axis in enumerate(axes):
            if shape[axis] is not None:
                shape[axis] = self._new_size(shape[axis], index)
        check_sizes(self, input_shape, [shape[axis] for axis in axes], "Crop less or use larger inputs.")
        return tuple(shape)

    def call(self, inputs):
        raise NotImplementedError


class _UpSampling(_Spatial):
    """Makes each spatial axis longer by a whole factor.

    Args:
        size: factors, one per axis.
        data_format: `'channels_last'`, `'channels_first'` or None.
    """

    def __init__(self, size, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.size = sizes_of(self, "size", size, self.rank)

    def _new_size(self, size, index):
        return size * self.size[index]

    def get_config(self):
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


class UpSampling1D(_UpSampling):
    """Repeats each step of a sequence `(batch, steps, channels)`.

    Args:
        size: how many times.
    """

    rank = 1

    @interfaces.legacy_upsampling1d_support
    def __init__(self, size=2, **kwargs):
        super().__init__(size, "channels_last", **kwargs)

    def call(self, inputs):
        return K.repeat_elements(inputs, self.size[0], axis=1)

    def get_config(self):
        config = super().get_config()
        config["size"] = self.size[0]
        config.pop("data_format")
        return config


class UpSampling2D(_UpSampling):
    """Makes images larger by whole factors.

    Args:
        size: int or pair of ints: factors for rows and columns.
        data_format: `'channels_last'`, `'channels_first'` or None (`K.image_data_format()`).
        interpolation: `'nearest'` (repeats rows and columns) or `'bilinear'`.
    """

    rank = 2

    _config_arguments = ("half_pixel_centers",)

    @interfaces.legacy_upsampling2d_support
    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        # Models read from files of tf.keras sample at half-pixel centres; Keras 2.3.1 samples at corners.
        self._half_pixel_centers = kwargs.pop("half_pixel_centers", False)
        super().__init__(size, data_format, **kwargs)
        if interpolation not in ("nearest", "bilinear"):
            raise ValueError(
                f'{describe(self)}: interpolation argument should be one of "nearest" or "bilinear", '
                f"got {interpolation!r}."
            )
        self.interpolation = interpolation

    def call(self, inputs):
        if self.interpolation == "bilinear" and self._half_pixel_centers:
            return K.resize_bilinear_centers(inputs, self.size[0], self.size[1], self.data_format)
        return K.resize_images(inputs, self.size[0], self.size[1], self.data_format, self.interpolation)

    def get_config(self):
        config = {**super().get_config(), "interpolation": self.interpolation}
        return {**config, "half_pixel_centers": True} if self._half_pixel_centers else config


class UpSampling3D(_UpSampling):
    """Repeats the planes, rows and columns of volumes.

    Args:
        size: int or three ints.
        data_format: `'channels_last'`, `'channels_first'` or None (`K.image_data_format()`).
    """

    rank = 3

    @interfaces.legacy_upsampling3d_support
    def __init__(self, size=(2, 2, 2), data_format=None, **kwargs):
        super().__init__(size, data_format, **kwargs)

    def call(self, inputs):
        return K.resize_volumes(inputs, *self.size, self.data_format)


def _pairs(layer, name, value, rank):
    """`value` as one (before, after) pair per spatial axis.

    It may be an int, one int per axis (both sides alike) or one pair per axis.
    """
    forms = f"an int, {rank} ints, or {rank} pairs of ints"
    if isinstance(value, int) and not isinstance(value, bool):
        value = (value,) * rank
    if not hasattr(value, "__len__") or len(value) != rank:
        raise ValueError(
            f"{describe(layer)}: `{name}` should have {rank} elements ({forms}). Found: {value!r}."
        )
    return tuple(sizes_of(layer, f"entry {i + 1} of {name}", entry, 2, least=0) for i, entry in enumerate(value))


class _ZeroPadding(_Spatial):
    """Adds zeros around the spatial axes.

    Args:
        padding: (before, after) pairs, one per axis.
    """

    def __init__(self, padding, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.padding = _pairs(self, "padding", padding, self.rank)

    def _new_size(self, size, index):
        return size + sum(self.padding[index])

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class ZeroPadding1D(_ZeroPadding):
    """Adds steps of zeros before and after a sequence `(batch, steps, channels)`.

    Args:
        padding: int, or pair (before, after).
    """

    rank = 1

    def __init__(self, padding=1, **kwargs):
        super().__init__((padding,), "channels_last", **kwargs)

    def call(self, inputs):
        return K.temporal_padding(inputs, padding=self.padding[0])

    def get_config(self):
        config = super().get_config()
        config["padding"] = self.padding[0]
        config.pop("data_format")
        return config


class ZeroPadding2D(_ZeroPadding):
    """Adds rows and columns of zeros around images.

    Args:
        padding: int; or two ints (rows, columns); or `((top, bottom), (left, right))`.
        data_format: `'channels_last'`, `'channels_first'` or None (`K.image_data_format()`).
    """

    rank = 2

    @interfaces.legacy_zeropadding2d_support
    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(padding, data_format, **kwargs)

    def call(self, inputs):
        return K.spatial_2d_padding(inputs, padding=self.padding, data_format=self.data_format)


class ZeroPadding3D(_ZeroPadding):
    """Adds zeros around volumes. Arguments as in `ZeroPadding2D`, for three axes."""

    rank = 3

    @interfaces.legacy_zeropadding3d_support
    def __init__(self, padding=(1, 1, 1), data_format=None, **kwargs):
        super().__init__(padding, data_format, **kwargs)

    def call(self, inputs):
        return K.spatial_3d_padding(inputs, padding=self.padding, data_format=self.data_format)


class _Cropping(_Spatial):
    """Cuts the borders of the spatial axes off.

    Args:
        cropping: (before, after) pairs, one per axis.
    """

    def __init__(self, cropping, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.cropping = _pairs(self, "cropping", cropping, self.rank)

    def _new_size(self, size, index):
        return size - sum(self.cropping[index])

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        key = [slice(None)] * K.ndim(inputs)
        for axis, (before, after) in zip(
            spatial_axes(self.data_format, self.rank), self.cropping, strict=True
        ):
            key[axis] = slice(before, -after if after else None)
        return inputs[tuple(key)]

    def get_config(self):
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}


class Cropping1D(_Cropping):
    """Cuts steps off both ends of a sequence `(batch, steps, channels)`.

    Args:
        cropping: int, or pair (at the beginning, at the end).
    """

    rank = 1

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__((cropping,), "channels_last", **kwargs)

    def get_config(self):
        config = super().get_config()
        config["cropping"] = self.cropping[0]
        config.pop("data_format")
        return config


class Cropping2D(_Cropping):
    """Cuts rows and columns off images.

    Args:
        cropping: int; or two ints (rows, columns); or `((top, bottom), (left, right))`.
        data_format: `'channels_last'`, `'channels_first'` or None (`K.image_data_format()`).
    """

    rank = 2

    @interfaces.legacy_cropping2d_support
    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """Cuts planes, rows and columns off volumes. Arguments as in `Cropping2D`, for three axes."""

    rank = 3

    @interfaces.legacy_cropping3d_support
    def __init__(self, cropping=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)
