"""A convolution and what is done to its result, by one call of oneDNN, gives what XLA gives."""


import numpy as np
import pytest
from onednn_cases import OF_JAX, WHERE_IT_IS, drawn

from keras import backend as K

pytestmark = [OF_JAX, WHERE_IT_IS]


def normed(x):
    mean, variance, beta, gamma = drawn((6,), (6,), (6,), (6,))
    return K.batch_normalization(x, *map(K.constant, (mean, variance**2, beta, gamma)))


# What is computed of an image, a kernel and another image, and how often oneDNN is called with how many steps each.
CHAINS = {
    "bias and relu": (lambda x, k, other: K.relu(K.bias_add(K.conv2d(x, k), K.constant(np.arange(-3.0, 3.0)))), [2]),
    "batch normalisation": (lambda x, k, other: K.relu(normed(K.conv2d(x, k))), [4]),
    "relu6": (lambda x, k, other: K.relu(4 * K.conv2d(x, k), max_value=6.0), [3]),
    "relu, then batch normalisation": (lambda x, k, other: normed(K.relu(K.conv2d(x, k) + 0.5)), [5]),
    "another branch": (lambda x, k, other: K.relu(K.conv2d(x, k) + other), [2]),
    "another branch, which comes first": (lambda x, k, other: K.relu(other - K.conv2d(x, k)), [0]),
    "two convolutions": (lambda x, k, other: K.relu(K.conv2d(x, k) + K.conv2d(x * 2.0, k)), [0, 2]),
    "a sum with itself": (lambda x, k, other: K.conv2d(x, k) * 2.0 + K.conv2d(x, k) * 2.0, [1]),
    "read twice": (lambda x, k, other: K.relu(K.conv2d(x, k)) + K.sigmoid(K.conv2d(x, k)), [0]),
    "clipped otherwise": (lambda x, k, other: K.clip(K.relu(K.conv2d(x, k)), 0.5, 1.0), [1]),
    "one number for each row": (lambda x, k, other: K.conv2d(x, k) * other[:1, :, :1, :1], [0]),
    "zeros around": (
        lambda x, k, other: K.conv2d(K.spatial_2d_padding(x, ((2, 1), (0, 3))), k, strides=(2, 2)), [0]
    ),
    "zeros around one place": (
        lambda x, k, other: K.relu(K.conv2d(K.spatial_2d_padding(x), K.constant(np.ones((1, 1, 4, 6))))), [1]
    ),
    "depthwise": (lambda x, k, other: K.relu(K.depthwise_conv2d(x, K.constant(np.ones((3, 3, 4, 1)))) - 1.0), [2]),
    "one axis of space": (
        lambda x, k, other: K.relu(K.conv1d(x[:, 0], K.constant(np.ones((3, 4, 6)))) + K.constant(np.arange(6.0))), [2]
    ),
}  # fmt: skip


@pytest.fixture
def native(monkeypatch):
    """oneDNN for convolutions of any size; `native.steps` has the number of steps after each that it was called for."""
    from keras.runtimes.jax import native_convolution

    for name in ("_WORTH", "_WORTH_DEPTHWISE"):
        monkeypatch.setattr(native_convolution, name, 0)
    call, made = native_convolution.native.call, native_convolution.native._made

    def counted(name, *rest):
        native_convolution.steps.append(len(made[name][1].then))
        return call(name, *rest)

    monkeypatch.setattr(native_convolution.native, "call", counted)
    monkeypatch.setattr(native_convolution, "steps", [], raising=False)
    return native_convolution


def computed(function, arrays):
    inputs = [K.placeholder(array.shape) for array in arrays]
    return K.function(inputs, [function(*inputs)])(arrays)[0]


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain(native, monkeypatch, chain):
    function, steps = CHAINS[chain]
    arrays = drawn((8, 9, 8, 4), (3, 3, 4, 6), (8, 7, 6, 6))
    ours = computed(function, arrays)
    assert sorted(native.steps) == steps
    monkeypatch.setattr(native, "_SAMPLES", 10**9)
    np.testing.assert_allclose(ours, computed(function, arrays), rtol=2e-5, atol=1e-5)


def test_what_is_no_number_is_seen_behind_a_relu(native):
    image, kernel = drawn((8, 6, 6, 4), (3, 3, 4, 6))
    image[3] = np.nan
    for relu in (K.relu, lambda x: K.relu(x, max_value=6)):
        made = computed(lambda x, k: relu(K.conv2d(x, k)), [image, kernel])  # noqa: B023
        assert np.isnan(made[3]).all() and np.isfinite(np.delete(made, 3, 0)).all()
        assert not np.signbit(np.delete(made, 3, 0)).any()


def test_a_loss_and_its_gradient_keep_the_steps_apart(native):
    def function(x, k):
        y = K.relu(K.conv2d(x, k))
        return K.sum(K.square(K.gradients(K.sum(K.square(y)), k)[0])) + K.sum(y)

    arrays = drawn((8, 6, 6, 4), (3, 3, 4, 6))
    assert np.isfinite(computed(function, arrays))
    assert set(native.steps) == {0}
