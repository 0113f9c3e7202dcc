"""IMDB: reviews of films, praising or not."""

import numpy as np

from ..utils.data_utils import get_file  # noqa: F401 - a name that Keras 2 has here
from . import word_sequences
from .safe_files import load_npz
from .sources import fetch


def load_data(
    path="imdb.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
    **kwargs,
):
    """25,000 and 25,000 reviews as lists of word numbers, by how common words are (Maas et al., 2011).

    Args:
        path: name of the file in the cache (`~/.keras/datasets`).
        num_words: words of numbers from this on become `oov_char`; None for the largest number there is.
        skip_top: so do words of numbers below this.
        maxlen: longer sequences, and those of this length, are left out. As in Keras 2 the first 25,000 of
            those that stay are the training data.
        seed: of the shuffling; NumPy's global generator is set to it.
        start_char: what every sequence begins with; None for nothing.
        oov_char: what stands for words left out; None for nothing.
        index_from: added to the numbers of `get_word_index`.

    Returns:
        (x_train, y_train), (x_test, y_test): x arrays of lists, y arrays of 0 and 1 (praise).

    Raises:
        ValueError: if no sequence is shorter than `maxlen`.
    """
    num_words = word_sequences.old_num_words(num_words, kwargs, load_data)
    arrays = load_npz(fetch("imdb.npz", path))
    np.random.seed(seed)
    x_train, labels_train = word_sequences.shuffled(arrays["x_train"], arrays["y_train"])
    x_test, labels_test = word_sequences.shuffled(arrays["x_test"], arrays["y_test"])
    xs, labels = word_sequences.prepared(
        np.concatenate([x_train, x_test]), np.concatenate([labels_train, labels_test]),
        num_words, skip_top, maxlen, start_char, oov_char, index_from,
    )  # fmt: skip
    return word_sequences.in_two(xs, labels, len(x_train))


def get_word_index(path="imdb_word_index.json"):
    """The number of each word; `load_data` adds `index_from` to it."""
    return word_sequences.load_word_index("imdb_word_index.json", path)
