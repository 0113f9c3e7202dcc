"""Preparing pictures, naming classes, choosing sizes."""

import importlib
import json
import warnings

import numpy as np
import pytest

from keras import backend as K
from keras.applications import imagenet_utils
from keras.applications.imagenet_utils import _obtain_input_shape, decode_predictions, preprocess_input

RGB_MEAN = np.array([0.485, 0.456, 0.406])
RGB_STD = np.array([0.229, 0.224, 0.225])
BGR_MEAN = np.array([103.939, 116.779, 123.68])
BY_DEFINITION = {
    "tf": lambda x: x / 127.5 - 1,
    "torch": lambda x: (x / 255 - RGB_MEAN) / RGB_STD,
    "caffe": lambda x: x[..., ::-1] - BGR_MEAN,
}
MODES = {
    "densenet": "torch", "inception_resnet_v2": "tf", "inception_v3": "tf", "mobilenet": "tf", "mobilenet_v2": "tf",
    "nasnet": "tf", "resnet": "caffe", "resnet50": "caffe", "resnet_v2": "tf", "resnext": "torch", "vgg16": "caffe",
    "vgg19": "caffe", "xception": "tf", "imagenet_utils": "caffe",
}  # fmt: skip


def pictures(shape=(2, 4, 5, 3)):
    return np.random.RandomState(0).uniform(0, 255, shape)


@pytest.mark.parametrize("mode", BY_DEFINITION)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (4, 5, 3)])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "tensor"])
def test_modes(mode, data_format, shape, kind):
    x = pictures(shape)
    if kind == "uint8":
        x = np.floor(x)
    expected = BY_DEFINITION[mode](x)
    if data_format == "channels_first":
        x, expected = np.moveaxis(x, -1, -3), np.moveaxis(expected, -1, -3)
    if kind == "tensor":
        found = K.eval(preprocess_input(K.constant(x), data_format=data_format, mode=mode))
    else:
        found = preprocess_input(x.astype(kind), data_format=data_format, mode=mode)
        assert found.dtype == ("float64" if kind == "float64" else "float32")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("module", MODES)
def test_each_module_has_its_mode(module):
    x = pictures()
    prepare = importlib.import_module("keras.applications." + module).preprocess_input
    np.testing.assert_allclose(prepare(x.copy()), BY_DEFINITION[MODES[module]](x), rtol=1e-6)
    first = np.moveaxis(x, -1, 1).copy()
    expected = np.moveaxis(BY_DEFINITION[MODES[module]](x), -1, 1)
    np.testing.assert_allclose(prepare(first, data_format="channels_first"), expected, rtol=1e-6)


@pytest.mark.parametrize("mode", BY_DEFINITION)
def test_floats_are_changed_in_place_and_integers_are_not(mode):
    floats = pictures().astype("float32")
    found = preprocess_input(floats, mode=mode)
    assert np.shares_memory(found, floats)
    integers = pictures().astype("int32")
    before = integers.copy()
    preprocess_input(integers, mode=mode)
    np.testing.assert_array_equal(integers, before)


def test_the_format_that_is_set_counts():
    K.set_image_data_format("channels_first")
    x = pictures((2, 3, 4, 5))
    expected = x[:, ::-1] - BGR_MEAN[:, None, None]
    np.testing.assert_allclose(preprocess_input(x.copy()), expected)


def test_modules_of_keras_are_taken_as_arguments():
    x = pictures()
    np.testing.assert_allclose(preprocess_input(x.copy(), mode="tf", backend=K), BY_DEFINITION["tf"](x))


def test_unknown_data_format():
    with pytest.raises(ValueError, match="Unknown data_format 'channels'"):
        preprocess_input(pictures(), data_format="channels")


CLASSES = {str(i): [f"n{i:08d}", f"class_{i}"] for i in range(1000)}


@pytest.fixture
def class_index(tmp_path, monkeypatch):
    """A file of made-up classes, counted how often it is asked for."""
    path = tmp_path / "index.json"
    path.write_text(json.dumps(CLASSES))
    calls = []

    def get_file(fname, origin, **arguments):
        calls.append((fname, origin, arguments))
        return str(path)

    monkeypatch.setattr(imagenet_utils, "get_file", get_file)
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", None)
    return calls


def test_the_most_probable_classes_come_first(class_index):
    probabilities = np.random.RandomState(1).rand(3, 1000).astype("float32")
    for row, decoded in zip(probabilities, decode_predictions(probabilities, top=7)):
        best = np.argsort(row)[::-1][:7]
        assert decoded == [(f"n{i:08d}", f"class_{i}", row[i]) for i in best]


def test_classes_are_read_once(class_index):
    probabilities = np.eye(1000)[:2]
    assert [len(row) for row in decode_predictions(probabilities)] == [5, 5]
    assert decode_predictions(probabilities, top=1, backend=K) == [
        [("n00000000", "class_0", 1.0)],
        [("n00000001", "class_1", 1.0)],
    ]
    assert class_index == [
        (
            "imagenet_class_index.json",
            "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
            {"cache_subdir": "models", "file_hash": "c2c37ea517e94d9795004a39431a14cb"},
        )
    ]


@pytest.mark.parametrize("shape", [(1000,), (2, 10), (2, 1000, 1)])
def test_predictions_of_another_shape(shape):
    with pytest.raises(ValueError, match="2D array of shape"):
        decode_predictions(np.zeros(shape))


def test_default_shapes():
    assert _obtain_input_shape(None, 224, 32, "channels_last", True) == (224, 224, 3)
    assert _obtain_input_shape(None, 224, 32, "channels_first", True) == (3, 224, 224)
    assert _obtain_input_shape(None, 224, 32, "channels_last", False) == (None, None, 3)
    assert _obtain_input_shape(None, 224, 32, "channels_first", False) == (3, None, None)
    assert _obtain_input_shape([50, None, 1], 224, 32, "channels_last", False) == (50, None, 1)
    assert _obtain_input_shape((224, 224, 3), 224, 32, "channels_last", True, "imagenet") == (224, 224, 3)


@pytest.mark.parametrize(
    ("shape", "data_format", "flat", "weights", "message"),
    [
        ((100, 100, 3), "channels_last", True, "imagenet", r"`input_shape` should be \(224, 224, 3\)"),
        ((100, 100), "channels_last", False, None, "must be a tuple of three integers"),
        ((100, 100, 1), "channels_last", False, "imagenet", "must have 3 channels"),
        ((1, 100, 100), "channels_first", False, "imagenet", "must have 3 channels"),
        ((31, 100, 3), "channels_last", False, None, "at least 32x32"),
        ((3, 100, 31), "channels_first", False, None, "at least 32x32"),
        ((None, 100, 3), "channels_last", True, None, "specify a static `input_shape`"),
    ],
)
def test_shapes_that_do_not_fit(shape, data_format, flat, weights, message):
    with pytest.raises(ValueError, match=message):
        _obtain_input_shape(shape, 224, 32, data_format, flat, weights)


def test_a_net_without_default_size_needs_a_shape():
    with pytest.raises(ValueError, match="specify a static `input_shape`"):
        _obtain_input_shape(None, None, 32, "channels_last", require_flatten=True)


def test_many_channels_are_unusual():
    with pytest.warns(UserWarning, match="5 input channels"):
        assert _obtain_input_shape((64, 64, 5), 224, 32, "channels_last", False) == (64, 64, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _obtain_input_shape((64, 64, 1), 224, 32, "channels_last", False)
