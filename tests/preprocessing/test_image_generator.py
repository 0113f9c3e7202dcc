"""ImageDataGenerator on arrays: what is drawn, in which order, and what comes out."""

import numpy as np
import pytest

from keras.backend import config
from keras.layers import Dense, Flatten
from keras.models import Sequential
from keras.preprocessing import image as images
from keras.preprocessing.image import ImageDataGenerator, threads

EVERYTHING = dict(
    rotation_range=30, width_shift_range=0.2, height_shift_range=2, shear_range=10, zoom_range=0.2,
    channel_shift_range=20.0, brightness_range=(0.5, 1.5), horizontal_flip=True, vertical_flip=True,
)  # fmt: skip


@pytest.fixture
def x():
    return (np.random.RandomState(0).rand(10, 8, 9, 3) * 255).astype("float32")


def test_draws_in_the_order_of_keras_preprocessing():
    # These numbers were drawn by Keras-Preprocessing 1.1.0.
    generator = ImageDataGenerator(
        rotation_range=3, width_shift_range=2, height_shift_range=[1, 2, 3], zoom_range=0.2, shear_range=3,
        channel_shift_range=2.0, brightness_range=(0.5, 1), vertical_flip=True,
    )  # fmt: skip
    drawn = generator.get_random_transform((8, 8, 3), seed=0)
    assert {name: pytest.approx(value) for name, value in drawn.items()} == {
        "theta": 0.2928810235639485, "tx": -2, "ty": 1, "shear": 0.2692990979813814, "zx": 0.9694619197355618,
        "zy": 1.0583576452266623, "flip_horizontal": 0, "flip_vertical": 0,
        "channel_shift_intensity": 1.8546510420041171, "brightness": 0.6917207594128889,
    }  # fmt: skip


@pytest.mark.parametrize(
    "limit, values",
    [(2, {-1, 0, 1}), ([1, 4], {-4, -1, 1, 4}), ([0.25], {-2, 2}), (1, {0}), (0.0, {0})],
)
def test_shifts_to_choose_from(limit, values):
    generator = ImageDataGenerator(height_shift_range=limit)
    assert {generator.get_random_transform((8, 8, 3))["tx"] for _ in range(60)} == values


def test_shifts_by_fractions_and_pixels():
    for limit, largest in ((0.25, 2), (3.0, 3)):
        shifts = [
            ImageDataGenerator(width_shift_range=limit).get_random_transform((4, 8, 3))["ty"] for _ in range(200)
        ]
        assert 0.9 * largest < max(map(abs, shifts)) <= largest


def _one_by_one(generator, x):
    """The images, drawn, changed and standardised by the public functions."""
    return [generator.standardize(generator.random_transform(image)) for image in x]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    "options",
    [
        EVERYTHING,
        dict(horizontal_flip=True, vertical_flip=True, rescale=1 / 255),
        dict(rotation_range=40, fill_mode="constant", cval=7, samplewise_center=True),
        dict(zoom_range=(1, 2), samplewise_center=True, samplewise_std_normalization=True, fill_mode="wrap"),
        dict(width_shift_range=[0, 2], interpolation_order=3, vertical_flip=True),
        dict(height_shift_range=[0, 2], interpolation_order=0, fill_mode="reflect"),
        dict(preprocessing_function=np.flipud, rotation_range=5, rescale=0.1, samplewise_center=True),
    ],
    ids=lambda options: "-".join(options)[:40],
)
def test_a_batch_is_what_its_images_are_one_by_one(x, options, data_format, monkeypatch):
    monkeypatch.setattr(threads, "PIECE", 450)  # more than one piece, and splines in threads
    monkeypatch.setattr(threads, "WORTH", 1)
    x = x if data_format == "channels_last" else x.transpose(0, 3, 1, 2)
    generator = ImageDataGenerator(data_format=data_format, **options)
    flow = generator.flow(x, batch_size=6, shuffle=False, seed=11)
    for number, part in enumerate((x[:6], x[6:], x[:6])):
        batch = next(flow)
        np.random.seed(11 + number)
        np.testing.assert_allclose(batch, _one_by_one(generator, part), rtol=1e-5, atol=1e-5)
    assert x.max() > 200  # the data are as they were


def test_a_function_draws_after_the_batch(x):
    flow = ImageDataGenerator(preprocessing_function=lambda image: image * 0 + np.random.rand()).flow(x, seed=2)
    batch = next(flow)
    np.random.seed(2)
    np.random.permutation(10)
    for _ in x:
        flow.image_data_generator.get_random_transform(x.shape[1:])
    np.testing.assert_allclose(batch[:, 0, 0, 0], np.random.rand(10), rtol=1e-6)


