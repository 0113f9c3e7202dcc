"""Embedding: from integers to vectors."""

from .. import backend as K
from .. import constraints, initializers, regularizers  # noqa: F401  (names of Keras 2)
from ..engine.base_layer import Layer
from ..legacy import interfaces
from ..utils.generic_utils import to_list
from ._common import add_weight, describe, keep_weight_options, positive, weight_options_config


class Embedding(Layer):
    """Turns non-negative integers into vectors, which are learned. Usually the first layer of a model.

    Args:
        input_dim: size of the vocabulary: the largest integer + 1.
        output_dim: length of the vectors.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: for the matrix of vectors.
        activity_regularizer: for the output.
        mask_zero: whether 0 is padding to be masked; index 0 then is no word of the vocabulary.
        input_length: length of the sequences where constant; a later Flatten and Dense need it.

    Input: integers `(batch, length)`. Output: `(batch, length, output_dim)`.

    Reference: Gal & Ghahramani, "A Theoretically Grounded Application of Dropout in RNNs", 2015.
    """

    _casts_inputs = False  # whole numbers, though they may come as floats

    @interfaces.legacy_embedding_support
    def __init__(
        self,
        input_dim,
        output_dim,
        embeddings_initializer="uniform",
        embeddings_regularizer=None,
        activity_regularizer=None,
        embeddings_constraint=None,
        mask_zero=False,
        input_length=None,
        **kwargs,
    ):
        if "input_shape" not in kwargs:
            lengths = to_list(input_length, allow_tuple=True) if input_length else (None,)
            kwargs["input_shape"] = tuple(lengths)
        super().__init__(**kwargs)
        self.input_dim = positive(self, "input_dim", input_dim)
        self.output_dim = positive(self, "output_dim", output_dim)
        keep_weight_options(self, "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.input_length = input_length

    def build(self, input_shape):
        self.embeddings = add_weight(self, "embeddings", (self.input_dim, self.output_dim))
        self.built = True

    def compute_mask(self, inputs, mask=None):
        return K.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        if self.input_length is None:
            return (*input_shape, self.output_dim)
        lengths = list(to_list(self.input_length, allow_tuple=True))
        given = input_shape[1:]
        if len(lengths) != len(given) or any(
            a != b and None not in (a, b) for a, b in zip(lengths, given, strict=True)
        ):
            raise ValueError(
                f'{describe(self)}: "input_length" is {self.input_length}, but received input has shape '
                f"{tuple(input_shape)}. Pad the sequences to that length (`keras.preprocessing.sequence."
                "pad_sequences`), or leave `input_length` out."
            )
        sizes = (b if a is None else a for a, b in zip(lengths, given, strict=True))
        return (input_shape[0], *sizes, self.output_dim)

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        if K.dtype(inputs) != "int32":
            inputs = K.cast(inputs, "int32")
        return K.gather(self.embeddings, inputs)

    def get_config(self):
        own = {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "mask_zero": self.mask_zero,
            "input_length": self.input_length,
            **weight_options_config(self, "embeddings"),
        }
        return {**super().get_config(), **own}
