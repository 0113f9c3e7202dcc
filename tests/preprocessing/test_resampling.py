"""Pixels: resampling and colours against SciPy, Pillow and NumPy."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy import ndimage

from keras.preprocessing import image as images
from keras.preprocessing.image import resampling

MODES = ["nearest", "constant", "reflect", "wrap"]


def _by_scipy(image, matrix, offset, **arguments):
    channels = [ndimage.affine_transform(image[..., c], matrix, offset, **arguments) for c in range(image.shape[-1])]
    return np.stack(channels, -1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_resampling_is_that_of_scipy(mode, order, dtype):
    random = np.random.RandomState(1)
    for count, height, width, channels in [(3, 7, 9, 3), (2, 1, 5, 1), (1, 140, 130, 2)]:
        batch = (random.rand(count, height, width, channels) * 255).astype(dtype)
        matrices = random.randn(count, 2, 2)
        offsets = random.randn(count, 2) * height
        expected = [
            _by_scipy(image, matrix, offset, mode=mode, order=order, cval=3)
            for image, matrix, offset in zip(batch, matrices, offsets)
        ]
        changed = np.empty_like(batch)
        resampling.affine(changed, batch, matrices, offsets, mode, 3, order)
        np.testing.assert_allclose(changed, expected, rtol=0, atol=1e-4 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_stay_rows(mode, dtype):
    """Shifts and zooms of images that are large enough go along the axes."""
    random = np.random.RandomState(4)
    batch = (random.rand(2, 90, 100, 3) * 255).astype(dtype)
    matrices = np.array([np.diag([1.3, -0.7]), np.eye(2)])
    offsets = np.array([[-130.6, 170.2], [0, 3]])
    expected = [
        _by_scipy(image, matrix, offset, mode=mode, order=1, cval=3)
        for image, matrix, offset in zip(batch, matrices, offsets)
    ]
    for images_ in (batch, np.asfortranarray(batch)):
        changed = np.empty_like(images_)
        resampling.affine(changed, images_, matrices, offsets, mode, 3)
        np.testing.assert_allclose(changed, expected, rtol=0, atol=1e-4 if dtype == "float32" else 1e-10)


def test_half_precision():
    """SciPy has none; the values are rounded once, at the end."""
    random = np.random.RandomState(3)
    batch = random.rand(2, 6, 5, 3).astype("float16")
    matrices, offsets = random.randn(2, 2, 2), random.randn(2, 2)
    exact, changed = np.empty(batch.shape), np.empty_like(batch)
    resampling.affine(exact, batch.astype("float64"), matrices, offsets)
    resampling.affine(changed, batch, matrices, offsets)
    np.testing.assert_allclose(changed, exact, rtol=0, atol=5e-4)


def test_flips_come_after_resampling():
    random = np.random.RandomState(2)
    batch = random.rand(2, 6, 5, 3)
    matrices, offsets = random.randn(2, 2, 2), random.randn(2, 2)
    plain, flipped = np.empty_like(batch), np.empty_like(batch)
    resampling.affine(plain, batch, matrices, offsets)
    resampling.affine(flipped, batch, matrices, offsets, flips=(np.array([True, False]), np.array([False, True])))
    np.testing.assert_array_equal(flipped[0], plain[0, ::-1])
    np.testing.assert_array_equal(flipped[1], plain[1, :, ::-1])


CHANGES = [
    dict(theta=30), dict(tx=2.5, ty=-1), dict(shear=20), dict(zx=0.5, zy=1.5),
    dict(theta=-70, tx=1, ty=2, shear=10, zx=1.2, zy=0.8),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_affine_transform_is_rotation_shift_shear_zoom_about_the_middle(change):
    x = np.random.rand(8, 11, 3) * 255
    angle, shear = np.deg2rad(change.get("theta", 0)), np.deg2rad(change.get("shear", 0))
    matrix = (
        np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        @ np.array([[1, 0, change.get("tx", 0)], [0, 1, change.get("ty", 0)], [0, 0, 1]])
        @ np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
        @ np.diag([change.get("zx", 1), change.get("zy", 1), 1])
    )
    matrix = images.transform_matrix_offset_center(matrix, 8, 11)
    expected = _by_scipy(x, matrix[:2, :2], matrix[:2, 2], order=1, mode="reflect")
    changed = images.apply_affine_transform(x, fill_mode="reflect", **change)
    np.testing.assert_allclose(changed, expected, atol=1e-9)
    first = images.apply_affine_transform(
        x.transpose(2, 0, 1), row_axis=1, col_axis=2, channel_axis=0, fill_mode="reflect", **change
    )
    np.testing.assert_allclose(first.transpose(1, 2, 0), expected, atol=1e-9)


def test_no_change_gives_the_image_itself():
    x = np.random.rand(4, 4, 3)
    assert images.apply_affine_transform(x) is x


@pytest.mark.parametrize(
    "function, arguments, change",
    [
        ("random_rotation", (40,), lambda draw: dict(theta=draw(-40, 40))),
        ("random_shift", (0.2, 0.3), lambda draw: dict(tx=draw(-0.3, 0.3) * 8, ty=draw(-0.2, 0.2) * 10)),
        ("random_shear", (15,), lambda draw: dict(shear=draw(-15, 15))),
        ("random_zoom", ((0.5, 2),), lambda draw: dict(zip(("zx", "zy"), draw(0.5, 2, 2)))),
    ],
)
def test_random_functions_draw_from_numpy(function, arguments, change):
    x = np.random.rand(3, 8, 10)
    axes = dict(row_axis=1, col_axis=2, channel_axis=0)
    np.random.seed(5)
    changed = getattr(images, function)(x, *arguments)
    np.random.seed(5)
    np.testing.assert_array_equal(changed, images.apply_affine_transform(x, **change(np.random.uniform), **axes))


def test_zoom_by_one_draws_nothing():
    x = np.random.rand(3, 4, 4)
    state = np.random.get_state()[2]
    assert images.random_zoom(x, (1, 1)) is x and np.random.get_state()[2] == state
    with pytest.raises(ValueError, match="zoom_range"):
        images.random_zoom(x, (1, 2, 3))


def test_channel_shift():
    x = np.array([[[0.0, 10.0, 20.0]]])
    assert images.apply_channel_shift(x, 12).tolist() == [[[12, 20, 20]]]
    np.random.seed(3)
    shift = np.random.uniform(-5, 5)
    np.random.seed(3)
    np.testing.assert_array_equal(images.random_channel_shift(x, 5), np.clip(x + shift, 0, 20))


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB"), (4, "RGBA")])
@pytest.mark.parametrize("factor", [0, 0.37, 1, 1.9])
def test_brightness_is_that_of_pillow(channels, mode, factor):
    x = (np.random.rand(20, 30, channels) * 300 - 40).astype("float32")
    picture = images.array_to_img(x, "channels_last")
    assert picture.mode == mode
    expected = np.asarray(ImageEnhance.Brightness(picture).enhance(factor), "float32").reshape(x.shape)
    np.testing.assert_array_equal(images.apply_brightness_shift(x, factor), expected)


def test_brightness_errors():
    with pytest.raises(ValueError, match="channel number: 2"):
        images.apply_brightness_shift(np.zeros((2, 2, 2)), 1.5)
    with pytest.raises(ValueError, match="brightness_range"):
        images.random_brightness(np.zeros((2, 2, 3)), 0.5)


def test_arrays_and_pictures():
    x = np.array([[[-10.0], [5.0], [20.0]]])
    assert np.asarray(images.array_to_img(x)).tolist() == [[0, 127, 255]]
    assert np.asarray(images.array_to_img(x + 30)).tolist() == [[102, 178, 255]]  # it is not stretched downwards
    assert images.array_to_img(x * 100 + 1000, scale=False).mode == "I"
    picture = Image.new("RGB", (3, 2), (1, 2, 3))
    array = images.img_to_array(picture)
    assert array.shape == (2, 3, 3) and array.dtype == "float32" and array[0, 0].tolist() == [1, 2, 3]
    assert images.img_to_array(picture, "channels_first", "uint8").shape == (3, 2, 3)
    assert images.array_to_img(array, scale=False).tobytes() == picture.tobytes()
    assert images.img_to_array(np.zeros((2, 3))).shape == (2, 3, 1)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: images.array_to_img(np.zeros((2, 2))), "rank 3"),
        (lambda: images.array_to_img(np.zeros((2, 2, 2))), "channel number: 2"),
        (lambda: images.array_to_img(np.zeros((2, 2, 3)), "channels_middle"), "channels_middle"),
        (lambda: images.img_to_array(np.zeros((1, 2, 2, 3))), "image shape"),
    ],
)
def test_array_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
