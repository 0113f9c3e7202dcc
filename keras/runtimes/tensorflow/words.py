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


class _ShiftedWords(SignedWords):
    """Shifts of unsigned integers TensorFlow does know: nothing is left to be masked."""

    __slots__ = ()

    def _with(self, bits: Array) -> SignedWords:
        return words_of(bits)

    def __rshift__(self, places: int) -> SignedWords:
        return self._with(self.shift(self.bits, places))


def _shift(x: Array, places: int) -> Array:
    return tf.bitcast(tf.bitwise.right_shift(tf.bitcast(x, tf.uint32), tf.constant(places, tf.uint32)), tf.int32)


def words_of(bits: Array) -> SignedWords:
    return _ShiftedWords(bits, _shift)
