"""The examples of docs/extending.md, and what the page says of them."""

import re

import numpy as np
import pytest

from keras import backend as K
from keras.graph.primitive import REGISTRY, GraphError
from keras.layers import Dense, Input, Lambda
from keras.models import Model, Sequential, load_model
from keras.runtimes.numpy import evaluate

from .manifest import ROOT

jax = pytest.importorskip("jax")
jnp = jax.numpy
pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="these functions are JAX's")

X = np.random.RandomState(0).standard_normal((6, 8)).astype("float32")


@pytest.fixture(scope="module")
def page():
    """The names that the examples define; what they change is put back."""
    from keras.runtimes.jax.table import TABLE
    from keras.runtimes.numpy.table import TABLE as NUMPY

    kept, kept_numpy = dict(TABLE), dict(NUMPY)
    names = {"__name__": "extending"}
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / "docs/extending.md").read_text(), re.S)):
        exec(compile(code, f"extending.md, example {number + 1}", "exec"), names)
    yield names
    for table, old in ((TABLE, kept), (NUMPY, kept_numpy)):
        table.clear()
        table.update(old)
    REGISTRY.pop("triangle")


def test_a_function_in_a_lambda(page):
    model = page["model"]
    assert model.output_shape == (None, 4)
    w, b = model.get_weights()
    np.testing.assert_allclose(model.predict(X), np.sinc(X @ w + b), rtol=1e-4, atol=1e-6)


def test_a_function_in_a_layer_learns_and_is_saved(page, tmp_path):
    np.random.seed(0)
    model = Sequential([page["Shrink"](input_shape=(8,)), page["Scale"](), Dense(1)])
    model.compile("adam", "mse")
    y = X.sum(1, keepdims=True)
    before = model.get_weights()
    history = model.fit(X, y, epochs=5, batch_size=2, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights()))
    model.save(tmp_path / "m.h5")
    again = load_model(tmp_path / "m.h5", custom_objects={name: page[name] for name in ("Shrink", "Scale")})
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-6)


def test_a_primitive(page):
    triangle = page["triangle"]
    x = np.array([0.0, 0.5, 1.0, 2.5], "float32")
    wanted = np.abs((x / 2) % 1 * 2 - 1)
    p = K.placeholder((None,))
    y = triangle(p, period=2.0)
    value, slope = K.function([p], [y, *K.gradients(K.sum(y), [p])])([x])
    np.testing.assert_allclose(value, wanted, rtol=1e-6)
    np.testing.assert_allclose(np.abs(slope[1:]), [1, 1, 1])
    np.testing.assert_allclose(evaluate([triangle(K.constant(x), period=2.0)])[0], wanted)
    with pytest.raises(GraphError, match="triangle.*float32.*above 0"):
        triangle(p, period=0)
    assert page["wave"].shape == (None, 8)


def test_a_replacement(page):
    x = np.array([-50.0, -1.0, 0.0, 2.0, 50.0], "float32")
    np.testing.assert_allclose(K.eval(K.softplus(K.variable(x))), np.log1p(np.exp(x)), rtol=1e-5, atol=1e-7)


# K.native beyond the page.


@pytest.mark.parametrize(
    ("function", "shapes", "wanted"),
    [
        (lambda x: jnp.fft.rfft(x).real, [(None, 8)], (None, 5)),
        (lambda x: x.reshape(-1, 4, 2), [(None, 8)], (None, 4, 2)),
        (lambda x: x.reshape(-1, 8, 2).sum(-1), [(None, 3, 16)], (None, 8)),
        (lambda x: x[:10], [(None, 8)], (None, 8)),
        (lambda x, y: jnp.einsum("bij,bjk->bik", x, y), [(None, None, 3), (None, 3, 5)], (None, None, 5)),
        (lambda x: jnp.pad(x, ((0, 0), (1, 2))), [(None, None)], (None, None)),
        (lambda x: jnp.argmax(x, -1), [(4, 3)], (4,)),
        (jnp.linalg.det, [(None, 3, 3)], (None,)),
    ],
)
def test_shapes(function, shapes, wanted):
    y = K.native(function)(*(K.placeholder(s) for s in shapes))
    assert K.int_shape(y) == wanted


def test_dtypes():
    x = K.placeholder((2, 3))
    assert K.dtype(K.native(lambda t: t > 0)(x)) == "bool"
    assert K.dtype(K.native(jnp.argsort)(x)) == "int32"
    wide = K.native(lambda t: t * 2)(K.placeholder((2,), dtype="float64"))
    assert K.dtype(wide) == "float64"


def test_several_results_and_settings():
    x = K.placeholder((None, 3))
    values, places = K.native(jax.lax.top_k)(x, k=2)
    assert K.int_shape(values) == (None, 2) and K.dtype(places) == "int32"
    array = np.array([[1.0, 3.0, 2.0]])
    v, p = K.function([x], [values, places])([array])
    np.testing.assert_array_equal(v, [[3, 2]])
    np.testing.assert_array_equal(p, [[1, 2]])
    rolled = K.native(jnp.roll)(x, shift=1, axis=1)
    np.testing.assert_array_equal(K.function([x], [rolled])([array])[0], [[2, 1, 3]])


def test_gradients_also_of_second_order_and_of_ones_own():
    @jax.custom_vjp
    def clipped(x):
        return x**3

    clipped.defvjp(lambda x: (x**3, x), lambda x, g: (g * jnp.clip(3 * x**2, 0, 1),))
    x = K.placeholder((3,))
    first = K.gradients(K.sum(K.native(lambda t: t**3)(x)), [x])[0]
    second = K.gradients(K.sum(first), [x])[0]
    own = K.gradients(K.sum(K.native(clipped)(x)), [x])[0]
    found = K.function([x], [first, second, own])([[0.1, 1.0, 2.0]])
    np.testing.assert_allclose(found, [[0.03, 3, 12], [0.6, 6, 12], [0.03, 1, 1]], rtol=1e-5)


def test_in_loops_and_on_constants():
    x = K.placeholder((None, 4, 3))
    step = K.native(lambda a, h: jnp.tanh(a + h))

    def call(item, states):
        h = step(item, states[0])
        return h, [h]

    last, _, _ = K.rnn(call, x, [K.zeros_like(x[:, 0])])
    array = np.random.RandomState(0).standard_normal((2, 4, 3))
    h = np.zeros((2, 3))
    for t in range(4):
        h = np.tanh(array[:, t] + h)
    np.testing.assert_allclose(K.function([x], [last])([array])[0], h, rtol=1e-5)
    np.testing.assert_allclose(K.eval(K.native(jnp.sinc)(np.array([0.5], "float32"))), np.sinc([0.5]), rtol=1e-6)


def test_errors():
    x = K.placeholder((None, 3))
    with pytest.raises(TypeError, match="dot|shape|contract|matmul"):
        K.native(jnp.dot)(x, K.placeholder((4, 2)))
    with pytest.raises(TypeError, match="unexpected keyword"):
        K.native(lambda t: t)(x, much=1)
    with pytest.raises(NotImplementedError, match="Lambda"):
        inputs = Input((3,))
        Model(inputs, K.native(jnp.sinc)(inputs)).get_config()


def test_a_native_function_given_to_lambda():
    model = Sequential([Lambda(K.native(jnp.cumsum), arguments={"axis": 1}, input_shape=(3,))])
    np.testing.assert_array_equal(model.predict(np.ones((1, 3))), [[1, 2, 3]])
