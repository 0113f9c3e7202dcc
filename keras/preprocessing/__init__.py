"""Data before it reaches a model: images, texts, sequences."""

import sys

from .. import backend, utils
from . import image, old_package, sequence, text

# Names that Keras 2 has in these modules, because it imported them there from a package of its own.
image.image, sequence.sequence, text.text = image, sequence, text
keras_preprocessing = old_package.stand_in(sys.modules[__name__])
