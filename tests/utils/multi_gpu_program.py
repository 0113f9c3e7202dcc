"""Run by test_multi_gpu_devices.py with four devices; prints what it finds as JSON."""

import json
import threading

import jax
import numpy as np

from keras import backend as K
from keras import regularizers
from keras.backend.config import runtime
from keras.layers import (
    LSTM, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, Lambda, Masking,
    Reshape, add,
)  # fmt: skip
from keras.models import Model, Sequential
from keras.utils import multi_gpu_model

COSTLY = {"dot_general", "conv", "scan"}
X = np.random.RandomState(0).rand(22, 6).astype("float32")
Y = np.eye(3)[np.random.RandomState(1).randint(0, 3, 22)].astype("float32")


def classifier(*layers):
    return Sequential([*layers, Dense(3, activation="softmax")])


def plain():
    return classifier(Dense(5, activation="tanh", input_shape=(6,)))


def normalized():
    """With updates and penalties of each part."""
    convolution = Conv2D(4, (3, 1), kernel_regularizer="l2", activity_regularizer=regularizers.l1(0.01))
    return classifier(Reshape((6, 1, 1), input_shape=(6,)), convolution, BatchNormalization(), Dropout(0.3), Flatten())


def recurrent():
    layer = LSTM(3, dropout=0.2, recurrent_dropout=0.3)
    return classifier(Reshape((2, 3), input_shape=(6,)), Masking(), layer)


def applied_twice():
    """A layer applied twice, also to what depends on the size of the part."""
    x = Input((6,))
    layer = Dense(3)
    shared = add([layer(x), layer(Lambda(lambda t: t - K.mean(t, axis=0) * K.cast(K.shape(t)[0], "float32"))(x))])
    return Model(x, Dense(3, activation="softmax")(shared))


def in_parallel(wanted):
    """Whether the compiler is told of all devices."""
    runtime().parallel_devices = (lambda: 4) if wanted else (lambda: 1)


def built(make, gpus=4):
    K.clear_session()
    np.random.seed(3)
    template = make()
    return template, multi_gpu_model(template, gpus=gpus)


def compared(make):
    """All numbers of a training, and how its program was made."""
    numbers, counts = {}, {}
    for kind in ("together", "in turn"):
        in_parallel(kind == "together")
        template, model = built(make, gpus=2)
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        sizes = (8, 8, 7) if make is applied_twice else (8, 8)  # 7 samples: a part of 3, one of 4
        results = [model.train_on_batch(X[:n], Y[:n]) for n in sizes]
        weights = [w.tolist() for w in template.get_weights()]
        numbers[kind] = [np.asarray(results).tolist(), *weights]
        (gradients,) = (i for i in instructions(model.train_function, 1) if i.primitive == "gradients")
        inside = gradients.blocks[0].instructions
        counts[kind] = sum(i.primitive == "parallel" for i in inside)
        if kind == "together":
            numbers["costly outside"] = sum(i.primitive in COSTLY for i in inside)
    return {**numbers, "instructions": counts}


def instructions(function, phase=0):
    return function.compiled(phase).program.block.instructions


def losses():
    """Of a model alone and of the same on four devices, batch by batch and in `fit` and `evaluate`."""
    found = {}
    for kind in ("single", "parallel"):
        K.clear_session()
        np.random.seed(5)
        template = plain()
        model = template if kind == "single" else multi_gpu_model(template, gpus=4)
        model.compile("sgd", "categorical_crossentropy")
        steps = [float(model.train_on_batch(X[:8], Y[:8])) for _ in range(5)]
        fitted = model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)  # the last batch has 6 samples
        found[kind] = [*steps, *fitted.history["loss"], float(model.evaluate(X, Y, batch_size=8, verbose=0))]
    return found


def places(model, x):
    """[number of a device, [first and last sample whose results lie there]]"""
    model._make_predict_function()
    result = model.predict_function.run([x])[0]
    return sorted([shard.device.id, [shard.index[0].start, shard.index[0].stop]] for shard in result.addressable_shards)


def met():
    """How many parts were under way at the same time: each waits until all are."""
    barrier, arrived = threading.Barrier(4), []

    def wait(x):
        arrived.append(barrier.wait(timeout=60))
        return x

    @K.native
    def waiting(x):
        return jax.pure_callback(wait, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    model = multi_gpu_model(Sequential([Lambda(waiting, input_shape=(2,))]), gpus=4)
    model.predict_on_batch(np.zeros((8, 2)))
    return len(set(arrived))


def devices_of_the_template(gpus):
    template, model = built(plain, gpus)
    model.compile("sgd", "categorical_crossentropy")
    model.train_on_batch(X[:12], Y[:12])
    template._make_predict_function()
    result = template.predict_function.run([X])[0]
    np.testing.assert_allclose(model.predict(X[:12]), template.predict(X[:12]), rtol=1e-5)
    return sorted(device.id for device in result.devices())


def after_set_weights():
    template = Sequential([Dense(2, use_bias=False, input_shape=(3,))])
    model = multi_gpu_model(template, gpus=4)
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 3)), np.zeros((4, 2)))
    template.set_weights([np.full((3, 2), 1 / 3)])
    return np.round(model.predict(np.ones((4, 3))), 5).tolist()


def inner_gradients():
    found = {}
    for kind in ("together", "in turn"):
        in_parallel(kind == "together")
        template, model = built(plain)
        inner = template.get_output_at(1)
        function = K.function([model.input, K.learning_phase()], K.gradients(K.sum(K.square(model.output)), [inner]))
        found[kind] = function([X[:8], 0])[0].tolist()
        assert not any(i.primitive == "parallel" for i in instructions(function))
    return found


def main():
    found = {f.__name__: compared(f) for f in (normalized, recurrent, applied_twice)}
    in_parallel(True)
    found["losses"] = losses()
    sine = Sequential([Lambda(lambda x: K.sin(x), input_shape=(2,))])
    found["places"] = places(multi_gpu_model(sine, gpus=4), np.zeros((8, 2), "float32"))
    found["chosen"] = places(multi_gpu_model(sine, gpus=[3, 1]), np.zeros((6, 2), "float32"))
    found["met"] = met()
    found["template's devices"] = {name: devices_of_the_template(g) for name, g in (("all", 4), ("chosen", [3, 1]))}
    found["after set_weights"] = after_set_weights()
    found["inner gradients"] = inner_gradients()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
