"""Style transfer: the content of one picture, painted like another (Gatys et al., 2015).

    python examples/style_transfer.py [--content PATH] [--style PATH] [--weights PATH] [--quick]

L-BFGS changes an image until VGG16 sees in it the shapes of the content picture and the textures (Gram
matrices) of the style picture; without paths these are scikit-learn's temple and flower. Without
`--weights` the network is random, which is enough for colours and fine texture; give it the published
file (vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5), or `imagenet`, which fetches it. Draws to
examples-output/.
"""

import argparse
import os

import numpy as np
from PIL import Image
from scipy.optimize import fmin_l_bfgs_b
from sklearn.datasets import load_sample_image

from keras import backend as K
from keras.applications import vgg16
from keras.preprocessing.image import img_to_array, load_img, save_img

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--content", help="path of a picture")
parser.add_argument("--style", help="path of a picture")
parser.add_argument("--weights", help="path of VGG16's weights, or imagenet")
parser.add_argument("--quick", action="store_true", help="small pictures, few steps")
arguments = parser.parse_args()
np.random.seed(0)

ROWS, COLUMNS = (48, 64) if arguments.quick else (150, 200)
ROUNDS, CALLS = (1, 8) if arguments.quick else (2, 20)
CONTENT_LAYER = "block2_conv2" if arguments.quick else "block3_conv2"
STYLE_LAYERS = ["block1_conv1", "block2_conv1"] if arguments.quick else [f"block{i}_conv1" for i in (1, 2, 3, 4)]
CONTENT_WEIGHT, STYLE_WEIGHT, TOTAL_VARIATION_WEIGHT = 1.0, 50.0, 1e-4
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)


def read_picture(path, sample):
    """A picture as VGG16 wants it, (1, ROWS, COLUMNS, 3)."""
    picture = load_img(path) if path else Image.fromarray(load_sample_image(sample))
    picture = picture.resize((COLUMNS, ROWS), Image.LANCZOS)
    return vgg16.preprocess_input(img_to_array(picture)[None])


def deprocess_image(x):
    """Back from VGG16's BGR around zero to RGB."""
    x = x.reshape((ROWS, COLUMNS, 3)) + [103.939, 116.779, 123.68]
    return np.clip(x[:, :, ::-1], 0, 255).astype("uint8")


content, style = read_picture(arguments.content, "china.jpg"), read_picture(arguments.style, "flower.jpg")
combination_image = K.placeholder((1, ROWS, COLUMNS, 3))
input_tensor = K.concatenate([K.constant(content), K.constant(style), combination_image], axis=0)
model = vgg16.VGG16(input_tensor=input_tensor, weights=arguments.weights, include_top=False)
outputs_dict = {layer.name: layer.output for layer in model.layers}


def gram_matrix(x):
    """How often two features appear together, (channels, channels)."""
    features = K.batch_flatten(K.permute_dimensions(x, (2, 0, 1)))
    return K.dot(features, K.transpose(features)) / K.cast(K.shape(features)[1], "float32")


def relative(x, wanted):
    """The mean squared difference, as a share of what is wanted: then layers of any strength count alike."""
    return K.mean(K.square(x - wanted)) / K.mean(K.square(wanted))


def total_variation(x):
    """How much neighbouring pixels differ."""
    a = K.square(x[:, : ROWS - 1, : COLUMNS - 1, :] - x[:, 1:, : COLUMNS - 1, :])
    b = K.square(x[:, : ROWS - 1, : COLUMNS - 1, :] - x[:, : ROWS - 1, 1:, :])
    return K.mean(K.pow(a + b, 1.25))


layer_features = outputs_dict[CONTENT_LAYER]
loss = CONTENT_WEIGHT * relative(layer_features[2], layer_features[0])
for layer_name in STYLE_LAYERS:
    layer_features = outputs_dict[layer_name]
    style_loss = relative(gram_matrix(layer_features[2]), gram_matrix(layer_features[1]))
    loss = loss + STYLE_WEIGHT / len(STYLE_LAYERS) * style_loss
loss = loss + TOTAL_VARIATION_WEIGHT * total_variation(combination_image)

grads = K.gradients(loss, combination_image)[0]
f_outputs = K.function([combination_image], [loss, grads])


def loss_and_gradient(x):
    """For SciPy: float64, flat."""
    loss_value, grad_values = f_outputs([x.reshape((1, ROWS, COLUMNS, 3))])
    return np.float64(loss_value), grad_values.flatten().astype("float64")


x = content.flatten().astype("float64")
first, _ = loss_and_gradient(x)
print(f"Loss at the start: {first:.4g}")
for i in range(ROUNDS):
    x, min_val, info = fmin_l_bfgs_b(loss_and_gradient, x, maxfun=CALLS)
    print(f"Round {i + 1}: loss {min_val:.4g}")
print(f"The loss fell to {min_val / first:.1%}")

pictures = [deprocess_image(content), deprocess_image(style), deprocess_image(x)]
save_img(os.path.join(OUTPUT, "style_transfer.png"), np.concatenate(pictures, axis=1))
print(f"Picture: {OUTPUT}/style_transfer.png")
