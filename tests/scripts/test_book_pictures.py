"""Notebooks of a first course: convolutional nets on folders of pictures, and looking into them."""

import os

import numpy as np
import pytest

from keras import backend as K
from keras import layers, models, optimizers
from keras.applications import MobileNet
from keras.models import load_model
from keras.preprocessing import image
from keras.preprocessing.image import ImageDataGenerator


def generators(cats_and_dogs):
    train_datagen = ImageDataGenerator(
        rescale=1.0 / 255, rotation_range=40, width_shift_range=0.2, height_shift_range=0.2, shear_range=0.2,
        zoom_range=0.2, horizontal_flip=True, fill_mode="nearest",
    )  # fmt: skip
    test_datagen = ImageDataGenerator(rescale=1.0 / 255)
    train = train_datagen.flow_from_directory(
        os.path.join(cats_and_dogs, "train"), target_size=(16, 16), batch_size=8, class_mode="binary"
    )
    validation = test_datagen.flow_from_directory(
        os.path.join(cats_and_dogs, "validation"), target_size=(16, 16), batch_size=6, class_mode="binary"
    )
    return train, validation


def small_convnet():
    model = models.Sequential()
    model.add(layers.Conv2D(4, (3, 3), activation="relu", input_shape=(16, 16, 3)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Conv2D(4, (3, 3), activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer=optimizers.RMSprop(lr=1e-2), metrics=["acc"])
    return model


def test_cats_and_dogs(cats_and_dogs, tmp_path, capsys):
    train_generator, validation_generator = generators(cats_and_dogs)
    said = capsys.readouterr().out
    assert "Found 24 images belonging to 2 classes." in said and "Found 12 images belonging to 2 classes." in said
    for data_batch, labels_batch in train_generator:
        assert data_batch.shape == (8, 16, 16, 3) and labels_batch.shape == (8,)
        break
    model = small_convnet()
    history = model.fit_generator(
        train_generator, steps_per_epoch=6, epochs=4, validation_data=validation_generator, validation_steps=2
    )
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"} and len(history.history["val_acc"]) == 4
    assert "6/6 [=====" in capsys.readouterr().out
    assert model.evaluate_generator(validation_generator, steps=2)[1] > 0.5
    path = str(tmp_path / "cats_and_dogs_small_1.h5")
    model.save(path)

    # What the layers make of a picture, in a new session.
    model = load_model(path)
    img = image.load_img(os.path.join(cats_and_dogs, "train", "cats", "cat.0.jpg"), target_size=(16, 16))
    img_tensor = np.expand_dims(image.img_to_array(img), axis=0) / 255.0
    layer_outputs = [layer.output for layer in model.layers[:4]]
    activation_model = models.Model(inputs=model.input, outputs=layer_outputs)
    activations = activation_model.predict(img_tensor)
    assert [a.shape for a in activations] == [(1, 14, 14, 4), (1, 7, 7, 4), (1, 5, 5, 4), (1, 2, 2, 4)]

    # The pattern that a filter answers to: gradient ascent on the picture.
    layer_output = model.get_layer(model.layers[0].name).output
    loss = K.mean(layer_output[:, :, :, 0])
    grads = K.gradients(loss, model.input)[0]
    grads /= K.sqrt(K.mean(K.square(grads))) + 1e-5
    iterate = K.function([model.input], [loss, grads])
    input_img_data = np.random.random((1, 16, 16, 3)) * 20 + 128.0
    losses = []
    for _ in range(5):
        loss_value, grads_value = iterate([input_img_data])
        input_img_data += grads_value * 1.0
        losses.append(loss_value)
    assert losses[-1] > losses[0]

    # Where the class shows: gradients of the answer, averaged over the maps.
    last_conv_layer = model.layers[2]
    grads = K.gradients(model.output[:, 0], last_conv_layer.output)[0]
    pooled_grads = K.mean(grads, axis=(0, 1, 2))
    iterate = K.function([model.input], [pooled_grads, last_conv_layer.output[0]])
    pooled_grads_value, conv_layer_output_value = iterate([img_tensor])
    for i in range(4):
        conv_layer_output_value[:, :, i] *= pooled_grads_value[i]
    heatmap = np.maximum(np.mean(conv_layer_output_value, axis=-1), 0)
    assert heatmap.shape == (5, 5)


def test_features_of_a_net_and_fine_tuning(cats_and_dogs):
    conv_base = MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.25)
    datagen = ImageDataGenerator(rescale=1.0 / 255)
    generator = datagen.flow_from_directory(
        os.path.join(cats_and_dogs, "train"), target_size=(32, 32), batch_size=8, class_mode="binary"
    )
    features, labels = np.zeros(shape=(24, 1, 1, 256)), np.zeros(shape=(24))
    i = 0
    for inputs_batch, labels_batch in generator:
        features[i * 8 : (i + 1) * 8] = conv_base.predict(inputs_batch)
        labels[i * 8 : (i + 1) * 8] = labels_batch
        i += 1
        if i * 8 >= 24:
            break
    assert sorted(labels) == [0] * 12 + [1] * 12

    model = models.Sequential()
    model.add(conv_base)
    model.add(layers.Flatten())
    model.add(layers.Dense(1, activation="sigmoid"))
    before = len(model.trainable_weights)
    conv_base.trainable = False
    assert (before, len(model.trainable_weights)) == (83, 2)
    conv_base.trainable = True
    set_trainable = False
    for layer in conv_base.layers:
        if layer.name == "conv_pw_13":
            set_trainable = True
        layer.trainable = set_trainable
    assert len(model.trainable_weights) == 5
    np.testing.assert_allclose(
        model.layers[0].predict(np.ones((1, 32, 32, 3))), conv_base.predict(np.ones((1, 32, 32, 3)))
    )


def test_augmented_pictures_from_memory_and_frames():
    pd = pytest.importorskip("pandas")
    x, y = np.random.rand(10, 8, 8, 1) * 255, np.eye(2)[np.arange(10) % 2]
    datagen = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True, validation_split=0.2)
    datagen.fit(x)
    model = models.Sequential([layers.Flatten(input_shape=(8, 8, 1)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    history = model.fit_generator(
        datagen.flow(x, y, batch_size=4, subset="training"), epochs=2, verbose=0,
        validation_data=datagen.flow(x, y, batch_size=2, subset="validation"),
    )  # fmt: skip
    assert len(history.history["val_loss"]) == 2
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 1.0, 0.0], "y": [0, 1, 1]})
    table = models.Sequential([layers.Dense(1, activation="sigmoid", input_dim=2)])
    table.compile("sgd", "binary_crossentropy")
    table.fit(frame[["a", "b"]], frame["y"], verbose=0)
    assert table.predict(frame[["a", "b"]]).shape == (3, 1)
