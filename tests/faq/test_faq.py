"""The questions of the Keras FAQ, answered as a user would type them."""

import h5py
import numpy as np
import pytest

import keras
from keras import backend as K
from keras.layers import LSTM, BatchNormalization, Dense, Dropout, Input, Layer
from keras.models import Model, Sequential, load_model, model_from_json, model_from_yaml


def classifier(dropout=0.0):
    model = Sequential()
    model.add(Dense(8, activation="relu", input_dim=4, name="dense_1"))
    model.add(Dropout(dropout))
    model.add(BatchNormalization())
    model.add(Dense(3, activation="softmax", name="my_layer"))
    return model


@pytest.fixture
def data():
    x = np.random.rand(40, 4)
    return x, np.eye(3)[np.random.randint(3, size=40)]


def test_save_a_model(tmp_path, data):
    x, y = data
    model = classifier()
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
    model.fit(x, y, epochs=2, verbose=0)
    expected = model.predict(x)
    path = str(tmp_path / "my_model.h5")
    model.save(path)
    again = load_model(path)
    np.testing.assert_array_equal(again.predict(x), expected)
    # Training goes on exactly where it was left (metrics still hold the last epoch, as in Keras 2.3).
    model.reset_metrics()
    for _ in range(3):
        np.testing.assert_array_equal(model.train_on_batch(x, y), again.train_on_batch(x, y))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_save_the_architecture_only(data):
    model = classifier()
    for text, back in ((model.to_json(), model_from_json), (model.to_yaml(), model_from_yaml)):
        fresh = back(text)
        fresh.set_weights(model.get_weights())
        np.testing.assert_array_equal(fresh.predict(data[0]), model.predict(data[0]))


def test_save_weights_and_load_them_by_name(tmp_path, data):
    fname = str(tmp_path / "my_model_weights.h5")
    original = Sequential()
    original.add(Dense(2, input_dim=3, name="dense_1"))
    original.add(Dense(3, name="dense_2"))
    original.save_weights(fname)
    model = Sequential()
    model.add(Dense(2, input_dim=3, name="dense_1"))  # will be loaded
    model.add(Dense(10, name="new_dense"))  # will not be loaded
    untouched = model.layers[1].get_weights()
    model.load_weights(fname, by_name=True)
    for a, b in zip(model.layers[0].get_weights(), original.layers[0].get_weights()):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(model.layers[1].get_weights(), untouched):
        np.testing.assert_array_equal(a, b)


class AttentionLayer(Layer):
    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones", trainable=True)
        super().build(input_shape)

    def call(self, inputs):
        return inputs * K.softmax(inputs * self.w) * self.scale

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def test_custom_layers_in_saved_models(tmp_path, data):
    model = Sequential([Dense(5, input_dim=4), AttentionLayer(scale=2.0)])
    model.compile("sgd", "mse")
    path = str(tmp_path / "my_model.h5")
    model.save(path)
    expected = model.predict(data[0])
    again = load_model(path, custom_objects={"AttentionLayer": AttentionLayer})
    np.testing.assert_array_equal(again.predict(data[0]), expected)
    from keras.utils import CustomObjectScope

    with CustomObjectScope({"AttentionLayer": AttentionLayer}):
        np.testing.assert_array_equal(load_model(path).predict(data[0]), expected)
    built = model_from_json(model.to_json(), custom_objects={"AttentionLayer": AttentionLayer})
    assert built.layers[1].scale == 2.0
    with pytest.raises(ValueError, match="AttentionLayer.*custom_objects"):
        load_model(path)


def test_output_of_an_intermediate_layer(data):
    model, x = classifier(dropout=0.5), data[0]
    layer_name = "my_layer"
    intermediate_layer_model = Model(inputs=model.input, outputs=model.get_layer(layer_name).output)
    np.testing.assert_allclose(intermediate_layer_model.predict(x), model.predict(x), rtol=1e-6)

    get_3rd_layer_output = K.function([model.layers[0].input], [model.layers[3].output])
    np.testing.assert_allclose(get_3rd_layer_output([x])[0], model.predict(x), rtol=1e-5)

    get_3rd_layer_output = K.function([model.layers[0].input, K.learning_phase()], [model.layers[3].output])
    test_mode = get_3rd_layer_output([x, 0])[0]
    train_mode = get_3rd_layer_output([x, 1])[0]
    np.testing.assert_allclose(test_mode, model.predict(x), rtol=1e-5)
    assert np.abs(train_mode - test_mode).max() > 1e-3
    assert np.abs(get_3rd_layer_output([x, 1])[0] - train_mode).max() > 1e-3  # Dropout draws anew


