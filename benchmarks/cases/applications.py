"""Ready-made networks: training at full size, building a large one, loading a large file."""

import os
import tempfile

import numpy as np

from .base import Case, marked_images


class ResNet50(Case):
    name, title = "resnet50", "ResNet50, 224 x 224, batch 16, SGD with momentum"
    batch, steps, singles, tolerance = 16, 4, 5, 0.2
    loss, heavy, size, classes = "categorical_crossentropy", True, 224, 1000
    measures = ("fit_ms", "predict_ms", "predict_one_ms")

    def data(self):
        return marked_images(self.samples, (self.size, self.size, 3), self.classes)

    def build(self, keras):
        network = self.network(keras.applications)
        return network(weights=None, classes=self.classes, input_shape=(self.size, self.size, 3))

    def network(self, applications):
        return applications.resnet50.ResNet50

    def optimizer(self, optimizers):
        return optimizers.SGD(learning_rate=0.001, momentum=0.9)


class MobileNet(ResNet50):
    name, title = "mobilenet", "MobileNet, 224 x 224, batch 16, SGD with momentum"

    def network(self, applications):
        return applications.mobilenet.MobileNet


class BuildSession:
    """Building NASNetLarge, and building it until every starting weight is there."""

    def __init__(self, case, keras, options):
        self.keras = keras

    def build(self):
        return self.keras.applications.nasnet.NASNetLarge(weights=None)

    def build_weights(self):
        self.build().get_weights()


class NASNetLarge(Case):
    name, title = "nasnet_build", "building NASNetLarge (331 x 331, 89 million weights)"
    batch, steps, heavy, session = 1, 1, True, BuildSession
    measures = ("build_s", "build_weights_s")


class LoadSession:
    """`load_model` of a file of 100 MB that the same engine wrote, until the weights are in hand."""

    def __init__(self, case, keras, options):
        L = keras.layers
        self.keras = keras
        model = keras.models.Sequential([L.Dense(1600) for _ in range(10)])
        model.build((None, 1600))
        self.path = os.path.join(tempfile.mkdtemp(), "model.h5")
        model.save(self.path)
        self.loss = float(np.mean(np.abs(self.load()[0])))

    def load(self):
        return self.keras.models.load_model(self.path, compile=False).get_weights()


class LoadH5(Case):
    name, title = "load_h5", "load_model of a 100 MB .h5 (10 dense layers) and get_weights"
    batch, steps, session = 1, 1, LoadSession
    measures = ("load_s",)


CASES = [ResNet50, MobileNet, NASNetLarge, LoadH5]
