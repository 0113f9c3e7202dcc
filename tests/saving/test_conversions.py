"""Configurations and training configurations of other versions, put into the words of Keras 2.3.1."""

import warnings

import h5py
import numpy as np
import pytest

import keras
from keras.layers import RNN, Dense, Input, LSTMCell
from keras.models import Sequential, load_model
from keras.saving.conversions import Untranslatable, origin_of, training, translate_model, weights

KERAS1 = origin_of("1.2.2")
KERAS2 = origin_of("2.1.4", "tensorflow")
TF_KERAS = origin_of("2.12.0", "tensorflow")
KERAS3 = origin_of("3.15.1", "jax")


@pytest.mark.parametrize(
    "version, family",
    [
        (None, "keras1"),
        ("1", "keras1"),
        ("1.2.2", "keras1"),
        ("2.0.8", "keras2"),
        ("2.3.1", "keras2"),
        ("2.2.4-tf", "tf_keras"),
        ("2.3.0-tf", "tf_keras"),
        ("2.4.0", "tf_keras"),
        ("2.21.0", "tf_keras"),
        ("3.15.1", "keras3"),
    ],
)
def test_who_wrote_it(version, family):
    assert origin_of(version).family == family


def test_a_version_that_is_none():
    with pytest.raises(ValueError, match="no version"):
        origin_of("yes")


def one(class_name, config, origin, **beside):
    return translate_model({"class_name": class_name, "config": config, **beside}, origin)


