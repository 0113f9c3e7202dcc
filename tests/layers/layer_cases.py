"""The table of layers without recurrence, each with its arithmetic in NumPy.

A new layer (or a new way to use one) is tested by adding a line; recurrent ones are in recurrent_cases.py.
"""

import numpy as np
import references as ref
from harness import Case

from keras import backend as K
from keras import layers as L

IMAGE, IMAGE_FIRST = (2, 6, 5, 3), (2, 3, 6, 5)
VOLUME, VOLUME_FIRST = (2, 4, 5, 3, 2), (2, 2, 4, 5, 3)
STEPS = (2, 7, 3)
FIRST = {"data_format": "channels_first"}


def integers(limit, shape):
    return lambda random: random.randint(0, limit, shape).astype("int32")


def activation(name):
    return {
        "relu": lambda x: np.maximum(x, 0),
        "tanh": np.tanh,
        "sigmoid": ref.sigmoid,
        "softmax": ref.softmax,
    }[name]


def reduce_by(function):
    def compute(w, *xs):
        result = xs[0]
        for x in xs[1:]:
            result = function(result, x)
        return result

    return compute


CORE = [
    Case(L.Dense, {"units": 4}, (2, 3), lambda w, x: x @ w[0] + w[1]),
    Case(L.Dense, {"units": 4, "activation": "relu", "use_bias": False}, (2, 5, 3),
         lambda w, x: np.maximum(x @ w[0], 0), unknown=(0, 1)),
    Case(L.Dense,
         {"units": 2, "activation": "softmax", "kernel_regularizer": "l2", "bias_constraint": "non_neg",
         "kernel_initializer": "he_normal"}, (2, 2, 2, 3), lambda w, x: ref.softmax(x @ w[0] + w[1])),
    *(Case(L.Activation, {"activation": name}, (2, 3, 4), lambda w, x, n=name: activation(n)(x), unknown=(0, 1))
      for name in ("relu", "tanh", "sigmoid", "softmax")),
    Case(L.Dropout, {"rate": 0.5, "noise_shape": (None, 1, 3)}, STEPS, lambda w, x: x, unknown=(0, 1)),
    Case(L.SpatialDropout1D, {"rate": 0.5}, STEPS, lambda w, x: x),
    Case(L.SpatialDropout2D, {"rate": 0.5, **FIRST}, IMAGE_FIRST, lambda w, x: x),
    Case(L.SpatialDropout3D, {"rate": 0.5}, VOLUME, lambda w, x: x),
    Case(L.Flatten, {}, IMAGE, lambda w, x: x.reshape(2, -1)),
    Case(L.Flatten, FIRST, IMAGE_FIRST, lambda w, x: np.moveaxis(x, 1, -1).reshape(2, -1)),
    Case(L.Flatten, {}, (2, 5), lambda w, x: x),
    Case(L.Reshape, {"target_shape": (6, 2)}, (2, 3, 4), lambda w, x: x.reshape(2, 6, 2), unknown=(0, 1)),
    Case(L.Reshape, {"target_shape": (2, -1)}, (2, 3, 4), lambda w, x: x.reshape(2, 2, 6), unknown=(0, 2)),
    Case(L.Permute, {"dims": (3, 1, 2)}, (2, 3, 4, 5), lambda w, x: x.transpose(0, 3, 1, 2), unknown=(0, 2)),
    Case(L.RepeatVector, {"n": 3}, (2, 4), lambda w, x: np.repeat(x[:, None], 3, 1)),
    Case(L.Permute, {"dims": (2, 1)}, (2, 3, 4), lambda w, x: x.transpose(0, 2, 1), unknown=(0, 1)),
    Case(L.Masking, {"mask_value": 1.0}, STEPS, lambda w, x: x * np.any(x != 1, axis=-1, keepdims=True),
         unknown=(0, 1), inputs=integers(2, STEPS)),
    Case(L.ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (2, 3), lambda w, x: x),
    Case(L.Lambda, {"function": lambda x: x**2 + 1}, (2, 3, 4), lambda w, x: x**2 + 1, unknown=(0, 1)),
    Case(L.Lambda, {"function": lambda x, scale: K.sum(x, axis=1) * scale, "arguments": {"scale": 3.0}}, (2, 3, 4),
         lambda w, x: x.sum(1) * 3, unknown=(0, 1)),
    Case(L.Lambda, {"function": lambda x: x[:, 1:], "output_shape": (3, 2)}, (2, 4, 2), lambda w, x: x[:, 1:]),
    Case(L.Lambda, {"function": lambda xs: xs[0] - xs[1]}, [(2, 3), (2, 3)], lambda w, x, y: x - y),
    Case(L.Embedding, {"input_dim": 9, "output_dim": 3}, (2, 5), lambda w, x: w[0][x], dtype="int32",
         unknown=(0, 1), inputs=integers(9, (2, 5))),
    Case(L.Embedding, {"input_dim": 9, "output_dim": 3, "input_length": 5, "mask_zero": True}, (2, 5),
         lambda w, x: w[0][x.astype(int)], inputs=integers(9, (2, 5))),
]  # fmt: skip

