"""Lambda: shapes, storing the function, and who may bring it back."""

import json

import harness
import numpy as np
import pytest

from keras import backend as K
from keras import layers as L
from keras.utils.generic_utils import CustomObjectScope

X = np.arange(6, dtype="float32").reshape(2, 3)


def twice(x):
    return 2 * x


def copy_of(layer, custom_objects=None):
    stored = json.loads(json.dumps(L.serialize(layer)))
    return L.deserialize(stored, custom_objects=custom_objects)


def from_elsewhere(name="mine"):
    """A config whose code this process has not written, as from a stranger's file."""
    config = L.Lambda(twice, name=name).get_config()
    code, _, _ = config["function"]
    return {"class_name": "Lambda", "config": {**config, "function": [code, [1], None]}}


@pytest.mark.parametrize("function", [lambda x: x * 3 + 1, twice, lambda x, by=4: x * by])
def test_a_function_survives_its_config(function):
    layer = L.Lambda(function)
    assert layer.get_config()["function_type"] == "lambda"
    np.testing.assert_allclose(harness.run(copy_of(layer), X), function(X))


def test_closures_survive():
    factor = 5.0
    layer = L.Lambda(lambda x: x * factor)
    np.testing.assert_allclose(harness.run(copy_of(layer), X), 5 * X)


def test_a_callable_object_is_stored_by_name():
    class Tripler:
        __name__ = "tripler"

        def __call__(self, x):
            return 3 * x

    layer = L.Lambda(Tripler())
    config = layer.get_config()
    assert (config["function"], config["function_type"]) == ("tripler", "function")
    np.testing.assert_allclose(harness.run(copy_of(layer, {"tripler": Tripler()}), X), 3 * X)


def test_code_from_elsewhere_does_not_run():
    with pytest.raises(ValueError, match="custom_objects"):
        L.deserialize(from_elsewhere())


def test_a_function_under_the_layers_name_takes_the_place_of_stored_code():
    layer = L.deserialize(from_elsewhere(), custom_objects={"mine": lambda x: x + 7})
    np.testing.assert_allclose(harness.run(layer, X), X + 7)
    with CustomObjectScope({"mine": lambda x: x + 8}):
        layer = L.deserialize(from_elsewhere())
    np.testing.assert_allclose(harness.run(layer, X), X + 8)


def test_output_shape_forms():
    def rows(shape):
        return (shape[0], 1, shape[1])

    assert L.Lambda(twice, output_shape=(3,)).compute_output_shape((None, 3)) == (None, 3)
    layer = L.Lambda(lambda x: K.expand_dims(x, 1), output_shape=rows)
    assert layer.compute_output_shape((None, 3)) == (None, 1, 3)
    assert copy_of(layer).compute_output_shape((None, 3)) == (None, 1, 3)
    with pytest.raises(ValueError, match="must return a tuple"):
        L.Lambda(twice, output_shape=lambda shape: None).compute_output_shape((None, 3))


def test_arrays_among_the_arguments():
    layer = L.Lambda(lambda x, by: x * by, arguments={"by": np.array([1.0, 2, 3], "float32")})
    config = layer.get_config()
    config["arguments"] = {"by": {"type": "ndarray", "value": [1.0, 2, 3]}}  # as the file holds it
    np.testing.assert_allclose(harness.run(L.Lambda.from_config(config), X), X * [1, 2, 3])


def test_arguments_are_not_changed_by_calls():
    arguments = {"by": 2}
    layer = L.Lambda(lambda x, by, mask=None: x * by, arguments=arguments)
    layer(L.Input((3,)))
    assert arguments == {"by": 2}


# Shapes.


def unknown(x):
    """x with a shape that nobody can infer."""
    return K.reshape(x, K.shape(x))


def test_a_declared_shape_tells_what_cannot_be_inferred():
    x = L.Input((None,))
    assert K.int_shape(L.Lambda(unknown)(x)) == (None, None)
    y = L.Lambda(unknown, output_shape=(3,))(x)
    assert K.int_shape(y) == (None, 3)
    assert K.int_shape(L.Dense(2)(y)) == (None, 2)
    several = L.Lambda(lambda x: [unknown(x), x[:, :2]], output_shape=lambda s: [(s[0], 3), (s[0], 2)])(x)
    assert [K.int_shape(t) for t in several] == [(None, 3), (None, 2)]


def test_an_inferred_shape_stands_against_a_declared_one():
    assert K.int_shape(L.Lambda(lambda x: x[:, 1:], output_shape=(7,))(L.Input((3,)))) == (None, 2)


def test_the_declared_shape_of_a_layer_of_ones_own():
    class Mine(L.Layer):
        def call(self, inputs):
            return unknown(inputs)

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 4)

    assert K.int_shape(Mine()(L.Input((None,)))) == (None, 4)


def test_set_shape_in_a_function():
    def told(x):
        x = unknown(x)
        x.set_shape([None, 3])
        return x

    assert K.int_shape(L.Lambda(told)(L.Input((None,)))) == (None, 3)
    with pytest.raises(ValueError, match=r"has the shape \(None, 3\), which cannot be \(None, 4\)"):
        L.Input((3,)).set_shape((None, 4))
