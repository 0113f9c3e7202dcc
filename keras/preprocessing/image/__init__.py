"""Images: read, changed at random, and handed on in batches."""

from ... import backend, utils
from ...utils import generic_utils
from .affine_transformations import (
    apply_affine_transform, apply_brightness_shift, apply_channel_shift, flip_axis, random_brightness,
    random_channel_shift, random_rotation, random_shear, random_shift, random_zoom, transform_matrix_offset_center,
)  # fmt: skip
from .dataframe_iterator import DataFrameIterator
from .directory_iterator import DirectoryIterator
from .image_data_generator import ImageDataGenerator
from .iterator import BatchFromFilesMixin, Iterator
from .numpy_array_iterator import NumpyArrayIterator
from .pictures import array_to_img, img_to_array, list_pictures, load_img, save_img, validate_filename
