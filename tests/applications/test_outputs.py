"""Predictions of some nets; `python -m tests.applications` compares all, in both data formats."""

import numpy as np
import pytest

from keras import backend as K

from . import reference


@pytest.mark.parametrize(
    ("name", "data_format"),
    [
        ("classic ResNet50", "channels_last"),
        ("MobileNet", "channels_last"),
        ("MobileNetV2", "channels_first"),
        ("ResNeXt50", "channels_first"),
        ("Xception", "channels_last"),
    ],
)
def test_predictions_are_those_of_keras_applications(name, data_format):
    K.set_image_data_format(data_format)
    found, wanted = reference.outputs(name)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
