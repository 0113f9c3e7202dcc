"""Names and paths of Keras 2.0 to 2.2 that 2.3 no longer had, and a script as old as Keras 1."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

from keras import backend as K

PATHS = {
    "keras.engine.topology": "Container Input InputLayer InputSpec Layer Network Node get_source_inputs "
    "load_weights_from_hdf5_group preprocess_weights_for_loading save_weights_to_hdf5_group _to_list",
    "keras.engine.training": "_batch_shuffle _make_batches _slice_arrays _standardize_input_data "
    "_weighted_masked_objective",
    "keras.utils.test_utils": "keras_test layer_test get_test_data",
    "keras.utils.training_utils": "multi_gpu_model",
    "keras.layers.recurrent": "Recurrent _generate_dropout_mask _standardize_args _time_distributed_dense "
    "time_distributed_dense",
    "keras.layers.convolutional_recurrent": "ConvRecurrent2D",
    "keras.layers": "K Merge activations constraints initializers interfaces np regularizers warnings",
    "keras.legacy.layers": "AtrousConvolution1D AtrousConvolution2D Highway MaxoutDense Merge merge",
    "keras.applications.resnet50": "conv_block identity_block",
    "keras.applications.inception_v3": "conv2d_bn",
    "keras.engine.saving": "_deserialize_model _serialize_model",
    "keras.objectives": "mse mean_squared_error get",
    "keras.backend.tensorflow_backend": "_get_available_gpus set_session get_session clear_session",
    "keras.utils.io_utils": "HDF5Matrix h5dict",
    "keras.utils.np_utils": "to_categorical normalize",
}


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in PATHS.items() for n in names.split()])
def test_path(module, name):
    assert getattr(importlib.import_module(module), name) is not None


_WITH_OLD_PACKAGES = """
import pickle, sys
from keras.models import load_model
assert "keras.preprocessing" not in sys.modules  # a program that has not asked for it
Tokenizer = pickle.loads(b"ckeras_preprocessing.text\\nTokenizer\\n.")
from keras_applications import imagenet_utils, resnext
from keras_preprocessing.image import ImageDataGenerator
from keras_preprocessing.image.image_data_generator import ImageDataGenerator as Same
from keras_preprocessing.image.utils import load_img
import keras
assert Tokenizer is keras.preprocessing.text.Tokenizer and load_img is keras.preprocessing.image.load_img
assert ImageDataGenerator is Same is keras.preprocessing.image.ImageDataGenerator
assert resnext is keras.applications.resnext and keras.preprocessing.__spec__.name == "keras.preprocessing"
try:
    import keras_preprocessing.nothing
except ModuleNotFoundError:
    print("done")
