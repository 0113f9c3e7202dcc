"""Random words: the bits from which random numbers are made."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ..evaluate import SignedWords

Array = Any


class Words:
    """The graph's random words as int32 tensors: most of TensorFlow's kernels know no uint32."""

    @staticmethod
    def places(count: int) -> SignedWords:
        return words_of(tf.range(count, dtype=tf.int32))

    @staticmethod
    def one(number: Any) -> SignedWords:
        """A number as words of shape (1,)."""
        return words_of(tf.reshape(tf.cast(number, tf.int32), [1]))

    @staticmethod
    def floats(words: SignedWords, dtype: str) -> Array:
        """Words below 2**31 as floats."""
        return tf.cast(words.bits, dtype)


def words_of(bits: Array) -> SignedWords:
    return SignedWords(bits, lambda x, places: tf.bitwise.right_shift(x, tf.constant(places)))
