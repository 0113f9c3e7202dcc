"""Models in pickles: architecture, weights, how they are trained and where the optimizer is."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from reference import linear_data

from keras.layers import BatchNormalization, Dense, Input, Layer
from keras.models import Model, Sequential
from keras.utils import CustomObjectScope


def sequential():
    model = Sequential([Dense(4, activation="tanh", input_shape=(3,)), BatchNormalization(), Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def functional():
    inputs = Input((3,))
    hidden = Dense(4)(inputs)
    model = Model(inputs, [Dense(2, name="a")(hidden), Dense(2, name="b")(hidden)])
    model.compile("rmsprop", {"a": "mse", "b": "mae"}, loss_weights=[1.0, 2.0], sample_weight_mode=[None, None])
    return model


def targets(model, y):
    return [y] * len(model.outputs)


def same(a, b):
    for left, right in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("build", [sequential, functional])
@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL, "deepcopy"])
def test_training_goes_on_as_if_nothing_had_happened(build, protocol):
    x, y = linear_data()
    model = build()
    model.fit(x, targets(model, y), epochs=2, verbose=0)
    again = copy.deepcopy(model) if protocol == "deepcopy" else pickle.loads(pickle.dumps(model, protocol))
    assert type(again) is type(model) and again.name == model.name
    assert again.metrics_names == model.metrics_names
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    for trained in (model, again):
        trained.fit(x, targets(model, y), epochs=2, shuffle=False, verbose=0)
    same(again, model)
    assert again.history.history == model.history.history


def test_a_model_inside_other_objects_stays_one():
    model = sequential()
    first, (second, name) = pickle.loads(pickle.dumps((model, [model, "name"])))
    assert first is second and name == "name"


def test_a_model_that_trains_is_left_alone():
    """Pickling between batches changes nothing."""
    from keras.callbacks import LambdaCallback

    x, y = linear_data()
    watched, plain = sequential(), sequential()
    plain.set_weights(watched.get_weights())
    parts = []
    look = LambdaCallback(on_batch_end=lambda batch, logs: parts.append(pickle.dumps(watched)))
    watched.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[look])
    plain.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    same(watched, plain)
    same(pickle.loads(parts[-1]), plain)


class Twice(Layer):
    def call(self, inputs):
        return inputs * 2


def test_custom_objects():
    model = Sequential([Dense(2, input_shape=(3,)), Twice()])
    model.compile("sgd", "mse")
    data = pickle.dumps(model)
    with pytest.raises(ValueError, match="Twice"):
        pickle.loads(data)
    with CustomObjectScope({"Twice": Twice}):
        again = pickle.loads(data)
    x, _ = linear_data()
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_without_training():
    """As in Keras 2 a model that was never compiled says so when it comes back."""
    model = Sequential([Dense(2, input_shape=(3,))])
    data = pickle.dumps(model)
    with pytest.warns(UserWarning, match="not.* compiled"):
        again = pickle.loads(data)
    same(again, model)


def test_in_another_process(tmp_path):
    x, _ = linear_data()
    model = sequential()
    (tmp_path / "model").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "x.npy", x)
    code = (
        f"import sys, pickle, numpy as np; sys.path[:] = {sys.path!r}; model = pickle.load(open('model', 'rb'));"
        "np.save('y.npy', model.predict(np.load('x.npy')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.predict(x))
