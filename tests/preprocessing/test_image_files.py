"""Pictures in files: read, written, found in folders and DataFrames, handed on in batches."""

import io
import os

import numpy as np
import pandas
import pytest
from PIL import Image

from keras.preprocessing import image as images
from keras.preprocessing.image import ImageDataGenerator, threads

SIZE = (6, 5)  # height, width


def _picture(number, mode="RGB"):
    channels = {"RGB": 3, "RGBA": 4, "L": 1}[mode]
    pixels = np.random.RandomState(number).randint(0, 256, (*SIZE, channels)).astype("uint8")
    return Image.fromarray(pixels.squeeze())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Classes a, b and c of 4 pictures each, one of them deeper, beside files that are none."""
    folder = tmp_path_factory.mktemp("pictures")
    number = 0
    for name in "cab":
        (folder / name / "deep").mkdir(parents=True)
        for place in ("0.png", "1.PNG", "2.bmp", "deep/3.tif"):
            _picture(number).save(folder / name / place)
            number += 1
        (folder / name / "notes.txt").write_text("no picture")
    (folder / "top.png").write_text("no class")
    return str(folder)


NAMES = [os.path.join(name, place) for name in "abc" for place in ("0.png", "1.PNG", "2.bmp", "deep/3.tif")]


def _read(path):
    with Image.open(path) as picture:
        picture.load()
    return picture


def _load(folder, name):
    return images.img_to_array(_read(os.path.join(folder, name)))


@pytest.fixture(scope="module")
def frame():
    labels = [name[0] for name in NAMES]
    return pandas.DataFrame({
        "filename": NAMES, "class": labels, "two": ["u", "v"] * 6, "number": np.arange(12.0),
        "other": np.arange(12) * 2, "weight": np.linspace(0, 1, 12), "several": [["a", "b"], ["c"], ["b"]] * 4,
    })  # fmt: skip


@pytest.mark.parametrize("mode, shape", [("rgb", (6, 5, 3)), ("rgba", (6, 5, 4)), ("grayscale", (6, 5, 1))])
@pytest.mark.parametrize("kind", ["RGB", "RGBA", "L"])
def test_load_img_modes(tmp_path, mode, shape, kind):
    _picture(1, kind).save(tmp_path / "a.png")
    picture = images.load_img(str(tmp_path / "a.png"), color_mode=mode)
    assert picture.mode == {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}[mode]
    assert images.img_to_array(picture).shape == shape


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"])
def test_load_img_sizes(tmp_path, interpolation):
    _picture(1).save(tmp_path / "a.png")
    picture = images.load_img(tmp_path / "a.png", target_size=(3, 9), interpolation=interpolation)
    expected = _picture(1).resize((9, 3), Image.Resampling[interpolation.upper()])
    assert picture.size == (9, 3) and picture.tobytes() == expected.tobytes()


def test_load_img_from_an_open_file_and_deprecated_argument(tmp_path):
    _picture(1).save(tmp_path / "a.png")
    with open(tmp_path / "a.png", "rb") as file, pytest.warns(UserWarning, match="grayscale is deprecated"):
        assert images.load_img(file, grayscale=True).mode == "L"


@pytest.mark.parametrize("argument", [{"color_mode": "cmyk"}, {"interpolation": "sinc"}], ids=str)
def test_load_img_errors(tmp_path, argument):
    _picture(1).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="cmyk|sinc"):
        images.load_img(str(tmp_path / "a.png"), **argument)


def test_save_img(tmp_path):
    x = np.asarray(_picture(1)).astype("float32")
    for name, arguments in (("a.png", {}), ("a.bmp", {}), ("plain", {"file_format": "png"})):
        images.save_img(str(tmp_path / name), x, scale=False, **arguments)
        np.testing.assert_array_equal(np.asarray(_read(tmp_path / name)), x)
    images.save_img(tmp_path / "first.png", x.transpose(2, 0, 1), data_format="channels_first", scale=False)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    memory = io.BytesIO()
    images.save_img(memory, x, file_format="jpeg", quality=50)
    assert Image.open(memory).format == "JPEG"
    with pytest.warns(UserWarning, match="JPG"):
        images.save_img(tmp_path / "rgba.jpg", np.zeros((2, 2, 4)), file_format="jpg")
    assert _read(tmp_path / "rgba.jpg").mode == "RGB"
    assert sorted(os.listdir(tmp_path)) == ["a.bmp", "a.png", "first.png", "plain", "rgba.jpg"]


def test_a_failed_save_leaves_the_old_file(tmp_path):
    (tmp_path / "a.jpg").write_text("old")
    with pytest.raises(OSError, match="RGBA"):
        images.save_img(tmp_path / "a.jpg", np.zeros((2, 2, 4)))
    assert (tmp_path / "a.jpg").read_text() == "old" and os.listdir(tmp_path) == ["a.jpg"]


def test_list_pictures(folder):
    assert len(images.list_pictures(folder)) == 13
    assert len(images.list_pictures(folder, ext="bmp")) == 3


def test_directory(folder, capsys):
    flow = ImageDataGenerator().flow_from_directory(folder, target_size=SIZE, batch_size=5, shuffle=False)
    assert capsys.readouterr().out == "Found 12 images belonging to 3 classes.\n"
    assert flow.class_indices == {"a": 0, "b": 1, "c": 2}
    assert flow.filenames == NAMES and flow.samples == 12 and len(flow) == 3
    assert flow.filepaths[0] == os.path.join(folder, "a", "0.png")
    np.testing.assert_array_equal(flow.classes, np.repeat([0, 1, 2], 4))
    x, y = next(flow)
    np.testing.assert_array_equal(x, [_load(folder, name) for name in NAMES[:5]])
    np.testing.assert_array_equal(y, np.eye(3)[[0, 0, 0, 0, 1]])
    assert x.dtype == y.dtype == "float32"


@pytest.mark.parametrize(
    "class_mode, labels",
    [("sparse", [0, 0, 0, 0, 1]), ("binary", [0, 0, 0, 0, 1]), ("input", "images"), (None, None)],
)
def test_directory_class_modes(folder, class_mode, labels):
    generator = ImageDataGenerator(rescale=0.5)
    batch = next(generator.flow_from_directory(folder, SIZE, class_mode=class_mode, batch_size=5, shuffle=False))
    if labels is None:
        assert isinstance(batch, np.ndarray)
    elif labels == "images":
        np.testing.assert_array_equal(batch[0], batch[1])
        assert batch[0] is not batch[1]
    else:
        assert batch[1].tolist() == labels


def test_directory_options(folder):
    generator = ImageDataGenerator(validation_split=0.5)
    parts = [
        generator.flow_from_directory(folder, SIZE, subset=subset, shuffle=False).filenames
        for subset in ("validation", "training")
    ]
    assert parts[0] == [name for name in NAMES if "0." in name or "1." in name]
    assert sorted(parts[0] + parts[1]) == sorted(NAMES)
    some = generator.flow_from_directory(folder, (3, 4), "grayscale", classes=["c", "a"], shuffle=False)
    assert some.class_indices == {"c": 0, "a": 1} and some.filenames == NAMES[8:] + NAMES[:4]
    assert next(some)[0].shape == (8, 3, 4, 1)
    first = ImageDataGenerator(data_format="channels_first").flow_from_directory(folder, SIZE, "rgba")
    assert next(first)[0].shape == (12, 4, 6, 5)
    with pytest.warns(UserWarning, match="class 'z' has no images"):
        assert generator.flow_from_directory(folder, classes=["a", "z"]).samples == 4


@pytest.mark.parametrize("arguments", [{"color_mode": "cmyk"}, {"class_mode": "raw"}, {"subset": "half"}], ids=str)
def test_directory_errors(folder, arguments):
    with pytest.raises(ValueError, match=next(iter(arguments.values()))):
        ImageDataGenerator().flow_from_directory(folder, **arguments)


def test_files_get_the_same_transforms_as_arrays(folder):
    x = np.stack([_load(folder, name) for name in NAMES])
    class Own(ImageDataGenerator):
        def apply_transform(self, x, transform_parameters):
            return x / 2

    everything = [
        dict(rotation_range=30, horizontal_flip=True), dict(preprocessing_function=np.sqrt), dict(vertical_flip=True),
        dict(zoom_range=0.4, interpolation_order=3), dict(brightness_range=(0.5, 2)), dict(channel_shift_range=30.0),
        dict(samplewise_center=True, samplewise_std_normalization=True, rescale=0.1), {},
    ]  # fmt: skip
    for make, options in [*((ImageDataGenerator, one) for one in everything), (Own, {})]:
        generator = make(**options)
        from_files = generator.flow_from_directory(folder, SIZE, class_mode=None, batch_size=5, seed=4)
        from_memory = generator.flow(x, batch_size=5, seed=4)
        for _ in range(3):
            np.testing.assert_array_equal(next(from_files), next(from_memory))


def test_pictures_are_saved(folder, tmp_path):
    np.random.seed(1)
    x = np.stack([_load(folder, name) for name in NAMES[:3]])
    flow = ImageDataGenerator().flow(x, batch_size=2, shuffle=False, save_to_dir=tmp_path, save_prefix="p")
    next(flow)
    saved = sorted(os.listdir(tmp_path))
    assert [name[:4] for name in saved] == ["p_0_", "p_1_"] and saved[0].endswith(".png")
    assert np.asarray(_read(tmp_path / saved[0])).shape == (6, 5, 3)
    generator = ImageDataGenerator()
    next(generator.flow_from_directory(folder, SIZE, batch_size=2, save_to_dir=tmp_path, save_format="jpeg"))
    assert sum(name.endswith(".jpeg") for name in os.listdir(tmp_path)) == 2


def _flow(frame, folder, generator=None, **arguments):
    generator = generator or ImageDataGenerator()
    return generator.flow_from_dataframe(frame, folder, target_size=SIZE, shuffle=False, batch_size=12, **arguments)


def test_dataframe(frame, folder, capsys):
    flow = _flow(frame, folder)
    assert capsys.readouterr().out == "Found 12 validated image filenames belonging to 3 classes.\n"
    x, y = next(flow)
    np.testing.assert_array_equal(x, [_load(folder, name) for name in NAMES])
    np.testing.assert_array_equal(y, np.repeat(np.eye(3), 4, axis=0))
    assert flow.filenames == NAMES and flow.class_indices == {"a": 0, "b": 1, "c": 2}
    absolute = frame.assign(filename=[os.path.join(folder, name) for name in NAMES])
    np.testing.assert_array_equal(next(_flow(absolute, None))[0], x)


@pytest.mark.parametrize(
    "arguments, labels",
    [
        (dict(class_mode="sparse"), lambda frame: np.repeat([0, 1, 2], 4)),
        (dict(class_mode="binary", y_col="two"), lambda frame: [0, 1] * 6),
        (dict(class_mode="raw", y_col="number"), lambda frame: frame["number"]),
        (dict(class_mode="raw", y_col=["number", "other"]), lambda frame: frame[["number", "other"]]),
        (dict(y_col="several"), lambda frame: [[1, 1, 0], [0, 0, 1], [0, 1, 0]] * 4),
    ],
    ids=["sparse", "binary", "raw", "raw columns", "several"],
)
def test_dataframe_class_modes(frame, folder, arguments, labels):
    np.testing.assert_array_equal(next(_flow(frame, folder, **arguments))[1], labels(frame))


def test_dataframe_without_classes(frame, folder, capsys):
    x, y = next(_flow(frame, folder, class_mode="multi_output", y_col=["number", "two"]))
    assert y[0].tolist() == list(range(12)) and y[1].tolist() == ["u", "v"] * 6
    assert isinstance(next(_flow(frame, folder, class_mode=None)), np.ndarray)
    x, y = next(_flow(frame, folder, class_mode="input"))
    np.testing.assert_array_equal(x, y)
    assert capsys.readouterr().out == "Found 12 validated image filenames.\n" * 3
    with pytest.warns(UserWarning, match='"raw"'):
        assert next(_flow(frame, folder, class_mode="other", y_col="number"))[1][3] == 3


def test_dataframe_weights_and_subsets(frame, folder):
    weights = next(_flow(frame, folder, weight_col="weight"))[2]
    np.testing.assert_array_equal(weights, frame["weight"])
    generator = ImageDataGenerator(validation_split=0.25)
    assert _flow(frame, folder, generator, subset="validation").filenames == NAMES[:3]
    assert _flow(frame, folder, generator, subset="training").filenames == NAMES[3:]


def test_dataframe_keeps_the_classes_that_are_named(frame, folder):
    flow = _flow(frame, folder, classes=["c", "a"])
    assert flow.class_indices == {"a": 0, "c": 1} and flow.filenames == NAMES[:4] + NAMES[8:]
    several = _flow(frame, folder, y_col="several", classes=["a", "c"])
    assert several.class_indices == {"a": 0, "c": 1} and several.classes == [[0], [1]] * 4
    assert frame["several"][0] == ["a", "b"]
    with pytest.warns(UserWarning, match="ignored"):
        _flow(frame, folder, class_mode="raw", y_col="number", classes=["a"])


def test_dataframe_leaves_out_files_that_do_not_exist(frame, folder):
    more = pandas.concat([frame, frame.assign(filename="nowhere.png").iloc[:2]])
    with pytest.warns(UserWarning, match="2 invalid image filename"):
        assert _flow(more, folder).filenames == NAMES
    assert _flow(more, folder, validate_filenames=False).samples == 14
    with pytest.warns(UserWarning, match="12 invalid image filename"):
        assert _flow(frame, "nowhere").samples == 0
    assert _flow(frame, folder, classes=["d"]).samples == 0


def test_dataframe_arguments_of_older_versions(frame, folder):
    with pytest.warns(DeprecationWarning, match="has_ext is deprecated"):
        _flow(frame, folder, has_ext=True)
    with pytest.warns(UserWarning, match="no argument 'colour'"):
        _flow(frame, folder, colour="rgb")


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(class_mode="binary"), ValueError, "2 classes. 3"),
        (dict(class_mode="binary", y_col="two", classes=["u"]), ValueError, "2 classes. 1"),
        (dict(class_mode="folders"), ValueError, "folders"),
        (dict(y_col="number"), TypeError, "must be strings or lists"),
        (dict(class_mode="sparse", y_col="several"), TypeError, "must be strings"),
        (dict(class_mode="multi_output", y_col="number"), TypeError, "must be a list"),
        (dict(x_col="number"), TypeError, "x_col=number must be strings"),
        (dict(weight_col="class"), TypeError, "must be numeric"),
        (dict(x_col="nothing"), KeyError, "no column 'nothing', only .*'filename'"),
        (dict(y_col="label"), KeyError, "no column 'label'"),
    ],
    ids=str,
)
def test_dataframe_errors(frame, folder, arguments, error, message):
    with pytest.raises(error, match=message):
        _flow(frame, folder, **arguments)


@pytest.mark.parametrize("options", [{}, dict(horizontal_flip=True), dict(rotation_range=9, interpolation_order=3)])
def test_a_damaged_picture(options, tmp_path, monkeypatch):
    """It raises, whoever reads it, and the batches after it come all the same."""
    monkeypatch.setattr(threads, "WORTH", 1)
    monkeypatch.setattr(threads, "cores", lambda: 3)
    (tmp_path / "class").mkdir()
    for number in range(6):
        _picture(number).save(tmp_path / "class" / f"{number}.png")
    (tmp_path / "class" / "4.png").write_bytes(b"no picture")
    flow = ImageDataGenerator(**options).flow_from_directory(str(tmp_path), SIZE, batch_size=3, shuffle=False)
    for _ in range(3):
        assert next(flow)[0].shape == (3, *SIZE, 3)
        with pytest.raises(OSError, match="cannot identify"):
            next(flow)
