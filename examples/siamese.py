"""A siamese network learns when two digits are the same (Hadsell, Chopra and LeCun, 2006).

    python examples/siamese.py [--quick]

One network with shared weights maps both images of a pair to points; the contrastive loss pulls pairs
of the same digit together and pushes others apart, up to a margin. Tried on pairs of images that
training never saw. Draws the pairs it is least sure of to examples-output/.
"""

import argparse
import os

import matplotlib
import numpy as np
from sklearn.datasets import load_digits

from keras import backend as K
from keras.layers import Dense, Dropout, Flatten, Input, Lambda
from keras.models import Model
from keras.optimizers import RMSprop

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="few epochs")
arguments = parser.parse_args()
rng = np.random.RandomState(4)
np.random.seed(4)

EPOCHS = 5 if arguments.quick else 40
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)


def euclidean_distance(vectors):
    x, y = vectors
    sum_square = K.sum(K.square(x - y), axis=1, keepdims=True)
    return K.sqrt(K.maximum(sum_square, K.epsilon()))


def eucl_dist_output_shape(shapes):
    shape1, shape2 = shapes
    return (shape1[0], 1)


def contrastive_loss(y_true, y_pred):
    """y_true is 1 for a pair of the same kind; y_pred is the distance."""
    margin = 1
    margin_square = K.square(K.maximum(margin - y_pred, 0))
    return K.mean(y_true * K.square(y_pred) + (1 - y_true) * margin_square)


def accuracy(y_true, y_pred):
    """Share of pairs that a distance of 0.5 tells apart."""
    return K.mean(K.equal(y_true, K.cast(y_pred < 0.5, y_true.dtype)))


def create_pairs(x, y):
    """For each image one of the same digit and one of another."""
    pairs, labels = [], []
    for i, digit in enumerate(y):
        same = rng.choice(np.flatnonzero(y == digit))
        other = rng.choice(np.flatnonzero(y != digit))
        pairs += [[x[i], x[same]], [x[i], x[other]]]
        labels += [1, 0]
    return np.array(pairs), np.array(labels, dtype="float32")


def create_base_network(input_shape):
    """The network that both images go through."""
    inputs = Input(shape=input_shape)
    x = Flatten()(inputs)
    x = Dense(128, activation="relu")(x)
    x = Dropout(0.1)(x)
    x = Dense(128, activation="relu")(x)
    x = Dropout(0.1)(x)
    x = Dense(32)(x)
    return Model(inputs, x)


digits = load_digits()
order = rng.permutation(len(digits.images))
x, y = digits.images[order].astype("float32") / 16, digits.target[order]
tr_pairs, tr_y = create_pairs(x[:1400], y[:1400])
te_pairs, te_y = create_pairs(x[1400:], y[1400:])

base_network = create_base_network(x.shape[1:])
input_a, input_b = Input(shape=x.shape[1:]), Input(shape=x.shape[1:])
processed_a, processed_b = base_network(input_a), base_network(input_b)
distance = Lambda(euclidean_distance, output_shape=eucl_dist_output_shape)([processed_a, processed_b])
model = Model([input_a, input_b], distance)
model.compile(loss=contrastive_loss, optimizer=RMSprop(), metrics=[accuracy])
model.fit(
    [tr_pairs[:, 0], tr_pairs[:, 1]], tr_y, batch_size=64, epochs=EPOCHS, verbose=0,
    validation_data=([te_pairs[:, 0], te_pairs[:, 1]], te_y),
)  # fmt: skip

y_pred = model.predict([te_pairs[:, 0], te_pairs[:, 1]])[:, 0]
te_acc = np.mean((y_pred < 0.5) == (te_y == 1))
print(f"Pairs of held-out digits: {te_acc:.1%} of {len(te_y)} right")

figure, axes = plt.subplots(2, 10, figsize=(12, 3.2), constrained_layout=True)
figure.suptitle("Hard pairs: the most distant of the same digit, and the nearest of different ones")
far = np.argsort(np.where(te_y == 1, -y_pred, np.inf))[:10]
near = np.argsort(np.where(te_y == 0, y_pred, np.inf))[:10]
for axis, i in zip(axes.flat, np.concatenate([far, near])):
    axis.imshow(np.hstack(te_pairs[i]), cmap="gray_r")
    axis.set_title(f"{y_pred[i]:.2f}", fontsize=9)
    axis.axis("off")
figure.savefig(os.path.join(OUTPUT, "siamese.png"), dpi=90)
print(f"Picture: {OUTPUT}/siamese.png")
