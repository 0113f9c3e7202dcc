"""Every argument that tf.keras 2.15+ and Keras 3 write for a layer and Keras 2.3.1 does not have.

Each is left out where it says what 2.3.1 does anyway, understood, or refused by name.
"""

import pytest

from keras.saving.conversions import Untranslatable, origin_of, translate_model

TF_KERAS, KERAS3 = origin_of("2.21.0", "tensorflow"), origin_of("3.15.1", "jax")
BOTH = (TF_KERAS, KERAS3)
CONVOLUTIONS = "Conv1D Conv2D Conv3D Conv2DTranspose Conv3DTranspose DepthwiseConv2D SeparableConv1D SeparableConv2D"
POOLINGS = [f"Global{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3)]
RECURRENT = "SimpleRNN LSTM GRU RNN ConvLSTM2D"

# (versions, layers, argument, the value that says nothing, another value, what it becomes: None, it is refused)
TABLE = [
    (BOTH, CONVOLUTIONS, "groups", 1, 2, None),
    (BOTH, " ".join(POOLINGS), "keepdims", False, True, {"keepdims": True}),
    (BOTH, RECURRENT, "time_major", False, True, None),
    (BOTH, RECURRENT, "zero_output_for_mask", False, True, {"zero_output_for_mask": True}),
    (BOTH, RECURRENT, "seed", None, 3, {}),
    (BOTH, "GaussianNoise GaussianDropout", "seed", None, 3, {}),
    (BOTH, "BatchNormalization", "renorm", False, True, None),
    (BOTH, "BatchNormalization", "renorm_clipping", None, {"rmax": 3}, {}),  # says nothing without renorm
    (BOTH, "BatchNormalization", "renorm_momentum", 0.99, 0.9, {}),
    (BOTH, "BatchNormalization", "synchronized", False, True, None),
    (BOTH, "BatchNormalization", "virtual_batch_size", None, 4, None),
    (BOTH, "LocallyConnected1D LocallyConnected2D", "implementation", 1, 2, None),
    (BOTH, "Embedding", "sparse", False, True, None),
    (BOTH, "InputLayer", "ragged", False, True, None),
    (BOTH, "UpSampling2D", "interpolation", "nearest", "bicubic", None),
    (BOTH, "ZeroPadding1D", "data_format", "channels_last", "channels_first", None),
    (BOTH, "Conv3DTranspose", "dilation_rate", [1, 1, 1], [2, 2, 2], None),
    (BOTH, "Softmax BatchNormalization", "axis", [1], [1, 2], None),
    (BOTH, "LeakyReLU", "negative_slope", 0.3, 0.1, {"alpha": 0.1}),
    ((KERAS3,), "Dense Embedding Conv2D", "quantization_config", None, None, {}),
    ((KERAS3,), "Dense Embedding Conv2D", "lora_rank", None, None, {}),
]
ROWS = [(origin, layer, *rest) for versions, names, *rest in TABLE for layer in names.split() for origin in versions]
# With these values the argument stays, as 2.3.1 has it too.
KNOWN = {"axis", "interpolation"}


def translated(origin, class_name, config):
    layer = {"class_name": class_name, "config": {"name": "the_layer", **config}}
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    return translate_model(model, origin)["config"]["layers"][0]["config"]


@pytest.mark.parametrize("origin, layer, argument, neutral, other, becomes", ROWS)
def test_it_is_left_out_understood_or_refused(origin, layer, argument, neutral, other, becomes):
    found = translated(origin, layer, {argument: neutral})
    assert argument not in found or argument in KNOWN
    if becomes is None:
        with pytest.raises(Untranslatable, match=rf"{layer} 'the_layer'.*{argument}"):
            translated(origin, layer, {argument: other})
    else:
        found = translated(origin, layer, {argument: other})
        assert becomes.items() <= found.items() and (argument in becomes or argument not in found)
