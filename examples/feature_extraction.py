"""Features of a ready-made network, and a small classifier on top of them.

    python examples/feature_extraction.py [--network vgg16.VGG16] [--weights PATH] [--quick]

Pieces of two photographs (scikit-learn's temple and flower) go through a network of
`keras.applications` once; a single Dense layer then learns from the features which photograph a piece
is from. Held out are whole columns of the photographs. Without `--weights` the network is random, and
even so its features help; `imagenet` fetches the published weights. Draws each photograph with what
was guessed for its held-out pieces to examples-output/.
"""

import argparse
import importlib
import os

import numpy as np
from sklearn.datasets import load_sample_image

from keras.layers import Dense
from keras.models import Model, Sequential
from keras.preprocessing.image import save_img

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--network", default="vgg16.VGG16", help="module and name in keras.applications")
parser.add_argument("--weights", help="path of the network's weights, or imagenet")
parser.add_argument("--layer", help="name of the layer whose output is taken; the last one by default")
parser.add_argument("--quick", action="store_true", help="small pieces, fewer, and a lower layer")
arguments = parser.parse_args()
np.random.seed(3)

SIZE = 32 if arguments.quick else 64  # of a piece
LAYER = arguments.layer or ("block3_pool" if arguments.quick else None)
STRIDE = 64 if arguments.quick else 32
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)

module_name, network_name = arguments.network.split(".")
module = importlib.import_module("keras.applications." + module_name)


def cut(photograph):
    """Pieces, and the upper left corner of each."""
    height, width = photograph.shape[:2]
    corners = [(i, j) for i in range(0, height - SIZE + 1, STRIDE) for j in range(0, width - SIZE + 1, STRIDE)]
    return np.array([photograph[i : i + SIZE, j : j + SIZE] for i, j in corners], dtype="float32"), corners


photographs = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
x, y, corners = [], [], []
for label, photograph in enumerate(photographs):
    pieces, places = cut(photograph)
    x.append(module.preprocess_input(pieces))
    y += [label] * len(pieces)
    corners += places
x, y, corners = np.concatenate(x), np.array(y), np.array(corners)
held_out = corners[:, 1] // SIZE % 3 == 1
# A piece that overlaps a held-out one is left out altogether.
training = ~held_out & ((corners[:, 1] + SIZE - 1) // SIZE % 3 != 1)

base_model = getattr(module, network_name)(
    weights=arguments.weights, include_top=False, input_shape=(SIZE, SIZE, 3), pooling="avg"
)
output = base_model.get_layer(LAYER).output if LAYER else base_model.output
model = Model(inputs=base_model.input, outputs=output)
features = model.predict(x, batch_size=32, verbose=1)
features = features.reshape(len(features), -1)
mean, spread = features[training].mean(axis=0), features[training].std(axis=0)
features = (features - mean) / np.maximum(spread, 1e-20)
print(f"{network_name}: {len(model.layers)} layers, {model.count_params():,} weights; "
      f"{features.shape[1]} features of each of {len(x)} pieces")  # fmt: skip

classifier = Sequential()
classifier.add(Dense(1, activation="sigmoid", input_dim=features.shape[1]))
classifier.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
classifier.fit(features[training], y[training], batch_size=16, epochs=30, verbose=0)
accuracy = classifier.evaluate(features[held_out], y[held_out], verbose=0)[1]
print(f"Held-out pieces: {accuracy:.1%} of {held_out.sum()} right")

# Held-out pieces in full colour where the guess is right, tinted red where it is wrong; the rest pale.
drawn = [128 + photograph.astype("float32") / 2 for photograph in photographs]
guessed = classifier.predict_classes(features)[:, 0]
for i in np.flatnonzero(held_out):
    row, column = corners[i]
    place = np.s_[row : row + SIZE, column : column + SIZE]
    tint = [1, 1, 1] if guessed[i] == y[i] else [1, 0.4, 0.4]
    drawn[y[i]][place] = photographs[y[i]][place] * tint
save_img(os.path.join(OUTPUT, "feature_extraction.png"), np.concatenate(drawn, axis=1), scale=False)
print(f"Picture: {OUTPUT}/feature_extraction.png")
