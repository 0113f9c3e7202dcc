"""Dropout and its relatives: statistics in training, nothing at inference, the same seed the same noise."""

import harness
import numpy as np
import pytest

from keras import backend as K
from keras import layers as L

ONES = np.ones((40, 20, 10), "float32")


def test_dropout_drops_the_rate_and_keeps_the_mean():
    y = harness.run(L.Dropout(0.3), ONES, training=1)
    assert set(np.unique(y.round(4))) == {0.0, np.float32(1 / 0.7).round(4)}
    assert abs((y == 0).mean() - 0.3) < 0.02


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.5, 1.5])
def test_dropout_at_the_limits_does_nothing(rate):
    assert np.array_equal(harness.run(L.Dropout(rate), ONES[:2], training=1), ONES[:2])


@pytest.mark.parametrize("layer, shape, constant", [
    (lambda: L.Dropout(0.5, noise_shape=(None, 1, 10)), (8, 5, 10), (1,)),
    (lambda: L.SpatialDropout1D(0.5), (8, 5, 10), (1,)),
    (lambda: L.SpatialDropout2D(0.5), (8, 3, 4, 10), (1, 2)),
    (lambda: L.SpatialDropout2D(0.5, data_format="channels_first"), (8, 10, 3, 4), (2, 3)),
    (lambda: L.SpatialDropout3D(0.5, data_format="channels_last"), (8, 2, 3, 4, 10), (1, 2, 3)),
])  # fmt: skip
def test_whole_maps_are_dropped(layer, shape, constant):
    y = harness.run(layer(), np.ones(shape, "float32"), training=1)
    assert np.all(np.ptp(y, axis=constant) == 0)
    assert {0.0, 2.0} == set(np.unique(y))


def test_additive_and_multiplicative_noise_have_the_given_spread():
    y = harness.run(L.GaussianNoise(0.5), ONES, training=1)
    assert abs(y.mean() - 1) < 0.02 and abs(y.std() - 0.5) < 0.02
    y = harness.run(L.GaussianDropout(0.2), 2 * ONES, training=1)
    assert abs(y.mean() - 2) < 0.04 and abs(y.std() - 2 * 0.5) < 0.04


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.RandomState(0).standard_normal((100, 200)).astype("float32")
    y = harness.run(L.AlphaDropout(0.3), x, training=1)
    assert abs(y.mean()) < 0.03 and abs(y.std() - 1) < 0.03
    dropped = np.median(y[np.abs(y + 1.06) < 1e-2])
    assert abs((np.abs(y - dropped) < 1e-5).mean() - 0.3) < 0.02


@pytest.mark.parametrize("layer", [L.Dropout, L.AlphaDropout])
def test_a_seed_fixes_the_first_draw(layer):
    one, two = (harness.run(layer(0.5, seed=5), ONES[:2], training=1) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_training_argument_beats_the_learning_phase():
    inputs = L.Input((100,))
    always, never = L.Dropout(0.5)(inputs, training=True), L.Dropout(0.5)(inputs, training=False)
    function = K.function([inputs, K.learning_phase()], [always, never])
    x = np.ones((4, 100), "float32")
    assert (function([x, 0])[0] == 0).any()
    assert np.array_equal(function([x, 1])[1], x)


def test_noise_shape_of_the_wrong_rank():
    with pytest.raises(ValueError, match=r"dropout_1.*`noise_shape` \(1, 2\) has 2 entries.*3 axes"):
        L.Dropout(0.5, noise_shape=(1, 2))(L.Input((3, 4)))
