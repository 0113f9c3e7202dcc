"""Writes this folder: small models saved by the genuine Keras 3 as `.keras` archives, with inputs and outputs.

Run it where Keras 3 is installed (not this package): `python make.py`, in this folder. Each NAME.npz holds the
inputs x0, x1..., the outputs y0, y1..., and for the models that were trained the outputs `after0`... after one
more step on the targets t0, t1...
"""

import sys

import keras
import numpy as np
from keras import Model, Sequential, layers

RANDOM = np.random.RandomState(7)

WORDS = np.array([[1, 2, 3, 4, 5, 6], [7, 8, 1, 0, 0, 0], [2, 0, 3, 0, 4, 0]], "int32")  # 0 is masked


def uniform(*shape):
    return RANDOM.uniform(-1, 1, shape).astype("float32")


def randomised(model):
    """No weight keeps a value such as 0 or 1 that would hide a mistake."""
    for layer in model._flatten_layers(include_self=False):
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            if "seed" not in variable.name and "float" in str(variable.dtype):
                low = 0.1 if "variance" in variable.name else -0.7
                variable.assign(RANDOM.uniform(low, 0.9, variable.shape))
    return model


def save(name, model, inputs, train=None):
    randomised(model)
    inputs = inputs if isinstance(inputs, list) else [inputs]
    arrays = {f"x{index}": value for index, value in enumerate(inputs)}
    targets = None
    if train:
        outputs = model.predict(inputs, verbose=0)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        targets = [uniform(*output.shape) for output in outputs]
        model.compile(**train)
        model.train_on_batch(inputs, targets)
    model.save(f"{name}.keras")
    record(arrays, "y", model.predict(inputs, verbose=0))
    if targets:
        arrays.update({f"t{index}": value for index, value in enumerate(targets)})
        model.train_on_batch(inputs, targets)
        record(arrays, "after", model.predict(inputs, verbose=0))
    np.savez_compressed(f"{name}.npz", **arrays)


def record(arrays, prefix, outputs):
    outputs = outputs if isinstance(outputs, list) else [outputs]
    arrays.update({f"{prefix}{index}": np.asarray(value) for index, value in enumerate(outputs)})


def mlp():
    stack = [layers.Input((5,)), layers.Dense(4, "relu"), layers.Dropout(0.5)]
    stack += [layers.BatchNormalization(), layers.Dense(3, "softmax", kernel_regularizer="l2")]
    save("mlp", Sequential(stack), uniform(4, 5))


def optimizers():
    choices = {
        "adam": keras.optimizers.Adam(0.01),
        "sgd": keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        "rmsprop": keras.optimizers.RMSprop(0.01),
        "adamax": keras.optimizers.Adamax(0.01),
        "nadam": keras.optimizers.Nadam(0.01),
        "adadelta": keras.optimizers.Adadelta(0.5),
        "decay": keras.optimizers.SGD(keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.5)),
    }
    for name, optimizer in choices.items():
        model = Sequential([layers.Input((3,)), layers.Dense(2, "tanh"), layers.Dense(1)])
        save(f"optimizer_{name}", model, uniform(4, 3), {"optimizer": optimizer, "loss": "mse", "metrics": ["mae"]})


def cnn():
    x = inputs = layers.Input((8, 8, 3))
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.SeparableConv2D(3, 2)(x)
    x = layers.BatchNormalization()(x)
    y = layers.Conv2DTranspose(3, 3, padding="same")(x)
    y = layers.PReLU(shared_axes=[1, 2])(y)
    x = layers.Add()([x, layers.LeakyReLU(negative_slope=0.2)(y)])
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D(2)(x))
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.Flatten()(layers.Cropping2D(1)(x))])
    outputs = [layers.Dense(2, name="scores")(x), layers.Dense(1, "sigmoid", name="alarm")(x)]
    save("cnn", Model(inputs, outputs), uniform(2, 8, 8, 3))


def recurrent():
    words = layers.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(words)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.GRU(3, return_sequences=True, dropout=0.1)(x)
    x = layers.TimeDistributed(layers.Dense(3, "relu"))(x)
    x = layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode="sum")(x)
    x = layers.RNN([layers.LSTMCell(2), layers.GRUCell(3, reset_after=False)], return_sequences=True)(x)
    x = layers.SimpleRNN(2)(x)
    save("recurrent", Model(words, x), WORDS)