NOISE = [
    Case(L.GaussianNoise, {"stddev": 0.5}, (2, 3, 4), lambda w, x: x),
    Case(L.GaussianDropout, {"rate": 0.5}, (2, 3, 4), lambda w, x: x),
    Case(L.AlphaDropout, {"rate": 0.5, "noise_shape": (2, 1, 4), "seed": 3}, (2, 3, 4), lambda w, x: x),
]

ACTIVATIONS = [
    Case(L.LeakyReLU, {"alpha": 0.2}, (2, 3), lambda w, x: np.where(x > 0, x, 0.2 * x)),
    Case(L.PReLU, {}, (2, 3, 4), lambda w, x: np.where(x > 0, x, w[0] * x)),
    Case(L.PReLU, {"shared_axes": [1, 2]}, IMAGE, lambda w, x: np.where(x > 0, x, w[0] * x), unknown=(0, 1, 2)),
    Case(L.ELU, {"alpha": 1.5}, (2, 3), lambda w, x: np.where(x > 0, x, 1.5 * np.expm1(x))),
    Case(L.ThresholdedReLU, {"theta": 0.4}, (2, 3), lambda w, x: x * (x > 0.4)),
    Case(L.Softmax, {"axis": 1}, (2, 3, 4), lambda w, x: ref.softmax(x, 1)),
    Case(L.ReLU, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.3}, (2, 5),
         lambda w, x: np.where(x >= 1, 1, np.where(x >= 0.3, x, 0.1 * (x - 0.3)))),
]  # fmt: skip

MERGES = [
    Case(L.Add, {}, [(2, 3, 4)] * 3, reduce_by(np.add), unknown=(0, 1)),
    Case(L.Add, {}, [(2, 5, 4), (2, 4), (2, 1, 1)], lambda w, x, y, z: x + y[:, None] + z),
    Case(L.Subtract, {}, [(2, 3), (2, 3)], reduce_by(np.subtract)),
    Case(L.Multiply, {}, [(2, 3, 4), (2, 1, 4)], reduce_by(np.multiply)),
    Case(L.Average, {}, [(2, 3)] * 3, lambda w, x, y, z: (x + y + z) / 3),
    Case(L.Maximum, {}, [(2, 3)] * 3, reduce_by(np.maximum)),
    Case(L.Minimum, {}, [(2, 3)] * 3, reduce_by(np.minimum)),
    Case(L.Concatenate, {}, [(2, 3, 4), (2, 3, 1)], lambda w, *xs: np.concatenate(xs, -1), unknown=(0, 1)),
    Case(L.Concatenate, {"axis": 1}, [(2, 3, 4), (2, 5, 4)], lambda w, *xs: np.concatenate(xs, 1), unknown=(0, 1)),
    Case(L.Dot, {"axes": 1}, [(2, 3), (2, 3)], lambda w, x, y: (x * y).sum(1, keepdims=True)),
    Case(L.Dot, {"axes": (2, 1)}, [(2, 3, 4), (2, 4, 5)], lambda w, x, y: x @ y),
    Case(L.Dot, {"axes": -1}, [(2, 3, 4), (2, 4)], lambda w, x, y: np.einsum("bij,bj->bi", x, y)),
    Case(L.Dot, {"axes": -1, "normalize": True}, [(2, 3, 4), (2, 5, 4)],
         lambda w, x, y: np.einsum("bid,bjd->bij",
         *(a / np.linalg.norm(a, axis=-1, keepdims=True) for a in (x, y)))),
]  # fmt: skip


