"""Several operations as one of PyTorch's: where that is done, and that nothing else comes out."""

import numpy as np
import pytest
import torch

import keras
from keras import backend as K
from keras.runtimes.torch import fusions, source
from keras.runtimes.torch.clipping import clip

R = np.random.RandomState(0)
X = R.normal(size=(4, 6, 6, 3)).astype("float32") * 4


def channels_first(x, kernel, bias):
    return K.conv2d(K.permute_dimensions(x, (0, 3, 1, 2)), kernel, data_format="channels_first") + bias


# name -> (function of x and variables, the variables' shapes, what it becomes; None: stays as it is)
CASES = {
    "relu6": (lambda x: K.relu(x, max_value=6), [], "clipped_relu"),
    "relu between": (lambda x: K.clip(K.relu(x), 1.0, 2.0), [], "clipped_relu"),
    "conv": (lambda x, k, b: K.bias_add(K.conv2d(x, k), b), [(3, 3, 3, 2), (2,)], "conv_and_bias"),
    "one number for all": (lambda x, k, b: K.conv2d(x, k) + b, [(3, 3, 3, 2), (1,)], "conv_and_bias"),
    "bias of each place": (lambda x, k, b: K.conv2d(x, k) + b, [(3, 3, 3, 2), (4, 4, 2)], "conv_and_bias"),
    "channels first": (channels_first, [(3, 3, 3, 2), (2, 1, 1)], "conv_and_bias"),
    "conv in 1D": (lambda x, k, b: K.bias_add(K.conv1d(x[:, 0], k), b), [(3, 3, 2), (2,)], "conv_and_bias"),
    "product": (lambda x, w, b: K.dot(x[:, 0, 0], w) + b, [(3, 4), (4,)], "dot_general_and_bias"),
    "products": (lambda x, w, b: K.dot(x, w) + b, [(3, 4), (4,)], "dot_general_and_bias"),
    "product and matrix": (lambda x, w, b: K.dot(x[:, 0, 0], w) + b, [(3, 4), (4, 4)], "dot_general_and_bias"),
    "scaled": (lambda x, m, s, b: (x - m) * s + b, [(3,), (3,), (3,)], "scaled"),
    "scaled by one number": (lambda x, m, s, b: (x - m) * s + b, [(3,), (), (3,)], "scaled"),
    "conv, scaled": (
        lambda x, k, m, s, b: (K.conv2d(x, k) - m) * s + b, [(3, 3, 3, 2), *[(2,)] * 3], "conv_and_scaled",
    ),
    "conv and bias, scaled": (
        lambda x, k, c, m, s, b: (K.bias_add(K.conv1d(x[:, 0], k), c) - m) * s + b,
        [(3, 3, 2), *[(2,)] * 4], "conv_and_scaled",
    ),  # fmt: skip
    "conv, scaled by one number": (
        lambda x, k, m, s, b: (K.conv2d(x, k) - m) * s + b, [(3, 3, 3, 2), (2,), (1,), (2,)], "conv_and_scaled",
    ),
    "dropout": (lambda x: K.dropout(x, 0.3, seed=1), [], "dropout"),
    "dropout of rows in float16": (
        lambda x: K.cast(K.dropout(K.cast(x, "float16"), 0.3, (None, 1, 1, 1), seed=1), "float32"), [], "dropout",
    ),
    "dropout by a share that changes": (lambda x, p: K.dropout(x, K.sigmoid(p), seed=1), [()], "dropout"),
    "added to itself": (lambda x, w: (lambda p: p + p)(K.dot(x, w)), [(3, 4)], None),
    "read twice": (lambda x, k, b: K.conv2d(x, k) + b + K.sum(K.conv2d(x, k)), [(3, 3, 3, 2), (2,)], None),
}


def computed(case, monkeypatch, fuse):
    """The results and gradients of a case, and the instructions that were put in the place of others."""
    function, shapes, _ = CASES[case]
    seen = []

    def watched(*args):
        found = fusions.fused(*args) if fuse else args[0]
        seen.extend(i.primitive for i in found if i.primitive in fusions.FUSED)
        return found

    monkeypatch.setattr(source, "fused", watched)
    x = K.placeholder((None, 6, 6, 3))
    random = np.random.RandomState(1)
    weights = [K.variable(random.normal(size=shape)) for shape in shapes]
    y = function(x, *weights)
    gradients = K.gradients(K.sum(K.square(y)), [x, *weights])
    again = K.gradients(sum(K.sum(K.square(g)) for g in gradients), x)
    plain = K.function([x], [y])([X])
    return plain + K.function([x], [y, *gradients, *again])([X]), set(seen)


@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers(case, monkeypatch):
    wanted, _ = computed(case, monkeypatch, fuse=False)
    found, seen = computed(case, monkeypatch, fuse=True)
    assert seen == ({CASES[case][2]} - {None})
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-5, atol=1e-4)


def test_scaled_kernels_follow_their_variables():
    model = keras.models.Sequential([
        keras.layers.Conv2D(2, 3, input_shape=(6, 6, 3)), keras.layers.BatchNormalization(epsilon=0.0),
    ])  # fmt: skip
    kernel, bias, *rest = model.get_weights()
    wanted = model.predict(X)
    rest[0] = rest[0] * 3  # gamma
    for times, factor in ((1, 3.0), (2, 6.0)):
        model.set_weights([kernel * times, bias, *rest])
        np.testing.assert_allclose(model.predict(X), factor * wanted, rtol=1e-5, atol=1e-5)


def test_arithmetic_on_shapes_stays_where_it_is():
    x = K.placeholder((None, None))
    rows = K.cast(K.shape(x)[0], "float32")
    y = K.reshape(x, (K.cast((rows - 1.0) * 2.0 + 0.0, "int32"), -1))
    assert K.function([x], [y])([np.ones((2, 4))])[0].shape == (2, 4)


@pytest.mark.parametrize("above, wanted", [(False, [0, 1, 1, 1, 1, 0, 1]), (True, [0, 0, 1, 1, 1, 0, 1])])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_at_the_ends(above, wanted, dtype):
    """Both ends belong to the range, as `K.clip` has it; relu's gradient at 0 is 0."""
    ends = [-1e-6, 0.0, 1e-6, 3.0, 6.0, 6.00001, np.nan]
    x = torch.tensor(ends, dtype=dtype, requires_grad=True)
    y = clip(x, 0.0, 6.0, above)
    assert torch.equal(y[:6], torch.tensor([0, 0, 1e-6, 3, 6, 6], dtype=dtype))
    assert y[6].isnan()
    (found,) = torch.autograd.grad(y.sum(), x)
    assert found.tolist() == wanted


def test_a_model_trains_and_predicts_the_same(monkeypatch):
    def weights(fuse):
        monkeypatch.setattr(source, "fused", fusions.fused if fuse else lambda instructions, *_: instructions)
        np.random.seed(3)
        model = keras.models.Sequential([
            keras.layers.Conv2D(4, 3, input_shape=(6, 6, 3)), keras.layers.BatchNormalization(),
            keras.layers.ReLU(6.0), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax"),
        ])  # fmt: skip
        model.compile("adam", "categorical_crossentropy")
        model.fit(X, np.eye(2)[[0, 1, 1, 0]], epochs=3, verbose=0)
        return [*model.get_weights(), model.predict(X)]

    for f, w in zip(weights(True), weights(False), strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-4, atol=1e-5)
