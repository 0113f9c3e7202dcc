"""Sequences of numbers: padding, skip-grams, windows of a time series."""

import json
import random

import numpy as np

from .. import utils  # noqa: F401 - a name that Keras 2 has here
from ..utils.data_utils import Sequence


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """One array of sequences of different lengths: the short ones filled up, the long ones cut.

    Args:
        sequences: list of lists (or arrays); elements may be numbers or arrays of one shape.
        maxlen: length of the result; by default that of the longest sequence.
        dtype: type of the result; `object` or a string type for strings.
        padding: 'pre' or 'post': where the filling goes.
        truncating: 'pre' or 'post': where sequences longer than `maxlen` are cut.
        value: the filling.

    Returns:
        Array of shape (len(sequences), maxlen, ...).

    Raises:
        ValueError: for something that is not a list of sequences, elements of different shapes, or an
            unknown `padding` or `truncating`.

    Example:
        pad_sequences([[1, 2], [3]])  # [[1, 2], [0, 3]]
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f'{name.capitalize()} type "{given}" not understood: `{name}` is "pre" or "post".')
    lengths = _lengths(sequences)
    sample_shape = next((np.asarray(s).shape[1:] for s, n in zip(sequences, lengths) if n), ())
    if maxlen is None:
        maxlen = max(lengths, default=0)
    _check_value(value, dtype)
    out = np.full((len(lengths), maxlen, *sample_shape), value, dtype=dtype)
    for row, sequence, length in zip(out, sequences, lengths):
        kept = min(length, maxlen)
        if not kept:
            continue
        part = _as_array(sequence[length - kept :] if truncating == "pre" else sequence[:kept], dtype)
        if part.shape[1:] != sample_shape:
            raise ValueError(
                f"All elements must have one shape: shape of sample {part.shape[1:]} of a sequence is different from "
                f"the expected shape {sample_shape}, that of the first sequence."
            )
        row[slice(maxlen - kept, None) if padding == "pre" else slice(kept)] = part
    return out


def _remove_long_seq(maxlen, seq, label):
    """The sequences shorter than `maxlen`, and their labels: two lists. Scripts import it, private as it looks."""
    kept = [(one, of_one) for one, of_one in zip(seq, label) if len(one) < maxlen]
    return [one for one, _ in kept], [of_one for _, of_one in kept]


def _lengths(sequences):
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"`sequences` must be a list of sequences. Received: {type(sequences).__name__}")
    for sequence in sequences:
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {sequence!r}")
    return [len(sequence) for sequence in sequences]


def _as_array(part, dtype):
    try:
        return np.asarray(part, dtype=dtype)
    except ValueError as error:
        raise ValueError(
            f"The sequence {part!r:.60} does not become numbers of dtype {dtype}: {error}. Text is numbered first, by "
            "`Tokenizer.texts_to_sequences`; `dtype=object` keeps words as they are."
        ) from None


def _check_value(value, dtype):
    strings = dtype is object or np.dtype(dtype).kind in "OUS"
    if isinstance(value, str) and not strings:
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\n"
            "You should set `dtype=object` for variable length strings."
        )


def make_sampling_table(size, sampling_factor=1e-5):
    """Chance of each word to be kept by `skipgrams`: word2vec's subsampling of frequent words.

    Frequencies are guessed from the rank, by Zipf's law: word i is the i-th most common one.

    Args:
        size: number of words.
        sampling_factor: word2vec's `sample`; larger keeps more of the common words.

    Returns:
        Array of shape (size,).
    """
    euler = 0.577
    rank = np.arange(size)
    rank[:1] = 1  # index 0 is no word
    inverse_frequency = rank * (np.log(rank) + euler) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse_frequency))


def skipgrams(
    sequence,
    vocabulary_size,
    window_size=4,
    negative_samples=1.0,
    shuffle=True,
    categorical=False,
    sampling_table=None,
    seed=None,
):
    """Pairs of words, near each other or made up, to train word vectors on (Mikolov et al., 2013).

    Random numbers come from Python's `random`.

    Args:
        sequence: a text as word indices; index 0 is no word and is left out.
        vocabulary_size: 1 more than the largest index.
        window_size: how far a pair may be apart.
        negative_samples: number of made-up pairs per true pair; 0 for none.
        shuffle: whether to mix the pairs.
        categorical: labels are [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: chance of each word to be used as the pair's first (`make_sampling_table`).
        seed: for the mixing.

    Returns:
        (couples, labels): lists, couples of the form [word, other word]; label 1 where they are neighbours.
    """
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    couples = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        for j in range(max(0, i - window_size), min(len(sequence), i + window_size + 1)):
            if j != i and sequence[j]:
                couples.append([word, sequence[j]])
    labels = [yes for _ in couples]
    if negative_samples > 0:
        number = int(len(labels) * negative_samples)
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(number)]
        labels += [no] * number
    if shuffle:
        seed = random.randint(0, 10**7) if seed is None else seed
        for things in (couples, labels):
            random.seed(seed)
            random.shuffle(things)
    return couples, labels


class TimeseriesGenerator(Sequence):
    """Batches of windows of a time series, with the target that follows each window.

    Args:
        data: list or array; the first axis is time.
        targets: of the same length; the target of the window of times t - length .. t - 1 is targets[t].
        length: length of the windows, in time steps.
        sampling_rate: step between the times within a window.
        stride: step between windows.
        start_index, end_index: only data of these times is used, both included.
        shuffle: windows at random, drawn from NumPy's generator, instead of in order.
        reverse: the times of each window run backwards.
        batch_size: windows per batch (the last batch may have fewer).

    Raises:
        ValueError: for data and targets of different lengths, or no data between the two indices.

    Example:
        batches = TimeseriesGenerator(data, targets=data, length=10, batch_size=2)
        x, y = batches[0]  # x: (2, 10, ...)
    """

    def __init__(
        self,
        data,
        targets,
        length,
        sampling_rate=1,
        stride=1,
        start_index=0,
        end_index=None,
        shuffle=False,
        reverse=False,
        batch_size=128,
    ):
        if len(data) != len(targets):
            raise ValueError(
                f"Data and targets have to be of same length. Data length is {len(data)} while target length is "
                f"{len(targets)}"
            )
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"`start_index+length={self.start_index} > end_index={self.end_index}` is disallowed, as no part of "
                "the sequence would be left to be used as current step."
            )

    def __len__(self):
        step = self.batch_size * self.stride
        return (self.end_index - self.start_index + step) // step

    def __getitem__(self, index):
        rows = self._rows(index)
        samples = self._windows(rows)
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1, ...] if self.reverse else samples), targets

    def _rows(self, index):
        """The times that follow the windows of batch `index`."""
        if self.shuffle:
            return np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        first = self.start_index + self.batch_size * self.stride * index
        return np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)

    def _windows(self, rows):
        if isinstance(self.data, np.ndarray):
            return self.data[rows[:, None] + np.arange(-self.length, 0, self.sampling_rate)]
        # A list, or a data set in a file, which takes slices only.
        return np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])

    def get_config(self):
        """The arguments, as Keras 2 writes them: data and targets as JSON text, `start_index` plus `length`."""
        return {
            "data": _to_json("Data", self.data),
            "targets": _to_json("Targets", self.targets),
            "length": self.length,
            "sampling_rate": self.sampling_rate,
            "stride": self.stride,
            "start_index": self.start_index,
            "end_index": self.end_index,
            "shuffle": self.shuffle,
            "reverse": self.reverse,
            "batch_size": self.batch_size,
        }

    def to_json(self, **kwargs):
        """The generator with its data as JSON text. Keyword arguments go to `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def _to_json(name, values):
    values = values.tolist() if isinstance(values, np.ndarray) else values
    try:
        return json.dumps(values)
    except TypeError as error:
        raise TypeError(f"{name} not JSON Serializable: {error}. Give a list or an array.") from error


def timeseries_generator_from_json(json_string):
    """The `TimeseriesGenerator` that `to_json` wrote."""
    config = json.loads(json_string)["config"]
    config["data"] = json.loads(config["data"])
    config["targets"] = json.loads(config["targets"])
    config["start_index"] -= config["length"]
    return TimeseriesGenerator(**config)