def conv_case(layer, shape, unknown=(0,), **config):
    """A convolution's case: the arguments of the reference are those of the layer."""
    first = config.get("data_format") == "channels_first"
    bias_shape = (-1, *([1] * (len(shape) - 2))) if first else (-1,)
    how = {name: config[key] for name, key in
           (("strides", "strides"), ("padding", "padding"), ("dilation", "dilation_rate"),
            ("data_format", "data_format")) if key in config}  # fmt: skip

    def compute(w, x):
        if layer in (L.SeparableConv1D, L.SeparableConv2D):
            y = ref.separable(x, w[0], w[1], **how)
        elif layer is L.DepthwiseConv2D:
            y = ref.depthwise(x, w[0], **how)
        else:
            y = ref.conv(x, w[0], **how)
        y = y + w[-1].reshape(bias_shape) if config.get("use_bias", True) else y
        return activation(config["activation"])(y) if "activation" in config else y

    return Case(layer, config, shape, compute, unknown=unknown)


def transposed_case(layer, shape, sizes, **config):
    """A transposed convolution's case; `sizes`: the spatial sizes of the output."""
    data_format = config.get("data_format", "channels_last")

    def compute(w, x):
        y = ref.conv_transpose(x, w[0], sizes, config.get("strides", 1), config.get("padding", "valid"),
                               config.get("dilation_rate", 1), data_format)  # fmt: skip
        return ref.from_last(ref.to_last(y, data_format) + w[1], data_format)

    return Case(layer, config, shape, compute)