@pytest.mark.parametrize(
    "origin, class_name, config, expected",
    [
        (
            KERAS1,
            "Convolution2D",
            {
                "nb_filter": 4,
                "nb_row": 3,
                "nb_col": 2,
                "border_mode": "same",
                "dim_ordering": "th",
                "init": "zero",
            },
            (
                "Conv2D",
                {
                    "filters": 4,
                    "kernel_size": [3, 2],
                    "padding": "same",
                    "data_format": "channels_first",
                    "kernel_initializer": "zeros",
                },
            ),
        ),
        (
            KERAS1,
            "LSTM",
            {
                "output_dim": 3,
                "inner_activation": "hard_sigmoid",
                "forget_bias_init": "one",
                "consume_less": "gpu",
                "dropout_W": 0.1,
                "dropout_U": 0.2,
                "input_dim": 5,
                "input_length": None,
            },
            (
                "LSTM",
                {
                    "units": 3,
                    "recurrent_activation": "hard_sigmoid",
                    "unit_forget_bias": True,
                    "implementation": 2,
                    "dropout": 0.1,
                    "recurrent_dropout": 0.2,
                },
            ),
        ),
        (
            KERAS1,
            "Dense",
            {
                "output_dim": 3,
                "bias": False,
                "W_regularizer": {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.1},
                "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
            },
            (
                "Dense",
                {
                    "units": 3,
                    "use_bias": False,
                    "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}},
                    "kernel_constraint": {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
                },
            ),
        ),
        (
            KERAS1,
            "Merge",
            {"name": "m", "mode": "concat", "concat_axis": 1},
            ("Concatenate", {"name": "m", "axis": 1}),
        ),
        (
            KERAS1,
            "MaxPooling1D",
            {"pool_length": 3, "stride": 2},
            ("MaxPooling1D", {"pool_size": 3, "strides": 2}),
        ),
        (KERAS2, "LeakyReLU", {"alpha": {"type": "ndarray", "value": 0.25}}, ("LeakyReLU", {"alpha": 0.25})),
        (
            KERAS2,
            "GRU",
            {"units": 3, "implementation": 0},
            ("GRU", {"units": 3, "implementation": 1, "recurrent_activation": "hard_sigmoid"}),
        ),
        (
            TF_KERAS,
            "GRU",
            {"units": 3, "time_major": False},
            ("GRU", {"units": 3, "recurrent_activation": "sigmoid", "reset_after": True}),
        ),
        (TF_KERAS, "BatchNormalization", {"axis": [3]}, ("BatchNormalization", {"axis": 3})),
        (
            TF_KERAS,
            "UpSampling2D",
            {"interpolation": "bilinear"},
            ("UpSampling2D", {"interpolation": "bilinear", "half_pixel_centers": True}),
        ),
        (
            TF_KERAS,
            "Dense",
            {"dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}}},
            ("Dense", {"dtype": "float32"}),
        ),
        (
            KERAS3,
            "Dense",
            {"dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}},
            ("Dense", {"dtype": "mixed_bfloat16"}),
        ),
        (
            KERAS3,
            "InputLayer",
            {"batch_shape": [None, 3], "ragged": False, "optional": False},
            ("InputLayer", {"batch_input_shape": [None, 3]}),
        ),
        (KERAS3, "LeakyReLU", {"negative_slope": 0.1}, ("LeakyReLU", {"alpha": 0.1})),
        (
            KERAS3,
            "SeparableConv2D",
            {"filters": 2, "groups": 1, "kernel_initializer": None},
            ("SeparableConv2D", {"filters": 2}),
        ),
    ],
)
def test_layers(origin, class_name, config, expected):
    before = repr(config)
    result = one(class_name, config, origin)
    assert (result["class_name"], result["config"]) == expected
    assert repr(config) == before  # what was read stays as it was


@pytest.mark.parametrize("origin", [KERAS2, TF_KERAS, KERAS3])
def test_relu6_is_a_layer(origin):
    result = one("Activation", {"name": "conv1_relu", "activation": "relu6"}, origin)
    assert (result["class_name"], result["config"]) == ("ReLU", {"name": "conv1_relu", "max_value": 6.0})
    result = one("Activation", {"name": "conv1_relu", "activation": "relu"}, origin)
    assert (result["class_name"], result["config"]) == ("Activation", {"name": "conv1_relu", "activation": "relu"})


@pytest.mark.parametrize("class_name", ["Custom>CustomScaleLayer", "CustomScaleLayer"])
def test_the_layer_that_tf_keras_made_for_inception_resnet(class_name):
    result = one(class_name, {"name": "custom_scale_layer", "scale": 0.17}, TF_KERAS)
    assert result["class_name"] == "Lambda"
    assert result["config"]["function"]([1.0, 10.0], **result["config"]["arguments"]) == pytest.approx(2.7)


def test_initializers_and_what_stands_beside_them():
    value = {
        "module": "keras.initializers",
        "class_name": "HeNormal",
        "config": {"seed": 3},
        "registered_name": None,
    }
    config = one(
        "Dense",
        {"kernel_initializer": value, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.5}}},
        TF_KERAS,
    )["config"]
    assert config["kernel_initializer"] == {
        "class_name": "VarianceScaling",
        "config": {"scale": 2.0, "mode": "fan_in", "distribution": "normal", "seed": 3},
    }
    assert config["kernel_regularizer"] == {"class_name": "L1L2", "config": {"l2": 0.5}}


@pytest.mark.parametrize(
    "origin, class_name, config, message",
    [
        (KERAS1, "Merge", {"name": "m", "mode": "x", "mode_type": "lambda"}, "Lambda layer"),
        (KERAS1, "BatchNormalization", {"mode": 1}, "mode=1"),
        (TF_KERAS, "Conv2D", {"name": "c", "groups": 2}, "'c'.*groups=2"),
        (TF_KERAS, "LSTM", {"time_major": True}, "time_major=True"),
        (TF_KERAS, "BatchNormalization", {"axis": [1, 2]}, "several axes"),
        (TF_KERAS, "BatchNormalization", {"renorm": True}, "renorm=True"),
        (TF_KERAS, "Softmax", {"axis": [1, 2]}, "several axes"),
        (TF_KERAS, "UpSampling2D", {"interpolation": "lanczos3"}, "lanczos3"),
        (KERAS3, "Activation", {"name": "a", "activation": "hard_sigmoid"}, "other numbers"),
    ],
)
def test_refused_by_name(origin, class_name, config, message):
    with pytest.raises(Untranslatable, match=message):
        one(class_name, config, origin)


def test_a_layer_inside_a_wrapper_is_named_in_the_message():
    inner = {"class_name": "Conv2D", "config": {"name": "deep", "groups": 4}}
    with pytest.raises(Untranslatable, match="Conv2D 'deep'.*tf.keras|Conv2D 'deep'.*groups=4"):
        one(
            "Sequential",
            {"name": "s", "layers": [{"class_name": "TimeDistributed", "config": {"layer": inner}}]},
            TF_KERAS,
        )


def test_a_backward_layer_of_its_own_is_refused_and_a_mirrored_one_is_not():
    forward = {"class_name": "LSTM", "config": {"name": "forward_lstm", "units": 2, "go_backwards": False}}
    backward = {"class_name": "LSTM", "config": {"name": "backward_lstm", "units": 2, "go_backwards": True}}
    config = one("Bidirectional", {"layer": forward, "backward_layer": backward}, KERAS3)["config"]
    assert config["layer"]["config"]["name"] == "lstm" and "backward_layer" not in config
    backward["config"]["units"] = 3
    with pytest.raises(Untranslatable, match="backward layer"):
        one("Bidirectional", {"layer": forward, "backward_layer": backward}, KERAS3)


def test_sequential_as_a_list():
    result = one("Sequential", [{"class_name": "Dense", "config": {"output_dim": 2}}], KERAS1)
    assert result["config"]["layers"][0] == {"class_name": "Dense", "config": {"units": 2}}


def keras_tensor(*history):
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": list(history)}}


def test_functional_models_of_keras_3():
    layers = [
        {
            "class_name": "InputLayer",
            "name": "a",
            "config": {"name": "a", "batch_shape": [None, 3]},
            "inbound_nodes": [],
        },
        {
            "class_name": "Sequential",
            "name": "s",
            "config": {"name": "s", "layers": []},
            "inbound_nodes": [{"args": [keras_tensor("a", 0, 0)], "kwargs": {"mask": None}}],
        },
        {
            "class_name": "LSTM",
            "name": "l",
            "config": {"name": "l", "units": 2},
            "inbound_nodes": [
                {
                    "args": [keras_tensor("s", 0, 0)],
                    "kwargs": {"initial_state": [keras_tensor("a", 0, 0)], "training": False},
                }
            ],
        },
    ]
    config = {
        "name": "m",
        "trainable": True,
        "layers": layers,
        "input_layers": ["a", 0, 0],
        "output_layers": [["l", 0, 0]],
    }
    result = one("Functional", config, KERAS3)
    assert result["class_name"] == "Model"
    assert result["config"]["input_layers"] == [["a", 0, 0]]
    nodes = [layer["inbound_nodes"] for layer in result["config"]["layers"]]
    # A nested model's own node counts in Keras 2: the first call of "s" is its node 1.
    assert nodes == [[], [[["a", 0, 0, {}]]], [[["s", 1, 0, {}], ["a", 0, 0, {}]]]]


@pytest.mark.parametrize(
    "stored, listed",
    [
        (["a", 0, 0], [["a", 0, 0]]),
        ({"y": ["b", 0, 1], "x": ["a", 0, 0]}, [["a", 0, 0], ["b", 0, 1]]),
        ([["a", 0, 0], [["b", 0, 0], ["b", 0, 1]]], [["a", 0, 0], ["b", 0, 0], ["b", 0, 1]]),
    ],
    ids=["one", "dict", "nested"],
)
def test_outputs_of_tf_keras_in_dicts_and_nested_lists(stored, listed):
    config = {"name": "m", "layers": [], "input_layers": [["a", 0, 0]], "output_layers": stored}
    config = one("Functional", config, TF_KERAS)["config"]
    assert config["output_layers"] == listed


def test_the_users_own_classes_are_left_alone():
    value = {"class_name": "MyPackage>Mine", "config": {"name": "x", "groups": 7}}
    assert translate_model(value, TF_KERAS, ["Mine"]) == {
        "class_name": "Mine",
        "config": {"name": "x", "groups": 7},
    }


def test_endless_nesting_is_refused():
    value = {"class_name": "Dense", "config": {}}
    for _ in range(200):
        value = {"class_name": "TimeDistributed", "config": {"layer": value}}
    with pytest.raises(Untranslatable, match="deep"):
        translate_model(value, TF_KERAS)


# ------------------------------------------------------------------------------------------ training


@pytest.mark.parametrize(
    "origin, class_name, config, expected",
    [
        (KERAS2, "Adam", {"lr": 0.1}, ("Adam", {"learning_rate": 0.1})),
        (
            TF_KERAS,
            "Adam",
            {"name": "Adam", "learning_rate": 0.1, "jit_compile": True, "weight_decay": None},
            ("Adam", {"learning_rate": 0.1}),
        ),
        (TF_KERAS, "Nadam", {"decay": 0.004}, ("Nadam", {"schedule_decay": 0.004})),
        (TF_KERAS, "RMSprop", {"momentum": 0.0, "centered": False, "rho": 0.9}, ("RMSprop", {"rho": 0.9})),
        (TF_KERAS, "SGD", {"global_clipnorm": 0.5}, ("SGD", {"clipnorm": 0.5})),
        (KERAS3, "rmsprop", {"clipvalue": None}, ("RMSprop", {"epsilon_in_root": True})),
    ],
)
def test_optimizers(origin, class_name, config, expected):
    result = training.optimizer({"class_name": class_name, "config": config}, origin, n_weights=4)
    assert (result["class_name"], result["config"]) == expected


@pytest.mark.parametrize(
    "class_name, config, message",
    [
        ("SGD", {"clipnorm": 0.5}, "common norm"),
        ("RMSprop", {"centered": True}, "centered"),
        ("Adam", {"use_ema": True}, "use_ema"),
        (
            "Adam",
            {"learning_rate": {"class_name": "ExponentialDecay", "config": {}}},
            "LearningRateScheduler",
        ),
        ("AdamW", {}, "AdamW"),
    ],
)
def test_optimizers_without_an_equal(class_name, config, message):
    with pytest.raises(Untranslatable, match=message):
        training.optimizer({"class_name": class_name, "config": config}, TF_KERAS, n_weights=4)


def test_one_weight_may_be_clipped_by_itself():
    value = {"class_name": "SGD", "config": {"clipnorm": 0.5}}
    assert training.optimizer(value, TF_KERAS, n_weights=1)["config"] == {"clipnorm": 0.5}


def test_hard_gates_of_stacked_cells_in_h5_files_of_keras_3():
    """Their weights are scaled cell by cell; see test_hard_sigmoid.py."""
    layer = RNN([LSTMCell(2, recurrent_activation="hard_sigmoid"), LSTMCell(2, recurrent_activation="sigmoid")])
    layer(Input((4, 3)))
    before = layer.get_weights()
    after = weights.translate(layer, before, KERAS3)
    np.testing.assert_allclose(after[0], before[0] * np.repeat([5 / 6, 5 / 6, 1, 5 / 6], 2), rtol=1e-6)
    for got, same in zip(after[3:], before[3:], strict=True):
        np.testing.assert_array_equal(got, same)


def test_masks_in_h5_files_of_keras_3():
    """It writes how the mask is made as layers without a module; here layers make it by themselves."""

    def tensor(name):
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}

    def layer(class_name, name, *inputs, arguments=None, **config):
        nodes = [{"args": list(inputs), "kwargs": arguments or {}}] if inputs else []
        return {"class_name": class_name, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}

    layers = [
        layer("InputLayer", "x", batch_shape=[None, 3]),
        layer("Embedding", "e", tensor("x"), input_dim=5, output_dim=2, mask_zero=True),
        layer("NotEqual", "not_equal", tensor("x"), 0),
        layer("LSTM", "l", tensor("e"), arguments={"mask": tensor("not_equal")}, units=2),
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["l", 0, 0]]}
    translated = translate_model({"class_name": "Functional", "config": config}, KERAS3)["config"]["layers"]
    assert [layer["name"] for layer in translated] == ["x", "e", "l"]
    assert translated[-1]["inbound_nodes"] == [[["e", 0, 0, {}]]]


