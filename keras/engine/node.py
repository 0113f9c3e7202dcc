"""What joins layers: a `Node` for each call of a layer, and the `InputSpec` a layer asks for."""

from ..utils.generic_utils import to_list, unpack_singleton


class Node:
    """One call of a layer: the tensors that went in and came out.

    Made by `Layer.__call__`; registers itself with the layers on both sides. The history of an
    output tensor, `_keras_history`, is (layer, index of the node, index of the tensor).

    Args:
        outbound_layer: the layer that was called.
        inbound_layers, node_indices, tensor_indices: the history of each input tensor, in three lists.
        input_tensors, output_tensors, input_masks, output_masks, input_shapes, output_shapes: a list each.
        arguments: keyword arguments of the call.
    """

    def __init__(
        self,
        outbound_layer,
        inbound_layers,
        node_indices,
        tensor_indices,
        input_tensors,
        output_tensors,
        input_masks,
        output_masks,
        input_shapes,
        output_shapes,
        arguments=None,
    ):
        self.outbound_layer = outbound_layer
        self.inbound_layers = inbound_layers
        self.node_indices = node_indices
        self.tensor_indices = tensor_indices
        self.input_tensors = input_tensors
        self.output_tensors = output_tensors
        self.input_masks = input_masks
        self.output_masks = output_masks
        self.input_shapes = input_shapes
        self.output_shapes = output_shapes
        self.arguments = arguments
        for layer in inbound_layers:
            if layer is not None:
                layer._outbound_nodes.append(self)
        outbound_layer._inbound_nodes.append(self)

    def get_config(self):
        """The call by names and indices."""
        return {
            "outbound_layer": self.outbound_layer.name if self.outbound_layer else None,
            "inbound_layers": [layer.name if layer else None for layer in self.inbound_layers],
            "node_indices": self.node_indices,
            "tensor_indices": self.tensor_indices,
        }


class InputSpec:
    """What a layer asks of an input.

    Args:
        dtype: wanted dtype.
        shape: wanted shape, None where any size goes.
        ndim: wanted number of axes.
        max_ndim, min_ndim: bounds of it.
        axes: {axis: wanted size}.
    """

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None):
        self.dtype = dtype
        self.shape = shape
        self.ndim = len(shape) if shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = axes or {}

    def __repr__(self):
        given = [f"{k}={v}" for k, v in vars(self).items() if v]
        return f"InputSpec({', '.join(given)})"

    def check(self, layer_name, index, shape, dtype=None):
        """Raises ValueError, naming layer, given and wanted, if an input does not fit."""

        def wrong(wanted, remedy=""):
            return ValueError(
                f"Input {index} is incompatible with layer {layer_name}: {wanted}, found shape={tuple(shape)}"
                f" (ndim={len(shape)}).{remedy}"
            )

        ndim = len(shape)
        if self.ndim is not None and ndim != self.ndim:
            raise wrong(f"expected ndim={self.ndim}", _ndim_remedy(self.ndim, tuple(shape)))
        if self.max_ndim is not None and ndim > self.max_ndim:
            raise wrong(f"expected max_ndim={self.max_ndim}")
        if self.min_ndim is not None and ndim < self.min_ndim:
            raise wrong(f"expected min_ndim={self.min_ndim}")
        if self.dtype is not None and dtype is not None and dtype != self.dtype:
            raise wrong(f"expected dtype={self.dtype}, found dtype={dtype}")
        for axis, value in self.axes.items():
            if value is not None and shape[int(axis)] not in (value, None):
                raise wrong(f"expected axis {axis} of input shape to have value {value}")
        for wanted, found in zip(self.shape or (), shape):
            if wanted is not None and found is not None and wanted != found:
                raise wrong(f"expected shape={tuple(self.shape)}")


def _ndim_remedy(wanted, shape):
    """What the usual cause of a wrong number of axes is."""
    if (wanted, len(shape)) == (3, 2):
        return (
            " Sequences are wanted, (samples, steps, features): a recurrent layer before needs return_sequences=True; "
            f"plain numbers need an axis of features, {(*shape, 1)}."
        )
    if (wanted, len(shape)) == (4, 3):
        return f" Pictures are wanted, with an axis of channels: {(*shape, 1)} if they are grey."
    if wanted < len(shape):
        return " Put a Flatten, Reshape or global pooling layer before, or wrap this one in TimeDistributed."
    return ""


def collect_previous_mask(inputs):
    """The masks that the layers behind some tensors gave them; None for one, a list for several."""
    return unpack_singleton([getattr(x, "_keras_mask", None) for x in to_list(inputs)])


def collect_input_shape(inputs):
    """The shape of a tensor, or the list of shapes of several."""
    from .. import backend as K

    return unpack_singleton([K.int_shape(x) for x in to_list(inputs)])


__all__ = ["InputSpec", "Node", "collect_input_shape", "collect_previous_mask"]
