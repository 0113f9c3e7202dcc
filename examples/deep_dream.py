"""Deep dream: a picture changed so that what a network sees in it becomes stronger.

    python examples/deep_dream.py [--image PATH] [--weights PATH] [--quick]

The picture (scikit-learn's temple, if you give none) is dreamed at several sizes, small ones first;
detail lost in shrinking is put back at each size. Without `--weights` the network, InceptionV3, is
random and dreams of patterns only; give it the published file
(inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5), or `imagenet`, which fetches it, and
animals appear. Draws to examples-output/.
"""

import argparse
import os

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_sample_image

from keras import backend as K
from keras.applications import inception_v3
from keras.preprocessing.image import img_to_array, load_img, save_img

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--image", help="path of a picture")
parser.add_argument("--weights", help="path of InceptionV3's weights, or imagenet")
parser.add_argument("--quick", action="store_true", help="a small picture, few steps")
arguments = parser.parse_args()
np.random.seed(0)

# How much each layer counts: other layers, other dreams. What is random is most even in the lower ones.
LAYERS = {"mixed2": 0.2, "mixed3": 3.0, "mixed4": 2.0, "mixed5": 1.5} if arguments.weights else {"activation_4": 1.0}
STEP = 0.01  # of the ascent
SIZES, OCTAVE_SCALE = (2, 1.4) if arguments.quick else (3, 1.4)
ITERATIONS = 4 if arguments.quick else 15
WIDTH = 160 if arguments.quick else 400
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)


def resize_img(image, size):
    """A batch of one image in another (height, width)."""
    factors = (1, size[0] / image.shape[1], size[1] / image.shape[2], 1)
    return ndimage.zoom(image, factors, order=1)


def read_image():
    image = img_to_array(load_img(arguments.image)) if arguments.image else load_sample_image("china.jpg")
    image = inception_v3.preprocess_input(image[None].astype("float32"))
    return resize_img(image, (WIDTH * image.shape[1] // image.shape[2], WIDTH))


K.set_learning_phase(0)
model = inception_v3.InceptionV3(weights=arguments.weights, include_top=False)
dream = model.input
layer_dict = {layer.name: layer for layer in model.layers}

loss = K.variable(0.0)
for layer_name, coefficient in LAYERS.items():
    x = layer_dict[layer_name].output
    scaling = K.prod(K.cast(K.shape(x), "float32"))
    # The border is left out: it would draw attention to itself.
    loss = loss + coefficient * K.sum(K.square(x[:, 2:-2, 2:-2, :])) / scaling
grads = K.gradients(loss, dream)[0]
fetch_loss_and_grads = K.function([dream], [loss, grads])


def gradient_ascent(x, iterations, step):
    for i in range(iterations):
        loss_value, grad_values = fetch_loss_and_grads([x])
        # The blurred gradient draws shapes, its fine grain would draw noise.
        grad_values = ndimage.gaussian_filter(grad_values, sigma=(0, 1, 1, 0))
        x = x + step * grad_values / np.abs(grad_values).mean()
        if i in (0, iterations - 1):
            print(f"  step {i + 1}: loss {loss_value:.4g}")
    return x, loss_value


original = read_image()
shapes = [tuple(int(side / OCTAVE_SCALE**i) for side in original.shape[1:3]) for i in range(SIZES)][::-1]
img = resize_img(original, shapes[0])
shrunk = img
for shape in shapes:
    print(f"Size {shape}")
    img = resize_img(img, shape)
    # What the original has at this size, beyond what came through from the smaller one.
    lost_detail = resize_img(original, shape) - resize_img(shrunk, shape)
    img = img + lost_detail
    img, loss_value = gradient_ascent(img, ITERATIONS, STEP)
    shrunk = resize_img(original, shape)

before = fetch_loss_and_grads([original])[0]
print(f"The layers' answer to the dream is {loss_value / before:.1f} times that to the picture")
both = np.concatenate([original[0], img[0]], axis=1)
save_img(os.path.join(OUTPUT, "deep_dream.png"), np.clip((both + 1) * 127.5, 0, 255), scale=False)
print(f"Picture: {OUTPUT}/deep_dream.png")
