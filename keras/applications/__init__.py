"""Nets that were trained on ImageNet.

    from keras.applications.resnet50 import ResNet50, decode_predictions, preprocess_input
    model = ResNet50(weights="imagenet")
    print(decode_predictions(model.predict(preprocess_input(pictures))))

Names of layers, order and shapes of weights are those of keras_applications 1.0.8, so its published weights load.
"""

import sys

from .. import backend, layers, models, utils
from . import (
    densenet, imagenet_utils, inception_resnet_v2, inception_v3, mobilenet, mobilenet_v2, nasnet, resnet, resnet50,
    resnet_v2, resnext, vgg16, vgg19, xception,
)  # fmt: skip
from ._injection import keras_modules_injection
from .densenet import DenseNet121, DenseNet169, DenseNet201
from .inception_resnet_v2 import InceptionResNetV2
from .inception_v3 import InceptionV3
from .mobilenet import MobileNet
from .mobilenet_v2 import MobileNetV2
from .nasnet import NASNetLarge, NASNetMobile
from .resnet import ResNet101, ResNet152
from .resnet50 import ResNet50
from .resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from .resnext import ResNeXt50, ResNeXt101
from .vgg16 import VGG16
from .vgg19 import VGG19
from .xception import Xception

# In Keras 2.3 these modules took their contents from modules of the same names in a package of its own, which
# could be seen: `keras.applications.vgg16.vgg16`, `keras.applications.keras_applications`.
keras_applications = sys.modules[__name__]
for _module in (
    densenet, imagenet_utils, inception_resnet_v2, inception_v3, mobilenet, mobilenet_v2, nasnet, resnet, resnet50,
    resnet_v2, resnext, vgg16, vgg19, xception,
):  # fmt: skip
    setattr(_module, _module.__name__.rpartition(".")[2], _module)
