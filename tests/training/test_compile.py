"""`compile`: what is minimised and reported, under which names, and what it refuses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from keras import backend as K
from keras import losses, metrics
from keras.layers import Activation, Dense, Input
from keras.models import Model, Sequential
from keras.optimizers import SGD


def two_outputs():
    inputs = Input((3,), name="inp")
    return Model(inputs, [Dense(1, name="a")(inputs), Dense(4, activation="softmax", name="b")(inputs)])


def data(samples=6, seed=0):
    rng = np.random.RandomState(seed)
    return rng.rand(samples, 3), rng.rand(samples, 1), np.eye(4)[rng.randint(0, 4, samples)]


@pytest.mark.parametrize("spelling", ["acc", "accuracy"])
def test_metric_names_are_kept_as_given(spelling):
    model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "categorical_crossentropy", metrics=[spelling])
    assert model.metrics_names == ["loss", spelling]


@pytest.mark.parametrize(
    ("loss", "units", "expected"),
    [
        ("mse", 1, metrics.binary_accuracy),
        ("binary_crossentropy", 3, metrics.binary_accuracy),
        ("categorical_crossentropy", 3, metrics.categorical_accuracy),
        ("sparse_categorical_crossentropy", 3, metrics.sparse_categorical_accuracy),
        (losses.SparseCategoricalCrossentropy(), 3, metrics.sparse_categorical_accuracy),
        (losses.sparse_categorical_crossentropy, 3, metrics.sparse_categorical_accuracy),
        ("mse", 3, metrics.categorical_accuracy),
    ],
)
def test_accuracy_goes_by_loss_and_output(loss, units, expected):
    model = Sequential([Dense(units, input_shape=(3,)), Activation("sigmoid")])
    model.compile("sgd", loss, metrics=["accuracy"])
    assert model.metrics[0]._fn is expected


def test_names_and_values_with_two_outputs():
    x, a, b = data()
    model = two_outputs()
    model.compile(
        "sgd", {"a": "mse", "b": "categorical_crossentropy"}, loss_weights={"a": 0.5, "b": 2.0},
        metrics={"a": ["mae"], "b": "acc"}, weighted_metrics={"b": ["acc"]},
    )  # fmt: skip
    assert model.metrics_names == ["loss", "a_loss", "b_loss", "a_mae", "b_acc", "b_acc_1"]
    weights = np.linspace(0.5, 2, 6)
    values = dict(
        zip(
            model.metrics_names,
            model.evaluate(x, {"a": a, "b": b}, sample_weight={"b": weights}, batch_size=4, verbose=0),
            strict=True,
        )
    )
    out_a, out_b = (o.astype("float64") for o in model.predict(x))
    hit = out_b.argmax(-1) == b.argmax(-1)
    crossentropy = -np.sum(b * np.log(out_b), axis=-1) * weights
    expected = {
        "loss": 0.5 * np.mean((out_a - a) ** 2) + 2 * np.mean(crossentropy),
        "a_loss": np.mean((out_a - a) ** 2),
        "b_loss": np.mean(crossentropy),
        "a_mae": np.mean(np.abs(out_a - a)),
        "b_acc": np.mean(hit),
        "b_acc_1": np.sum(hit * weights) / np.sum(weights),
    }
    assert values == pytest.approx(expected, rel=1e-5)


def test_list_of_lists_of_metrics_and_stateful_objects():
    model = two_outputs()
    auc = metrics.MeanAbsoluteError(name="mine")
    model.compile("sgd", ["mse", "mse"], metrics=[[auc], ["mse", "mae"]])
    assert model.metrics_names[3:] == ["a_mine", "b_mse", "b_mae"]
    assert model.metrics[0] is auc


def test_one_metric_for_all_outputs_is_copied():
    x, a, b = data()
    model = two_outputs()
    model.compile("sgd", "mse", metrics=[metrics.MeanSquaredError(name="m")])
    _, a_loss, b_loss, a_m, b_m = model.evaluate(x, [a, b], verbose=0)
    assert (a_m, b_m) == pytest.approx((a_loss, b_loss), rel=1e-5)


def test_metric_function_and_compiling_again_with_the_same_objects():
    def worst(y_true, y_pred):
        return K.max(K.abs(y_true - y_pred))

    x, a, _ = data()
    model = Sequential([Dense(1, input_shape=(3,))])
    mae = metrics.MeanAbsoluteError(name="mae")
    for _ in range(2):
        model.compile("sgd", "mse", metrics=[worst, mae])
        assert model.metrics_names == ["loss", "worst", "mae"]
        _, value, mean = model.test_on_batch(x, a)
        error = np.abs(model.predict(x) - a)
        assert_allclose([value, mean], [error.max(), error.mean()], rtol=1e-5)


def test_loss_function_of_ones_own():
    def cubed(y_true, y_pred):
        return K.mean(K.abs(y_true - y_pred) ** 3, axis=-1)

    x, a, _ = data()
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", cubed)
    assert_allclose(model.test_on_batch(x, a), np.mean(np.abs(model.predict(x) - a) ** 3), rtol=1e-5)


def test_regularisation_and_added_losses_are_part_of_the_loss():
    inputs = Input((3,))
    hidden = Dense(2, kernel_regularizer="l2", activity_regularizer="l1")(inputs)
    model = Model(inputs, Dense(1, use_bias=False)(hidden))
    model.add_loss(K.mean(hidden) * 3.0)
    model.add_loss([1, 1])
    model.compile("sgd", "mse", metrics=["mse"])
    x, a, _ = data()
    loss, mse = model.test_on_batch(x, a)
    kernel, bias, _ = model.get_weights()
    out = x @ kernel + bias
    # The activity penalty is a sum over the batch, not divided by its size.
    penalty = 0.01 * np.sum(kernel**2) + 0.01 * np.sum(np.abs(out))
    assert_allclose(loss - mse, penalty + 3 * np.mean(out) + 2, rtol=1e-4)


def test_no_loss_but_an_added_one():
    inputs = Input((3,))
    outputs = Dense(2)(inputs)
    model = Model(inputs, outputs)
    with pytest.raises(ValueError, match="no loss to optimize"):
        model.compile("sgd")
    model.add_loss(K.mean(K.square(outputs)))
    model.compile(SGD(0.1))
    x, _, _ = data()
    history = model.fit(x, epochs=3, verbose=0)
    assert history.history["loss"][2] < history.history["loss"][0]
    assert_allclose(model.evaluate(x, verbose=0), np.mean(model.predict(x) ** 2), rtol=1e-5)


def test_output_without_a_loss_needs_no_target():
    x, a, _ = data()
    model = two_outputs()
    model.get_layer("b").trainable = False
    with pytest.warns(UserWarning, match="Output b missing from loss dictionary"):
        model.compile("sgd", {"a": "mse"}, metrics={"b": ["mae"]})
    assert model.metrics_names == ["loss", "a_loss"]
    loss = model.train_on_batch(x, a)
    assert loss[0] == pytest.approx(loss[1])


def test_frozen_layers_are_fixed_when_compiled():
    x, _, _ = data()
    y = np.ones((6, 2))
    inputs = Input((3,))
    layer = Dense(2)
    outputs = layer(inputs)
    layer.trainable = False
    frozen = Model(inputs, outputs)
    frozen.compile("rmsprop", loss="mse")
    layer.trainable = True
    trainable = Model(inputs, outputs)
    trainable.compile("rmsprop", loss="mse")

    start = layer.get_weights()
    with pytest.warns(UserWarning, match="Discrepancy between trainable weights"):
        frozen.fit(x, y, verbose=0)
    assert_allclose(layer.get_weights()[0], start[0])
    trainable.fit(x, y, verbose=0)
    assert np.abs(layer.get_weights()[0] - start[0]).max() > 1e-4


def test_freezing_after_compile_changes_nothing_but_warns():
    x, a, _ = data()
    model = Sequential([Dense(2, input_shape=(3,)), Dense(1)])
    model.compile("sgd", "mse")
    model.layers[0].trainable = False
    start = model.layers[0].get_weights()[0]
    for use in (lambda: model.train_on_batch(x, a), model.summary):
        with pytest.warns(UserWarning, match="Discrepancy"):
            use()
    assert np.abs(model.layers[0].get_weights()[0] - start).max() > 0


def test_attributes_of_a_compiled_model():
    model = two_outputs()
    model.compile("sgd", ["mse", "mae"], loss_weights=[1, 2], metrics=["acc"])
    assert isinstance(model.optimizer, SGD)
    assert [f.fn for f in model.loss_functions] == [losses.mean_squared_error, losses.mean_absolute_error]
    assert model.loss_weights_list == [1, 2]
    assert model.loss == ["mse", "mae"]
    assert len(model.targets) == len(model.sample_weights) == 2
    assert model.sample_weight_modes == [None, None]
    assert model.skip_target_indices == []
    assert model.train_function is model.test_function is model.predict_function is None
    assert K.ndim(model.total_loss) == 0
    assert len(model.metrics_tensors) == len(model.metrics_names) - 1
    model._make_train_function()
    x, a, b = data()
    ones = np.ones(6)
    values = model.train_function([x, a, b, ones, ones])
    assert len(values) == len(model.metrics_names)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"loss": {"A": "mse"}}, ValueError, "Did you mean 'a'|outputs of this model"),
        ({"loss": ["mse"]}, ValueError, "one entry per model output"),
        ({"loss": "no_such_loss"}, ValueError, "no_such_loss"),
        ({"loss": "mse", "metrics": {"c": "acc"}}, ValueError, '"c"'),
        ({"loss": "mse", "metrics": "acc"}, TypeError, r"metrics=\['acc'\]"),
        ({"loss": "mse", "metrics": [["acc"]]}, ValueError, "one entry per model output"),
        ({"loss": "mse", "metrics": ["no_such_metric"]}, ValueError, "no_such_metric"),
        ({"loss": "mse", "loss_weights": [1]}, ValueError, "one entry per model output"),
        ({"loss": "mse", "loss_weights": {"c": 1}}, ValueError, '"c"'),
        ({"loss": "mse", "loss_weights": 3}, TypeError, "loss_weights"),
        ({"loss": "mse", "sample_weight_mode": "often"}, ValueError, "often"),
        ({"loss": "mse", "optimizer": "no_such_optimizer"}, ValueError, "no_such_optimizer"),
        ({"loss": "mse", "metric": ["acc"]}, TypeError, "Did you mean 'metrics'"),
    ],
)
def test_errors_leave_the_model_as_it_was(options, error, message):
    model = two_outputs()
    model.compile("sgd", "mse", metrics=["mae"])
    before = dict(model.__dict__)
    with pytest.raises(error, match=message):
        model.compile(**{"optimizer": "adam", **options})
    assert model.__dict__ == before


def test_not_compiled():
    x, a, _ = data()
    model = Sequential([Dense(1, input_shape=(3,))])
    for call in (model.fit, model.train_on_batch, model.evaluate, model.test_on_batch):
        with pytest.raises(RuntimeError, match="You must compile"):
            call(x, a)
    assert model.predict(x).shape == (6, 1)


def test_model_without_input_shape_is_compiled_when_data_come():
    x, a, _ = data()
    model = Sequential([Dense(4, activation="relu"), Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(x, a, epochs=2, verbose=0)
    assert model.metrics_names == ["loss", "mae"]
    assert model.predict(x).shape == (6, 1)
