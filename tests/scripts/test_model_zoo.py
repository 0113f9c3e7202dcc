"""What people do with .h5 files of others: load, rename, take parts, predict from generators."""

import json

import h5py
import numpy as np
import pytest

from keras import backend as K
from keras import optimizers
from keras.callbacks import CSVLogger, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, GlobalAveragePooling2D, Input, Lambda
from keras.models import Model, Sequential, clone_model, load_model, model_from_json
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import CustomObjectScope, Sequence, np_utils


def relu6(x):
    return K.relu(x, max_value=6)


def zoo_net(classes=3, top="predictions"):
    """With its names as published nets have them."""
    img_input = Input(shape=(8, 8, 3))
    x = Conv2D(4, (3, 3), padding="same", name="block1_conv1", use_bias=False)(img_input)
    x = BatchNormalization(axis=-1, name="block1_bn")(x)
    x = Activation(relu6, name="block1_relu")(x)
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    return Model(img_input, Dense(classes, activation="softmax", name=top)(x), name="zoo")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(path of the whole model, path of its weights, pictures, predictions)"""
    folder = tmp_path_factory.mktemp("zoo")
    model = zoo_net()
    x, y = np.random.rand(12, 8, 8, 3), np_utils.to_categorical(np.arange(12) % 3, 3)
    model.compile(optimizers.SGD(lr=0.1, momentum=0.9, nesterov=True), "categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=6, epochs=2, verbose=0)
    model.save(str(folder / "zoo.h5"))
    model.save_weights(str(folder / "zoo_weights.h5"))
    return str(folder / "zoo.h5"), str(folder / "zoo_weights.h5"), x, model.predict(x)


def test_custom_objects_in_every_way(trained):
    path, _, x, wanted = trained
    models = [load_model(path, custom_objects={"relu6": relu6}), load_model(path, {"relu6": relu6}, compile=False)]
    with CustomObjectScope({"relu6": relu6}):
        models.append(load_model(path))
    with h5py.File(path, "r") as f:
        models.append(load_model(f, custom_objects={"relu6": relu6}))
    for model in models:
        np.testing.assert_array_equal(model.predict(x), wanted)
    assert K.get_value(models[0].optimizer.lr) == pytest.approx(0.1) and models[0].metrics_names == ["loss", "accuracy"]
    np.testing.assert_array_equal(load_model(path).predict(x), wanted)  # `relu6` is known: published files name it


def test_the_architecture_in_a_text_file(trained, tmp_path):
    _, weights, x, wanted = trained
    with open(tmp_path / "model.json", "w") as json_file:
        json_file.write(zoo_net().to_json(indent=2, sort_keys=True))
    with open(tmp_path / "model.json") as json_file:
        loaded_model_json = json_file.read()
    assert json.loads(loaded_model_json)["config"]["name"] == "zoo"
    loaded_model = model_from_json(loaded_model_json, custom_objects={"relu6": relu6})
    loaded_model.load_weights(weights)
    np.testing.assert_array_equal(loaded_model.predict(x), wanted)


def test_another_top_by_name(trained):
    _, weights, x, _ = trained
    net = zoo_net(classes=5, top="my_predictions")
    fresh = net.get_layer("my_predictions").get_weights()
    net.load_weights(weights, by_name=True)
    with h5py.File(weights, "r") as f:
        assert [name.decode("utf8") for name in f.attrs["layer_names"]][1:3] == ["block1_conv1", "block1_bn"]
        kernel = f["block1_conv1"]["block1_conv1"]["kernel:0"][()]
    np.testing.assert_array_equal(net.get_layer("block1_conv1").get_weights()[0], kernel)
    for a, b in zip(net.get_layer("my_predictions").get_weights(), fresh):
        np.testing.assert_array_equal(a, b)
    same_name = zoo_net(classes=5)
    with pytest.raises(ValueError, match="predictions.*skip_mismatch"):
        same_name.load_weights(weights, by_name=True)
    with pytest.warns(UserWarning, match="predictions"):
        same_name.load_weights(weights, by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(same_name.get_layer("block1_conv1").get_weights()[0], kernel)


def test_the_top_cut_off_in_the_ways_of_those_years(trained):
    path, _, x, wanted = trained
    base = load_model(path, custom_objects={"relu6": relu6})
    features = Model(inputs=base.input, outputs=base.layers[-2].output).predict(x)
    for layer in base.layers[:-1]:
        layer.trainable = False
    out = Dense(2, activation="softmax", name="mine")(base.get_layer("avg_pool").output)
    mine = Model(base.input, out)
    mine.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["acc"])
    assert len(mine.trainable_weights) == 2
    kernel = base.get_layer("block1_conv1").get_weights()[0]
    mine.fit(x, np_utils.to_categorical(np.arange(12) % 2), epochs=1, verbose=0)
    np.testing.assert_array_equal(base.get_layer("block1_conv1").get_weights()[0], kernel)

    base = load_model(path, custom_objects={"relu6": relu6})
    base.layers.pop()  # as many notebooks did
    with pytest.raises(ValueError, match=r"'predictions', which was taken out.*Model\(model.input"):
        base.to_json()
    stacked = Sequential()
    for layer in base.layers[:4]:
        stacked.add(layer)
    stacked.add(Flatten())
    stacked.add(Dense(2))
    assert stacked.output_shape == (None, 2) and stacked.layers[0].name == "block1_conv1"
    headless = Model(base.input, base.layers[-1].output)
    np.testing.assert_allclose(headless.predict(x), features, rtol=1e-6)
    assert headless.to_json() and headless.output_shape == (None, 4)
    np.testing.assert_array_equal(base.predict(x), wanted)


def test_copies_and_ensembles(trained):
    path, _, x, wanted = trained
    custom = {"relu6": relu6}
    first, second = load_model(path, custom_objects=custom), load_model(path, custom_objects=custom)
    with CustomObjectScope(custom):
        copy = clone_model(first)
    copy.set_weights(first.get_weights())
    np.testing.assert_array_equal(copy.predict(x), wanted)
    second.name = "zoo_2"
    inputs = Input((8, 8, 3))
    both = [model(inputs) for model in (first, second)]
    ensemble = Model(inputs, Lambda(lambda t: (t[0] + t[1]) / 2, name="mean")(both))
    np.testing.assert_allclose(ensemble.predict(x), wanted, rtol=1e-6)


class Pictures(Sequence):
    def __init__(self, x, y, batch_size):
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return int(np.ceil(len(self.x) / float(self.batch_size)))

    def __getitem__(self, idx):
        part = slice(idx * self.batch_size, (idx + 1) * self.batch_size)
        return self.x[part], self.y[part]


def test_predictions_from_generators(trained, cats_and_dogs):
    path, _, x, wanted = trained
    model = load_model(path, custom_objects={"relu6": relu6})
    y = np_utils.to_categorical(np.arange(12) % 3)
    pictures = Pictures(x, y, 5)
    np.testing.assert_allclose(model.predict_generator(pictures), wanted, rtol=1e-5)
    np.testing.assert_allclose(model.predict_generator(pictures, workers=2, max_queue_size=2), wanted, rtol=1e-5)
    np.testing.assert_allclose(
        model.evaluate_generator(pictures, steps=len(pictures)), model.evaluate(x, y, verbose=0), rtol=1e-5
    )
    generator = ImageDataGenerator(rescale=1 / 255.0).flow_from_directory(
        cats_and_dogs + "/validation", target_size=(8, 8), batch_size=5, class_mode=None, shuffle=False
    )
    generator.reset()
    pred = model.predict_generator(generator, steps=np.ceil(generator.samples / 5), verbose=0)
    assert pred.shape == (12, 3) and len(generator.filenames) == 12
    labels = dict((v, k) for k, v in generator.class_indices.items())
    assert labels == {0: "cats", 1: "dogs"} and set(np.argmax(pred, axis=1)) <= {0, 1, 2}


def test_callbacks_of_a_long_training(trained, tmp_path):
    _, _, x, _ = trained
    y = np_utils.to_categorical(np.arange(12) % 3)
    model = zoo_net()
    model.compile(optimizers.Adam(lr=0.01), "categorical_crossentropy", metrics=["acc"])
    pattern = str(tmp_path / "weights.{epoch:02d}-{val_loss:.2f}-{val_acc:.1f}.hdf5")
    history = model.fit(
        x, y, validation_data=(x, y), epochs=3, verbose=0,
        callbacks=[
            ModelCheckpoint(pattern, monitor="val_acc", verbose=0, save_best_only=False, mode="max", period=2),
            ModelCheckpoint(str(tmp_path / "best.h5"), save_best_only=True, save_weights_only=True),
            LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1)),
            ReduceLROnPlateau(factor=0.5, patience=1),
            CSVLogger(str(tmp_path / "training.log")),
        ],
    )  # fmt: skip
    np.testing.assert_allclose(history.history["lr"], [0.01, 0.005, 0.01 / 3], rtol=1e-6)
    saved = [p.name for p in tmp_path.glob("weights.*.hdf5")]
    assert len(saved) == 1 and saved[0].startswith("weights.02-")
    assert (tmp_path / "training.log").read_text().startswith("epoch,acc,loss,lr,val_acc,val_loss")
    model.load_weights(str(tmp_path / "best.h5"))
