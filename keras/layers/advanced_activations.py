"""Activations with parameters or weights of their own."""

from .. import activations, constraints, initializers, regularizers  # noqa: F401  (names of Keras 2)
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..legacy import interfaces
from ..utils.generic_utils import to_list
from ._common import add_weight, describe, keep_weight_options, number, required_dim, weight_options_config


class _Elementwise(Layer):
    """An activation: the output has the input's shape, masks pass."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape):
        return input_shape


class LeakyReLU(_Elementwise):
    """`x` where positive, `alpha * x` elsewhere.

    Args:
        alpha: slope of the negative part.

    Reference: Maas et al., "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
    """

    def __init__(self, alpha=0.3, **kwargs):
        super().__init__(**kwargs)
        self.alpha = number(self, "alpha", alpha)

    def call(self, inputs):
        return K.relu(inputs, alpha=self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


class PReLU(_Elementwise):
    """`x` where positive, `alpha * x` elsewhere, with a learned `alpha` per element of a sample.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: for the weights.
        shared_axes: axes (int or list, 1 is the first after the batch's) along which one alpha serves
            all elements: `[1, 2]` for one alpha per channel of `channels_last` images.

    Reference: He et al., "Delving Deep into Rectifiers", 2015.
    """

    @interfaces.legacy_prelu_support
    def __init__(
        self,
        alpha_initializer="zeros",
        alpha_regularizer=None,
        alpha_constraint=None,
        shared_axes=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        keep_weight_options(self, "alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        self.shared_axes = None if shared_axes is None else list(to_list(shared_axes, allow_tuple=True))

    def build(self, input_shape):
        ndim = len(input_shape)
        shared = {self._check_axis(axis, input_shape) for axis in self.shared_axes or ()}
        own = [axis for axis in range(1, ndim) if axis not in shared]
        sizes = {axis: required_dim(self, input_shape, axis) for axis in own}
        self.alpha = add_weight(self, "alpha", [sizes.get(axis, 1) for axis in range(1, ndim)])
        # Shared axes may differ from call to call.
        self.input_spec = InputSpec(ndim=ndim, axes=sizes)
        self.built = True

    def _check_axis(self, axis, input_shape):
        if not 1 <= axis < len(input_shape):
            raise ValueError(
                f"{describe(self)}: shared_axes={self.shared_axes} does not fit an input of shape "
                f"{tuple(input_shape)}: wanted axes of 1...{len(input_shape) - 1} (0 is the batch axis)."
            )
        return axis

    def call(self, inputs, mask=None):
        return K.relu(inputs) - self.alpha * K.relu(-inputs)

    def get_config(self):
        own = {"shared_axes": self.shared_axes, **weight_options_config(self, "alpha")}
        return {**super().get_config(), **own}


class ELU(_Elementwise):
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere.

    Args:
        alpha: the limit on the negative side, with its sign changed.

    Reference: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2015.
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = number(self, "alpha", alpha)

    def call(self, inputs):
        return K.elu(inputs, self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


class ThresholdedReLU(_Elementwise):
    """`x` where greater than `theta`, 0 elsewhere.

    Args:
        theta: the threshold.

    Reference: Konda et al., "Zero-bias autoencoders and the benefits of co-adapting features", 2014.
    """

    def __init__(self, theta=1.0, **kwargs):
        super().__init__(**kwargs)
        self.theta = number(self, "theta", theta)

    def call(self, inputs, mask=None):
        return inputs * K.cast(K.greater(inputs, self.theta), K.dtype(inputs))

    def get_config(self):
        return {**super().get_config(), "theta": self.theta}


class Softmax(_Elementwise):
    """Softmax along one axis.

    Args:
        axis: the axis that sums to 1.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        return activations.softmax(inputs, axis=self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class ReLU(_Elementwise):
    """`max_value` from there on, `x` from `threshold` on, `negative_slope * (x - threshold)` below.

    Args:
        max_value: upper limit >= 0, or None.
        negative_slope: slope >= 0 below the threshold.
        threshold: where the linear part starts.
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else number(self, "max_value", max_value)
        self.negative_slope = number(self, "negative_slope", negative_slope)
        self.threshold = number(self, "threshold", threshold)
        if self.max_value is not None and self.max_value < 0.0:
            raise ValueError(
                f"{describe(self)}: max_value of Relu layer cannot be negative value: {max_value}"
            )
        if self.negative_slope < 0.0:
            raise ValueError(
                f"{describe(self)}: negative_slope of Relu layer cannot be negative value: {negative_slope}"
            )

    def call(self, inputs):
        return K.relu(inputs, alpha=self.negative_slope, max_value=self.max_value, threshold=self.threshold)

    def get_config(self):
        own = {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
        return {**super().get_config(), **own}
