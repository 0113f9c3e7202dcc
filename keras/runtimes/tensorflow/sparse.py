"""Sparse tensors between functions of TensorFlow (`tf.sets.intersection`, `tf.sparse.to_dense`)."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import tensorflow as tf

from ..recording import MadeOfTensors


class Sparse(MadeOfTensors):
    """A `tf.SparseTensor` of symbolic tensors: indices, values, dense_shape."""

    indices, values, dense_shape = (property(itemgetter(place)) for place in range(3))

    @property
    def dtype(self) -> Any:
        return self[1].dtype

    def whole(self) -> Any:
        return tf.SparseTensor(*self)
