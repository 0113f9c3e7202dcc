"""K expressions between layers, as a layer: what makes them part of a model and of its configuration."""

from .. import backend as K
from ..graph.substitution import substitute
from ..graph.tensor import Placeholder, topological
from ..utils.generic_utils import to_list, unpack_singleton
from . import expression
from .base_layer import Layer


class TensorOp(Layer):
    """The operations that lead from the outputs of layers to a tensor.

    Made by a model for tensors that come from no layer (`Dense(2)(x) * 2`, `K.concatenate(...)`);
    Keras 2 refused those. In a configuration it is the list of its operations (see `expression`).

    Args:
        operations: the list, as `get_config` gives it, or a function of the tensors that the layer is called on.
    """

    _casts_inputs = False

    def __init__(self, operations=None, **kwargs):
        super().__init__(**kwargs)
        self._operations = operations
        self._recorded = None

    @classmethod
    def between(cls, sources, tensor):
        """The layer of the operations from some tensors to another, and of the call that made it."""
        layer = cls(dtype=tensor.dtype)
        layer._recorded = sources, tensor
        layer.built = True
        layer._record(unpack_singleton(sources), tensor, None, None, {})
        return layer

    def call(self, inputs):
        inputs = to_list(inputs)
        if callable(self._operations):
            function, self._operations = self._operations, None
            output = function(*inputs)
            self._operations = expression.describe(inputs, output)
            return output
        if self._recorded is None:
            return expression.build(self._operations, inputs)
        sources, tensor = self._recorded
        return substitute([tensor], dict(zip(sources, inputs)))[0]

    def compute_mask(self, inputs, mask=None):
        return None  # the axes of the output may be others

    def get_config(self):
        """The configuration.

        Raises:
            NotImplementedError: for operations that only Python knows: loops, and those on variables of layers.
        """
        operations = self._operations
        if self._recorded is not None:
            sources, tensor = self._recorded
            try:
                operations = expression.describe(sources, tensor)
            except expression.NotDescribableError as error:
                raise NotImplementedError(
                    f"The operations from {', '.join(x._keras_history[0].name for x in sources)} to {tensor!r}, made "
                    f"outside of any layer, have no configuration: {error}. Put them into a `Lambda` layer or a "
                    "layer of your own to save the model."
                ) from None
        return {**super().get_config(), "operations": operations}


def as_layer_output(x):
    """Gives x a history, if it has none: that of a `TensorOp` around what made it.

    Raises:
        ValueError: if it is no tensor, or comes from no layer.
    """
    if not K.is_tensor(x):
        remedy = " Call the layer on a tensor, and give what comes out." if hasattr(x, "_inbound_nodes") else ""
        raise ValueError(f"Output tensors to a Model must be symbolic tensors, got {type(x)}: {x!r:.100}.{remedy}")
    if not adopt(x):
        raise ValueError(
            f"Output tensors to a Model must be the output of a Keras `Layer` (thus holding past layer metadata). "
            f"Found: {x!r}, which depends on no layer."
        )
    return x


def adopt(x):
    """Gives x a history if it was computed from outputs of layers; whether it has one then."""
    if hasattr(x, "_keras_history"):
        return True
    sources = [t for t in _down_to_layers(x) if hasattr(t, "_keras_history")]
    if sources:
        TensorOp.between(sources, x)
    return bool(sources)


def _down_to_layers(x):
    """The tensors that x is computed from, up to those that layers gave."""
    found, seen, stack = [], set(), [x]
    while stack:
        tensor = stack.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        found.append(tensor)
        if tensor.made_by is not None and not hasattr(tensor, "_keras_history"):
            stack.extend(reversed(tensor.made_by.inputs))
    return found


def adopt_inputs(node):
    """Completes a call on tensors that came from no layer: where they came from is found now."""
    for place, (tensor, layer) in enumerate(zip(node.input_tensors, node.inbound_layers)):
        if layer is None and adopt(tensor):
            source, index, output = tensor._keras_history
            node.inbound_layers[place] = source
            node.node_indices[place], node.tensor_indices[place] = index, output
            source._outbound_nodes.append(node)


def is_constant(x):
    """Whether a tensor needs no input at all: constants, variables and what is computed from them."""
    return not any(isinstance(t, Placeholder) and not t._uses_learning_phase for t in topological([x]))


__all__ = ["TensorOp", "adopt_inputs", "as_layer_output", "is_constant"]
