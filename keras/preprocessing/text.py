"""Text: words, and their numbers."""

import hashlib
import json
import warnings
from collections import Counter, OrderedDict, defaultdict

import numpy as np

from .. import utils  # noqa: F401 - a name that Keras 2 has here
from ..utils.near_names import argument_meant

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "tfidf", "freq")


def text_to_word_sequence(text, filters=_FILTERS, lower=True, split=" "):
    """The words of a text, as a list.

    Args:
        text: a string.
        filters: characters that separate words like `split` does.
        lower: whether to make letters small.
        split: the string between words.

    Raises:
        TypeError: for what is no string.
    """
    if not isinstance(text, str):
        raise TypeError(f"Wanted a text, got {text!r:.60}. Missing texts of a DataFrame: `df['text'].fillna('')`.")
    if lower:
        text = text.lower()
    text = text.translate(str.maketrans(dict.fromkeys(filters, split)))
    return [word for word in text.split(split) if word]


def one_hot(text, n, filters=_FILTERS, lower=True, split=" "):
    """The words of a text as integers from 1 to n - 1, by Python's `hash`.

    Different words may get the same number, and another process gives other numbers; see `hashing_trick`.
    """
    return hashing_trick(text, n, hash_function=hash, filters=filters, lower=lower, split=split)


def hashing_trick(text, n, hash_function=None, filters=_FILTERS, lower=True, split=" "):
    """The words of a text as integers from 1 to n - 1, by a hash (Weinberger et al., 2009).

    Args:
        text: a string.
        n: number of hash values and 0, which no word gets.
        hash_function: None for Python's `hash`, which differs between processes; 'md5', which does not; or
            a function of a string.
        filters, lower, split: see `text_to_word_sequence`.
    """
    if hash_function is None:
        hash_function = hash
    elif hash_function == "md5":
        hash_function = _md5
    return [hash_function(word) % (n - 1) + 1 for word in text_to_word_sequence(text, filters, lower, split)]


