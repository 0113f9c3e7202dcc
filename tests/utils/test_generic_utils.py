"""Small helpers, and users' own objects by name."""

import codecs
import functools
import marshal

import numpy as np
import pytest

import keras
from keras import backend as K
from keras.layers import Dense, Layer
from keras.utils import (
    CustomObjectScope, custom_object_scope, deserialize_keras_object, get_custom_objects, serialize_keras_object,
)  # fmt: skip
from keras.utils import generic_utils as utils
from keras.utils.stored_code import allow_stored_code


class Twice(Layer):
    def call(self, x):
        return x * 2


def halve(x):
    return x / 2


def test_scopes_end():
    registry = get_custom_objects()
    registry["halve"] = halve
    try:
        with CustomObjectScope({"Twice": Twice}, {"other": halve}) as scope:
            assert registry["Twice"] is Twice and registry["other"] is registry["halve"] is halve
            registry["lost"] = halve
            assert isinstance(scope, CustomObjectScope)
        assert set(registry) >= {"halve"} and not set(registry) & {"Twice", "other", "lost"}
        with pytest.raises(RuntimeError), custom_object_scope({"Twice": Twice}):
            raise RuntimeError
        assert "Twice" not in registry
        assert keras.layers.Dense(2, activation="halve").activation is halve
    finally:
        del registry["halve"]


def test_scopes_hold_for_what_is_made_inside():
    config = {"class_name": "Twice", "config": {"name": "t"}}
    with pytest.raises(ValueError, match="Unknown layer: Twice"):
        keras.layers.deserialize(config)
    with custom_object_scope({"Twice": Twice}):
        assert isinstance(keras.layers.deserialize(config), Twice)
    assert isinstance(keras.layers.deserialize(config, custom_objects={"Twice": Twice}), Twice)


def test_objects_and_names():
    layer = Dense(3, name="d")
    stored = serialize_keras_object(layer)
    assert stored["class_name"] == "Dense" and stored["config"]["units"] == 3
    again = deserialize_keras_object(stored, module_objects={"Dense": Dense}, printable_module_name="layer")
    assert again.get_config() == layer.get_config()
    assert serialize_keras_object(halve) == "halve" and serialize_keras_object(None) is None
    assert deserialize_keras_object("halve", custom_objects={"halve": halve}) is halve
    assert isinstance(deserialize_keras_object("Twice", {"Twice": Twice}), Twice)
    assert deserialize_keras_object(None) is None


def test_custom_objects_go_first_and_reach_inside():
    class Mine(Dense):
        pass

    found = deserialize_keras_object(
        {"class_name": "Dense", "config": {"units": 2, "activation": "halve"}},
        module_objects={"Dense": Dense},
        custom_objects={"Dense": Mine, "halve": halve},
    )
    assert type(found) is Mine and found.activation is halve


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Dence", "Unknown thing: Dence. Did you mean 'Dense'"),
        ({"class_name": "Dense"}, "Improper config format"),
        ({"config": {}}, "Improper config format"),
        (3, "Could not interpret"),
    ],
)
def test_what_cannot_be_interpreted(given, message):
    with pytest.raises(ValueError, match=message):
        deserialize_keras_object(given, {"Dense": Dense}, printable_module_name="thing")


def test_what_cannot_be_serialized():
    with pytest.raises(ValueError, match="get_config"):
        serialize_keras_object(3)


def test_has_arg():
    def plain(a, b=1, *rest, c=2, **others):
        pass

    assert [utils.has_arg(plain, name) for name in ("a", "b", "c", "d", "rest", "others")] == [1, 1, 1, 0, 0, 0]
    assert utils.has_arg(plain, "d", accept_all=True) and not utils.has_arg(lambda a: a, "d", accept_all=True)
    assert utils.has_arg(Dense(1).call, "inputs") and utils.has_arg(Dense, "units") and not utils.has_arg(max, "zip")


def test_has_arg_of_objects():
    class Callable:
        def __call__(self, shape, dtype=None):
            return shape

    found = Callable()
    assert utils.has_arg(found, "dtype") and utils.has_arg(found, "shape") and not utils.has_arg(found, "name")
    assert utils.has_arg(functools.partial(halve), "x") and not utils.has_arg(functools.partial(halve), "y")


def test_lists():
    a, b = [1], (1, 2)
    assert utils.to_list(a) is a and utils.to_list(b) == [b] and utils.to_list(b, allow_tuple=True) == [1, 2]
    assert utils.to_list(3) == [3] and utils.unpack_singleton([5]) == 5 and utils.unpack_singleton(b) == b
    x, y = object(), object()
    assert utils.object_list_uid([x, y]) == f"{id(x)}, {id(y)}" and utils.object_list_uid(x) == str(id(x))
    assert utils.is_all_none([None, None]) and utils.is_all_none(None) and not utils.is_all_none([None, 0])


def test_slice_arrays():
    a, b = np.arange(6), np.arange(12).reshape(6, 2)
    np.testing.assert_array_equal(utils.slice_arrays(a, 1, 3), [1, 2])
    one, none = utils.slice_arrays([b, None], 4)
    assert none is None
    np.testing.assert_array_equal(one, b[4:])
    np.testing.assert_array_equal(utils.slice_arrays([a], stop=2)[0], [0, 1])
    np.testing.assert_array_equal(utils.slice_arrays([a, b], [5, 0])[1], b[[5, 0]])
    np.testing.assert_array_equal(utils.slice_arrays(a, np.array([1, 4])), [1, 4])
    assert utils.slice_arrays(None) == [None]


def test_shapes_and_keys():
    assert utils.transpose_shape((8, 4, 5, 3), "channels_first", (1, 2)) == (8, 3, 4, 5)
    assert utils.transpose_shape((4, 5, 3), "channels_first", (0, 1)) == (3, 4, 5)
    assert utils.transpose_shape((8, 4, 5, 3), "channels_last", (1, 2)) == (8, 4, 5, 3)
    assert utils.transpose_shape is K.transpose_shape
    with pytest.raises(ValueError, match="data format"):
        utils.transpose_shape((1, 2), "channels", (0,))
    utils.check_for_unexpected_keys("sizes", {"a": 1}, ["a", "b"])
    with pytest.raises(ValueError, match="sizes.*'c'.*'a'"):
        utils.check_for_unexpected_keys("sizes", {"c": 1}, ["a"])
    assert utils.getargspec(halve).args == ["x"]


def test_byte_code_as_keras_2_wrote_it():
    """In lines of 76 characters."""
    code = codecs.encode(marshal.dumps((lambda x, k=2: x * k + len("a long text" * 3)).__code__), "base64").decode()
    assert "\n" in code.strip()
    with allow_stored_code():
        assert utils.func_load([code, [5], None])(2) == 43


def test_a_name_that_was_registered_with_a_package():
    """tf.keras writes 'package>name'; the object is handed in by the name that it has in the program."""
    found = keras.activations.deserialize("my>halve", custom_objects={"halve": halve})
    assert found is halve
    with CustomObjectScope({"halve": halve}):
        assert keras.activations.get("Custom>halve") is halve
    with pytest.raises(ValueError, match="my>halve"):
        keras.activations.get("my>halve")