CONVOLUTIONS = [
    conv_case(L.Conv1D, STEPS, filters=4, kernel_size=3, strides=2, unknown=(0, 1)),
    conv_case(L.Conv1D, STEPS, filters=4, kernel_size=3, padding="causal", dilation_rate=2),
    conv_case(L.Conv1D, (2, 3, 7), filters=4, kernel_size=2, padding="same", **FIRST),
    conv_case(L.Conv2D, IMAGE, filters=4, kernel_size=(3, 2), strides=(2, 1), unknown=(0, 1, 2)),
    conv_case(L.Conv2D, IMAGE, filters=4, kernel_size=4, strides=2, padding="same"),
    conv_case(L.Conv2D, IMAGE, filters=4, kernel_size=2, dilation_rate=(2, 3), use_bias=False),
    conv_case(L.Conv2D, IMAGE_FIRST, filters=4, kernel_size=3, padding="same", **FIRST),
    conv_case(L.Conv3D, VOLUME, filters=3, kernel_size=2, strides=(1, 2, 1), padding="same"),
    conv_case(L.Conv3D, VOLUME_FIRST, filters=3, kernel_size=(1, 2, 3), **FIRST),
    conv_case(L.SeparableConv1D, STEPS, filters=4, kernel_size=3, depth_multiplier=2, padding="same"),
    conv_case(L.SeparableConv1D, STEPS, filters=4, kernel_size=3, padding="causal", unknown=(0, 1)),
    conv_case(L.SeparableConv1D, (2, 3, 7), filters=4, kernel_size=3, **FIRST),
    conv_case(L.SeparableConv2D, IMAGE, filters=4, kernel_size=3, strides=2, padding="same", depth_multiplier=2),
    conv_case(L.SeparableConv2D, IMAGE_FIRST, filters=4, kernel_size=2, use_bias=False, **FIRST),
    conv_case(L.DepthwiseConv2D, IMAGE, kernel_size=3, depth_multiplier=2, strides=2, padding="same"),
    conv_case(L.DepthwiseConv2D, IMAGE_FIRST, kernel_size=(2, 3), **FIRST),
    transposed_case(L.Conv2DTranspose, (2, 3, 4, 2), (7, 9), filters=3, kernel_size=3, strides=2),
    transposed_case(L.Conv2DTranspose, (2, 3, 4, 2), (6, 8), filters=3, kernel_size=3, strides=2, padding="same"),
    transposed_case(L.Conv2DTranspose, (2, 2, 3, 4), (6, 8), filters=3, kernel_size=2, strides=2,
                    padding="same", **FIRST),
    transposed_case(L.Conv2DTranspose, (2, 3, 4, 2), (8, 10), filters=3, kernel_size=3, strides=2,
                    output_padding=1),
    transposed_case(L.Conv2DTranspose, (2, 3, 4, 2), (7, 6), filters=3, kernel_size=(3, 2), dilation_rate=2),
    transposed_case(L.Conv3DTranspose, (2, 2, 3, 2, 2), (4, 6, 4), filters=3, kernel_size=2, strides=2),
    transposed_case(L.Conv3DTranspose, (2, 2, 2, 3, 2), (4, 6, 4), filters=3, kernel_size=3, strides=2,
                    padding="same", **FIRST),
    Case(L.LocallyConnected1D, {"filters": 4, "kernel_size": 3, "strides": 2}, STEPS,
         lambda w, x: ref.local(x, w[0], w[1], 3, 2)),
    *(Case(L.LocallyConnected2D,
           {"filters": 4, "kernel_size": (2, 3), "strides": (2, 1), "activation": "tanh", "data_format": f},
           IMAGE if f == "channels_last" else IMAGE_FIRST,
           lambda w, x, f=f: np.tanh(ref.local(x, w[0], w[1], (2, 3), (2, 1), f)))
      for f in ("channels_last", "channels_first")),
    Case(L.LocallyConnected2D, {"filters": 2, "kernel_size": 3, "use_bias": False}, IMAGE,
         lambda w, x: ref.local(x, w[0], 0, 3, 1)),
    Case(L.LocallyConnected1D, {"filters": 4, "kernel_size": 2, "activation": "relu", "use_bias": False, **FIRST},
         (2, 3, 7), lambda w, x: np.maximum(ref.local(x, w[0], 0, 2, 1, "channels_first"), 0)),
    conv_case(L.Conv1D, STEPS, filters=4, kernel_size=1, activation="softmax", use_bias=False),
    conv_case(L.Conv1D, STEPS, filters=2, kernel_size=2, padding="same", dilation_rate=3, unknown=(0, 1)),
    conv_case(L.Conv2D, IMAGE, filters=4, kernel_size=1, strides=2, activation="tanh"),
    conv_case(L.Conv2D, IMAGE_FIRST, filters=2, kernel_size=2, dilation_rate=(1, 2), activation="softmax", **FIRST),
    conv_case(L.Conv3D, VOLUME, filters=2, kernel_size=2, dilation_rate=(2, 1, 1), activation="relu", use_bias=False),
    conv_case(L.SeparableConv1D, STEPS, filters=4, kernel_size=3, strides=2, activation="relu", use_bias=False),
    conv_case(L.SeparableConv1D, STEPS, filters=4, kernel_size=2, dilation_rate=2, padding="same"),
    conv_case(L.SeparableConv2D, IMAGE, filters=4, kernel_size=2, dilation_rate=2, activation="tanh"),
    conv_case(L.DepthwiseConv2D, IMAGE, kernel_size=2, dilation_rate=2, activation="tanh", use_bias=False),
    Case(L.Conv2DTranspose, {"filters": 3, "kernel_size": 2, "activation": "relu", "use_bias": False}, (2, 3, 4, 2),
         lambda w, x: np.maximum(ref.conv_transpose(x, w[0], (4, 5), 1, "valid"), 0)),
    Case(L.Conv3DTranspose,
         {"filters": 3, "kernel_size": 2, "strides": 2, "output_padding": 1, "activation": "tanh", "use_bias": False},
         (2, 2, 3, 2, 2), lambda w, x: np.tanh(ref.conv_transpose(x, w[0], (5, 7, 5), 2, "valid"))),
]  # fmt: skip


