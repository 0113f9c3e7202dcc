"""`ImageDataGenerator`: random changes of images, and their standardisation."""

import warnings

import numpy as np

from ... import backend as K
from . import augmentation, drawing, resampling, values
from .dataframe_iterator import DataFrameIterator
from .directory_iterator import DirectoryIterator
from .iterator import Rows
from .numpy_array_iterator import NumpyArrayIterator
from .threads import cores, in_pieces, per_piece

# Nanoseconds that SciPy takes to resample a value, roughly.
SCIPY = 30
# Values of an image up to which images are flipped and multiplied in their memory, many at once.
SMALL = 2**14


class ImageDataGenerator:
    """Batches of images, changed at random and standardised, for ever.

    Args:
        featurewise_center: subtract the mean over the data set (call `fit` first).
        samplewise_center: subtract each image's mean.
        featurewise_std_normalization: divide by the standard deviation over the data set (call `fit` first).
        samplewise_std_normalization: divide each image by its standard deviation.
        zca_whitening: apply ZCA whitening (call `fit` first).
        zca_epsilon: for ZCA.
        rotation_range: degrees; images are turned by up to that either way.
        width_shift_range: below 1: fraction of the width; a float from 1: pixels; an int n: whole pixels below
            n either way; a list: one of these, either way.
        height_shift_range: the same for the height.
        brightness_range: pair of factors. The image is stretched to 0..255 first.
        shear_range: degrees.
        zoom_range: a pair of factors, or z for [1 - z, 1 + z].
        channel_shift_range: the largest number that is added to all channels, or subtracted.
        fill_mode: what lies outside the image: 'nearest', 'constant', 'reflect' or 'wrap'.
        cval: the value outside for 'constant'.
        horizontal_flip, vertical_flip: whether half of the images are mirrored.
        rescale: factor for all values, after the changes.
        preprocessing_function: function of one image (array of three axes) that gives an array of that shape;
            it comes after the changes and before all standardisation.
        data_format: 'channels_last', 'channels_first' or None for that of the Keras settings (Keras 2.3.1 took
            'channels_last' whatever the settings were).
        validation_split: fraction of the images that `subset='validation'` stands for.
        interpolation_order: of the splines between pixels; 0 takes the nearest, 1 goes straight.
        dtype: type in which `fit` measures; batches are of type K.floatx(), as in Keras 2.

    Random numbers come from NumPy's global generator, drawn in the order of Keras-Preprocessing 1.1.0. What a
    `preprocessing_function` draws comes after what is drawn for the whole batch.

    Raises:
        ValueError: for arguments out of their range.

    Example:
        generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
        model.fit_generator(generator.flow(x, y, batch_size=32), epochs=10)
    """

    def __init__(
        self,
        featurewise_center=False,
        samplewise_center=False,
        featurewise_std_normalization=False,
        samplewise_std_normalization=False,
        zca_whitening=False,
        zca_epsilon=1e-6,
        rotation_range=0,
        width_shift_range=0.0,
        height_shift_range=0.0,
        brightness_range=None,
        shear_range=0.0,
        zoom_range=0.0,
        channel_shift_range=0.0,
        fill_mode="nearest",
        cval=0.0,
        horizontal_flip=False,
        vertical_flip=False,
        rescale=None,
        preprocessing_function=None,
        data_format=None,
        validation_split=0.0,
        interpolation_order=1,
        dtype="float32",
    ):
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"`validation_split` must be strictly between 0 and 1. Received: {validation_split}")
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.brightness_range = _checked_brightness(brightness_range)
        self.shear_range = shear_range
        self.zoom_range = _zoom_pair(zoom_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.data_format = K.normalize_data_format(data_format)
        self._validation_split = validation_split
        self.interpolation_order = interpolation_order
        self.dtype = dtype or K.floatx()
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.mean = self.std = self.principal_components = None
        self._settle_contradictions()

    def _settle_contradictions(self):
        if self.zca_whitening:
            self._override("zca_whitening", "featurewise_center", True)
            self._override("zca_whitening", "featurewise_std_normalization", False)
        if self.featurewise_std_normalization:
            self._override("featurewise_std_normalization", "featurewise_center", True)
        if self.samplewise_std_normalization:
            self._override("samplewise_std_normalization", "samplewise_center", True)

    def _override(self, stronger, name, value):
        if bool(getattr(self, name)) is not value:
            setattr(self, name, value)
            warnings.warn(
                f"This ImageDataGenerator specifies `{stronger}`, which overrides setting of `{name}`.", stacklevel=4
            )

    def flow(
        self,
        x,
        y=None,
        batch_size=32,
        shuffle=True,
        sample_weight=None,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
    ):
        """Batches of images in memory: see `NumpyArrayIterator`."""
        return NumpyArrayIterator(
            x, y, self, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight, seed=seed,
            data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix,
            save_format=save_format, subset=subset,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        follow_links=False,
        subset=None,
        interpolation="nearest",
    ):
        """Batches of pictures in a folder with a folder for each class: see `DirectoryIterator`."""
        return DirectoryIterator(
            directory, self, target_size=target_size, color_mode=color_mode, classes=classes,
            class_mode=class_mode, data_format=self.data_format, batch_size=batch_size, shuffle=shuffle,
            seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            follow_links=follow_links, subset=subset, interpolation=interpolation,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe,
        directory=None,
        x_col="filename",
        y_col="class",
        weight_col=None,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        interpolation="nearest",
        validate_filenames=True,
        **kwargs,
    ):
        """Batches of pictures whose names and labels a pandas DataFrame holds: see `DataFrameIterator`."""
        class_mode = _without_old_arguments(class_mode, kwargs)
        return DataFrameIterator(
            dataframe, directory, self, x_col=x_col, y_col=y_col, weight_col=weight_col, target_size=target_size,
            color_mode=color_mode, classes=classes, class_mode=class_mode, data_format=self.data_format,
            batch_size=batch_size, shuffle=shuffle, seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix,
            save_format=save_format, subset=subset, interpolation=interpolation,
            validate_filenames=validate_filenames,
        )  # fmt: skip

    def standardize(self, x):
        """Applies `preprocessing_function`, `rescale` and the standardisations to an image, in its memory."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        values.change_all(x[None], self._standardization(x.shape[-3:]))
        return self._whitened(x[None])[0]

    def _standardization(self, shape):
        """`rescale` and the standardisations but ZCA, as changes of values of images of that shape."""
        changes = []
        if self.rescale:
            changes.append(values.multiplied(self.rescale))
        if self.samplewise_center:
            changes.append(values.centred)
        if self.samplewise_std_normalization:
            changes.append(values.divided_when_centred if self.samplewise_center else values.divided_by_deviation)
        if self.featurewise_center and self._is_fitted("featurewise_center", self.mean):
            changes.append(values.with_statistic(np.subtract, self.mean, shape))
        if self.featurewise_std_normalization and self._is_fitted("featurewise_std_normalization", self.std):
            changes.append(values.with_statistic(np.divide, self.std + 1e-6, shape))
        return changes

    def _whitened(self, images):
        if self.zca_whitening and self._is_fitted("zca_whitening", self.principal_components):
            flat = images.reshape(-1, np.prod(images.shape[-3:]))
            return np.dot(flat, self.principal_components).reshape(images.shape)
        return images

    def _is_fitted(self, argument, statistic):
        if statistic is None:
            warnings.warn(
                f"This ImageDataGenerator specifies `{argument}`, but it hasn't been fit on any training data. "
                "Fit it first by calling `.fit(numpy_data)`.",
                stacklevel=4,
            )
        return statistic is not None

    def get_random_transform(self, img_shape, seed=None):
        """Draws a transform for an image.

        Args:
            img_shape: shape of the image.
            seed: for NumPy's global generator; None to go on.

        Returns:
            Dictionary for `apply_transform`: 'theta' (degrees), 'tx', 'ty' (pixels), 'shear' (degrees), 'zx',
            'zy', 'flip_horizontal', 'flip_vertical', 'channel_shift_intensity', 'brightness'.
        """
        if seed is not None:
            np.random.seed(seed)
        return drawing.one(self, img_shape)

    def apply_transform(self, x, transform_parameters):
        """Applies a transform to an image.

        Args:
            x: array of three axes.
            transform_parameters: dictionary as `get_random_transform` gives it; what lacks is left as it is.
        """
        x = np.asarray(x)
        changes = drawing.columns([transform_parameters])
        return augmentation.transform(np.empty((1, *x.shape), x.dtype), x[None], changes, self)[0]

    def random_transform(self, x, seed=None):
        """Applies a random transform to an image (array of three axes)."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def changed_batch(self, images, out):
        """Transforms and standardises a batch, each image in a way of its own.

        Args:
            images: the images as they are: `Rows`, or something else with these methods.
            out: array (N, ...); its memory is used.

        Returns:
            `out`.
        """
        if self._has_other_methods():
            for n in range(len(out)):
                image = np.array(images.some(slice(n, n + 1))[0], K.floatx())
                out[n] = self.standardize(self.apply_transform(image, self.get_random_transform(image.shape)))
            return out
        if out.dtype.kind != "f":  # the changes need broken numbers
            out[...] = self.changed_batch(images, np.empty(out.shape, K.floatx()))
            return out
        self._transformed(images, out, self._function() + self._standardization(out.shape[1:]))
        if self.zca_whitening:
            out[...] = self._whitened(out)
        return out

    def _function(self):
        """`preprocessing_function`, as a change of values."""
        return [values.by_function(self.preprocessing_function)] if self.preprocessing_function else []

    def _transformed(self, images, out, then=()):
        """Writes the transformed images to `out` and makes the changes of values `then`."""
        changes = drawing.many(self, out.shape[1:], len(out))
        affine, flipping = augmentation.is_affine(changes), not drawing.FLIPS.isdisjoint(changes)
        size, nanoseconds = per_piece(out[:1].size), 0
        coloured = bool(augmentation.colours(changes, self))
        # Whether what comes first is the same for each image, in a call or two.
        alike = bool(then) and not coloured and then[0] is not values.centred
        # Large images are flipped on their way to the batch, and changed for the first time.
        on_the_way = out[:1].size > SMALL and not affine and (flipping or alike or size == 1)

        def work(some):
            part, of_part = out[some], {name: drawn[some] for name, drawn in changes.items()}
            after = [*augmentation.colours(of_part, self), *then]
            if affine:
                augmentation.move(part, images.some(some), of_part, self)
            elif on_the_way:
                first = after.pop(0) if alike or (after and len(part) == 1) else None
                augmentation.copy_flipped(part, images.some(some), of_part, self, first)
            else:
                images.copy_to(part, some)
                if flipping:
                    augmentation.flip(part, of_part, self)
            values.change_all(part, after)

        if on_the_way and not coloured and len(then) == int(alike):
            size = len(out)  # they are done one by one, and nothing comes after
        elif affine and resampling.is_by_scipy(out, self.fill_mode, self.interpolation_order):
            size = min(size, max(1, len(out) // cores()))  # something for each thread
            nanoseconds = SCIPY * size * out[:1].size
        in_pieces(work, len(out), size, nanoseconds)
        return out

    def _has_other_methods(self):
        """Whether a subclass changes images in a way of its own."""
        names = ("get_random_transform", "apply_transform", "random_transform", "standardize")
        return any(getattr(type(self), name) is not getattr(ImageDataGenerator, name) for name in names)

    def fit(self, x, augment=False, rounds=1, seed=None):
        """Measures what the featurewise standardisations and ZCA need.

        Args:
            x: sample images, array of four axes.
            augment: whether to measure on randomly changed images.
            rounds: with `augment`: how many changed copies of each image.
            seed: for NumPy's global generator.

        Raises:
            ValueError: for an array of another shape.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"Input to `.fit()` should have rank 4. Got array with shape: {x.shape}")
        if x.shape[self.channel_axis] not in (1, 3, 4):
            warnings.warn(
                f'Expected input to be images (as Numpy array) following the data format "{self.data_format}" '
                f"(channels on axis {self.channel_axis}), i.e. expected either 1, 3 or 4 channels. However, it was "
                f"passed an array with shape {x.shape} ({x.shape[self.channel_axis]} channels).",
                stacklevel=2,
            )
        if seed is not None:
            np.random.seed(seed)
        if augment:
            x = self._augmented(x, rounds)
        statistics_axes = (0, self.row_axis, self.col_axis)
        channels = [1, 1, 1]
        channels[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = np.mean(x, axis=statistics_axes).reshape(channels)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=statistics_axes).reshape(channels)
            x /= self.std + 1e-6
        if self.zca_whitening:
            self.principal_components = _whitening(x.reshape(len(x), -1), self.zca_epsilon)

    def _augmented(self, x, rounds):
        x = np.concatenate([x] * max(1, rounds))
        if self._has_other_methods():
            return np.stack([self.random_transform(image) for image in x])
        return self._transformed(Rows(x, np.arange(len(x))), np.empty_like(x))


def _zoom_pair(zoom_range):
    if np.ndim(zoom_range) == 0:
        return [1 - zoom_range, 1 + zoom_range]
    if len(zoom_range) == 2:
        return [zoom_range[0], zoom_range[1]]
    raise ValueError(f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom_range}")


def _checked_brightness(brightness_range):
    if brightness_range is not None and np.shape(brightness_range) != (2,):
        raise ValueError(f"`brightness_range` should be tuple or list of two floats. Received: {brightness_range}")
    return brightness_range


def _whitening(flat, epsilon):
    """The matrix that makes the columns of `flat` uncorrelated, with as little change as can be (ZCA)."""
    u, s, _ = np.linalg.svd(np.dot(flat.T, flat) / len(flat))
    return np.dot(u / np.sqrt(s + epsilon), u.T)


def _without_old_arguments(class_mode, kwargs):
    """Says what became of arguments of older versions; returns the class_mode of today."""
    for name in kwargs:
        if name in _OLD_ARGUMENTS:
            warnings.warn(_OLD_ARGUMENTS[name], DeprecationWarning, stacklevel=3)
        else:
            warnings.warn(f"flow_from_dataframe has no argument {name!r}: it is ignored.", stacklevel=3)
    if class_mode == "other":
        warnings.warn('`class_mode` "other" is deprecated, please use `class_mode` "raw".', stacklevel=3)
        return "raw"
    return class_mode


_OLD_ARGUMENTS = {
    "has_ext": "has_ext is deprecated, filenames in the dataframe have to match the exact filenames in disk.",
    "sort": "sort is deprecated, batches will be created in the same order than the filenames provided if `shuffle` is "
    "set to `False`.",
    "drop_duplicates": "drop_duplicates is deprecated, you can drop duplicates by using the "
    "pandas.DataFrame.drop_duplicates method.",
}
