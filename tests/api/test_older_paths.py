"""Names and paths of Keras 2.0 to 2.2 that 2.3 no longer had, and a script as old as Keras 1."""

import importlib

import numpy as np
import pytest

from keras import backend as K

PATHS = {
    "keras.engine.topology": "Container Input InputLayer InputSpec Layer Network Node get_source_inputs "
    "load_weights_from_hdf5_group preprocess_weights_for_loading save_weights_to_hdf5_group _to_list",
    "keras.utils.training_utils": "multi_gpu_model",
    "keras.layers.recurrent": "Recurrent _time_distributed_dense",
    "keras.layers.convolutional_recurrent": "ConvRecurrent2D",
    "keras.legacy.layers": "AtrousConvolution1D AtrousConvolution2D Highway MaxoutDense",
    "keras.objectives": "mse mean_squared_error get",
    "keras.backend.tensorflow_backend": "_get_available_gpus set_session get_session clear_session",
    "keras.utils.io_utils": "HDF5Matrix h5dict",
    "keras.utils.np_utils": "to_categorical normalize",
}


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in PATHS.items() for n in names.split()])
def test_path(module, name):
    assert getattr(importlib.import_module(module), name) is not None


def test_modules_as_attributes():
    import keras
    import keras.backend.tensorflow_backend as KTF

    assert KTF.dot is K.dot is keras.backend.load_backend.dot and K.tensorflow_backend is KTF
    assert all(name.startswith("/device:GPU:") for name in KTF._get_available_gpus())
    with KTF.get_graph().as_default():
        assert KTF.py_sum([1, 2]) == 3 and KTF.py_all([]) and not KTF.py_any([])
    from keras.backend.tensorflow_backend import concatenate, set_session  # noqa: F401

    names = {}
    exec("from keras.backend.tensorflow_backend import *", names)
    assert names["categorical_crossentropy"] is K.categorical_crossentropy


def test_image_dim_ordering():
    try:
        assert K.image_dim_ordering() == "tf"
        K.set_image_dim_ordering("th")
        assert K.image_data_format() == "channels_first" and K.image_dim_ordering() == "th"
    finally:
        K.set_image_data_format("channels_last")


@pytest.mark.filterwarnings("ignore:Update your:UserWarning")
@pytest.mark.filterwarnings("ignore:The `nb_epoch`:UserWarning")
def test_a_script_as_old_as_keras_1():
    from keras.layers.convolutional import Convolution2D, MaxPooling2D
    from keras.layers.core import Activation, Dense, Dropout, Flatten
    from keras.models import Sequential
    from keras.optimizers import SGD
    from keras.regularizers import l2
    from keras.utils import np_utils

    np.random.seed(1337)
    x = np.random.random((12, 1, 8, 8)).astype("float32")
    y = np_utils.to_categorical(np.arange(12) % 3, 3)
    model = Sequential()
    model.add(Convolution2D(4, 3, 3, border_mode="same", input_shape=(1, 8, 8), dim_ordering="th"))
    model.add(Activation("relu"))
    model.add(MaxPooling2D(pool_size=(2, 2), dim_ordering="th"))
    model.add(Dropout(p=0.25))
    model.add(Flatten())
    model.add(Dense(output_dim=8, init="uniform", W_regularizer=l2(0.01), activation="tanh"))
    model.add(Dense(3, init="normal", bias=False))
    model.add(Activation("softmax"))
    sgd = SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True)
    model.compile(loss="categorical_crossentropy", optimizer=sgd, metrics=["accuracy"])
    history = model.fit(x, y, batch_size=4, nb_epoch=2, verbose=0, validation_data=(x, y), shuffle=True)
    assert history.epoch == [0, 1] and "val_accuracy" in history.history
    score = model.evaluate(x, y, verbose=0)
    assert len(score) == 2 and model.predict_classes(x, verbose=0).shape == (12,)
    assert model.predict_proba(x, verbose=0).shape == (12, 3)
