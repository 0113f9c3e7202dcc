"""Summaries, counts, sources, and the turning round of kernels."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import LSTM, Concatenate, Conv2D, Conv2DTranspose, Dense, Dropout, Embedding, Flatten, Input
from keras.models import Model, Sequential
from keras.utils import convert_all_kernels_in_model, get_source_inputs, print_summary
from keras.utils.layer_utils import convert_dense_weights_data_format, count_params


def printed(model, **kwargs):
    lines = []
    model.summary(print_fn=lines.append, **kwargs)
    return lines


def test_summary_of_a_stack():
    model = Sequential([Dense(64, input_shape=(100,), name="first"), Dropout(0.5, name="drop"), Dense(10, name="last")])
    model.name = "stack"
    model.layers[0].trainable = False
    wide = "_" * 65
    assert [line.rstrip() for line in printed(model)] == [
        'Model: "stack"',
        wide,
        "Layer (type)                 Output Shape              Param #",
        "=" * 65,
        "first (Dense)                (None, 64)                6464",
        wide,
        "drop (Dropout)               (None, 64)                0",
        wide,
        "last (Dense)                 (None, 10)                650",
        "=" * 65,
        "Total params: 7,114",
        "Trainable params: 650",
        "Non-trainable params: 6,464",
        wide,
    ]


def two_inputs():
    a, b = Input((3,), name="a"), Input((4, 5), name="sequence")
    shared = Dense(2, name="shared")
    joined = Concatenate(name="joined")([shared(a), shared(a), LSTM(2, name="lstm")(b)])
    return Model([a, b], Dense(1, name="out")(joined), name="two")


def test_summary_of_a_graph():
    found = [line.rstrip() for line in printed(two_inputs())]
    rows = [line for line in found if not set(line) <= set("_=")]
    assert rows == [
        'Model: "two"',
        "Layer (type)                    Output Shape         Param #     Connected to",
        "a (InputLayer)                  (None, 3)            0",
        "sequence (InputLayer)           (None, 4, 5)         0",
        "shared (Dense)                  (None, 2)            8           a[0][0]",
        " " * 65 + "a[0][0]",
        "lstm (LSTM)                     (None, 2)            64          sequence[0][0]",
        "joined (Concatenate)            (None, 6)            0           shared[0][0]",
        " " * 65 + "shared[1][0]",
        " " * 65 + "lstm[0][0]",
        "out (Dense)                     (None, 1)            7           joined[0][0]",
        "Total params: 79",
        "Trainable params: 79",
        "Non-trainable params: 0",
    ]
    assert {len(line) for line in found if set(line) <= set("_=")} == {98}


def test_summary_to_ones_own_measure(capsys):
    model = two_inputs()
    lines = printed(model, line_length=60, positions=[20, 40, 50, 60])
    assert lines[1] == "_" * 60 and lines[4].startswith("a (InputLayer)      (None, 3)")
    assert printed(model, line_length=120)[1] == "_" * 120
    print_summary(model)
    assert 'Model: "two"' in capsys.readouterr().out


def test_names_that_are_too_long_are_cut():
    model = Sequential([Dense(1, input_shape=(2,), name="a_name_that_is_much_longer_than_its_column")])
    row = printed(model)[4]
    assert len(row) == 65 and row.startswith("a_name_that_is_much_longer_t (None, 1)")


def test_parameters_are_counted_once():
    w, v = K.variable(np.zeros((2, 3))), K.variable(np.zeros(4))
    assert count_params([w, v, w]) == 10 and count_params([]) == 0


def test_where_a_tensor_comes_from():
    a, b = Input((3,)), Input((3,))
    shared = Dense(2)
    joined = Concatenate()([shared(b), shared(a), shared(b)])
    assert get_source_inputs(Dense(1)(joined)) == [b, a]
    assert get_source_inputs(a) == [a]
    assert get_source_inputs(joined, shared, 1) == [a]
    plain = K.placeholder((2,))
    assert get_source_inputs(plain) is plain
    x = a
    for _ in range(2000):  # deeper than Python's recursion
        x = shared_step(x)
    assert get_source_inputs(x) == [a]


shared_step = Dropout(0.1)


def test_kernels_of_a_model_are_turned_round():
    model = Sequential([
        Conv2D(2, (3, 2), input_shape=(8, 8, 1)), Conv2DTranspose(2, 3), Flatten(), Dense(1)
    ])  # fmt: skip
    before = model.get_weights()
    convert_all_kernels_in_model(model)
    after = model.get_weights()
    for i in (0, 2):
        np.testing.assert_array_equal(after[i], before[i][::-1, ::-1])
    for i in (1, 3, 4, 5):
        np.testing.assert_array_equal(after[i], before[i])
    convert_all_kernels_in_model(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("target", ["channels_first", "channels_last"])
def test_dense_after_flatten_follows_the_data_format(target):
    images = np.random.RandomState(0).standard_normal((5, 4, 2, 3))  # channels last
    first = images.transpose(0, 3, 1, 2)
    old, new = (images, first) if target == "channels_first" else (first, images)
    model = Sequential([Dense(6, input_shape=(24,))])
    wanted = model.predict(old.reshape(5, -1))
    shape = (3, 4, 2) if target == "channels_first" else (4, 2, 3)
    convert_dense_weights_data_format(model.layers[0], shape, target)
    np.testing.assert_allclose(model.predict(new.reshape(5, -1)), wanted, rtol=1e-4, atol=1e-6)


def test_unknown_sizes_in_a_summary():
    assert any("(None, None, 2)" in line for line in printed(Sequential([Embedding(10, 2)])))
    model = Sequential([Dense(2)])
    with pytest.raises(ValueError, match="not yet been built"):
        model.summary()
    model.build((None, 4))
    assert any("(None, 2)" in line for line in printed(model))
