"""What IMDB and Reuters share: texts as lists of word numbers, the most common word being 1."""

import json
import warnings

import numpy as np

from ..utils.near_names import argument_meant
from .sources import fetch


def load_word_index(name, path):
    """The number of each word, from a file in JSON."""
    with open(fetch(name, path), encoding="utf-8") as file:
        return json.load(file)


def old_num_words(num_words, kwargs, load_data):
    """`num_words`, or what Keras 1 called `nb_words`; other arguments of `load_data` raise TypeError."""
    if "nb_words" in kwargs:
        warnings.warn("The `nb_words` argument in `load_data` has been renamed `num_words`.", stacklevel=3)
        num_words = kwargs.pop("nb_words")
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {sorted(kwargs)}.{argument_meant(kwargs, load_data)}")
    return num_words


def shuffled(xs, labels):
    """Both in one new order, drawn from NumPy's global generator."""
    order = np.arange(len(xs))
    np.random.shuffle(order)
    return xs[order], labels[order]


def prepared(xs, labels, num_words, skip_top, maxlen, start_char, oov_char, index_from):
    """The arguments of `load_data`, applied to lists of word numbers.

    Returns:
        (xs, labels): lists.

    Raises:
        ValueError: if no sequence is shorter than `maxlen`.
    """
    start = [] if start_char is None else [start_char]
    xs = [start + [word + (index_from or 0) for word in x] for x in xs]
    labels = list(labels)
    if maxlen:
        # Like Keras 2: sequences of exactly this length go too.
        kept = [n for n, x in enumerate(xs) if len(x) < maxlen]
        if not kept:
            raise ValueError(
                f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen."
            )
        xs, labels = [xs[n] for n in kept], [labels[n] for n in kept]
    if not num_words:
        num_words = max(max(x, default=0) for x in xs)
    if oov_char is None:
        return [[word for word in x if skip_top <= word < num_words] for x in xs], labels
    return [[word if skip_top <= word < num_words else oov_char for word in x] for x in xs], labels


def in_two(xs, labels, split):
    """(x_train, y_train), (x_test, y_test): arrays of what comes before place `split`, and of the rest."""
    return (
        (_as_array(xs[:split]), np.array(labels[:split])),
        (_as_array(xs[split:]), np.array(labels[split:])),
    )


def _as_array(lists):
    """An array of lists, also where they are all of one length."""
    return np.fromiter(lists, dtype=object, count=len(lists))
