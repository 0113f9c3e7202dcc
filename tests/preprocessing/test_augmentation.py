"""Batches, worked on as a whole and in threads, against the plain way: image by image, with SciPy and Pillow."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageEnhance
from scipy import ndimage

from keras.preprocessing import image as images
from keras.preprocessing.image import ImageDataGenerator, NumpyArrayIterator, image_data_generator, threads

GEOMETRY = {
    "rotation_range": [30], "width_shift_range": [0.2, 2.0, 3, [1, 2]], "height_shift_range": [0.2, 2.0, 3, [0.1, 0.3]],
    "shear_range": [20], "zoom_range": [0.3, (1.2, 1.5)], "horizontal_flip": [True], "vertical_flip": [True],
}  # fmt: skip
COLOURS = {
    "channel_shift_range": [30.0], "brightness_range": [(0.4, 1.8)], "rescale": [1 / 255],
    "samplewise_center": [True], "samplewise_std_normalization": [True], "featurewise_center": [True],
    "featurewise_std_normalization": [True],
}  # fmt: skip


def _draw_shift(limit, size):
    try:
        shift = np.random.choice(limit) * np.random.choice([-1, 1])
    except ValueError:
        shift = np.random.uniform(-limit, limit)
    return shift * size if np.max(limit) < 1 else shift


def _draw(generator, height, width):
    """The draws of Keras-Preprocessing, one by one."""
    g = generator
    theta = np.random.uniform(-g.rotation_range, g.rotation_range) if g.rotation_range else 0
    tx = _draw_shift(g.height_shift_range, height) if g.height_shift_range else 0
    ty = _draw_shift(g.width_shift_range, width) if g.width_shift_range else 0
    shear = np.random.uniform(-g.shear_range, g.shear_range) if g.shear_range else 0
    zx, zy = (1, 1) if list(g.zoom_range) == [1, 1] else np.random.uniform(*g.zoom_range, 2)
    mirrored = (np.random.random() < 0.5) * g.horizontal_flip
    upside_down = (np.random.random() < 0.5) * g.vertical_flip
    shift = np.random.uniform(-g.channel_shift_range, g.channel_shift_range) if g.channel_shift_range else None
    brightness = np.random.uniform(*g.brightness_range) if g.brightness_range else None
    return (theta, tx, ty, shear, zx, zy), upside_down, mirrored, shift, brightness


def _matrix(height, width, theta, tx, ty, shear, zx, zy):
    theta, shear = np.deg2rad(theta), np.deg2rad(shear)
    turn = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    sheared = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    return images.transform_matrix_offset_center(turn @ shift @ sheared @ np.diag([zx, zy, 1]), height, width)


def _plainly(generator, x):
    """A batch, drawn and changed image by image, all in double precision but for brightness."""
    height, width, channels = x.shape[1:]
    draws = [_draw(generator, height, width) for _ in x]
    return np.stack([_changed(generator, image.astype("float64"), *drawn) for image, drawn in zip(x, draws)])


def _changed(generator, image, change, upside_down, mirrored, shift, brightness):
    if change != (0, 0, 0, 0, 1, 1):
        matrix = _matrix(*image.shape[:2], *change)
        arguments = dict(order=generator.interpolation_order, mode=generator.fill_mode, cval=generator.cval)
        image = np.stack([
            ndimage.affine_transform(image[..., channel], matrix[:2, :2], matrix[:2, 2], **arguments)
            for channel in range(image.shape[-1])
        ], -1)  # fmt: skip
    image = image[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
    if shift is not None:
        image = np.clip(image + shift, image.min(), image.max())
    if brightness is not None:
        picture = ImageEnhance.Brightness(images.array_to_img(image, "channels_last")).enhance(brightness)
        image = np.asarray(picture, "float64").reshape(image.shape)
    if generator.rescale:
        image = image * generator.rescale
    if generator.samplewise_center:
        image = image - image.mean()
    if generator.samplewise_std_normalization:
        image = image / (image.std() + 1e-6)
    if generator.featurewise_center:
        image = image - generator.mean
    if generator.featurewise_std_normalization:
        image = image / (generator.std + 1e-6)
    return image


def _check(options, shape, data_format="channels_last"):
    x = (np.random.RandomState(1).rand(*shape) * 255).astype("float32")
    generator = ImageDataGenerator(data_format=data_format, **options)
    last = x
    if data_format == "channels_first":
        x = x.transpose(0, 3, 1, 2).copy()
    generator.fit(x)
    batch = next(generator.flow(x, batch_size=len(x), shuffle=False, seed=5))
    if data_format == "channels_first":
        batch = batch.transpose(0, 2, 3, 1)
        for name in ("mean", "std"):
            if getattr(generator, name) is not None:
                setattr(generator, name, getattr(generator, name).reshape(1, 1, -1))
    np.random.seed(5)
    expected = _plainly(generator, last)
    scale = max(1e-3, np.abs(expected).max())
    if "brightness_range" not in options:
        np.testing.assert_allclose(batch / scale, expected / scale, rtol=0, atol=5e-6)
    else:  # a value next to a whole number may be cut off to the one below
        difference = np.abs(batch - expected) / scale
        assert difference.max() < 0.02 and np.mean(difference > 5e-6) < 0.01


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(threads, "PIECE", 2000)
    monkeypatch.setattr(threads, "WORTH", 1)
    monkeypatch.setattr(threads, "cores", lambda: 4)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", [*GEOMETRY, *COLOURS])
@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies")
def test_each_option(name, channels, small_pieces):
    for value in {**GEOMETRY, **COLOURS}[name]:
        _check({name: value}, (7, 12, 13, channels))


@pytest.mark.parametrize("piece", [1, 2**20], ids=["one at a time", "several"])
@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies")
def test_colours_and_standardisation_of_large_images(piece, monkeypatch):
    """Each image has its own amounts, though several are worked on at once."""
    monkeypatch.setattr(image_data_generator, "SMALL", 0)
    monkeypatch.setattr(threads, "PIECE", piece)
    for options in (dict(channel_shift_range=30.0, rescale=0.1), dict(brightness_range=(0.4, 1.8)),
                    dict(samplewise_center=True, rescale=2), dict(featurewise_std_normalization=True)):  # fmt: skip
        _check(dict(options, horizontal_flip=True), (9, 10, 11, 3))


@pytest.mark.parametrize("small", [0, 2**20])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_flips_of_small_and_large_images(small, data_format, small_pieces, monkeypatch):
    monkeypatch.setattr(image_data_generator, "SMALL", small)
    for options in (dict(horizontal_flip=True), dict(vertical_flip=True),
                    dict(horizontal_flip=True, vertical_flip=True, rescale=2)):  # fmt: skip
        _check(options, (9, 10, 11, 3), data_format)


@pytest.mark.parametrize("flips", [{}, dict(horizontal_flip=True, vertical_flip=True)], ids=["as they are", "flipped"])
@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies")
def test_values_of_large_images(name, flips, small_pieces, monkeypatch):
    """They change on the way from the images to the batch."""
    monkeypatch.setattr(image_data_generator, "SMALL", 0)
    for data_format in ("channels_last", "channels_first"):
        _check({name: COLOURS[name][0], **flips}, (5, 12, 13, 3), data_format)


def test_deviation_of_nearly_even_images():
    """Single precision would lose it beside a mean that is large."""
    x = 200 + np.random.RandomState(0).rand(3, 40, 50, 3).astype("float32") / 100
    generator = ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True)
    batch = next(generator.flow(x, shuffle=False))
    np.testing.assert_allclose(batch.std(axis=(1, 2, 3)), 1, rtol=1e-3)
    np.testing.assert_allclose(batch.mean(axis=(1, 2, 3)), 0, atol=1e-2)


def test_whole_numbers_are_not_standardised_in_their_memory():
    for options in (dict(samplewise_center=True), dict(rescale=0.5)):
        with pytest.raises(TypeError):
            ImageDataGenerator(**options).standardize(np.arange(12).reshape(2, 2, 3))


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_filling(fill_mode, order, data_format, small_pieces):
    options = {name: values[0] for name, values in GEOMETRY.items()}
    _check(dict(options, fill_mode=fill_mode, cval=9.0, interpolation_order=order), (5, 10, 14, 3), data_format)


@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies")
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in {**GEOMETRY, **COLOURS}.items()}),
    st.tuples(st.integers(1, 9), st.integers(2, 20), st.integers(2, 20), st.sampled_from([1, 3])),
    st.sampled_from(["nearest", "constant", "reflect", "wrap"]),
    st.sampled_from(["channels_last", "channels_first"]),
)
def test_combinations(options, shape, fill_mode, data_format):
    _check(dict(options, fill_mode=fill_mode), shape, data_format)


def test_large_images_are_cut_in_tiles():
    _check(dict(rotation_range=40, zoom_range=0.2, horizontal_flip=True, fill_mode="reflect"), (2, 190, 201, 1))


def test_the_drawn_numbers_are_the_same_for_a_batch_and_for_single_images():
    options = {name: values[0] for name, values in {**GEOMETRY, **COLOURS}.items() if "wise" not in name}
    generator = ImageDataGenerator(**options)
    x = np.random.RandomState(0).rand(6, 9, 9, 3).astype("float32") * 255
    flow = generator.flow(x, batch_size=6, shuffle=False, seed=1)
    batch, after = next(flow), np.random.random()
    np.random.seed(1)
    singles = [generator.standardize(generator.random_transform(image)) for image in x]
    assert np.random.random() == after
    np.testing.assert_allclose(batch, singles, rtol=1e-5, atol=1e-6)


def test_images_in_memory_of_any_order():
    """Slices and other views of arrays, and of other types."""
    x = np.random.RandomState(0).rand(12, 9, 8, 3) * 255
    for options in (dict(horizontal_flip=True), dict(rotation_range=20), {}):
        generator = ImageDataGenerator(**options)
        for view in (x[::2], x[..., ::-1], x.transpose(0, 2, 1, 3), x.astype("float32")[:, ::-1], x.astype("uint8")):
            first = generator.flow(view, batch_size=4, seed=3)
            second = generator.flow(np.ascontiguousarray(view, "float32"), batch_size=4, seed=3)
            np.testing.assert_array_equal(next(first), next(second))


def test_the_mean_may_be_of_any_shape():
    x = np.random.RandomState(0).rand(4, 5, 6, 3).astype("float32")
    for mean in (0.5, np.arange(3), np.arange(3.0).reshape(1, 1, 3), np.random.rand(5, 6, 3), np.random.rand(6, 1)):
        generator = ImageDataGenerator(featurewise_center=True)
        generator.mean = mean
        np.testing.assert_allclose(next(generator.flow(x, shuffle=False)), x - mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(generator.standardize(x.copy()), x - mean, rtol=1e-5, atol=1e-6)


def test_standardize_takes_a_whole_batch_too():
    x = np.random.RandomState(0).rand(4, 5, 6, 3).astype("float32")
    generator = ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True, rescale=2)
    expected = (2 * x - np.mean(2 * x)) / (np.std(2 * x) + 1e-6)
    np.testing.assert_allclose(generator.standardize(x.copy()), expected, rtol=1e-5, atol=1e-6)


def test_batches_are_arrays_of_their_own(small_pieces):
    """What comes later changes neither the images nor batches that came before."""
    x = np.random.RandomState(0).rand(8, 20, 20, 3).astype("float32")
    kept = x.copy()
    flow = ImageDataGenerator(rotation_range=20, rescale=3, samplewise_std_normalization=True,
                              samplewise_center=True).flow(x, batch_size=4)  # fmt: skip
    first = next(flow)
    copy = first.copy()
    for _ in range(4):
        next(flow)
    np.testing.assert_array_equal(first, copy)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_batches_begin_where_memory_is_copied_fast(dtype):
    x = np.random.RandomState(0).rand(7, 20, 20, 3).astype(dtype)
    flow = NumpyArrayIterator(x, None, ImageDataGenerator(), batch_size=3, shuffle=False, dtype=dtype)
    for start in (0, 3, 6):
        batch = next(flow)
        np.testing.assert_array_equal(batch, x[start : start + 3])
        assert batch.ctypes.data % threads.PAGE == 0 and batch.flags.carray and batch.dtype == dtype
    assert threads.empty((0, 20, 20, 3), dtype).shape == (0, 20, 20, 3)


def test_pieces_are_worked_on_once_each_and_errors_come_out(small_pieces):
    seen = []
    threads.in_pieces(lambda some: seen.extend(range(some.start, some.stop)), 50, size=4, nanoseconds=10)
    assert sorted(seen) == list(range(50))

    def fail(some):
        if some.start <= 20 < some.stop:
            raise ValueError("image 20")

    for _ in range(3):
        with pytest.raises(ValueError, match="image 20"):
            threads.in_pieces(fail, 50, size=4, nanoseconds=10)
    threads.in_pieces(fail, 0, size=4, nanoseconds=10)


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("nanoseconds", [0, 1, 10], ids=["here", "by threads for who is busy", "by threads"])
def test_what_threads_do_ahead(nanoseconds, busy, small_pieces):
    ahead = threads.Ahead(lambda number: 1 / number, [4, 2, 0, 1], nanoseconds, busy)
    assert [ahead.result(n) for n in (3, 0, 1)] == [1, 0.25, 0.5]
    with pytest.raises(ZeroDivisionError):
        ahead.result(2)
    ahead.end()


def test_many_threads_may_ask_for_batches_at_once(small_pieces):
    x = np.random.RandomState(0).rand(8, 20, 20, 3).astype("float32")
    flow = ImageDataGenerator(rotation_range=20).flow(x, batch_size=8, shuffle=False)
    batches = []
    workers = [threading.Thread(target=lambda: batches.append(next(flow))) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(batches) == 6 and all(np.isfinite(batch).all() for batch in batches)
