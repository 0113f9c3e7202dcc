"""Training loops of researchers: states between batches, K.gradients, K.function with updates, many inputs."""

import numpy as np
import pytest

import keras.backend as K
from keras import losses, metrics, optimizers
from keras.callbacks import Callback
from keras.layers import (
    GRU, LSTM, Concatenate, Dense, Dot, Dropout, Embedding, Flatten, Input, TimeDistributed,
)  # fmt: skip
from keras.models import Model, Sequential


def test_stateful_training_by_hand():
    """Long series in pieces: the same numbers as the whole series at once."""
    batch_size, steps, features = 2, 4, 3
    series = np.random.rand(batch_size, 12, features)
    model = Sequential()
    model.add(LSTM(5, batch_input_shape=(batch_size, steps, features), stateful=True, return_sequences=True))
    model.add(GRU(4, stateful=True, return_sequences=True))
    model.add(TimeDistributed(Dense(1)))
    model.compile(loss="mean_squared_error", optimizer="adam")
    whole = Sequential([LSTM(5, input_shape=(None, features), return_sequences=True), GRU(4, return_sequences=True)])
    whole.add(TimeDistributed(Dense(1)))
    whole.set_weights(model.get_weights())
    wanted = whole.predict(series)
    for _ in range(2):
        model.reset_states()
        pieces = [model.predict(series[:, i : i + steps], batch_size=batch_size) for i in (0, 4, 8)]
        np.testing.assert_allclose(np.concatenate(pieces, axis=1), wanted, rtol=1e-4, atol=1e-6)

    lstm = model.layers[0]
    h, c = [K.get_value(s) for s in lstm.states]
    assert h.shape == c.shape == (2, 5)
    lstm.reset_states(states=[np.zeros((2, 5)), np.ones((2, 5))])
    np.testing.assert_array_equal(K.get_value(lstm.states[1]), np.ones((2, 5)))

    class ResetStates(Callback):
        def on_epoch_begin(self, epoch, logs={}):  # noqa: B006 (written as in those years)
            self.model.reset_states()

    x = np.concatenate([series[:, i : i + steps] for i in (0, 4, 8)])
    history = model.fit(x, x[..., :1], batch_size=2, epochs=3, shuffle=False, verbose=0, callbacks=[ResetStates()])
    assert history.history["loss"][-1] < history.history["loss"][0]
    with pytest.raises(ValueError, match="batch size"):
        model.fit(x[:5], x[:5, :, :1], batch_size=2, verbose=0)


def test_a_policy_trained_by_functions():
    """An optimizer's updates in a K.function, with placeholders of one's own for what is not a target."""
    state = Input(shape=(4,))
    hidden = Dense(6, activation="tanh")(state)
    model = Model(state, Dense(2, activation="softmax")(Dropout(0.1)(hidden)))
    action_onehot = K.placeholder(shape=(None, 2), name="action_onehot")
    discounted_reward = K.placeholder(shape=(None,), name="reward")
    action_prob = K.sum(model.output * action_onehot, axis=1)
    log_action_prob = K.log(action_prob)
    loss = K.mean(-log_action_prob * discounted_reward)
    adam = optimizers.Adam(lr=0.05)
    updates = adam.get_updates(params=model.trainable_weights, loss=loss)
    train_fn = K.function(
        inputs=[model.input, action_onehot, discounted_reward, K.learning_phase()],
        outputs=[loss], updates=updates,
    )  # fmt: skip
    states = np.random.rand(16, 4)
    actions = np.eye(2)[(states[:, 0] > 0.5).astype(int)]
    values = [train_fn([states, actions, np.ones(16), 1])[0] for _ in range(60)]
    assert values[-1] < 0.6 * values[0]
    older = optimizers.SGD(lr=0.0).get_updates(model.trainable_weights, [], loss)  # the order of Keras 1
    assert len(older) == len(model.trainable_weights) * 2 + 1


def test_gradients_of_weights_and_inputs():
    x, y = np.random.rand(8, 3).astype("float32"), np.random.rand(8, 1).astype("float32")
    model = Sequential([Dense(1, input_dim=3, use_bias=False)])
    model.compile("sgd", "mse")
    weights = model.trainable_weights
    gradients = model.optimizer.get_gradients(model.total_loss, weights)
    input_tensors = [model.inputs[0], model.sample_weights[0], model.targets[0], K.learning_phase()]
    get_gradients = K.function(inputs=input_tensors, outputs=gradients)
    w = model.get_weights()[0]
    error = x.dot(w) - y
    found = get_gradients([x, np.ones(8), y, 0])[0]
    np.testing.assert_allclose(found, 2 * x.T.dot(error) / 8, rtol=1e-4)

    saliency = K.function([model.input], K.gradients(K.sum(model.output**2), [model.input]))
    np.testing.assert_allclose(saliency([x])[0], 2 * x.dot(w) * w.T, rtol=1e-4)
    symbolic_target = K.placeholder((None, 1))
    hessian_row = K.gradients(K.gradients(losses.mse(symbolic_target, model.output), weights)[0][0], weights)[0]
    second = K.function([model.input, symbolic_target], [hessian_row])([x, y])[0]
    np.testing.assert_allclose(second[:, 0], 2 * x.T.dot(x)[0], rtol=1e-4)


