"""Sample weights, class weights, weights per time step, and masks in losses and metrics."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference import Linear, linear_data

from keras.engine import training_utils
from keras.layers import LSTM, Dense, Embedding, Input, Masking, TimeDistributed
from keras.models import Model, Sequential
from keras.optimizers import SGD


def linear_model(**options):
    model = Sequential([Dense(2, input_shape=(3,), name="out")])
    model.compile(SGD(0.1), "mse", **options)
    return model, Linear(*model.get_weights())


def sequence_model(steps=4, **options):
    model = Sequential([Dense(1, input_shape=(steps, 3))])
    model.compile(SGD(0.1), "mse", **options)
    return model


def test_sample_weights_scale_gradients_and_are_shuffled_along():
    x, y = linear_data()
    weights = np.linspace(0.1, 3, 10)
    model, reference = linear_model(metrics=["mse"], weighted_metrics=["mse"])
    np.random.seed(5)
    model.fit(x, y, batch_size=4, sample_weight=weights, verbose=0)
    np.random.seed(5)
    order = np.arange(10)
    np.random.shuffle(order)
    reference.epoch(x, y, 4, order, weights)
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)

    squares = np.mean((model.predict(x) - y) ** 2, axis=-1)
    loss, plain, weighted = model.evaluate(x, y, sample_weight=weights, batch_size=4, verbose=0)
    # The loss divides by the number of samples, a weighted metric by the sum of the weights.
    assert_allclose(loss, np.mean(squares * weights), rtol=1e-5)
    assert_allclose(plain, np.mean(squares), rtol=1e-5)
    assert_allclose(weighted, np.sum(squares * weights) / np.sum(weights), rtol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_class_weight_is_a_sample_weight_by_class(sparse):
    x, _ = linear_data()
    classes = np.arange(10) % 3
    y = classes if sparse else np.eye(3)[classes]
    loss = "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    model = Sequential([Dense(3, activation="softmax", input_shape=(3,))])
    model.compile("sgd", loss)
    start = model.get_weights()
    by_class = model.train_on_batch(x, y, class_weight={0: 0.5, 1: 1.0, 2: 4.0})
    after = model.get_weights()
    model.set_weights(start)
    by_sample = model.train_on_batch(x, y, sample_weight=np.array([0.5, 1.0, 4.0])[classes])
    assert_allclose(by_class, by_sample, rtol=1e-6)
    for a, b in zip(after, model.get_weights(), strict=True):
        assert_allclose(a, b, rtol=1e-6)


def test_class_weights_of_targets_with_one_axis():
    weights = training_utils.standardize_weights(np.array([0, 2, 1]), class_weight={0: 0.5, 1: 1.0, 2: 4.0})
    assert_allclose(weights, [0.5, 4, 1])


def test_class_weight_and_sample_weight_multiply():
    x, _ = linear_data()
    y = np.arange(10) % 2
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(3,))])
    model.compile("sgd", "binary_crossentropy")
    weights = np.linspace(0.5, 1, 10)
    start = model.get_weights()
    both = model.train_on_batch(x, y, sample_weight=weights, class_weight={0: 1.0, 1: 3.0})
    model.set_weights(start)
    assert_allclose(
        both, model.train_on_batch(x, y, sample_weight=weights * np.where(y, 3.0, 1.0)), rtol=1e-6
    )


def test_temporal_weights():
    rng = np.random.RandomState(0)
    x, y, weights = rng.rand(5, 4, 3), rng.rand(5, 4, 1), rng.rand(5, 4)
    model = sequence_model(sample_weight_mode="temporal")
    squares = (model.predict(x) - y)[..., 0] ** 2
    assert_allclose(model.test_on_batch(x, y, sample_weight=weights), np.mean(squares * weights), rtol=1e-5)
    assert_allclose(model.evaluate(x, y, verbose=0), np.mean(squares), rtol=1e-5)


def test_masked_loss_is_summed_over_steps_that_count_and_divided_by_all():
    rng = np.random.RandomState(0)
    x, y = rng.rand(4, 5, 2).astype("float32"), rng.rand(4, 5, 1)
    mask = rng.rand(4, 5) > 0.4
    x[~mask] = 0
    inputs = Input((5, 2))
    model = Model(inputs, TimeDistributed(Dense(1, use_bias=True))(Masking()(inputs)))
    model.compile("sgd", "mse", metrics=["mse"], sample_weight_mode="temporal")
    squares = (model.predict(x) - y)[..., 0] ** 2
    loss, mse = model.test_on_batch(x, y)
    assert_allclose(loss, np.sum(squares * mask) / mask.size, rtol=1e-5)
    # A metric divides by what counted.
    assert_allclose(mse, np.sum(squares * mask) / np.sum(mask), rtol=1e-5)
    weights = rng.rand(4, 5)
    loss, _ = model.test_on_batch(x, y, sample_weight=weights)
    assert_allclose(loss, np.sum(squares * mask * weights) / mask.size, rtol=1e-5)


def test_sample_weights_of_masked_letters_in_words():
    x, y = np.array([[[1, 2, 0], [3, 0, 0]], [[2, 2, 2], [0, 0, 0]]]), np.ones((2, 2, 3, 4))
    model = Sequential([Embedding(5, 4, mask_zero=True, input_shape=(2, 3))])
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    errors = np.abs(model.predict(x) - y)
    weights = np.array([1.0, 3.0])
    cells = weights[:, None, None] * (x != 0)
    loss, mae = model.test_on_batch(x, y, sample_weight=weights)
    assert_allclose(loss, np.mean((errors**2).mean(-1) * cells), rtol=1e-5)
    assert_allclose(mae, np.average(errors.mean(-1), weights=cells), rtol=1e-5)


def test_sample_weights_of_a_masked_sequence():
    rng = np.random.RandomState(0)
    x, y = rng.rand(4, 5, 2).astype("float32"), rng.rand(4, 5, 1)
    mask = np.ones((4, 5), bool)
    mask[:, 3:] = False
    x[~mask] = 0
    inputs = Input((5, 2))
    model = Model(inputs, TimeDistributed(Dense(1))(Masking()(inputs)))
    model.compile("sgd", "mse")
    squares = (model.predict(x) - y)[..., 0] ** 2
    weights = np.array([1.0, 2.0, 0.5, 0.0])
    loss = model.test_on_batch(x, y, sample_weight=weights)
    assert_allclose(loss, np.sum(squares * mask * weights[:, None]) / mask.size, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": np.ones(3)}, r"shape \(3,\).*wanted shape \(10,\)"),
        ({"sample_weight": np.ones((10, 2))}, "temporal"),
        ({"sample_weight": np.array(["a"] * 10)}, "numbers"),
        ({"class_weight": {0: 1.0}}, "must contain all classes"),
    ],
)
def test_weights_that_do_not_fit(options, message):
    x, y = linear_data()
    model, _ = linear_model()
    start = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(x, y, verbose=0, **options)
    assert_allclose(model.get_weights()[0], start[0])


@pytest.mark.parametrize("weights", ["auto", "balanced", np.array([1.0, 2.0]), [1.0, 2.0]], ids=str)
def test_class_weights_that_are_no_dictionary_are_ignored(weights):
    """So Keras 2 did, silently; many scripts pass "auto" or what scikit-learn computes."""
    x, y = linear_data()
    model, _ = linear_model()
    start = model.get_weights()
    with pytest.warns(UserWarning, match=r"ignored.*dict\(enumerate\(weights\)\)") as told:
        loss = model.train_on_batch(x, y, class_weight=weights)
    assert [w.filename for w in told] == [__file__]
    model.set_weights(start)
    assert loss == model.train_on_batch(x, y)


def test_temporal_weights_need_a_time_axis():
    x, y = linear_data()
    model, _ = linear_model(sample_weight_mode="temporal")
    with pytest.raises(ValueError, match="Timestep-wise"):
        model.fit(x, y)
    model = sequence_model(sample_weight_mode="temporal")
    with pytest.raises(ValueError, match=r"2D array of shape \(samples, steps\)"):
        model.fit(np.ones((2, 4, 3)), np.ones((2, 4, 1)), sample_weight=np.ones(2))


def test_weights_by_output_name():
    x, _ = linear_data()
    inputs = Input((3,))
    model = Model(inputs, [Dense(1, name="a")(inputs), Dense(1, name="b")(inputs)])
    model.compile("sgd", "mse")
    y = [np.ones(10), np.zeros(10)]
    plain = model.test_on_batch(x, y)
    with pytest.warns(UserWarning, match='\'c\'.*"a", "b": they are ignored'):
        assert model.test_on_batch(x, y, sample_weight={"c": np.zeros(10)}) == plain
    with pytest.warns(UserWarning, match="by output name"):
        assert model.train_on_batch(x, y, class_weight={0: 0.0, 1: 2.0}) == plain
    with pytest.raises(TypeError, match="either a list or a dict"):
        model.fit(x, y, sample_weight=np.ones(10))
    a, b = model.predict(x)
    total, _, loss_b = model.test_on_batch(x, y, sample_weight={"b": np.full(10, 2.0)})
    assert_allclose(loss_b, 2 * np.mean(b**2), rtol=1e-5)
    assert_allclose(total, loss_b + np.mean((a - 1) ** 2), rtol=1e-5)


def test_stateful_model_carries_its_states_and_checks_its_batches():
    x = np.random.RandomState(0).rand(8, 2, 3)
    y = np.zeros((8, 1))
    model = Sequential([LSTM(2, batch_input_shape=(4, 2, 3), stateful=True), Dense(1)])
    model.compile("sgd", "mse")
    first = model.predict(x[:4])
    second = model.predict(x[:4])
    assert np.abs(first - second).max() > 1e-6
    model.reset_states()
    assert_allclose(model.predict(x[:4]), first, rtol=1e-6)
    with pytest.raises(ValueError, match="divided by the batch size"):
        model.fit(x[:6], y[:6], verbose=0)
    with pytest.raises(ValueError, match="incompatible with the specified batch size"):
        model.fit(x, y, batch_size=2, verbose=0)
    model.fit(x, y, verbose=0, shuffle=False)
