"""Reuters: short news and their topics."""

import numpy as np

from ..utils.data_utils import get_file  # noqa: F401 - a name that Keras 2 has here
from . import word_sequences
from .safe_files import load_npz
from .sources import fetch


def load_data(
    path="reuters.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    test_split=0.2,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
    **kwargs,
):
    """11,228 news of 46 topics as lists of word numbers, by how common words are.

    Args:
        path: name of the file in the cache (`~/.keras/datasets`).
        num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: see `imdb.load_data`.
        test_split: fraction of the data to test with.

    Returns:
        (x_train, y_train), (x_test, y_test): x arrays of lists, y arrays of topic numbers.

    Raises:
        ValueError: if no sequence is shorter than `maxlen`.
    """
    num_words = word_sequences.old_num_words(num_words, kwargs, load_data)
    arrays = load_npz(fetch("reuters.npz", path))
    np.random.seed(seed)
    xs, labels = word_sequences.shuffled(arrays["x"], arrays["y"])
    xs, labels = word_sequences.prepared(
        xs, labels, num_words, skip_top, maxlen, start_char, oov_char, index_from
    )
    return word_sequences.in_two(xs, labels, int(len(xs) * (1 - test_split)))


def get_word_index(path="reuters_word_index.json"):
    """The number of each word; `load_data` adds `index_from` to it."""
    return word_sequences.load_word_index("reuters_word_index.json", path)
