"""What every layer must do within a model: be saved, learn, and mean the same in both data formats."""

import inspect

import harness
import numpy as np
import pytest
from every_layer import CASES, one_of_each, quiet

import keras
from keras import backend as K
from keras import layers as L
from keras.models import Model, load_model

pytestmark = [quiet, pytest.mark.usefixtures("quick_compiler")]

every_case = pytest.mark.parametrize("case", CASES, ids=str)


class Gain(L.Layer):
    """Multiplies each value of a sample by a weight, so that a model can learn behind any layer."""

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=input_shape[1:], initializer="ones")
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.gain


def model_of(cases, gains=False):
    """One model with the inputs and outputs of all cases; {case: (layer, number of its outputs)}."""
    inputs, outputs, parts = [], [], {}
    for case in cases:
        symbols = [L.Input(batch_shape=(None, *shape[1:]), dtype=case.dtype) for shape in case.shapes]
        fed = [Gain()(x) for x in symbols] if gains and case.inputs is None else symbols
        layer = case.make()
        results = harness.as_list(layer(fed if isinstance(case.shape, list) else fed[0]))
        harness.set_random_weights(layer)
        inputs += symbols
        outputs += results
        parts[case] = layer, len(results)
    return Model(inputs, outputs), parts


def per_case(parts, values):
    """{case: its share of a list with one entry per output}."""
    values = iter(values)
    return {case: [next(values) for _ in range(count)] for case, (_, count) in parts.items()}


# Files.


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """{case: (weights and outputs before saving, the same after loading)}, all layers in one file."""
    path = str(tmp_path_factory.mktemp("layers") / "all.h5")
    model, parts = model_of(CASES)
    model.save(path)
    again = load_model(path, compile=False, safe_mode=False)
    data = [array for case in CASES for array in case.arrays()]
    before, after = (
        per_case(parts, harness.interpreted([*m.inputs, K.learning_phase()], m.outputs)([*data, 0]))
        for m in (model, again)
    )
    layers = {case: (layer, again.get_layer(layer.name)) for case, (layer, _) in parts.items()}
    return {
        case: (one.get_weights() + before[case], other.get_weights() + after[case])
        for case, (one, other) in layers.items()
    }


@every_case
def test_hdf5_round_trip(case, loaded):
    before, after = loaded[case]
    assert len(before) == len(after)
    for one, other in zip(before, after):
        np.testing.assert_array_equal(one, other)


# Learning.

# One case of each layer that has weights of its own or of what it wraps.
LEARNERS = one_of_each(
    case
    for case in CASES
    if not inspect.isclass(case.layer) or any("init" in name for name in inspect.signature(case.layer).parameters)
)


@pytest.fixture(scope="module")
def losses():
    """{case: its loss before each of five steps of gradient descent}.

    A layer, behind gains, is to give what it gives with other weights and gains.
    """
    model, parts = model_of(LEARNERS, gains=True)
    data = [array for case in LEARNERS for array in case.arrays()]
    # Small weights, so that nothing saturates.
    random, start = np.random.RandomState(4), [0.4 * w for w in model.get_weights()]
    model.set_weights([w * random.uniform(0.7, 1.3, w.shape) for w in start])
    outputs = per_case(parts, model.outputs)
    targets = harness.interpreted([*model.inputs, K.learning_phase()], model.outputs)([*data, 0])
    targets = per_case(parts, targets)
    model.set_weights(start)
    wanted = [
        sum(K.mean(K.square(y - K.constant(t))) for y, t in zip(outputs[case], targets[case], strict=True))
        for case in LEARNERS
    ]
    updates = keras.optimizers.SGD(0.01).get_updates(sum(wanted), model.trainable_weights)
    step = K.function([*model.inputs, K.learning_phase()], wanted, updates)
    history = np.array([step([*data, 0]) for _ in range(5)])
    return dict(zip(LEARNERS, history.T, strict=True))


@pytest.mark.parametrize("case", LEARNERS, ids=str)
def test_training_reduces_the_loss(case, losses):
    assert losses[case][0] > 0
    assert np.all(np.diff(losses[case]) < 0), losses[case]


# Data formats.


def has_argument(layer, name):
    return inspect.isclass(layer) and name in inspect.signature(layer).parameters


TWINS = [
    case
    for case in CASES
    if has_argument(case.layer, "data_format")
    and "data_format" not in case.config
    and len(case.shape) > 2
    # Patches of unshared weights are laid out by format, causal padding is for channels_last alone.
    and case.layer not in (L.LocallyConnected1D, L.LocallyConnected2D)
    and case.config.get("padding") != "causal"
    # A softmax runs over the last axis, whatever that is.
    and case.config.get("activation") != "softmax"
]


def channels_first(x, leading):
    """Channels-last data with the channels put after the `leading` axes: batch, and time of image sequences."""
    return np.moveaxis(x, -1, leading) if x.ndim > 2 else x


@pytest.fixture(scope="module")
def both_formats():
    """{case: (outputs with channels_last, outputs with channels_first)} of the same data and weights."""
    counts, symbols, outputs, feeds = {}, [], [], []
    for case in TWINS:
        (data,) = case.arrays()
        arrays = [data, channels_first(data, 2 if case.layer is L.ConvLSTM2D else 1)]
        layers = [case.layer(**case.config, data_format=f) for f in ("channels_last", "channels_first")]
        inputs = [L.Input(batch_shape=x.shape) for x in arrays]
        results = [harness.as_list(layer(x)) for layer, x in zip(layers, inputs)]
        layers[1].set_weights(harness.set_random_weights(layers[0]))
        symbols += inputs
        feeds += arrays
        outputs += results[0] + results[1]
        counts[case] = len(results[0])
    values = iter(K.function(symbols, outputs)(feeds))
    return {case: [[next(values) for _ in range(n)] for _ in range(2)] for case, n in counts.items()}


@pytest.mark.parametrize("case", TWINS, ids=str)
def test_channels_first_is_channels_last_with_the_axes_moved(case, both_formats):
    for last, first in zip(*both_formats[case], strict=True):
        wanted = channels_first(last, last.ndim - len(case.shape) + 2 if case.layer is L.ConvLSTM2D else 1)
        np.testing.assert_allclose(first, wanted, rtol=1e-5, atol=1e-5)
