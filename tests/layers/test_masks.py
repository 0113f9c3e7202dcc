"""Which masks layers make, pass on, combine and stop."""

import harness
import numpy as np
import pytest
from every_layer import classes, example, quiet

from keras import backend as K
from keras import layers as L
from keras.models import Model


def mask_of(build, *arrays):
    """The mask of the tensor that `build` makes from inputs for `arrays`; None if there is none."""
    inputs = [L.Input(batch_shape=(None, *a.shape[1:])) for a in arrays]
    output = build(*inputs)
    model = Model(inputs, output)
    mask = model.compute_mask(inputs, [None] * len(inputs))
    mask = mask[0] if isinstance(mask, list) else mask
    if mask is None:
        return None
    return K.function(inputs, [mask])(list(arrays))[0]


STEPS = np.array([[[1.0, 2], [0, 0], [3, 0]], [[0, 0], [4, 5], [0, 0]]], "float32")
OF_STEPS = np.array([[True, False, True], [False, True, False]])
WORDS = np.array([[1, 2, 0], [3, 0, 0]], "float32")


def test_masking_marks_and_zeroes_the_steps_of_the_value():
    x = np.where(STEPS == 0, 7, STEPS).astype("float32")
    x[0, 2, 1] = 1
    np.testing.assert_array_equal(mask_of(lambda i: L.Masking(7.0)(i), x), OF_STEPS)
    values = harness.run(L.Masking(7.0), x)
    assert np.all(values[~OF_STEPS] == 0)
    np.testing.assert_array_equal(values[OF_STEPS], x[OF_STEPS])


def test_embedding_masks_zero_only_if_asked():
    np.testing.assert_array_equal(mask_of(lambda i: L.Embedding(5, 2, mask_zero=True)(i), WORDS), WORDS != 0)
    assert mask_of(lambda i: L.Embedding(5, 2)(i), WORDS) is None


@pytest.mark.parametrize("layer", [
    lambda: L.Activation("relu"), lambda: L.Dropout(0.5), lambda: L.SpatialDropout1D(0.5), lambda: L.Dense(3),
    lambda: L.GaussianNoise(1.0), lambda: L.AlphaDropout(0.1), lambda: L.BatchNormalization(),
        lambda: L.PReLU(),
    lambda: L.ActivityRegularization(l1=1.0), lambda: L.Softmax(), lambda: L.Lambda(lambda x: x,
        mask=lambda i, m: m),
])  # fmt: skip
def test_masks_pass(layer):
    np.testing.assert_array_equal(mask_of(lambda i: layer()(L.Masking()(i)), STEPS), OF_STEPS)


@pytest.mark.parametrize("layer", [
    lambda: L.GlobalAveragePooling1D(), lambda: L.Lambda(lambda x: x + 1),
])  # fmt: skip
def test_masks_stop(layer):
    assert mask_of(lambda i: layer()(L.Masking()(i)), STEPS) is None


@pytest.mark.parametrize("layer", [L.Flatten, lambda: L.Conv1D(2, 2), lambda: L.Reshape((6,))])
def test_layers_without_masking_refuse_a_mask(layer):
    with pytest.raises(TypeError, match="does not support masking"):
        layer()(L.Masking()(L.Input((3, 2))))


def test_lambda_gets_the_mask_if_it_asks():
    def masked_sum(x, mask=None):
        return K.sum(x * K.expand_dims(K.cast(mask, "float32")), axis=1)

    layer = L.Lambda(masked_sum)
    np.testing.assert_allclose(harness.run(layer, STEPS, mask=OF_STEPS), STEPS.sum(1))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_global_average_counts_unmasked_steps_only(data_format):
    x = np.random.RandomState(0).standard_normal((2, 3, 2)).astype("float32")
    wanted = np.stack([x[i][OF_STEPS[i]].mean(0) for i in range(2)])
    x = x if data_format == "channels_last" else x.transpose(0, 2, 1)
    got = harness.run(L.GlobalAveragePooling1D(data_format), x, mask=OF_STEPS)
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


@pytest.mark.parametrize("merge", [L.add, L.multiply, L.average, L.maximum, L.concatenate])
def test_merges_keep_steps_that_are_unmasked_in_all_inputs(merge):
    other = np.roll(STEPS, 1, axis=0)
    other[0, 2] = 1
    both = mask_of(lambda a, b: merge([L.Masking()(a), L.Masking()(b)]), STEPS, other)
    np.testing.assert_array_equal(both, OF_STEPS & np.any(other != 0, -1))
    one = mask_of(lambda a, b: merge([a, L.Masking()(b)]), other, STEPS)
    np.testing.assert_array_equal(one, OF_STEPS)


def test_concatenation_over_time_joins_the_masks():
    got = mask_of(lambda a, b: L.concatenate([L.Masking()(a), b], axis=1), STEPS, STEPS[:, :2])
    np.testing.assert_array_equal(got, np.concatenate([OF_STEPS, np.ones((2, 2), bool)], 1))


def test_dot_drops_masks():
    assert mask_of(lambda a, b: L.dot([L.Masking()(a), L.Masking()(b)], axes=2), STEPS, STEPS) is None


# What every layer does with a mask on its inputs.

PASSING = {
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "BatchNormalization", "Concatenate",
    "Dense", "Dropout", "ELU", "GaussianDropout", "GaussianNoise", "LeakyReLU", "Masking", "Maximum", "Minimum",
    "Multiply", "PReLU", "ReLU", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Subtract",
    "ThresholdedReLU",
}  # fmt: skip
STOPPING = {
    "ConvLSTM2D", "CuDNNGRU", "CuDNNLSTM", "Dot", "Embedding", "GRU", "GlobalAveragePooling1D", "LSTM", "Lambda",
    "SimpleRNN",
}  # fmt: skip


@quiet
@pytest.mark.parametrize("layer", [x for x in classes() if example(x)[1] is not None], ids=lambda x: x.__name__)
def test_passes_stops_or_refuses(layer):
    required, case = example(layer)
    inputs = [L.Input(batch_shape=(None, *shape[1:]), dtype=case.dtype) for shape in case.shapes]
    for x in inputs:
        x._keras_mask = K.placeholder(K.int_shape(x)[:2] if K.ndim(x) > 2 else (None,), dtype="bool")
    name = layer.__name__
    made = layer(**required)
    assert made.supports_masking == (name in PASSING | STOPPING - {"Embedding", "Lambda"})
    argument = inputs if isinstance(case.shape, list) else inputs[0]
    if name not in PASSING | STOPPING:
        with pytest.raises(TypeError, match=f"{made.name}.*does not support masking"):
            made(argument)
        return
    mask = made(argument)._keras_mask
    assert (mask is not None) == (name in PASSING)


@pytest.mark.parametrize("layer", [L.SimpleRNN, L.GRU, L.LSTM, L.CuDNNGRU, L.CuDNNLSTM], ids=lambda x: x.__name__)
@pytest.mark.parametrize("wrap", [lambda x: x, L.Bidirectional], ids=["alone", "both ways"])
def test_recurrent_layers_hand_the_mask_on_with_their_sequences(layer, wrap):
    assert mask_of(lambda i: wrap(layer(2))(L.Masking()(i)), STEPS) is None
    mask = mask_of(lambda i: wrap(layer(2, return_sequences=True))(L.Masking()(i)), STEPS)
    np.testing.assert_array_equal(mask, OF_STEPS)