def test_a_lambda_as_loss_goes_by_its_name():
    assert training.losses({"class_name": "__lambda__", "config": {"code": "x"}}, KERAS3) == "<lambda>"


def test_losses_and_metrics():
    wrapped = {
        "class_name": "MeanMetricWrapper",
        "config": {"name": "out_accuracy", "fn": "categorical_accuracy"},
    }
    assert training.metrics([[None], [wrapped]], TF_KERAS) == [[None], ["accuracy"]]
    wrapped["config"]["name"] = "categorical_accuracy"
    assert training.metrics([wrapped], TF_KERAS) == ["categorical_accuracy"]
    for name, kept in (("mse", "mse"), ("out_mse", "mse"), ("mean_squared_error", "mean_squared_error")):
        wrapped["config"].update(name=name, fn="mean_squared_error")
        assert training.metrics([wrapped], TF_KERAS) == [kept]  # the key in the history
    loss = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mse", "fn": "x"}}
    assert training.losses({"a": loss, "b": "kl_divergence"}, TF_KERAS) == {
        "a": {
            "class_name": "MeanSquaredError",
            "config": {"reduction": "sum_over_batch_size", "name": "mse"},
        },
        "b": "kullback_leibler_divergence",
    }


def arrays(count):
    return [np.full((2,), float(number)) for number in range(count)]


