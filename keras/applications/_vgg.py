"""What VGG16 and VGG19 share."""

from ..layers import Conv2D, Dense, Flatten, MaxPooling2D
from ._building import check_arguments, finished, image_input, pooled

_FILTERS = (64, 128, 256, 512, 512)


def vgg(name, depths, files, include_top, weights, input_tensor, input_shape, pooling, classes, kwargs):
    """A VGG net.

    Args:
        depths: number of convolutions in each of the five blocks.
        files: {include_top: WeightFile}.
    """
    check_arguments(weights, include_top, classes, kwargs)
    image = x = image_input(input_tensor, input_shape, 224, 32, include_top, weights)
    for block, (depth, filters) in enumerate(zip(depths, _FILTERS), 1):
        for i in range(1, depth + 1):
            x = Conv2D(filters, (3, 3), activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
        x = MaxPooling2D((2, 2), strides=(2, 2), name=f"block{block}_pool")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", name="fc1")(x)
        x = Dense(4096, activation="relu", name="fc2")(x)
        x = Dense(classes, activation="softmax", name="predictions")(x)
    else:
        x = pooled(x, pooling)
    return finished(name, image, input_tensor, x, weights, files[bool(include_top)])