def pool_case(layer, shape, mode, unknown=(0,), **config):
    how = {"pool_size": 2, "strides": None, "padding": "valid", "data_format": "channels_last", **config}

    def compute(w, x):
        return ref.pool(x, how["pool_size"], how["strides"], how["padding"], mode, how["data_format"])

    return Case(layer, config, shape, compute, unknown=unknown)


GLOBAL_POOLS = [
    (L.GlobalAveragePooling1D, STEPS, np.mean), (L.GlobalMaxPooling1D, STEPS, np.max),
    (L.GlobalAveragePooling2D, IMAGE, np.mean), (L.GlobalMaxPooling2D, IMAGE, np.max),
    (L.GlobalAveragePooling3D, VOLUME, np.mean), (L.GlobalMaxPooling3D, VOLUME, np.max),
]  # fmt: skip


def global_case(layer, shape, reduce, data_format):
    first = data_format == "channels_first"
    shape = (shape[0], shape[-1], *shape[1:-1]) if first else shape
    axes = tuple(range(2, len(shape)) if first else range(1, len(shape) - 1))
    return Case(layer, {"data_format": data_format}, shape, lambda w, x: reduce(x, axis=axes))


POOLS = [
    pool_case(L.MaxPooling1D, STEPS, "max", unknown=(0, 1)),
    pool_case(L.MaxPooling1D, (2, 3, 7), "max", pool_size=3, strides=1, padding="same", **FIRST),
    pool_case(L.AveragePooling1D, STEPS, "avg", pool_size=3, strides=2, padding="same"),
    pool_case(L.MaxPooling2D, IMAGE, "max", unknown=(0, 1, 2)),
    pool_case(L.MaxPooling2D, IMAGE_FIRST, "max", pool_size=(3, 2), strides=(2, 1), padding="same", **FIRST),
    pool_case(L.AveragePooling2D, IMAGE, "avg", pool_size=3, strides=2, padding="same"),
    pool_case(L.AveragePooling2D, IMAGE_FIRST, "avg", **FIRST),
    pool_case(L.MaxPooling3D, VOLUME, "max", padding="same"),
    pool_case(L.AveragePooling3D, VOLUME_FIRST, "avg", pool_size=(2, 3, 1), strides=1, padding="same", **FIRST),
    *(global_case(layer, shape, reduce, data_format)
      for layer, shape, reduce in GLOBAL_POOLS for data_format in ("channels_last", "channels_first")),
    pool_case(L.AveragePooling1D, STEPS, "avg"),
    pool_case(L.MaxPooling3D, VOLUME_FIRST, "max", pool_size=(2, 1, 2), strides=(1, 2, 1), **FIRST),
    pool_case(L.AveragePooling3D, VOLUME, "avg", unknown=(0, 1)),
]  # fmt: skip


def repeated(x, factors, axes):
    for factor, axis in zip(factors, axes):
        x = np.repeat(x, factor, axis)
    return x


