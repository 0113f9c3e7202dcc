"""Weights as other versions and backends laid them out, turned into the layout of Keras 2.3.1 on TensorFlow.

`translate(layer, arrays, origin)` gives the arrays for one layer of the model, in the order of
`layer.weights`. Each conversion is one function (layer, arrays, origin) -> arrays in the table `BY_CLASS`;
the arrays may be `StoredArray`s, which nobody has to read unless a conversion changes them.
"""

import numpy as np

from . import hard_sigmoid


def translate(layer, arrays, origin):
    """The arrays saved for `layer` by the program `origin`, as this layer wants them."""
    convert = BY_CLASS.get(_class_name(layer))
    arrays = convert(layer, list(arrays), origin) if convert else list(arrays)
    if origin.family == "keras3":
        arrays = hard_sigmoid.rescale(layer, arrays, hard_sigmoid.FROM_KERAS3)
    return arrays


def _class_name(layer):
    """The name of the nearest built-in class: a user's subclass of LSTM is stored as an LSTM is."""
    for cls in type(layer).__mro__:
        if cls.__name__ in BY_CLASS and cls.__module__.split(".")[0] == __name__.split(".")[0]:
            return cls.__name__
    return type(layer).__name__


def _read(arrays):
    return [np.asarray(array) for array in arrays]


# ------------------------------------------------------------------------------------------ convolutions


def _flipped(kernel):
    """The kernel turned by 180 degrees. Channels come last."""
    kernel = np.asarray(kernel)
    spatial = tuple(slice(None, None, -1) for _ in range(kernel.ndim - 2))
    return np.ascontiguousarray(kernel[spatial])


def convolution(layer, arrays, origin):
    if origin.family == "keras1" and arrays:
        arrays = [_keras1_kernel(layer, np.asarray(arrays[0]))] + arrays[1:]
    return _correlating(arrays, origin, 1)


def _correlating(arrays, origin, kernels):
    """Theano convolved with the kernels, which are the first arrays; the others correlate."""
    return [*map(_flipped, arrays[:kernels]), *arrays[kernels:]] if origin.backend == "theano" else arrays


def _keras1_kernel(layer, kernel):
    """Keras 1: Conv1D kernels had a width of one; 'th' ordering put the filters first."""
    class_name = _class_name(layer)
    if class_name == "Conv1D" and kernel.ndim == 4:
        size = tuple(layer.kernel_size)
        if kernel.shape[:2] != (size[0], 1):  # (filters, channels, length, 1)
            kernel = np.transpose(kernel, (2, 3, 1, 0))
        return kernel[:, 0]
    if layer.data_format != "channels_first":
        return kernel
    orders = {"Conv2D": (2, 3, 1, 0), "Conv2DTranspose": (2, 3, 0, 1), "Conv3D": (2, 3, 4, 1, 0)}
    turned = np.transpose(kernel, orders[class_name]) if class_name in orders else kernel
    # Files saved with 'tf' ordering, as the first published weights of VGG and ResNet, fit as they are.
    wanted = tuple(layer.weights[0].shape)
    return kernel if kernel.shape == wanted != turned.shape else turned


def separable_convolution(layer, arrays, origin):
    return _correlating(arrays, origin, 1)


# ------------------------------------------------------------------------------------------ recurrent layers


def lstm(layer, arrays, origin):
    """Keras 1 kept W, U, b gate by gate, in the order i, c, f, o; CuDNNLSTM's bias is twice as long."""
    if origin.family == "keras1" and len(arrays) == 12:
        return [_side_by_side([_read(arrays)[3 * gate + kind] for gate in (0, 2, 1, 3)]) for kind in range(3)]
    return _between_cudnn_and_plain(layer, arrays, gates=4)


def gru(layer, arrays, origin):
    """Keras 1's order of gates is z, r, h, as now."""
    if origin.family == "keras1" and len(arrays) == 9:
        return [_side_by_side([_read(arrays)[3 * gate + kind] for gate in range(3)]) for kind in range(3)]
    return _between_cudnn_and_plain(layer, arrays, gates=3)


def conv_lstm(layer, arrays, origin):
    if origin.family == "keras1" and len(arrays) == 12:
        arrays = _read(arrays)
        if layer.data_format == "channels_first":
            arrays = [np.transpose(array, (2, 3, 1, 0)) if array.ndim == 4 else array for array in arrays]
        arrays = [_side_by_side([arrays[3 * gate + kind] for gate in (0, 2, 1, 3)]) for kind in range(3)]
    return _correlating(arrays, origin, 2)


def _side_by_side(arrays):
    return np.concatenate(arrays, axis=-1)


def _between_cudnn_and_plain(layer, arrays, gates):
    """Weights saved from a CuDNN layer into a plain one, or the other way.

    cuDNN keeps its matrices transposed, gate by gate, and two biases (input's and recurrent); the plain LSTM
    has one, their sum; the plain GRU with reset_after has two, as rows. Which of the two was saved shows in the bias.
    """
    if len(arrays) != 3:
        return arrays
    units = layer.units
    to_cudnn = type(layer).__name__.startswith("CuDNN")
    bias_shape = tuple(arrays[2].shape)
    if bias_shape == (2 * units * gates,):
        saved_by_cudnn = True
    elif bias_shape in ((units * gates,), (2, units * gates)):
        saved_by_cudnn = False
    else:
        return arrays  # the shapes do not fit: reported where they are compared
    if saved_by_cudnn == to_cudnn:
        return arrays
    return _converted(layer, arrays, gates, to_cudnn, bias_shape)


