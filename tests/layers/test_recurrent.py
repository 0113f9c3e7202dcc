"""Recurrent layers: numbers against NumPy, states, masks, dropout, cells, errors."""

import harness
import numpy as np
import pytest
import recurrent_reference as ref
from recurrent_cases import KINDS

import keras
from keras import backend as K
from keras import layers as L

pytestmark = pytest.mark.usefixtures("quick_compiler")

ALL = sorted(KINDS)


def many(kinds=ALL, wrap=lambda layer, x: layer(x), shape=(2, 4, 5), **options):
    """Layers of several kinds with random weights on one input: (input, {kind: (layer, output)})."""
    x = L.Input(batch_shape=shape)
    built = {}
    for kind in kinds:
        layer = KINDS[kind][0](3, **KINDS[kind][1], **options)
        built[kind] = (layer, wrap(layer, x))
        harness.set_random_weights(layer)
    return x, built


def numbers(shape=(2, 4, 5), seed=1):
    return np.random.RandomState(seed).standard_normal(shape).astype("float32")


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def wide(layer):
    return [w.astype("float64") for w in layer.get_weights()]


@pytest.mark.parametrize("options", [{}, {"unroll": True}, {"go_backwards": True}], ids=str)
def test_masked_steps_leave_state_and_output(options):
    kinds = [k for k in ALL if not (k.startswith("cudnn") and "unroll" in options)]
    x, built = many(
        kinds, lambda layer, x: layer(L.Masking()(x)), return_sequences=True, return_state=True, **options
    )
    data = numbers()
    mask = np.array([[True, True, False, True], [False, True, True, False]])
    data[~mask] = 0
    values = iter(K.function([x], [t for _, outputs in built.values() for t in outputs])([data]))
    for kind, (layer, outputs) in built.items():
        step, count = KINDS[kind][2:]
        wanted, states = ref.run(
            step, wide(layer), data, mask=mask, backwards=options.get("go_backwards"), count=count
        )
        for expected in (wanted, *states):
            close(next(values), expected)
        assert outputs[0]._keras_mask is not None
        assert outputs[1]._keras_mask is None


def test_initial_states_as_keras_tensors_and_as_plain_tensors():
    data, start = numbers(), numbers((2, 3), 5)
    state = L.Input(batch_shape=(2, 3))
    constant = K.constant(start)
    count = {kind: KINDS[kind][3] for kind in ALL}
    x, built = many(ALL, lambda layer, x: layer)
    outputs = []
    for kind, (layer, _) in built.items():
        outputs.append(layer(x, initial_state=[state] * count[kind] if count[kind] > 1 else state))
        outputs.append(layer(x, initial_state=[constant] * count[kind]))
        outputs.append(layer([x] + [state] * count[kind]))
        harness.set_random_weights(layer)
    values = iter(K.function([x, state], outputs)([data, start]))
    for kind, (layer, _) in built.items():
        wanted, _ = ref.run(KINDS[kind][2], wide(layer), data, [start] * count[kind])
        for _ in range(3):
            close(next(values), wanted[:, -1])


def test_stateful_layers_go_on_where_the_batch_before_ended():
    x, built = many(stateful=True)
    layers = [layer for layer, _ in built.values()]
    function = K.function([x], [y for _, y in built.values()], [u for layer in layers for u in layer.updates])
    data = numbers((2, 8, 5))
    function([data[:, :4]])
    values = function([data[:, 4:]])
    for (kind, (layer, _)), value in zip(built.items(), values):
        wanted, states = ref.run(KINDS[kind][2], wide(layer), data, count=KINDS[kind][3])
        close(value, wanted[:, -1])
        close(K.get_value(layer.states[0]), states[0])
        assert len(layer.weights) == 3
        assert len(layer.get_updates_for(x)) == KINDS[kind][3]
        layer.reset_states()
        assert not K.get_value(layer.states[0]).any()
        layer.reset_states([np.full((2, 3), 0.5)] * KINDS[kind][3])
    values = function([data[:, :4]])
    for (kind, (layer, _)), value in zip(built.items(), values):
        start = [np.full((2, 3), 0.5)] * KINDS[kind][3]
        close(value, ref.run(KINDS[kind][2], wide(layer), data[:, :4], start)[0][:, -1])


@pytest.mark.parametrize(("cls", "gates"), [(L.SimpleRNN, 1), (L.GRU, 3), (L.LSTM, 4)])
def test_the_identity_is_one_for_each_gate(cls, gates):
    layer = cls(3, recurrent_initializer=keras.initializers.Identity(0.5))
    layer.build((None, 4, 2))
    np.testing.assert_array_equal(layer.get_weights()[1], np.tile(np.eye(3) / 2, (1, gates)))
    assert cls.from_config(layer.get_config()).recurrent_initializer.gain == 0.5


