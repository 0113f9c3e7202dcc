"""Data before it reaches a model: images, texts, sequences."""

import sys

from .. import backend, utils
from . import image, sequence, text

# Names that Keras 2 has in these modules, because it imported them there from a package of its own.
image.image, sequence.sequence, text.text = image, sequence, text
keras_preprocessing = sys.modules[__name__]
