"""Global pooling of tf.keras with keepdims=True (its MobileNets have that): the same layer, with axes that stay."""

import numpy as np
import pytest

from keras import layers
from keras.models import Sequential, model_from_json
from keras.saving.conversions import Origin, translate_model


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_the_axes_stay(kind, rank, data_format):
    name = f"Global{kind}Pooling{rank}D"
    config = {"name": "pool", "data_format": data_format, "keepdims": True}
    layer = {"class_name": name, "config": config}
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    translated = translate_model(model, Origin("tf_keras", (2, 15, 0)))["config"]["layers"][0]
    pool = layers.deserialize(translated)
    x = np.random.RandomState(0).rand(2, 5, 4, 3, 6)[:, :, :, :, 0]
    x = x[:, :, :, 0] if rank == 1 else x if rank == 2 else x[..., np.newaxis]
    model = Sequential([layers.InputLayer(x.shape[1:]), pool])
    axes = tuple(range(1, rank + 1)) if data_format == "channels_last" else tuple(range(2, rank + 2))
    expected = (np.mean if kind == "Average" else np.max)(x, axis=axes, keepdims=True)
    assert model.output_shape == (None,) + expected.shape[1:]
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-6)
    assert model_from_json(model.to_json()).output_shape == model.output_shape


def test_masked_steps_do_not_count():
    pool = layers.GlobalAveragePooling1D(keepdims=True)
    model = Sequential([layers.Masking(input_shape=(3, 2)), pool])
    x = np.array([[[1, 2], [0, 0], [3, 6]]])
    np.testing.assert_allclose(model.predict(x), [[[2, 4]]])


def test_without_it_the_configuration_is_that_of_keras_2():
    assert "keepdims" not in layers.GlobalAveragePooling2D(name="p").get_config()
    assert layers.GlobalMaxPooling2D(keepdims=True).get_config()["keepdims"] is True