def test_optimizer_state_goes_slot_by_slot():
    names = ["adam/iteration", "adam/learning_rate"] + [
        f"adam/dense_{part}_{slot}" for part in ("kernel", "bias") for slot in ("momentum", "velocity")
    ]
    m0, v0, m1, v1 = arrays(4)
    state, rate = training.optimizer_state(
        "Adam", names, [np.array(7), np.array(0.5), m0, v0, m1, v1], KERAS3, 2, {}
    )
    assert rate == 0.5 and state[0] == 7
    assert [value[0] for value in state[1:5]] == [0.0, 2.0, 1.0, 3.0]
    assert len(state) == 7 and state[5].shape == (1,)  # 2.3.1 keeps two dummies for amsgrad


@pytest.mark.parametrize("class_name, slots", [("RMSprop", 1), ("Adagrad", 1), ("Adadelta", 2)])
def test_states_without_a_step_counter(class_name, slots):
    state, _ = training.optimizer_state(class_name, ["x"] * 2 * slots, arrays(2 * slots), KERAS2, 2, {})
    assert len(state) == 1 + 2 * slots and state[0] == 0


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_a_state_that_is_just_the_count_of_steps(name, tmp_path):
    """SGD without momentum in tf.keras, and any optimizer that has not made a step there."""
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile(name, "mse")
    model.train_on_batch(np.ones((1, 2)), np.ones((1, 1)))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        attributes = file["optimizer_weights"].attrs
        attributes["weight_names"] = attributes["weight_names"][:1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = load_model(tmp_path / "m.h5").optimizer
    assert keras.backend.get_value(optimizer.iterations) == 1
    assert not any(np.any(keras.backend.get_value(slot)) for slot in optimizer.weights[1:])


def test_nadam_without_the_product_of_its_momenta():
    """tf.keras does not save it; step t has the momentum beta_1 * (1 - 0.96 ** t / 2)."""
    names = ["iteration:0"] + [f"Nadam/{slot}/dense/{part}:0" for part in ("kernel", "bias") for slot in "mv"]
    m0, v0, m1, v1 = arrays(4)
    config = {"beta_1": 0.9, "schedule_decay": 1.0}
    with pytest.warns(UserWarning, match="product of momenta"):
        state, _ = training.optimizer_state("Nadam", names, [np.array(3), m0, v0, m1, v1], TF_KERAS, 2, config)
    assert state[0] == 3 and [value[0] for value in state[2:]] == [0.0, 2.0, 1.0, 3.0]
    np.testing.assert_allclose(state[1], np.prod([0.9 * (1 - 0.5 * 0.96**t) for t in (1, 2, 3)]), rtol=1e-6)
    assert training.names_by_number("Nadam", [np.array(3), m0, v0, m1, v1], 2)[1:] == [
        "0_momentum", "0_velocity", "1_momentum", "1_velocity",
    ]  # fmt: skip


def test_nadam_has_no_schedule():
    schedule = {"initial_learning_rate": 0.1, "decay_rate": 0.5, "decay_steps": 1}
    schedule = {"class_name": "InverseTimeDecay", "config": schedule}
    for origin in (KERAS3, TF_KERAS):
        with pytest.raises(Untranslatable, match="schedule InverseTimeDecay .* knows no decay"):
            training.optimizer({"class_name": "Nadam", "config": {"learning_rate": schedule}}, origin)
        found = training.optimizer({"class_name": "Adam", "config": {"learning_rate": schedule}}, origin)
        assert found["config"] == {"learning_rate": 0.1, "decay": 0.5}
