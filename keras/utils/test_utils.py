"""For tests of one's own layers: small data sets, and a check of everything a layer must do."""

import functools

import numpy as np

from .. import backend as K
from ..engine import Input, InputLayer, Model
from ..engine.sequential import Sequential
from .generic_utils import has_arg

__all__ = ["Input", "K", "Model", "get_test_data", "has_arg", "keras_test", "layer_test"]


def get_test_data(
    num_train=1000, num_test=500, input_shape=(10,), output_shape=(2,), classification=True, num_classes=2
):  # fmt: skip
    """Random data that a model can learn something from.

    Args:
        num_train, num_test: numbers of samples.
        input_shape, output_shape: shapes of one x and (for regression) one y.
        classification: whether y are class numbers 0 ... num_classes - 1, shape (samples,).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: x is normal around the class, or around a number that y is
        normal around too.
    """
    samples = num_train + num_test
    x_size = int(np.prod(input_shape))
    if classification:
        y = np.random.randint(0, num_classes, size=(samples,))
        x = np.random.normal(y[:, None], 0.7, size=(samples, x_size))
    else:
        centers = np.random.random((samples, 1))
        both = np.random.normal(centers, 0.7, size=(samples, x_size + int(np.prod(output_shape))))
        x, y = both[:, :x_size], both[:, x_size:].reshape(samples, *output_shape)
    x = x.astype("float32").reshape(samples, *input_shape)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


def keras_test(func):
    """Decorator of tests in Keras 2.0 to 2.2: `K.clear_session()` after each."""

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        try:
            return func(*args, **kwargs)
        finally:
            K.clear_session()

    return wrapper


def layer_test(
    layer_cls, kwargs={}, input_shape=None, input_dtype=None, input_data=None, expected_output=None,  # noqa: B006
    expected_output_dtype=None, fixed_batch_size=False,
):  # fmt: skip
    """Checks a layer: weights can be taken and set, its output's shape and type are those it states, and a
    functional and a Sequential model with it come back from their configurations and train.

    Args:
        layer_cls: the class.
        kwargs: its arguments.
        input_shape: of the input, batch included; None where any size goes. Or give `input_data`.
        input_dtype: of the input.
        expected_output: the right output for `input_data`, compared to 1e-3.
        expected_output_dtype: default `input_dtype`.
        fixed_batch_size: whether the model is built for this batch size only.

    Returns:
        The layer's output for the data.

    Raises:
        AssertionError: if something is not as it should be.
    """
    x, input_shape = _data(input_shape, input_dtype, input_data)
    input_dtype = input_dtype or K.floatx() if input_data is None else input_dtype or str(x.dtype)
    batch_shape = tuple(x.shape[:1] if fixed_batch_size else (None,)) + tuple(input_shape[1:])

    layer = layer_cls(**kwargs)
    inputs = Input(batch_shape=batch_shape, dtype=input_dtype)
    outputs = layer(inputs)
    wanted_dtype = expected_output_dtype or input_dtype
    assert K.dtype(outputs) == wanted_dtype, f"output dtype {K.dtype(outputs)}, wanted {wanted_dtype}"
    layer.set_weights(layer.get_weights())
    stated = layer.compute_output_shape(input_shape)
    model = Model(inputs, outputs)
    actual = _checked_output(model, x, stated, expected_output)
    _comes_back(model, x, actual, {layer_cls.__name__: layer_cls})
    _trains(model, x, actual)

    layer = layer_cls.from_config(layer_cls(**kwargs).get_config())
    model = Sequential([InputLayer(batch_input_shape=batch_shape, dtype=input_dtype), layer])
    actual = _checked_output(model, x, stated, expected_output)
    _comes_back(model, x, actual, {layer_cls.__name__: layer_cls})
    _trains(model, x, actual)
    return actual


def _data(input_shape, input_dtype, input_data):
    """The array to feed and the shape of the input (None where it may vary)."""
    if input_data is not None:
        return input_data, input_data.shape if input_shape is None else input_shape
    if not input_shape:
        raise ValueError("layer_test: give `input_shape` or `input_data`.")
    sizes = [np.random.randint(1, 4) if size is None else size for size in input_shape]
    x = 10 * np.random.random(sizes)
    dtype = input_dtype or K.floatx()
    return (x - 0.5 if str(dtype).startswith("float") else x).astype(dtype), input_shape


def _checked_output(model, x, stated, expected):
    actual = model.predict(x)
    assert len(stated) == actual.ndim and all(s in (None, a) for s, a in zip(stated, actual.shape)), (
        f"compute_output_shape says {tuple(stated)}, the output has {actual.shape}"
    )
    if expected is not None:
        np.testing.assert_allclose(actual, expected, rtol=1e-3)
    return actual


def _comes_back(model, x, output, custom_objects):
    """A model made from the configuration gives, with the weights, the same output."""
    again = type(model).from_config(model.get_config(), custom_objects=custom_objects)
    again.set_weights(model.get_weights())
    # What is random draws anew in each model.
    if not model.uses_learning_phase:
        np.testing.assert_allclose(again.predict(x), output, rtol=1e-3)


def _trains(model, x, output):
    model.compile("rmsprop", "mse")
    model.train_on_batch(x, output)