def test_apply_transform(x):
    generator = ImageDataGenerator(fill_mode="constant", cval=0)
    np.testing.assert_array_equal(generator.apply_transform(x[0], {}), x[0])
    np.testing.assert_array_equal(generator.apply_transform(x[0], {"flip_horizontal": True}), x[0, :, ::-1])
    np.testing.assert_array_equal(generator.apply_transform(x[0], {"tx": 1})[:-1], x[0, 1:])
    np.testing.assert_array_equal(generator.apply_transform(x[0], {"ty": -2, "flip_vertical": True})[::-1, 2:],
                                  x[0, :, :-2])  # fmt: skip
    shifted = generator.apply_transform(x[0], {"channel_shift_intensity": 9.0})
    np.testing.assert_allclose(shifted, images.apply_channel_shift(x[0], 9.0))
    bright = generator.apply_transform(x[0], {"brightness": 0.5})
    np.testing.assert_array_equal(bright, images.apply_brightness_shift(x[0], 0.5))


def test_whole_numbers(x):
    pixels = x[0].astype("uint8")
    generator = ImageDataGenerator()
    assert generator.apply_transform(pixels, {"theta": 5, "flip_vertical": True}).dtype == "uint8"
    shifted = generator.apply_transform(pixels, {"channel_shift_intensity": -3.5})
    np.testing.assert_array_equal(shifted, np.clip(pixels - 3.5, pixels.min(), pixels.max()))
    np.testing.assert_array_equal(
        generator.apply_transform(pixels, {"brightness": 0.5}), images.apply_brightness_shift(pixels, 0.5)
    )


def test_subclasses_and_their_own_transforms(x):
    class Negative(ImageDataGenerator):
        def apply_transform(self, x, transform_parameters):
            return -x

    np.testing.assert_array_equal(next(Negative().flow(x, shuffle=False)), -x)


def test_seed_gives_the_same_batches_and_masks(x):
    flows = [ImageDataGenerator(**EVERYTHING).flow(data, batch_size=4, seed=3) for data in (x, x)]
    for first, second in zip(flows[0], flows[1]):
        np.testing.assert_array_equal(first, second)
        if flows[0].total_batches_seen > 5:
            break


def test_batches_of_an_epoch(x):
    y = np.arange(10)
    flow = ImageDataGenerator().flow(x, y, batch_size=4, sample_weight=y / 10)
    assert len(flow) == 3
    epoch = [next(flow) for _ in range(3)]
    assert [len(batch[0]) for batch in epoch] == [4, 4, 2]
    order = np.concatenate([batch[1] for batch in epoch])
    assert sorted(order) == list(range(10)) and list(order) != list(range(10))
    np.testing.assert_array_equal(np.concatenate([batch[0] for batch in epoch]), x[order])
    np.testing.assert_array_equal(epoch[0][2], epoch[0][1] / 10)
    np.testing.assert_array_equal(flow[2][1], order[8:])
    flow.on_epoch_end()
    assert [*flow[0][1], *flow[1][1], *flow[2][1]] != list(order)
    with pytest.raises(ValueError, match="element 3.*length 3"):
        flow[3]
    flow.reset()
    assert flow.batch_index == 0 and len(next(flow)[0]) == 4


def test_further_inputs(x):
    more = np.arange(20).reshape(10, 2)
    flow = ImageDataGenerator(horizontal_flip=True).flow((x, more), np.arange(10), batch_size=4)
    (pictures, beside), y = next(flow)
    assert pictures.shape == (4, 8, 9, 3)
    np.testing.assert_array_equal(beside, more[y])
    assert len(next(ImageDataGenerator().flow((x, [more, more])))) == 3
    with pytest.raises(ValueError, match="same length"):
        ImageDataGenerator().flow((x, more[1:]))


def test_validation_split(x):
    y = np.arange(10) % 2
    generator = ImageDataGenerator(validation_split=0.25)
    for subset, part in (("validation", slice(0, 2)), ("training", slice(2, 10))):
        flow = generator.flow(x, y, subset=subset, shuffle=False, sample_weight=y)
        batch = next(flow)
        assert flow.n == len(x[part])
        np.testing.assert_array_equal(batch[0], x[part])
        np.testing.assert_array_equal(batch[1], y[part])
    with pytest.raises(ValueError, match="different number of classes"):
        generator.flow(x, np.sort(y), subset="training")
    with pytest.raises(ValueError, match="subset name: test"):
        generator.flow(x, y, subset="test")


