"""What the filters of a convolutional network look for, by gradient ascent on the image.

    python examples/filter_visualisation.py [--weights PATH] [--layer block2_conv2] [--quick]

Starts from grey noise and changes the image so that a filter of VGG16 answers more and more. Without
`--weights` the network is random, and the pictures show what its wiring alone prefers; give it the
published file (vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5), or `imagenet`, which fetches it.
All filters are done at once: image i of the batch belongs to filter i. Draws to examples-output/.
"""

import argparse
import os

import numpy as np
from scipy.ndimage import gaussian_filter

from keras import backend as K
from keras.applications import vgg16
from keras.preprocessing.image import save_img

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--weights", help="path of VGG16's weights, or imagenet")
parser.add_argument("--layer", help="name of a convolution of VGG16")
parser.add_argument("--quick", action="store_true", help="a lower layer, small images, few steps")
arguments = parser.parse_args()
np.random.seed(0)

LAYER = arguments.layer or ("block1_conv2" if arguments.quick else "block3_conv1")
SIZE, COLUMNS, ROWS, STEPS = (32, 4, 2, 10) if arguments.quick else (80, 6, 3, 25)
MARGIN = 4
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)


def normalize(x):
    """Scaled so that each image's gradient has length 1 (root mean square)."""
    return x / (K.sqrt(K.mean(K.square(x), axis=[1, 2, 3], keepdims=True)) + K.epsilon())


def deprocess_image(x):
    """An array as colours: mean 0.5, spread 0.15, cut off at 0 and 255."""
    x = (x - x.mean()) / (x.std() + K.epsilon()) * 0.15 + 0.5
    return np.clip(x * 255, 0, 255).astype("uint8")


model = vgg16.VGG16(weights=arguments.weights, include_top=False)
layer_dict = {layer.name: layer for layer in model.layers[1:]}
layer_output = layer_dict[LAYER].output

input_img = model.input
count = COLUMNS * ROWS
chosen = np.eye(count, K.int_shape(layer_output)[-1])  # row i asks for filter i
answers = K.sum(K.mean(layer_output, axis=[1, 2]) * K.constant(chosen), axis=-1)
grads = normalize(K.gradients(K.sum(answers), input_img)[0])
iterate = K.function([input_img], [answers, grads])

images = np.random.random((count, SIZE, SIZE, 3)) * 20 - 10
first = iterate([images])[0]
for _ in range(STEPS):
    answer, gradient = iterate([images])
    # Blurred a little at each step (Yosinski et al., 2015): else the image stays noise that excites the filter.
    images = gaussian_filter(images + 8 * gradient, sigma=(0, 0.7, 0.7, 0))
print(f"Filters of {LAYER}: mean answer {first.mean():.3g} to noise, {answer.mean():.3g} after {STEPS} steps; "
      f"{(answer > first).sum()} of {count} rose")  # fmt: skip

stitched = np.full((ROWS * (SIZE + MARGIN) - MARGIN, COLUMNS * (SIZE + MARGIN) - MARGIN, 3), 255, dtype="uint8")
for i, image in enumerate(images):
    row, column = (place * (SIZE + MARGIN) for place in divmod(i, COLUMNS))
    stitched[row : row + SIZE, column : column + SIZE] = deprocess_image(image)
save_img(os.path.join(OUTPUT, "filter_visualisation.png"), stitched)
print(f"Picture: {OUTPUT}/filter_visualisation.png")