def test_initial_values_and_layout_of_weights():
    lstm, gru = L.LSTM(3), L.GRU(3, reset_after=True)
    cudnn = L.CuDNNLSTM(3)
    x = L.Input((4, 5))
    for layer in (lstm, gru, cudnn):
        layer(x)
    assert [w.shape for w in lstm.get_weights()] == [(5, 12), (3, 12), (12,)]
    assert [w.shape for w in gru.get_weights()] == [(5, 9), (3, 9), (2, 9)]
    assert [w.shape for w in cudnn.get_weights()] == [(5, 12), (3, 12), (24,)]
    np.testing.assert_array_equal(lstm.get_weights()[2], np.repeat([0, 1, 0, 0], 3))
    np.testing.assert_array_equal(cudnn.get_weights()[2], np.repeat([0, 0, 0, 0, 0, 1, 0, 0], 3))
    recurrent = lstm.get_weights()[1]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-5)
    assert [w.name.split("/")[-1] for w in lstm.weights] == ["kernel:0", "recurrent_kernel:0", "bias:0"]
    close(K.eval(lstm.cell.kernel_f), lstm.get_weights()[0][:, 3:6])


def test_defaults_and_old_arguments():
    config = L.LSTM(2).get_config()
    assert (config["recurrent_activation"], config["implementation"]) == ("sigmoid", 2)
    assert L.GRU(2).reset_after is False
    with pytest.warns(UserWarning, match="implementation=0"):
        assert L.LSTM(2, implementation=0).implementation == 1
    with pytest.warns(UserWarning, match="implementation"):
        L.SimpleRNN(2, implementation=1)
    assert L.GRU.from_config({**L.GRU(2).get_config(), "implementation": 0}).implementation == 1


# Dropout.


def drop_case(cell_or_layer, start=True, **arguments):
    """Outputs in training of a recurrence that keeps what its masks let through."""
    x, h = L.Input(batch_shape=(40, 3, 6)), L.Input(batch_shape=(40, 6))
    layer = cell_or_layer(**arguments)
    y = layer(x, initial_state=h) if start else layer(x)
    function = K.function([x, h, K.learning_phase()], [y])
    feed = [np.ones((40, 3, 6)), np.ones((40, 6))]
    return function([*feed, 1])[0], function([*feed, 0])[0], function([*feed, 1])[0]


def simple(**options):
    return L.SimpleRNN(6, activation=None, return_sequences=True, **options)


def test_recurrent_dropout_has_one_mask_for_all_steps():
    trained, plain, again = drop_case(
        simple, kernel_initializer="zeros", recurrent_initializer="identity", recurrent_dropout=0.5
    )
    assert (plain == 1).all()
    assert set(np.unique(trained[:, 0])) == {0, 2}
    np.testing.assert_array_equal(trained, trained[:, :1] * np.array([1, 2, 4])[None, :, None])
    assert not np.array_equal(trained, again)


@pytest.mark.parametrize("stacked", [False, True])
def test_input_dropout_has_one_mask_for_all_steps(stacked):
    def stack(**options):
        cells = [L.SimpleRNNCell(6, activation=None, **options) for _ in range(2)]
        return L.RNN(cells, return_sequences=True)

    trained, plain, again = drop_case(
        stack if stacked else simple,
        start=False,
        kernel_initializer="identity",
        recurrent_initializer="zeros",
        dropout=0.5,
    )
    assert (plain == 1).all()
    assert set(np.unique(trained)) == ({0, 4} if stacked else {0, 2})
    np.testing.assert_array_equal(trained, np.repeat(trained[:, :1], 3, axis=1))
    assert not np.array_equal(trained, again)


@pytest.mark.parametrize("implementation", [1, 2])
def test_lstm_masks_per_gate_or_for_all_gates(implementation):
    x = K.ones((1, 1, 40))
    layer = L.LSTM(40, implementation=implementation, dropout=0.5, recurrent_dropout=0.5)
    layer.cell.build((None, 40))
    project, _ = layer.cell.bind_sequence([K.ones((1, 40))] * 2, training=1)
    layer.cell.set_weights([np.tile(np.eye(40), (1, 4)), *layer.cell.get_weights()[1:]])
    gates = K.eval(project(x)).reshape(4, 40) - layer.cell.get_weights()[2].reshape(4, 40)
    assert set(np.unique(gates)) == {0, 2}
    assert all((gates[0] == gate).all() for gate in gates) == (implementation == 2)