def plain_from_cudnn(layer, arrays):
    """The arrays of a CuDNN layer as the LSTM, or GRU(reset_after=True), that computes the same has them."""
    gates = {"CuDNNLSTM": 4, "CuDNNGRU": 3}.get(_class_name_here(layer))
    return _turned(_read(arrays), gates, to_cudnn=False) if gates else arrays


def _class_name_here(layer):
    return next((cls.__name__ for cls in type(layer).__mro__ if cls.__name__.startswith("CuDNN")), None)


def _converted(layer, arrays, gates, to_cudnn, bias_shape):
    units = layer.units
    if gates == 3 and not to_cudnn and not getattr(layer, "reset_after", False):
        raise ValueError(
            f"The weights of a CuDNNGRU cannot be used in the layer {layer.name!r}: GRU(reset_after="
            "False) computes something else. Build it as GRU(..., reset_after=True, "
            "recurrent_activation='sigmoid')."
        )
    if gates == 3 and to_cudnn and bias_shape != (2, units * gates):
        raise ValueError(
            f"The weights of a GRU(reset_after=False) cannot be used in the layer {layer.name!r}: "
            "CuDNNGRU computes GRU(reset_after=True)."
        )
    return _turned(_read(arrays), gates, to_cudnn)


def _turned(arrays, gates, to_cudnn):
    kernel, recurrent, bias = arrays
    order = "C" if to_cudnn else "F"
    kernel = _each_gate(kernel, gates, lambda gate: gate.T.reshape(gate.shape, order=order))
    recurrent = _each_gate(recurrent, gates, np.transpose)
    if gates == 4:
        bias = np.concatenate([bias, np.zeros_like(bias)]) if to_cudnn else np.add(*np.split(bias, 2))
    else:
        bias = bias.reshape(-1) if to_cudnn else bias.reshape(2, -1)
    return [kernel, recurrent, bias]


def _each_gate(matrix, gates, change):
    return np.concatenate([change(piece) for piece in np.split(matrix, gates, axis=1)], axis=1)


# ------------------------------------------------------------------------------------------ layers with layers inside


def time_distributed(layer, arrays, origin):
    return translate(layer.layer, arrays, origin)


def bidirectional(layer, arrays, origin):
    half = len(arrays) // 2
    return translate(layer.forward_layer, arrays[:half], origin) + translate(
        layer.backward_layer, arrays[half:], origin
    )


def recurrent(layer, arrays, origin):
    """Only the cell has weights."""
    return translate(layer.cell, arrays, origin)


def stacked_cells(layer, arrays, origin):
    """Cell by cell."""
    counts = [len(getattr(cell, "weights", ())) for cell in layer.cells]
    if sum(counts) != len(arrays):
        return arrays  # reported where they are compared
    ends = np.cumsum(counts)
    parts = [arrays[end - count : end] for count, end in zip(counts, ends, strict=True)]
    return [
        array for cell, part in zip(layer.cells, parts, strict=True) for array in translate(cell, part, origin)
    ]


def nested_model(layer, arrays, origin):
    """A nested model is stored in one group: first what is trainable, then the rest, each layer by layer.

    The layers' own arrays are gathered, converted, and put back in that order.
    """
    slots = _slots(layer)
    stored = slots if len(slots) == len(arrays) else _gate_by_gate(slots)
    if len(stored) != len(arrays):
        return arrays  # reported where they are compared
    gathered = {}
    for (sublayer, index), array in zip(stored, arrays, strict=True):
        gathered.setdefault(id(sublayer), (sublayer, {}))[1][index] = array
    converted = {
        key: translate(sublayer, [found[i] for i in range(len(found))], origin)
        for key, (sublayer, found) in gathered.items()
    }
    return [converted[id(sublayer)][index] for sublayer, index in slots]


def _slots(model):
    """For each of model.weights: the layer that owns it, and its place among that layer's weights."""
    owner = {}
    for sublayer in model.layers:
        for index, weight in enumerate(sublayer.weights):
            owner.setdefault(id(weight), (sublayer, index))
    return [owner[id(weight)] for weight in model.weights if id(weight) in owner]


def _gate_by_gate(slots):
    """The slots where recurrent layers have W, U, b for each gate, as in Keras 1."""
    counts = {"ConvLSTM2D": 12, "GRU": 9, "LSTM": 12}
    found = []
    for sublayer, index in slots:
        count = counts.get(_class_name(sublayer))
        if count is None:
            found.append((sublayer, index))
        elif index == 0:
            found += [(sublayer, number) for number in range(count)]
    return found


BY_CLASS = {
    "Bidirectional": bidirectional,
    "Conv1D": convolution,
    "Conv2D": convolution,
    "Conv3D": convolution,
    "Conv2DTranspose": convolution,
    "Conv3DTranspose": convolution,
    "ConvLSTM2D": conv_lstm,
    "CuDNNGRU": gru,
    "CuDNNLSTM": lstm,
    "GRU": gru,
    "LSTM": lstm,
    "Model": nested_model,
    "Network": nested_model,
    "RNN": recurrent,
    "Sequential": nested_model,
    "SeparableConv1D": separable_convolution,
    "SeparableConv2D": separable_convolution,
    "DepthwiseConv2D": separable_convolution,
    "StackedRNNCells": stacked_cells,
    "TimeDistributed": time_distributed,
}