def test_many_inputs_and_outputs_by_name():
    main_input = Input(shape=(5,), dtype="int32", name="main_input")
    x = LSTM(6)(Embedding(output_dim=4, input_dim=20, input_length=5)(main_input))
    auxiliary_output = Dense(1, activation="sigmoid", name="aux_output")(x)
    auxiliary_input = Input(shape=(3,), name="aux_input")
    x = Dense(4, activation="relu")(Concatenate()([x, auxiliary_input]))
    main_output = Dense(1, activation="sigmoid", name="main_output")(x)
    model = Model(inputs=[main_input, auxiliary_input], outputs=[main_output, auxiliary_output])
    model.compile(
        optimizer="rmsprop", loss={"main_output": "binary_crossentropy", "aux_output": "mse"},
        loss_weights={"main_output": 1.0, "aux_output": 0.2}, metrics={"main_output": ["acc", metrics.mae]},
    )  # fmt: skip
    names = ["loss", "main_output_loss", "aux_output_loss", "main_output_acc", "main_output_mean_absolute_error"]
    assert model.metrics_names == names
    headlines, extra = np.random.randint(1, 20, (6, 5)), np.random.rand(6, 3)
    labels = np.random.randint(0, 2, (6, 1))
    history = model.fit(
        {"main_input": headlines, "aux_input": extra}, {"main_output": labels, "aux_output": labels},
        epochs=2, batch_size=3, verbose=0, validation_split=0.5, sample_weight={"main_output": np.ones(6)},
    )  # fmt: skip
    assert set(history.history) == set(names) | {"val_" + name for name in names}
    model.reset_metrics()  # after `fit` they still hold the last validation
    in_lists = model.test_on_batch([headlines, extra], [labels, labels])
    total, main, aux = in_lists[:3]
    assert total == pytest.approx(main + 0.2 * aux, rel=1e-5)
    in_dicts = model.evaluate(
        {"aux_input": extra, "main_input": headlines}, {"aux_output": labels, "main_output": labels}, verbose=0
    )
    np.testing.assert_allclose(in_dicts, in_lists, rtol=1e-5)

    def batches():
        while True:
            yield {"main_input": headlines, "aux_input": extra}, {"main_output": labels, "aux_output": labels}

    model.fit_generator(batches(), steps_per_epoch=2, epochs=1, verbose=0)
    both = model.predict({"main_input": headlines, "aux_input": extra})
    assert [p.shape for p in both] == [(6, 1), (6, 1)]


def test_translation_word_by_word():
    """Encoder and decoder share their layers between the training model and two for inference."""
    encoder_inputs = Input(shape=(None, 5))
    encoder_outputs, state_h, state_c = LSTM(6, return_state=True)(encoder_inputs)
    encoder_states = [state_h, state_c]
    decoder_inputs = Input(shape=(None, 4))
    decoder_lstm = LSTM(6, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
    decoder_dense = Dense(4, activation="softmax")
    decoder_outputs = decoder_dense(decoder_outputs)
    model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy")
    source, target = np.random.rand(6, 5, 5), np.eye(4)[np.random.randint(0, 4, (6, 3))]
    model.fit([source, target], np.roll(target, -1, axis=1), batch_size=6, epochs=1, verbose=0)

    encoder_model = Model(encoder_inputs, encoder_states)
    decoder_states_inputs = [Input(shape=(6,)), Input(shape=(6,))]
    decoder_outputs, state_h, state_c = decoder_lstm(decoder_inputs, initial_state=decoder_states_inputs)
    decoder_outputs = decoder_dense(decoder_outputs)
    decoder_model = Model([decoder_inputs] + decoder_states_inputs, [decoder_outputs, state_h, state_c])
    states_value, steps = encoder_model.predict(source), []
    for t in range(3):
        output_tokens, h, c = decoder_model.predict([target[:, t : t + 1]] + states_value)
        states_value = [h, c]
        steps.append(output_tokens)
    np.testing.assert_allclose(np.concatenate(steps, axis=1), model.predict([source, target]), rtol=1e-4)


def test_matrix_factorisation():
    user, item = Input((1,), dtype="int32"), Input((1,), dtype="int32")
    u, v = [Flatten()(Embedding(7, 3)(i)) for i in (user, item)]
    model = Model([user, item], Dot(axes=1)([u, v]))
    model.compile("adam", "mse", metrics=["mae"])
    pairs = [np.random.randint(0, 7, 20), np.random.randint(0, 7, 20)]
    model.fit(pairs, np.random.rand(20), batch_size=10, epochs=1, verbose=0)
    assert model.predict(pairs).shape == (20, 1)


def test_weights_started_anew_between_folds():
    """As scripts for TensorFlow did it: the initializer of each variable run in the session."""
    model = Sequential([Dense(4, input_dim=3, kernel_initializer="he_normal"), Dense(2, bias_initializer="ones")])
    model.compile("sgd", "mse")
    starts = [model.get_weights()]
    for _ in range(2):
        model.train_on_batch(np.ones((4, 3)), np.zeros((4, 2)))
        session = K.get_session()
        for layer in model.layers:
            if hasattr(layer, "kernel_initializer"):
                layer.kernel.initializer.run(session=session)
        session.run([layer.bias.initializer for layer in model.layers])
        starts.append(model.get_weights())
    kernels = [weights[0] for weights in starts]
    assert len({kernel.tobytes() for kernel in kernels}) == 3  # drawn again each time
    for weights in starts:
        np.testing.assert_array_equal(weights[1], np.zeros(4))
        np.testing.assert_array_equal(weights[3], np.ones(2))
    with pytest.raises(ValueError, match="K.set_value"):
        K.variable(np.ones(5000)).initializer.run()