def test_inference_draws_no_random_numbers():
    from keras.graph import program

    x = L.Input((4, 3))
    y = L.LSTM(2, dropout=0.3, recurrent_dropout=0.3)(x)
    drawn = [len(program.build([x], [y], (), K.learning_phase(), phase).seeds) for phase in (0, 1)]
    assert drawn == [0, 2]


def test_loop_holds_only_the_recurrent_product():
    from keras.graph import program

    def products(instructions):
        return sum("dot" in i.primitive for i in instructions)

    x = L.Input((4, 3))
    masked = L.Masking()(x)
    for y in (L.LSTM(2)(x), L.GRU(2, reset_after=True)(x), L.LSTM(2)(masked), L.CuDNNLSTM(2)(x)):
        block = program.build([x], [y], (), K.learning_phase(), 0).block
        (loop,) = [i for i in block.instructions if i.primitive == "scan"]
        # A second one only gives a masked loop the shape of its output.
        assert products(block.instructions) <= 2
        assert products(loop.blocks[0].instructions) == 1


# Cells.


class Leaky(L.Layer):
    """A cell of a user: h = decay * h + x @ w, plus a constant if given."""

    def __init__(self, units, decay=0.5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.decay = decay
        self.state_size = units

    def build(self, input_shape):
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        self.w = self.add_weight(name="w", shape=(input_shape[-1], self.units), initializer="uniform")
        super().build(input_shape)

    def call(self, inputs, states, constants=None):
        h = self.decay * states[0] + K.dot(inputs, self.w)
        if constants is not None:
            h = h + constants[0]
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "decay": self.decay}


def test_cell_of_a_user_with_constants_and_its_config():
    x, c = L.Input((4, 5)), L.Input((3,))
    layer = L.RNN(Leaky(3), return_sequences=True)
    y = layer(x, constants=c)
    again = L.RNN.from_config(layer.get_config(), custom_objects={"Leaky": Leaky})
    z = again([x, c])
    again.set_weights(layer.get_weights())
    data, constant = numbers(), numbers((2, 3), 2)
    got, copied = K.function([x, c], [y, z])([data, constant])
    h, w, wanted = np.zeros((2, 3)), layer.get_weights()[0], []
    for t in range(4):
        h = 0.5 * h + data[:, t] @ w + constant
        wanted.append(h)
    close(got, np.stack(wanted, axis=1))
    close(copied, got)
    assert again.get_config()["num_constants"] == 1


@pytest.mark.parametrize("both_ways", [False, True])
def test_a_layer_with_constants_in_a_file(both_ways, tmp_path):
    x, c = L.Input((4, 5)), L.Input((3,))
    layer = L.RNN(Leaky(3))
    layer = L.Bidirectional(layer) if both_ways else layer
    model = keras.Model([x, c], layer(x, constants=c))
    model.save(tmp_path / "m.h5")
    data = [numbers(), numbers((2, 3), 2)]
    again = keras.models.load_model(tmp_path / "m.h5", custom_objects={"Leaky": Leaky}, compile=False)
    close(again.predict(data), model.predict(data))


def test_stacked_cells_are_stacked_layers():
    x = L.Input((4, 5))
    stack = L.RNN([L.LSTMCell(3), L.GRUCell(2), Leaky(4)], return_sequences=True, return_state=True)
    y = stack(x)
    first, second, third = (
        L.LSTM(3, return_sequences=True, return_state=True),
        L.GRU(2, return_sequences=True, return_state=True),
        L.RNN(Leaky(4), return_sequences=True, return_state=True),
    )
    a = first(x)
    b = second(a[0])
    c = third(b[0])
    weights = harness.set_random_weights(stack)
    first.set_weights(weights[:3])
    second.set_weights(weights[3:6])
    third.set_weights(weights[6:])
    assert stack.cell.state_size == (3, 3, 2, 4)
    assert [K.int_shape(t) for t in y] == [(None, 4, 4), (None, 3), (None, 3), (None, 2), (None, 4)]
    assert stack.compute_output_shape((None, 4, 5)) == [K.int_shape(t) for t in y]
    values = K.function([x], [*y, c[0], *a[1:], b[1], c[1]])([numbers()])
    for got, wanted in zip(values[:5], values[5:]):
        close(got, wanted)
    assert len({w.name for w in stack.weights}) == len(stack.weights) == 7
    again = L.RNN.from_config(stack.get_config(), custom_objects={"Leaky": Leaky})
    assert again.get_config() == stack.get_config()


