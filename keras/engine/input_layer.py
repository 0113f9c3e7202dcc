"""Where data enters a network."""

from .. import backend as K
from ..graph.tensor import adopted
from ..legacy import interfaces
from ..utils.generic_utils import unpack_singleton
from .base_layer import Layer
from .node import Node


class InputLayer(Layer):
    """The layer behind `Input`: holds a placeholder (or wraps a given tensor).

    Args:
        input_shape: shape without the batch axis, or `batch_input_shape` with it.
        batch_size: size of the batch, if fixed.
        input_tensor: a tensor to use in place of a new placeholder.
        sparse: whether SciPy sparse matrices may be fed.
    """

    @interfaces.legacy_input_support
    def __init__(
        self, input_shape=None, batch_size=None, batch_input_shape=None, dtype=None, input_tensor=None,
        sparse=False, name=None,
    ):  # fmt: skip
        if input_shape is not None and batch_input_shape is not None:
            raise ValueError("Only provide the input_shape OR batch_input_shape argument to InputLayer, not both.")
        input_tensor = adopted(input_tensor)
        if input_tensor is not None and batch_input_shape is None:
            batch_input_shape = K.int_shape(input_tensor)
        if batch_input_shape is None:
            if input_shape is None:
                raise ValueError("An InputLayer should be passed either a `batch_input_shape` or an `input_shape`.")
            batch_input_shape = (batch_size, *((input_shape,) if isinstance(input_shape, int) else input_shape))
        name = name or f"input_{K.get_uid('input')}"
        dtype = dtype or (K.dtype(input_tensor) if input_tensor is not None else K.floatx())
        super().__init__(name=name, dtype=dtype)
        self.batch_input_shape = tuple(batch_input_shape)
        self.sparse = sparse
        self.supports_masking = True
        self.built = True
        self.trainable = False
        self.is_placeholder = input_tensor is None or K.is_placeholder(input_tensor)
        if input_tensor is None:
            input_tensor = K.placeholder(shape=self.batch_input_shape, dtype=dtype, sparse=sparse, name=name)
        elif not K.is_tensor(input_tensor):
            raise ValueError(f"Input tensor must be a symbolic tensor, got {type(input_tensor)}.")
        input_tensor._keras_shape = self.batch_input_shape
        input_tensor._keras_history = (self, 0, 0)
        shape = self.batch_input_shape
        Node(self, [], [], [], [input_tensor], [input_tensor], [None], [None], [shape], [shape])

    def get_config(self):
        return {
            "batch_input_shape": self.batch_input_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "name": self.name,
        }


def Input(shape=None, batch_shape=None, name=None, dtype=None, sparse=False, tensor=None):
    """The tensor a functional model starts from.

    Args:
        shape: without the batch axis, such as (32,); None for an unknown size.
        batch_shape: with the batch axis, such as (10, 32).
        dtype: default `K.floatx()`.
        sparse: whether SciPy sparse matrices may be fed.
        tensor: an existing tensor to wrap.

    Example:
        x = Input(shape=(32,))
        model = Model(x, Dense(16)(x))
    """
    if batch_shape is None and tensor is None and shape is None:
        raise ValueError(
            "Please provide to Input either a `shape` or a `batch_shape` argument. `shape` does not include the "
            "batch dimension."
        )
    if shape is not None and batch_shape is None:
        batch_shape = (None, *((shape,) if isinstance(shape, int) else tuple(shape)))
    layer = InputLayer(batch_input_shape=batch_shape, name=name, dtype=dtype, sparse=sparse, input_tensor=tensor)
    return unpack_singleton(layer._inbound_nodes[0].output_tensors)