def test_featurewise_statistics(x):
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    generator.fit(x)
    np.testing.assert_allclose(generator.mean, x.mean((0, 1, 2), dtype=float)[None, None], rtol=1e-5)
    batch = next(generator.flow(x, shuffle=False))
    expected = (x - x.mean((0, 1, 2), dtype=float)) / x.std((0, 1, 2), dtype=float)
    np.testing.assert_allclose(batch, expected, rtol=1e-4, atol=1e-4)
    first = ImageDataGenerator(featurewise_center=True, data_format="channels_first")
    first.fit(x.transpose(0, 3, 1, 2))
    assert first.mean.shape == (3, 1, 1)


def test_fit_on_changed_images(x):
    generator = ImageDataGenerator(featurewise_center=True, rotation_range=90)
    generator.fit(x, augment=True, rounds=2, seed=8)
    np.random.seed(8)
    changed = [generator.random_transform(image) for _ in range(2) for image in x]
    np.testing.assert_allclose(generator.mean.ravel(), np.mean(changed, axis=(0, 1, 2)), rtol=1e-5)


def test_zca_whitening():
    x = np.random.RandomState(1).rand(40, 2, 2, 3).astype("float64")
    generator = ImageDataGenerator(featurewise_center=True, zca_whitening=True, zca_epsilon=1e-9, dtype="float64")
    generator.fit(x)
    white = next(generator.flow(x, batch_size=40)).reshape(40, -1)
    np.testing.assert_allclose(white.T @ white / 40, np.eye(12), atol=2e-3)


@pytest.mark.parametrize(
    "arguments, message, overridden",
    [
        (dict(zca_whitening=True), "overrides setting of `featurewise_center`", "featurewise_center"),
        (dict(featurewise_std_normalization=True), "overrides setting of `featurewise_center`", "featurewise_center"),
        (dict(samplewise_std_normalization=True), "overrides setting of `samplewise_center`", "samplewise_center"),
    ],
)
def test_arguments_that_ask_for_others(arguments, message, overridden):
    with pytest.warns(UserWarning, match=message):
        assert getattr(ImageDataGenerator(**arguments), overridden) is True


def test_statistics_that_lack_are_told(x):
    with pytest.warns(UserWarning, match="hasn't been fit"):
        np.testing.assert_array_equal(ImageDataGenerator(featurewise_center=True).standardize(x[0].copy()), x[0])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: ImageDataGenerator(validation_split=1.5), "strictly between 0 and 1"),
        (lambda x: ImageDataGenerator(zoom_range=(1, 2, 3)), "zoom_range"),
        (lambda x: ImageDataGenerator(brightness_range=2), "brightness_range"),
        (lambda x: ImageDataGenerator(data_format="channels_middle"), "channels_middle"),
        (lambda x: ImageDataGenerator().flow(x[0]), "rank 4"),
        (lambda x: ImageDataGenerator().flow(x, np.zeros(3)), r"same length.*y.shape = \(3,\)"),
        (lambda x: ImageDataGenerator().flow(x, sample_weight=np.zeros(3)), "`sample_weight` should have the same"),
        (lambda x: ImageDataGenerator().fit(x[0]), "rank 4"),
        (lambda x: next(ImageDataGenerator().flow(x[:0])), "no images"),
    ],
)
def test_errors(x, call, message):
    with pytest.raises(ValueError, match=message):
        call(x)


def test_the_format_of_the_settings(x, monkeypatch):
    monkeypatch.setitem(config._settings, "image_data_format", "channels_first")
    assert next(ImageDataGenerator().flow(x.transpose(0, 3, 1, 2), batch_size=2)).shape == (2, 3, 8, 9)


def test_odd_channels_are_told(x):
    with pytest.warns(UserWarning, match="2 channels"):
        ImageDataGenerator().flow(x[..., :2])


@pytest.mark.parametrize("workers", [0, 3])
def test_training_from_flow(x, workers):
    model = Sequential([Flatten(input_shape=(8, 9, 3)), Dense(1)])
    model.compile("sgd", "mse")
    generator = ImageDataGenerator(rescale=1 / 255, **EVERYTHING)
    flow = generator.flow(x, np.arange(10) / 10, batch_size=4)
    history = model.fit_generator(flow, epochs=2, workers=workers, validation_data=generator.flow(x, np.zeros(10)),
                                  verbose=0)  # fmt: skip
    assert len(history.history["loss"]) == 2 and np.isfinite(history.history["val_loss"]).all()
    assert model.predict_generator(generator.flow(x, batch_size=4), workers=workers).shape == (10, 1)