def encoder_decoder():
    source, target = layers.Input((None, 3), name="source"), layers.Input((None, 2), name="target")
    _, h, c = layers.LSTM(4, return_state=True)(source)
    x = layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    x = layers.Conv1D(2, 3, padding="causal")(x)
    save("encoder_decoder", Model([source, target], x), [uniform(2, 4, 3), uniform(2, 5, 2)])


def nested():
    inner = Sequential([layers.Input((4,)), layers.Dense(3, "relu"), layers.BatchNormalization()], name="inner")
    a, b = layers.Input((4,)), layers.Input((4,))
    middle_in = layers.Input((4,))
    middle = Model(middle_in, layers.Dense(2)(inner(middle_in)), name="middle")
    x = layers.Concatenate(axis=1)([middle(a), middle(b), inner(b)])
    save("nested", Model([a, b], layers.Dense(1)(x)), [uniform(3, 4), uniform(3, 4)])


def nested_outputs():
    stack = Sequential([layers.Input((4,)), layers.Dense(3, "relu")], name="stack")
    graph_in = layers.Input((4,))
    graph = Model(graph_in, [layers.Dense(2)(graph_in), layers.Dense(1)(graph_in)], name="graph")
    a, b = layers.Input((4,)), layers.Input((4,))
    outputs = [stack(a), *graph(b), *graph(a), stack(b)]
    save("nested_outputs", Model([a, b], outputs), [uniform(3, 4), uniform(3, 4)])


def merges():
    a, b = layers.Input((3,)), layers.Input((3,))
    several = [kind()([a, b]) for kind in (layers.Subtract, layers.Multiply, layers.Average, layers.Maximum)]
    several += [layers.Minimum()([a, b]), layers.Dot(axes=1, normalize=True)([a, b])]
    x = layers.Concatenate()(several)
    x = layers.Permute((2, 1))(layers.RepeatVector(2)(layers.ELU(alpha=0.5)(x)))
    x = layers.Reshape((4, 8))(x)
    x = layers.Activation("elu")(layers.GaussianNoise(0.1)(layers.SpatialDropout1D(0.1)(x)))
    save("merges", Model([a, b], layers.Softmax()(x)), [uniform(2, 3), uniform(2, 3)])


def several_inputs_trained():
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    x = layers.Dense(4, "tanh")(layers.Concatenate()([a, b]))
    outputs = [layers.Dense(1, name="one")(x), layers.Dense(2, name="two")(layers.Dropout(0.0)(x))]
    train = {"optimizer": "adam", "loss": ["mse", "mae"], "loss_weights": [1.0, 0.5], "metrics": [["mae"], ["mse"]]}
    save("several_inputs_trained", Model([a, b], outputs), [uniform(4, 3), uniform(4, 2)], train)


def arithmetic():
    a, b = layers.Input((3,)), layers.Input((3,))
    x = layers.Dense(3, "relu")(a) + layers.Dense(3)(b)
    x = keras.ops.maximum(x * b, layers.Add()([a, b]) - a)
    save("arithmetic", Model([a, b], [layers.Dense(2)(x), x + a]), [uniform(2, 3), uniform(2, 3)])


def volumes():
    x = inputs = layers.Input((4, 4, 4, 2))
    x = layers.MaxPooling3D(2)(layers.Conv3D(3, 2, padding="same")(x))
    save("volumes", Model(inputs, layers.Conv3DTranspose(2, 2, strides=2)(x)), uniform(2, 4, 4, 4, 2))


def hard_sigmoid():
    x = inputs = layers.Input((5, 3))
    x = layers.LSTM(3, recurrent_activation="hard_sigmoid", return_sequences=True)(x)
    x = layers.GRU(3, recurrent_activation="hard_sigmoid", return_sequences=True)(x)
    save("hard_sigmoid", Model(inputs, layers.Dense(2, "hard_sigmoid")(x)), 3 * uniform(2, 5, 3))


def convolutional_recurrent():
    x = inputs = layers.Input((3, 5, 5, 2))
    x = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Conv2D(2, 2))(x)
    save("convolutional_recurrent", Model(inputs, x), uniform(2, 3, 5, 5, 2))


if __name__ == "__main__":
    assert keras.__version__.startswith("3."), "This writes what the genuine Keras 3 writes."
    makers = [mlp, optimizers, cnn, recurrent, encoder_decoder, nested, nested_outputs, merges, volumes]
    makers += [arithmetic, several_inputs_trained, hard_sigmoid, convolutional_recurrent]
    for maker in makers:
        if sys.argv[1:] in ([], [maker.__name__]):
            RANDOM.seed(7)
            keras.utils.set_random_seed(7)
            keras.backend.clear_session()
            maker()