SPATIAL = [
    Case(L.UpSampling1D, {"size": 3}, STEPS, lambda w, x: np.repeat(x, 3, 1), unknown=(0, 1)),
    Case(L.UpSampling2D, {"size": (2, 3)}, IMAGE, lambda w, x: repeated(x, (2, 3), (1, 2)), unknown=(0, 1, 2)),
    Case(L.UpSampling2D, FIRST, IMAGE_FIRST, lambda w, x: repeated(x, (2, 2), (2, 3))),
    Case(L.UpSampling2D, {"size": (2, 3), "interpolation": "bilinear"}, IMAGE,
         lambda w, x: ref.bilinear(x, (2, 3))),
    Case(L.UpSampling2D, {"interpolation": "bilinear", "half_pixel_centers": True}, IMAGE,
         lambda w, x: ref.bilinear(x, (2, 2), centers=True)),
    Case(L.UpSampling3D, {"size": (2, 1, 3)}, VOLUME, lambda w, x: repeated(x, (2, 1, 3), (1, 2, 3))),
    Case(L.ZeroPadding1D, {"padding": (1, 2)}, STEPS, lambda w, x: np.pad(x, [(0, 0), (1, 2), (0, 0)]),
         unknown=(0, 1)),
    Case(L.ZeroPadding2D, {"padding": ((1, 0), (2, 3)), **FIRST}, IMAGE_FIRST,
         lambda w, x: np.pad(x, [(0, 0), (0, 0), (1, 0), (2, 3)])),
    Case(L.ZeroPadding2D, {"padding": 2}, IMAGE, lambda w, x: np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)]),
         unknown=(0, 1, 2)),
    Case(L.ZeroPadding3D, {"padding": (1, 2, 0)}, VOLUME,
         lambda w, x: np.pad(x, [(0, 0), (1, 1), (2, 2), (0, 0), (0, 0)])),
    Case(L.ZeroPadding3D, {"padding": ((0, 1), (2, 0), (1, 1)), **FIRST}, VOLUME_FIRST,
         lambda w, x: np.pad(x, [(0, 0), (0, 0), (0, 1), (2, 0), (1, 1)])),
    Case(L.UpSampling2D, {"size": (3, 2), "interpolation": "bilinear", **FIRST}, IMAGE_FIRST,
         lambda w, x: ref.from_last(ref.bilinear(ref.to_last(x, "channels_first"), (3, 2)), "channels_first")),
    Case(L.UpSampling3D, FIRST, VOLUME_FIRST, lambda w, x: repeated(x, (2, 2, 2), (2, 3, 4)), unknown=(0, 2)),
    Case(L.Cropping1D, {"cropping": (1, 2)}, STEPS, lambda w, x: x[:, 1:-2], unknown=(0, 1)),
    Case(L.Cropping2D, {"cropping": ((1, 0), (0, 2))}, IMAGE, lambda w, x: x[:, 1:, :-2], unknown=(0, 1, 2)),
    Case(L.Cropping2D, {"cropping": 1, **FIRST}, IMAGE_FIRST, lambda w, x: x[:, :, 1:-1, 1:-1]),
    Case(L.Cropping3D, {"cropping": (1, 2, 1)}, VOLUME, lambda w, x: x[:, 1:-1, 2:-2, 1:-1]),
    Case(L.Cropping3D, {"cropping": ((0, 1), (2, 0), (1, 1)), **FIRST}, VOLUME_FIRST,
         lambda w, x: x[:, :, :-1, 2:, 1:-1]),
]  # fmt: skip


def normalized(axis, epsilon=1e-3, scale=True, center=True):
    def compute(w, x):
        shape = [1] * x.ndim
        shape[axis] = -1
        weights = [a.reshape(shape) for a in w]
        y = (x - weights[-2]) / np.sqrt(weights[-1] + epsilon)
        y = y * weights[0] if scale else y
        return y + weights[1 if scale else 0] if center else y

    return compute


NORMALIZATION = [
    Case(L.BatchNormalization, {}, (2, 3), normalized(-1)),
    Case(L.BatchNormalization, {"axis": 1}, IMAGE_FIRST, normalized(1), unknown=(0, 2, 3)),
    Case(L.BatchNormalization, {"axis": [2], "epsilon": 0.01, "scale": False}, (2, 5, 4, 3),
         normalized(2, 0.01, scale=False)),
    Case(L.BatchNormalization, {"scale": False, "center": False}, STEPS, normalized(-1, scale=False, center=False),
         unknown=(0, 1)),
]  # fmt: skip

KERAS_1 = [
    Case(L.MaxoutDense, {"output_dim": 4, "nb_feature": 3}, (2, 5),
         lambda w, x: (np.einsum("bi,fio->bfo", x, w[0]) + w[1]).max(axis=1)),
    Case(L.Highway, {"activation": "tanh"}, (2, 3), lambda w, x: highway(x, *w)),
    Case(L.Highway, {"bias": False}, (2, 3), lambda w, x: highway(x, *w)),
]  # fmt: skip


def highway(x, kernel, carry_kernel, bias=None, carry_bias=0):
    gate = ref.sigmoid(x @ carry_kernel + carry_bias)
    return gate * (x @ kernel if bias is None else np.tanh(x @ kernel + bias)) + (1 - gate) * x


CASES = KERAS_1 + CORE + NOISE + ACTIVATIONS + MERGES + CONVOLUTIONS + POOLS + SPATIAL + NORMALIZATION