def _md5(word):
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Numbers words by how common they are: 1 is the most common one, 0 no word.

    Args:
        num_words: only words with a number below this are used, so `num_words - 1` of them.
        filters, lower, split: see `text_to_word_sequence`.
        char_level: whether a word is a single character.
        oov_token: a word of your choice that stands for words not known or not used; gets number 1.
        document_count: texts seen before.

    Texts may also be lists of words.

    Example:
        tokenizer = Tokenizer(num_words=1000)
        tokenizer.fit_on_texts(texts)
        sequences = tokenizer.texts_to_sequences(texts)
    """

    def __init__(
        self,
        num_words=None,
        filters=_FILTERS,
        lower=True,
        split=" ",
        char_level=False,
        oov_token=None,
        document_count=0,
        **kwargs,
    ):
        if "nb_words" in kwargs:
            warnings.warn("The `nb_words` argument in `Tokenizer` has been renamed `num_words`.", stacklevel=2)
            num_words = kwargs.pop("nb_words")
        if kwargs:
            hint = argument_meant(kwargs, type(self))
            raise TypeError(f"Unrecognized keyword arguments of Tokenizer: {sorted(kwargs)}.{hint}")
        self.word_counts = OrderedDict()
        self.word_docs = defaultdict(int)
        self.filters = filters
        self.split = split
        self.lower = lower
        self.num_words = num_words
        self.document_count = document_count
        self.char_level = char_level
        self.oov_token = oov_token
        self.index_docs = defaultdict(int)
        self.word_index = {}
        self.index_word = {}

    def __setstate__(self, state):
        # Pickles written by Keras 2.0 and 2.1 lack what came later.
        self.__dict__.update({"oov_token": None, "document_count": 0, "char_level": False})
        self.__dict__.update(state)
        if "index_word" not in state:
            self.index_word = {index: word for word, index in getattr(self, "word_index", {}).items()}

    def fit_on_texts(self, texts):
        """Counts the words of texts and numbers them; may be called again with more texts."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        common_first = sorted(self.word_counts, key=self.word_counts.get, reverse=True)
        if self.oov_token is not None:
            common_first.insert(0, self.oov_token)
        # A word that is the oov_token itself keeps the later number, as in Keras 2.
        self.word_index = {word: index for index, word in enumerate(common_first, 1)}
        self.index_word = {index: word for word, index in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences):
        """Counts in how many sequences each number occurs: what mode 'tfidf' needs without `fit_on_texts`."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for index in set(sequence):
                self.index_docs[index] += 1

    def _words(self, text):
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return text
            return [word.lower() for word in text] if isinstance(text, list) else text.lower()
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def texts_to_sequences(self, texts):
        """The number of each word of each text: a list of lists. Unknown words are left out, or `oov_token`."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts):
        """As `texts_to_sequences`, text by text."""
        unknown = self._unknown()
        limit = self.num_words or float("inf")
        for text in texts:
            indices = (self.word_index.get(word) for word in self._words(text))
            indices = (unknown if index is None or index >= limit else index for index in indices)
            yield [index for index in indices if index is not None]

    def sequences_to_texts(self, sequences):
        """Texts of numbered words: a list of strings with blanks between the words."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences):
        """As `sequences_to_texts`, text by text."""
        unknown = self.index_word.get(self._unknown())
        limit = self.num_words or float("inf")
        for sequence in sequences:
            words = (self.index_word.get(index) if index < limit else unknown for index in sequence)
            words = (unknown if word is None else word for word in words)
            yield " ".join(word for word in words if word is not None)

    def _unknown(self):
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def texts_to_matrix(self, texts, mode="binary"):
        """A row of numbers for each text: see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode=mode)

    def sequences_to_matrix(self, sequences, mode="binary"):
        """A row for each sequence, a column for each word.

        Args:
            sequences: lists of word numbers.
            mode: 'binary' (1 where the word occurs), 'count', 'freq' (count / length of the sequence) or
                'tfidf' ((1 + log count) * log(1 + texts / (1 + texts with the word))).

        Returns:
            Array of shape (len(sequences), num_words).

        Raises:
            ValueError: for another mode, or before `fit_on_texts` where the number of words is not known.
        """
        if mode not in _MODES:
            raise ValueError(f"Unknown vectorization mode: {mode!r}. Wanted one of {_MODES}.")
        columns = self.num_words or (len(self.word_index) + 1 if self.word_index else None)
        if columns is None:
            raise ValueError("Specify a dimension (`num_words` argument), or fit on some text data first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences):
            for index, count in Counter(sequence).items():
                if index < columns:
                    row[index] = self._weight(mode, index, count, len(sequence))
        return matrix

    def _weight(self, mode, index, count, length):
        if mode == "count":
            return count
        if mode == "freq":
            return count / length
        if mode == "binary":
            return 1
        return (1 + np.log(count)) * np.log(1 + self.document_count / (1 + self.index_docs.get(index, 0)))

    def get_config(self):
        """What `to_json` writes: the arguments, and the counts as JSON text."""
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {
            "num_words": self.num_words,
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "char_level": self.char_level,
            "oov_token": self.oov_token,
            "document_count": self.document_count,
            **{name: json.dumps(getattr(self, name)) for name in counts},
        }

    def to_json(self, **kwargs):
        """The tokenizer with its counts as JSON text. Keyword arguments go to `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string):
    """The `Tokenizer` that `Tokenizer.to_json` wrote, here or in Keras 2."""
    config = json.loads(json_string)["config"]
    word_counts, word_docs, index_docs, index_word, word_index = (
        json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    )
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = OrderedDict(word_counts)
    tokenizer.word_docs = defaultdict(int, word_docs)
    tokenizer.index_docs = defaultdict(int, {int(index): count for index, count in index_docs.items()})
    tokenizer.word_index = word_index
    tokenizer.index_word = {int(index): word for index, word in index_word.items()}
    return tokenizer
