"""Models as SavedModel folders, served by TensorFlow alone."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras import backend as K
from keras.layers import (
    GRU, LSTM, AveragePooling1D, BatchNormalization, Bidirectional, Concatenate, Conv1D, Conv2D, Conv2DTranspose,
    Conv3D, Dense, DepthwiseConv2D, Dot, Dropout, Embedding, Flatten, GlobalAveragePooling2D, GlobalMaxPooling1D,
    Input, Lambda, LocallyConnected1D, MaxPooling2D, MaxPooling3D, TimeDistributed, UpSampling2D, ZeroPadding1D,
)  # fmt: skip
from keras.models import Model, Sequential

MODELS = {
    "dense": lambda: [Dense(4, input_shape=(3,)), BatchNormalization(), Dropout(0.5)],
    "recurrent, free length": lambda: [
        Embedding(20, 4, mask_zero=True), LSTM(3, return_sequences=True), Bidirectional(GRU(2)), Dense(1)
    ],
    "recurrent, fixed length": lambda: [
        LSTM(3, input_shape=(4, 2), return_sequences=True), TimeDistributed(Dense(2)), Flatten()
    ],
    "images": lambda: [
        Conv2D(3, 3, input_shape=(8, 8, 2), dilation_rate=2), MaxPooling2D(), UpSampling2D(),
        Conv2DTranspose(2, 3, strides=2), Flatten(), Dense(2, activation="softmax"),
    ],
    "images of any size": lambda: [
        Conv2D(3, 3, input_shape=(None, None, 2)), DepthwiseConv2D(2), GlobalAveragePooling2D()
    ],
    "signals": lambda: [
        Conv1D(3, 3, input_shape=(None, 2), padding="causal"), AveragePooling1D(), GlobalMaxPooling1D()
    ],
    "volumes": lambda: [Conv3D(3, 2, input_shape=(4, 4, 4, 2)), MaxPooling3D(), Flatten()],
    "local": lambda: [LocallyConnected1D(2, 2, input_shape=(5, 2)), ZeroPadding1D(2)],
    "functions of TensorFlow": lambda: [Lambda(lambda x: tf.nn.l2_normalize(x, axis=1), input_shape=(3,))],
}  # fmt: skip


def data(model, rows=5):
    x = np.random.rand(rows, *(d or 6 for d in model.input_shape[1:])).astype("float32")
    return np.floor(x * 20) if isinstance(model.layers[0], Embedding) else x


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_the_same_for_any_batch_size(name, tmp_path):
    model = Sequential(MODELS[name]())
    model.export(tmp_path / "folder")
    served = tf.saved_model.load(tmp_path / "folder").signatures["serving_default"]
    for rows in (5, 1):
        x = data(model, rows)
        found = served(**{model.input_names[0]: tf.constant(x)})[model.output_names[0]]
        np.testing.assert_allclose(found.numpy(), model.predict(x), rtol=1e-6, atol=1e-7)


def test_several_inputs_and_outputs(tmp_path):
    a, b = Input((3,), name="a"), Input((3,), name="b-with dash")
    model = Model([a, b], [Dot(1)([a, b]), Concatenate(name="both")([a, b])])
    model.export(tmp_path / "folder")
    served = tf.saved_model.load(tmp_path / "folder").signatures["serving_default"]
    x, y = np.random.rand(2, 4, 3).astype("float32")
    found = served(a=tf.constant(x), b_with_dash=tf.constant(y))
    wanted = dict(zip(["dot_1", "both"], model.predict([x, y]), strict=True))
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key].numpy(), value, rtol=1e-6)


def test_states_are_kept_from_call_to_call(tmp_path):
    model = Sequential([LSTM(2, stateful=True, batch_input_shape=(3, 4, 1))])
    model.export(tmp_path / "folder")
    served = tf.saved_model.load(tmp_path / "folder").signatures["serving_default"]
    x = np.random.rand(3, 4, 1).astype("float32")
    for _ in range(2):
        found = served(**{model.input_names[0]: tf.constant(x)})[model.output_names[0]]
        np.testing.assert_allclose(found.numpy(), model.predict(x, batch_size=3), rtol=1e-6)


def test_random_numbers_are_new_at_every_call(tmp_path):
    x = Input((4,))
    model = Model(x, Lambda(lambda z: z + K.random_normal(K.shape(z)))(x))
    model.export(tmp_path / "folder")
    served = tf.saved_model.load(tmp_path / "folder").signatures["serving_default"]
    first, second = (next(iter(served(tf.zeros((500, 4))).values())).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1
    np.testing.assert_allclose([first.mean(), first.std()], [0, 1], atol=0.1)


def test_tensorflow_alone_serves_it(tmp_path):
    model = Sequential([Conv2D(3, 3, input_shape=(8, 8, 1)), Flatten(), Dense(2, name="answer")])
    model.export(tmp_path / "folder")
    x = data(model)
    np.savez(tmp_path / "data.npz", x=x, y=model.predict(x))
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        "sys.modules['keras'] = None\n"
        "data = np.load('data.npz')\n"
        "served = tf.saved_model.load('folder').signatures['serving_default']\n"
        "found = served(tf.constant(data['x']))['answer']\n"
        "np.testing.assert_allclose(found, data['y'], rtol=1e-6)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_other_backends_export_too(tmp_path):
    code = (
        "import numpy as np\nfrom keras.models import Sequential\nfrom keras.layers import Dense, LSTM\n"
        "m = Sequential([LSTM(3, input_shape=(4, 2)), Dense(2)])\nx = np.random.rand(5, 4, 2).astype('f')\n"
        "m.export('folder')\nimport tensorflow as tf\n"
        "y, = tf.saved_model.load('folder').signatures['serving_default'](tf.constant(x)).values()\n"
        "np.testing.assert_allclose(y, m.predict(x), rtol=1e-4, atol=1e-6)\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


def test_a_folder_appears_whole_and_only_a_saved_model_is_replaced(tmp_path, monkeypatch):
    model = Sequential([Dense(2, input_shape=(3,))])
    folder = tmp_path / "folder"
    model.export(folder)
    model.export(folder)
    before = sorted(p.name for p in folder.iterdir())

    def full(*args, **kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(tf.saved_model, "save", full)
        with pytest.raises(OSError, match="disk full"):
            model.export(folder)
    assert sorted(p.name for p in folder.iterdir()) == before
    assert [p.name for p in tmp_path.iterdir()] == ["folder"], "nothing else is left"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(FileExistsError, match="something else is there"):
        model.export(tmp_path / "mine")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        model.export(tmp_path / "no" / "folder")


def test_what_cannot_be_exported():
    with pytest.raises(ValueError, match="no inputs and outputs yet"):
        Sequential([Dense(1)]).export("folder")
    with pytest.raises(ValueError, match="model.tflite"):
        Sequential([Dense(1, input_shape=(2,))]).export("model.tflite")