def test_reversed_order_of_states():
    with pytest.warns(UserWarning, match="reverse_state_order"):
        cell = L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(2)], reverse_state_order=True)
    assert cell.state_size == (2, 3, 3)
    outputs = L.RNN(cell, return_state=True)(L.Input((4, 5)))
    assert [K.int_shape(t)[1] for t in outputs] == [2, 2, 3, 3]


def test_subclass_of_a_cell_may_change_its_call():
    class Negated(L.SimpleRNNCell):
        def call(self, inputs, states, training=None):
            output, states = super().call(inputs, states, training=training)
            return -output, states

    x = L.Input((4, 5))
    one, other = L.RNN(L.SimpleRNNCell(3)), L.RNN(Negated(3))
    outputs = [one(x), other(x)]
    other.set_weights(one.get_weights())
    a, b = K.function([x], outputs)([numbers()])
    close(a, -b)


def test_frozen_layer_keeps_its_weights():
    layer = L.LSTM(2, trainable=False)
    layer(L.Input((4, 5)))
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, 3)
    layer.trainable = True
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (3, 0)


def test_penalties_on_weights_and_activity():
    layer = L.LSTM(2, kernel_regularizer="l2", activity_regularizer="l1")
    x = L.Input((4, 5))
    layer(x)
    assert len(layer.losses) == 2
    assert len(layer.get_losses_for(None)) == 1
    assert len(layer.get_losses_for(x)) == 1


def test_gradients_of_the_loop_and_of_the_unrolled_loop_agree():
    x = L.Input(batch_shape=(2, 4, 5))
    loop, unrolled = L.LSTM(3), L.LSTM(3, unroll=True)
    outputs = [loop(x), unrolled(x)]
    unrolled.set_weights(harness.set_random_weights(loop))
    gradients = []
    for layer, y in zip((loop, unrolled), outputs):
        gradients += K.gradients(K.sum(y * y), layer.trainable_weights)
    values = K.function([x], gradients)([numbers()])
    for one, other in zip(values[:3], values[3:]):
        assert np.abs(one).max() > 1e-3
        close(one, other)


# Errors.


def test_unroll_needs_a_length():
    with pytest.raises(ValueError, match="cannot unroll"):
        L.LSTM(2, unroll=True)(L.Input((None, 3)))


def test_stateful_needs_a_batch_size():
    with pytest.raises(ValueError, match="batch_input_shape"):
        L.LSTM(2, stateful=True)(L.Input((4, 3)))
    with pytest.raises(AttributeError, match="stateful=True"):
        L.LSTM(2).reset_states()


def test_reset_states_with_wrong_arrays_changes_nothing():
    layer = L.LSTM(2, stateful=True)
    layer(L.Input(batch_shape=(3, 4, 5)))
    layer.reset_states([np.ones((3, 2)), np.ones((3, 2))])
    with pytest.raises(ValueError, match="expects 2 states, but it received 1"):
        layer.reset_states(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"expected shape=\(3, 2\), found shape=\(2, 3\)"):
        layer.reset_states([np.zeros((3, 2)), np.zeros((2, 3))])
    assert (K.get_value(layer.states[0]) == 1).all()


def test_wrong_initial_states():
    x = L.Input((4, 3))
    with pytest.raises(ValueError, match=r"has 2 state\(s\)"):
        L.LSTM(2)(x, initial_state=L.Input((2,)))
    with pytest.raises(ValueError, match="not compatible with `cell.state_size`"):
        L.LSTM(2)(x, initial_state=[L.Input((2,)), L.Input((3,))])
    with pytest.raises(ValueError, match="must all be Keras tensors"):
        L.LSTM(2)(x, initial_state=[L.Input((2,)), K.zeros((1, 2))])
    with pytest.raises(ValueError, match="came twice"):
        L.GRU(2)([x, L.Input((2,))], initial_state=L.Input((2,)))


def test_things_that_are_no_cells():
    with pytest.raises(ValueError, match="has no `call`"):
        L.RNN(3)
    with pytest.raises(ValueError, match="has no `state_size`"):
        L.RNN([L.Dense(3)])
    with pytest.raises(ValueError, match="does not support"):
        L.RNN(L.LSTMCell(2))(L.Input((4, 3)), constants=L.Input((2,)))
    with pytest.raises(ValueError, match="units"):
        L.LSTM(0)
    with pytest.raises(ValueError, match="ndim=3"):
        L.LSTM(2)(L.Input((3,)))


def test_module_names():
    assert keras.layers.recurrent.RNN is L.RNN
    assert isinstance(L.LSTM(2), keras.layers.recurrent.RNN)
