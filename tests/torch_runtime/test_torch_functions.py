"""torch.* functions applied to symbolic tensors record themselves, in Lambda layers and in layers of one's own."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from recorded import assert_is_slope, in_lambda_layer

from keras import backend as K
from keras.layers import Dense, Input, Lambda, Layer
from keras.models import Model, Sequential

# name: (function of a tensor (batch, 4, 6), its shape afterwards)
FUNCTIONS = {
    "logaddexp with a number's tensor": (lambda x: torch.logaddexp(x, x * 2), (None, 4, 6)),
    "einsum": (lambda x: torch.einsum("bij,bkj->bik", x, x), (None, 4, 4)),
    "cat of a list": (lambda x: torch.cat([x, x * 2], dim=-1), (None, 4, 12)),
    "stack of a tuple": (lambda x: torch.stack((x, x), dim=1), (None, 2, 4, 6)),
    "flatten": (lambda x: torch.flatten(x, start_dim=1), (None, 24)),
    "flatten of the batch": (lambda x: torch.flatten(x, end_dim=1), (None, 6)),
    "roll": (lambda x: torch.roll(x, shifts=2, dims=2), (None, 4, 6)),
    "amax": (lambda x: torch.amax(x, dim=(1, 2), keepdim=True), (None, 1, 1)),
    "std": (lambda x: torch.std(x, dim=1, correction=0), (None, 6)),
    "tril": (lambda x: torch.tril(x), (None, 4, 6)),
    "cdist": (lambda x: torch.cdist(x, x[:, :3] + 1.0), (None, 4, 3)),
    "sinc": (lambda x: torch.sinc(x), (None, 4, 6)),
    "linalg.matrix_norm": (lambda x: torch.linalg.matrix_norm(x), (None,)),
    "special.erf": (lambda x: torch.special.erf(x), (None, 4, 6)),
    "nn.functional.gelu": (lambda x: F.gelu(x), (None, 4, 6)),
    "nn.functional.layer_norm": (lambda x: F.layer_norm(x, (6,)), (None, 4, 6)),
    "nn.functional.scaled_dot_product_attention": (lambda x: F.scaled_dot_product_attention(x, x, x), (None, 4, 6)),
    "nn.functional.avg_pool1d": (lambda x: F.avg_pool1d(x, 2), (None, 4, 3)),
    "a tensor with numbers first": (lambda x: torch.arange(6.0) + x, (None, 4, 6)),
    "a tensor with numbers last": (lambda x: torch.maximum(x, torch.full((4, 1), 0.5)), (None, 4, 6)),
    "nn.functional.pad": (lambda x: F.pad(x, (1, 2)), (None, 4, 9)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_in_lambda_layers(name):
    function, shape = FUNCTIONS[name]
    x = np.random.rand(2, 4, 6).astype("float32")
    have, slope = in_lambda_layer(function, x, shape)
    given = torch.tensor(x)
    np.testing.assert_allclose(have, function(given).numpy(), rtol=1e-6)
    assert_is_slope(lambda z: float(function(torch.tensor(z)).square().sum()), x, slope)


def test_functions_with_several_outputs():
    x = np.random.rand(3, 5).astype("float32")
    inputs = Input((5,))
    values, places = torch.topk(inputs, 2)
    assert (values.shape, values.dtype) == ((None, 2), "float32")
    assert (places.shape, places.dtype) == ((None, 2), "int64")
    left, right = torch.split(inputs, [2, 3], dim=1)
    means = torch.var_mean(inputs, dim=1)
    assert left.shape == (None, 2) and right.shape == (None, 3) and len(means) == 2
    assert torch.max(inputs, dim=1).values.shape == (None,)
    assert torch.sort(inputs, dim=1).indices.dtype == "int64"
    found = K.function([inputs], [values, places, left, right, means[1]])([x])
    wanted = [-np.sort(-x)[:, :2], np.argsort(-x)[:, :2], x[:, :2], x[:, 2:], x.mean(1)]
    for have, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-6)


def test_a_part_of_what_a_function_gives_may_be_a_layers_output():
    model = Sequential([Lambda(lambda x: torch.sort(x, dim=1)[0], input_shape=(4,)), Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.rand(8, 4)
    assert np.isfinite(model.train_on_batch(x, x[:, :1]))


class Attention(Layer):
    """A layer as users write them, with torch functions beside those of K."""

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1], 3), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, x):
        scores = torch.softmax(torch.matmul(torch.tanh(x), self.w), dim=1)
        return K.sum(torch.unsqueeze(scores, -1) * K.expand_dims(x, 2), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 3, input_shape[2])


def test_weights_among_the_arguments_are_trained():
    inputs = Input((5, 4))
    layer = Attention()
    model = Model(inputs, Dense(1)(Lambda(lambda z: torch.flatten(z, 1))(layer(inputs))))
    model.compile("adam", "mse")
    x = np.random.rand(16, 5, 4).astype("float32")
    before = K.get_value(layer.w)
    losses = model.fit(x, x[:, 0, :1], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and np.abs(K.get_value(layer.w) - before).max() > 1e-3


def test_the_weights_slope():
    layer, inputs = Attention(), K.placeholder((None, 5, 4))
    loss = K.sum(K.square(layer(inputs)))
    slope = K.function([inputs], K.gradients(loss, [layer.w]))
    x = np.random.rand(2, 5, 4).astype("float32")
    w = K.get_value(layer.w)

    def value(w):
        scores = torch.softmax(torch.tanh(torch.tensor(x, dtype=torch.float64)) @ torch.tensor(w), 1).numpy()
        return float((np.einsum("btk,btf->bkf", scores, x.astype("float64")) ** 2).sum())

    assert_is_slope(value, w, slope([x])[0])


def test_custom_losses_and_metrics():
    def loss(y_true, y_pred):
        return torch.mean(F.huber_loss(y_pred, y_true, reduction="none"), dim=-1)

    def largest(y_true, y_pred):
        return torch.max(torch.abs(y_true - y_pred))

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", loss, metrics=[largest])
    x, y = np.random.rand(10, 3), np.random.rand(10, 2)
    before = model.predict(x)
    found, worst = model.train_on_batch(x, y)
    error = np.abs(before - y)
    np.testing.assert_allclose(found, np.mean(np.where(error < 1, error**2 / 2, error - 0.5)), rtol=1e-5)
    np.testing.assert_allclose(worst, error.max(), rtol=1e-5)


def test_the_functions_own_error_comes_when_the_layer_is_built():
    with pytest.raises(RuntimeError):
        torch.matmul(K.placeholder((None, 4)), K.placeholder((3, 2)))


def test_the_old_name_of_the_session_gives_values():
    x = K.placeholder((None, 2))
    y = torch.logsumexp(x, dim=1)
    found = K.get_session().run(y, {x: np.zeros((3, 2))})
    np.testing.assert_allclose(found, np.full(3, np.log(2)), rtol=1e-6)


def test_complex_numbers_stay_within_one_function():
    x = Input((8,))
    with pytest.raises(TypeError, match="complex64.*K.native"):
        Lambda(torch.fft.rfft)(x)
    spectrum = Lambda(K.native(lambda t: torch.fft.rfft(t).abs()))(x)
    assert K.int_shape(spectrum) == (None, 5)