"""


def test_packages_that_came_with_keras():
    ran = subprocess.run([sys.executable, "-c", _WITH_OLD_PACKAGES], stdout=subprocess.PIPE, text=True, check=True)
    assert ran.stdout == "done\n"


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


def test_inside_the_backend_modules():
    from keras.backend import tensorflow_backend as KTF
    from keras.backend.common import _EPSILON, _FLOATX, _UID_PREFIXES
    from keras.backend.tensorflow_backend import _EPSILON as epsilon_too
    from keras.backend.tensorflow_backend import _preprocess_conv2d_input, _preprocess_padding, _to_tensor

    assert _EPSILON == epsilon_too == K._EPSILON == K.epsilon() and _FLOATX == "float32" and K._BACKEND == K.backend()
    for key in _UID_PREFIXES:
        _UID_PREFIXES[key] = 0  # how scripts made names begin again
    assert K.get_uid("dense") == 1
    KTF._SYMBOLIC_SCOPE.value = True
    KTF._initialize_variables(K.get_session())
    assert KTF._SESSION is K.get_session() and not KTF._SESSION.graph.get_operations()
    for number in (1e-7, np.float64(1e-7), K.variable(1e-7), K.constant(1e-7)):
        tensor = _to_tensor(number, K.placeholder((None, 2)).dtype.base_dtype)
        assert K.is_tensor(tensor) and K.dtype(tensor) == "float32" and K.eval(tensor) == np.float32(1e-7)
    picture = np.arange(24.0).reshape(1, 2, 3, 4)
    x, order = _preprocess_conv2d_input(K.constant(picture), "channels_first")
    assert order == "NHWC" and (K.eval(x) == picture.transpose(0, 2, 3, 1)).all()
    x, order = KTF._preprocess_conv1d_input(K.constant(picture[0]), "channels_last")
    assert order == "NWC" and (K.eval(x) == picture[0]).all()
    assert _preprocess_padding("same") == "SAME"
    with pytest.raises(ValueError, match="Invalid padding"):
        _preprocess_padding("causal")
    normed, mean, _ = KTF._regular_normalize_batch_in_training(K.constant(picture[0, 0]), None, None, [0])
    assert abs(K.eval(normed).mean()) < 1e-6 and np.allclose(K.eval(mean), picture[0, 0].mean(0))
    with pytest.raises(AttributeError, match="keras.backend.*no attribute 'no_such_name'"):
        K.no_such_name  # noqa: B018


def test_tensorflow_by_way_of_the_backend():
    """`from keras.backend import tf`, which Keras 2.0 to 2.2 let pass."""
    if K.backend() == "tensorflow":
        import tensorflow

        assert K.tf is tensorflow.compat.v1
        small = K.tf.image.resize_images(K.placeholder((None, 8, 8, 3)), (4, 4))
        assert K.int_shape(small) == (None, 4, 4, 3)
    else:
        with pytest.raises(ImportError, match="KERAS_BACKEND=tensorflow"):
            from keras.backend import tf  # noqa: F401


def test_keras_test_ends_with_a_new_session():
    from keras.utils.test_utils import keras_test

    @keras_test
    def check(number):
        K.get_uid("dense")
        return number + 1

    K.get_uid("dense")
    assert check(1) == 2 and K.get_uid("dense") == 1


def test_blocks_of_the_applications():
    from keras.applications.inception_v3 import conv2d_bn
    from keras.applications.resnet50 import conv_block, identity_block
    from keras.layers import Input
    from keras.models import Model

    x = Input((8, 8, 4))
    y = conv_block(x, 3, [2, 2, 8], stage=2, block="a", strides=(1, 1))
    y = identity_block(y, 3, [2, 2, 8], stage=2, block="b")
    y = conv_block(y, (5, 5), [2, 2, 8], 3, "a")
    y = conv2d_bn(y, 6, 1, 3, padding="valid", strides=(2, 1), name="last")
    assert K.int_shape(y) == (None, 2, 2, 6)
    names = {layer.name for layer in Model(x, y).layers}
    assert {"res2a_branch2a", "bn2a_branch1", "res2b_branch2c", "res3a_branch1"} <= names
    assert {"last", "last_bn", "last_conv"} <= names
    assert "res2b_branch1" not in names and Model(x, y).get_layer("res3a_branch2b").kernel_size == (5, 5)


def test_parts_of_mobilenet():
    from keras.applications.imagenet_utils import _obtain_input_shape
    from keras.applications.mobilenet import _conv_block, _depthwise_conv_block
    from keras.layers import Input
    from keras.models import Model

    x = Input((16, 16, 3))
    y = _conv_block(x, 32, 0.25, strides=(2, 2))
    y = _depthwise_conv_block(y, 64, 0.25, 1, block_id=1)
    y = _depthwise_conv_block(y, 128, 0.25, 1, strides=(2, 2), block_id=2)
    assert K.int_shape(y) == (None, 4, 4, 32)
    names = [layer.name for layer in Model(x, y).layers]
    assert names[1:3] == ["conv1_pad", "conv1"] and names[-1] == "conv_pw_2_relu" and "conv_pad_2" in names
    given = {"default_size": 32, "min_size": 16, "data_format": "channels_last"}
    assert _obtain_input_shape(None, include_top=True, **given) == (32, 32, 3)
    assert _obtain_input_shape(None, include_top=False, **given) == (None, None, 3)
    assert _obtain_input_shape((20, 20, 3), require_flatten=True, **given) == (20, 20, 3)


def test_models_in_dictionaries(tmp_path):
    from keras.engine.saving import _deserialize_model, _serialize_model
    from keras.layers import Dense
    from keras.models import Sequential
    from keras.utils.io_utils import H5Dict, h5dict

    model = Sequential([Dense(2, input_dim=3)])
    model.compile("sgd", "mse")
    state = {}
    _serialize_model(model, H5Dict(state))
    with h5dict(str(tmp_path / "model.h5"), mode="w") as file:
        _serialize_model(model, file, include_optimizer=False)
    with h5dict(str(tmp_path / "model.h5"), mode="r") as file:
        copies = [_deserialize_model(H5Dict(state)), _deserialize_model(file, compile=False)]
    for copy in copies:
        for mine, theirs in zip(model.get_weights(), copy.get_weights(), strict=True):
            assert (mine == theirs).all()


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