def test_data_that_does_not_fit_in_memory(data):
    x, y = data
    model = classifier()
    model.compile("sgd", "categorical_crossentropy")

    def generator():
        while True:
            for i in range(0, 40, 10):
                yield x[i : i + 10], y[i : i + 10]

    history = model.fit_generator(generator(), steps_per_epoch=4, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert np.isscalar(model.test_on_batch(x, y))


def test_interrupt_training_with_early_stopping(data):
    from keras.callbacks import EarlyStopping

    x, y = data
    model = classifier()
    model.compile("sgd", "categorical_crossentropy")
    early_stopping = EarlyStopping(monitor="val_loss", patience=2, baseline=0.0)
    hist = model.fit(x, y, validation_split=0.2, callbacks=[early_stopping], epochs=10, verbose=0)
    assert len(hist.history["val_loss"]) == 2


def test_validation_split_is_the_last_part_and_never_shuffled(data):
    x, y = data
    model = classifier()
    model.compile("sgd", "categorical_crossentropy")
    hist = model.fit(x, y, validation_split=0.25, verbose=0)
    assert sorted(hist.history) == ["loss", "val_loss"]
    assert hist.history["val_loss"][-1] == pytest.approx(model.evaluate(x[30:], y[30:], verbose=0), rel=1e-6)


def test_freeze_layers():
    x = Input(shape=(32,))
    layer = Dense(32)
    layer.trainable = False
    y = layer(x)
    frozen_model = Model(x, y)
    frozen_model.compile(optimizer="rmsprop", loss="mse")
    layer.trainable = True
    trainable_model = Model(x, y)
    trainable_model.compile(optimizer="rmsprop", loss="mse")
    data, labels = np.random.rand(8, 32), np.random.rand(8, 32)
    before = layer.get_weights()[0]
    with pytest.warns(UserWarning, match="trainable"):
        frozen_model.fit(data, labels, verbose=0)  # this does NOT update the weights of `layer`
    np.testing.assert_array_equal(layer.get_weights()[0], before)
    trainable_model.fit(data, labels, verbose=0)  # this updates the weights of `layer`
    assert np.abs(layer.get_weights()[0] - before).max() > 1e-4
    assert Dense(32, trainable=False).trainable is False


def test_stateful_rnns():
    x = np.random.rand(32, 21, 16)
    model = Sequential()
    model.add(LSTM(32, input_shape=(10, 16), batch_size=32, stateful=True))
    model.add(Dense(16, activation="softmax"))
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy")
    fresh = model.predict(x[:, :10])
    carried = model.predict(x[:, :10])
    assert np.abs(fresh - carried).max() > 1e-5
    model.reset_states()
    np.testing.assert_allclose(model.predict(x[:, :10]), fresh, rtol=1e-5)
    model.layers[0].reset_states()
    np.testing.assert_allclose(model.predict(x[:, :10]), fresh, rtol=1e-5)
    model.train_on_batch(x[:, :10, :], np.reshape(x[:, 10, :], (32, 16)))
    model.train_on_batch(x[:, 10:20, :], np.reshape(x[:, 20, :], (32, 16)))


def test_remove_a_layer():
    model = Sequential()
    model.add(Dense(32, activation="relu", input_dim=784))
    model.add(Dense(32, activation="relu"))
    assert len(model.layers) == 2
    model.pop()
    assert len(model.layers) == 1
    assert model.output_shape == (None, 32)


def test_hdf5_inputs(tmp_path):
    from keras.utils.io_utils import HDF5Matrix

    path = str(tmp_path / "file.hdf5")
    x = np.random.rand(40, 4).astype("float32")
    with h5py.File(path, "w") as f:
        f["x_data"] = x
    model = classifier()
    expected = model.predict(x)
    with h5py.File(path, "r") as f:
        x_data = f["x_data"]
        np.testing.assert_allclose(model.predict(x_data), expected, rtol=1e-6)
    np.testing.assert_allclose(model.predict(HDF5Matrix(path, "x_data")), expected, rtol=1e-6)


def test_penalty_on_the_gradient_trains():
    """A gradient penalty: a loss that holds a gradient is differentiated again."""
    x = Input(shape=(3,))
    hidden = Dense(8, activation="tanh")(x)
    y = Dense(1)(hidden)
    model = Model(x, y)
    penalty = K.mean(K.square(K.sqrt(K.sum(K.square(K.gradients(y, x)[0]), axis=1) + 1e-9) - 1.0))
    model.add_loss(penalty)
    model.compile("adam", loss=None)
    batch = np.random.rand(16, 3)
    first = model.train_on_batch(batch, None)
    for _ in range(100):
        last = model.train_on_batch(batch, None)
    assert last < 0.2 * first


def test_version():
    assert keras.__version__ == "2.3.1"
