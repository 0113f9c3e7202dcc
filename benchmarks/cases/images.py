"""Convolutional networks on small images."""

from sessions import Session, is_keras_3

from .base import Case, marked_images


class MnistCNN(Case):
    name, title = "mnist_cnn", "MNIST CNN, batch 128, Adadelta"
    batch, steps, singles, tolerance = 128, 10, 100, 0.15
    loss = "categorical_crossentropy"

    def data(self):
        return marked_images(self.samples, (28, 28, 1), 10)

    def build(self, keras):
        L = keras.layers
        model = keras.models.Sequential([
            L.Conv2D(32, (3, 3), activation="relu"), L.Conv2D(64, (3, 3), activation="relu"),
            L.MaxPooling2D(pool_size=(2, 2)), L.Dropout(0.25), L.Flatten(), L.Dense(128, activation="relu"),
            L.Dropout(0.5), L.Dense(10, activation="softmax"),
        ])  # fmt: skip
        model.build((None, 28, 28, 1))
        return model

    def optimizer(self, optimizers):
        return optimizers.Adadelta(learning_rate=1.0, rho=0.95)


class CifarCNN(Case):
    name, title = "cifar_cnn", "CIFAR-10 CNN with BatchNormalization, batch 64, Adam"
    batch, steps, singles, tolerance = 64, 10, 100, 0.15
    loss = "categorical_crossentropy"

    def data(self):
        return marked_images(self.samples, (32, 32, 3), 10)

    def build(self, keras):
        L = keras.layers
        layers = []
        for filters in (32, 64, 128):
            for _ in range(2):
                layers += [L.Conv2D(filters, (3, 3), padding="same"), L.BatchNormalization(), L.Activation("relu")]
            layers += [L.MaxPooling2D(), L.Dropout(0.25)]
        layers += [L.Flatten(), L.Dense(10, activation="softmax")]
        model = keras.models.Sequential(layers)
        model.build((None, 32, 32, 3))
        return model

    def optimizer(self, optimizers):
        return optimizers.Adam(learning_rate=0.001)


class AugmentedSession(Session):
    """`fit` on the engine's own ImageDataGenerator."""

    def __init__(self, case, keras, options):
        super().__init__(case, keras, options)
        if is_keras_3(keras):  # it is no longer public there, but still delivered
            from keras.src.legacy.preprocessing.image import ImageDataGenerator
        else:
            ImageDataGenerator = keras.preprocessing.image.ImageDataGenerator
        self.generator = ImageDataGenerator(
            rotation_range=15, width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True
        )

    def fit(self, shuffle=True):
        batches = self.generator.flow(self.x, self.y, batch_size=self.case.batch, shuffle=shuffle, seed=1)
        return float(self.model.fit(batches, epochs=1, verbose=0).history["loss"][-1])


class AugmentedCifarCNN(CifarCNN):
    name, title = "cifar_augmented", "the CIFAR-10 CNN, fit on ImageDataGenerator.flow (rotation, shift, flip)"
    tolerance, measures, session = 0.3, ("fit_ms",), AugmentedSession


CASES = [MnistCNN, CifarCNN, AugmentedCifarCNN]
