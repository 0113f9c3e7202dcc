"""All layers, and their way into and out of configs."""

from ..engine.base_layer import InputSpec, Layer
from ..engine.input_layer import Input, InputLayer
from ..legacy.layers import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    ConvRecurrent2D,
    Highway,
    MaxoutDense,
    Merge,
    Recurrent,
)
from ..utils.generic_utils import deserialize_keras_object
from .advanced_activations import ELU, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from .convolutional import (
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Deconvolution2D,
    Deconvolution3D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from .convolutional_recurrent import ConvLSTM2D, ConvLSTM2DCell
from .core import (
    Activation,
    ActivityRegularization,
    Dense,
    Dropout,
    Flatten,
    Lambda,
    Masking,
    Permute,
    RepeatVector,
    Reshape,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from .cudnn_recurrent import CuDNNGRU, CuDNNLSTM
from .embeddings import Embedding
from .local import LocallyConnected1D, LocallyConnected2D
from .merge import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .noise import AlphaDropout, GaussianDropout, GaussianNoise
from .normalization import BatchNormalization
from .pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell, StackedRNNCells
from .wrappers import Bidirectional, TimeDistributed, Wrapper

# The modules are part of the API as well: `keras.layers.core.Dense`.
from . import (  # isort: skip
    advanced_activations,
    convolutional,
    convolutional_recurrent,
    core,
    cudnn_recurrent,
    embeddings,
    local,
    merge,
    noise,
    normalization,
    pooling,
    recurrent,
    wrappers,
)

__all__ = [name for name in dir() if not name.startswith("_")]

# Layers of Keras 1 that are functions here: they make the layer that took their place.
_LEGACY_FUNCTIONS = {
    "AtrousConvolution1D": AtrousConvolution1D,
    "AtrousConvolution2D": AtrousConvolution2D,
}

# Modules that one could import from here up to Keras 2.2, as `from keras.layers import K`.
_ONCE_HERE = ("K", "activations", "constraints", "initializers", "interfaces", "np", "regularizers")


def __getattr__(name):
    if name in _ONCE_HERE:
        return getattr(core, name)
    if name == "warnings":  # of Python, as in SqueezeNet's line of imports
        import warnings

        return warnings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def serialize(layer):
    """The layer as a dict of its class name and its config, from which `deserialize` makes an equal layer."""
    return {"class_name": layer.__class__.__name__, "config": layer.get_config()}


def deserialize(config, custom_objects=None):
    """Makes a layer from what `serialize` gave.

    Args:
        config: `{'class_name': ..., 'config': ...}`. Only layers can be named, nothing else of the library.
        custom_objects: dict from names to the user's own classes and functions.

    Returns:
        The layer (or model), with new weights.

    Raises:
        ValueError: if no such layer is known.
    """
    return deserialize_keras_object(
        config, module_objects=_known_layers(), custom_objects=custom_objects, printable_module_name="layer"
    )


def _known_layers():
    """Every layer by name. Read anew each time, so that `keras.layers.MyLayer = MyLayer` works."""
    from ..engine.tensor_op import TensorOp
    from ..models import Model, Sequential
    from .newer import LayerNormalization, Normalization

    layers = {"LayerNormalization": LayerNormalization, "Normalization": Normalization}
    layers |= {name: x for name, x in globals().items() if isinstance(x, type) and issubclass(x, Layer)}
    layers["ConvRNN2D"] = convolutional_recurrent.ConvRNN2D
    models = {"Model": Model, "Functional": Model, "Sequential": Sequential}
    return {**layers, **_LEGACY_FUNCTIONS, **models, "TensorOp": TensorOp}
