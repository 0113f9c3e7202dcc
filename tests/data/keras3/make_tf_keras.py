"""Writes the archives of this folder that come from tf.keras 2 (the package tf_keras): `python make_tf_keras.py`."""

import numpy as np
import tf_keras as keras
from tf_keras import Model, Sequential, layers

RANDOM = np.random.RandomState(7)


def save(name, model, inputs):
    for variable in model.variables:
        low = 0.1 if "variance" in variable.name else -0.7
        variable.assign(RANDOM.uniform(low, 0.9, variable.shape))
    model.save(f"tf_keras_{name}.keras")
    arrays = {f"x{index}": value for index, value in enumerate(inputs)}
    outputs = model.predict(inputs, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    arrays.update({f"y{index}": value for index, value in enumerate(outputs)})
    np.savez_compressed(f"tf_keras_{name}.npz", **arrays)


def stacked():
    stack = [layers.Dense(4, "relu", input_shape=(5,)), layers.BatchNormalization()]
    stack += [layers.Dense(2), layers.LeakyReLU()]
    save("stacked", Sequential(stack), [RANDOM.uniform(-1, 1, (4, 5)).astype("float32")])


def graph():
    words = layers.Input((5,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(words)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(3, "hard_sigmoid"))(x)
    x = layers.GRU(2)(x)
    inner = Sequential([layers.Dense(3, "tanh", input_shape=(2,)), layers.Dense(2)], name="inner")
    outputs = [inner(x), layers.Dense(1)(inner(layers.Add()([x, x])))]
    save("graph", Model(words, outputs), [np.array([[1, 2, 3, 0, 0], [4, 0, 5, 6, 0]], "int32")])


def trained():
    for kind in ("Adam", "SGD", "RMSprop"):
        model = Sequential([layers.Dense(3, "tanh", input_shape=(4,)), layers.Dense(1)])
        model.compile(getattr(keras.optimizers, kind)(0.01), "mse", metrics=["mae"])
        x, t = RANDOM.uniform(-1, 1, (4, 4)).astype("float32"), RANDOM.uniform(-1, 1, (4, 1)).astype("float32")
        model.train_on_batch(x, t)
        name = f"tf_keras_{kind.lower()}"
        model.save(f"{name}.keras")
        arrays = {"x0": x, "t0": t, "y0": model.predict(x, verbose=0)}
        model.train_on_batch(x, t)
        np.savez_compressed(f"{name}.npz", **arrays, after0=model.predict(x, verbose=0))


if __name__ == "__main__":
    for make in (stacked, graph, trained):
        keras.backend.clear_session()
        make()
