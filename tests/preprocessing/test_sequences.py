"""Sequences: padding, skip-grams, windows of time series."""

import json
import random

import numpy as np
import pytest

from keras.preprocessing.sequence import (
    _remove_long_seq,
    TimeseriesGenerator,
    make_sampling_table,
    pad_sequences,
    skipgrams,
    timeseries_generator_from_json,
)

SEQUENCES = [[1], [1, 2], [1, 2, 3]]


@pytest.mark.parametrize(
    "arguments, result",
    [
        ({}, [[0, 0, 1], [0, 1, 2], [1, 2, 3]]),
        ({"padding": "post"}, [[1, 0, 0], [1, 2, 0], [1, 2, 3]]),
        ({"maxlen": 2}, [[0, 1], [1, 2], [2, 3]]),
        ({"maxlen": 2, "truncating": "post", "value": 9}, [[9, 1], [1, 2], [1, 2]]),
        ({"maxlen": 4, "padding": "post", "value": 7}, [[1, 7, 7, 7], [1, 2, 7, 7], [1, 2, 3, 7]]),
        ({"maxlen": 0}, [[], [], []]),
    ],
)
def test_padding(arguments, result):
    padded = pad_sequences(SEQUENCES, **arguments)
    assert padded.dtype == "int32" and padded.tolist() == result


def test_padding_of_vectors_strings_and_empty_sequences():
    padded = pad_sequences([[], [[1.5, 2]], [[3, 4], [5, 6]]], dtype="float32")
    assert padded.shape == (3, 2, 2) and padded[1].tolist() == [[0, 0], [1.5, 2]]
    words = pad_sequences([["a"], ["b", "c"]], dtype=object, value="-", padding="post")
    assert words.tolist() == [["a", "-"], ["b", "c"]]
    assert pad_sequences([]).shape == (0, 0)


@pytest.mark.parametrize(
    "sequences, arguments, message",
    [
        (3, {}, "list of sequences"),
        ([1, 2], {}, "non-iterable: 1"),
        ([["a", "b"], ["c"]], {}, r"'b'\].*invalid literal.*texts_to_sequences"),
        ([[1]], {"padding": "both"}, 'Padding type "both"'),
        ([[1]], {"truncating": "both"}, 'Truncating type "both"'),
        ([[[1, 2]], [[1, 2, 3]]], {}, "different from"),
        ([["a"]], {"value": "-"}, "dtype=object"),
    ],
)
def test_padding_errors(sequences, arguments, message):
    with pytest.raises(ValueError, match=message):
        pad_sequences(sequences, **arguments)


def test_sampling_table():
    table = make_sampling_table(10000)
    rank = np.arange(2, 10000)
    frequency = 1 / (rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank))
    np.testing.assert_allclose(table[2:], np.minimum(1, np.sqrt(1e-5 / frequency)))
    assert table[0] == table[1]


def test_skipgrams_are_neighbours_and_strangers():
    sequence = [1, 2, 0, 3, 4]
    couples, labels = skipgrams(sequence, 5, window_size=1, negative_samples=0, shuffle=False)
    assert couples == [[1, 2], [2, 1], [3, 4], [4, 3]] and labels == [1, 1, 1, 1]
    couples, labels = skipgrams(sequence, 5, window_size=1, negative_samples=1.5, categorical=True)
    assert labels.count([0, 1]) == 4 and labels.count([1, 0]) == 6 and len(couples) == 10
    assert all(1 <= word <= 4 for couple in couples for word in couple)


def test_skipgrams_repeat_with_their_seed():
    random.seed(1)
    first = skipgrams([1, 2, 3, 4, 5, 6], 7, window_size=2, negative_samples=0, seed=3)
    assert skipgrams([1, 2, 3, 4, 5, 6], 7, window_size=2, negative_samples=0, seed=3) == first
    couples = [[a, b] for a in range(1, 7) for b in range(max(1, a - 2), min(7, a + 3)) if a != b]
    random.seed(3)
    random.shuffle(couples)
    assert first[0] == couples


def test_skipgrams_leave_out_what_the_table_says():
    couples, _ = skipgrams([1, 2, 1, 2], 3, negative_samples=0, sampling_table=[0, -1, 1])
    assert {couple[0] for couple in couples} == {2}


DATA = np.arange(20).reshape(10, 2)


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist])
@pytest.mark.parametrize("reverse", [False, True])
def test_windows(kind, reverse):
    data = kind(DATA)
    batches = TimeseriesGenerator(data, kind(DATA[:, 0]), 4, sampling_rate=2, stride=2, batch_size=2, reverse=reverse)
    assert len(batches) == 2
    x, y = batches[0]
    assert x.shape == (2, 2, 2) and y.tolist() == [8, 12]
    step = -1 if reverse else 1
    assert x[0].tolist() == DATA[[0, 2]][::step].tolist() and x[1].tolist() == DATA[[2, 4]][::step].tolist()
    assert [len(batches[i][0]) for i in range(2)] == [2, 1]


def test_windows_between_two_times():
    batches = TimeseriesGenerator(DATA, DATA, 2, start_index=3, end_index=6)
    x, y = batches[0]
    assert len(batches) == 1 and y[:, 0].tolist() == [10, 12] and x[0, :, 0].tolist() == [6, 8]


def test_windows_at_random_follow_numpys_generator():
    batches = TimeseriesGenerator(DATA, DATA, 3, shuffle=True, batch_size=5)
    np.random.seed(0)
    x, y = batches[0]
    np.random.seed(0)
    times = np.random.randint(3, 10, size=5)
    assert y.tolist() == DATA[times].tolist() and x[:, -1].tolist() == DATA[times - 1].tolist()


def test_windows_errors():
    with pytest.raises(ValueError, match="10.* 9"):
        TimeseriesGenerator(DATA, DATA[1:], 2)
    with pytest.raises(ValueError, match="disallowed"):
        TimeseriesGenerator(DATA, DATA, 10)
    with pytest.raises(TypeError, match="Data not JSON"):
        TimeseriesGenerator([{1}] * 10, DATA, 2).get_config()


def test_windows_json_round_trip():
    batches = TimeseriesGenerator(DATA, DATA, 2, start_index=1, end_index=8, stride=2, batch_size=3)
    content = json.loads(batches.to_json())
    assert content["class_name"] == "TimeseriesGenerator" and content["config"]["start_index"] == 3
    again = timeseries_generator_from_json(batches.to_json())
    assert again.get_config() == batches.get_config()
    np.testing.assert_array_equal(again[0][0], batches[0][0])


def test_long_sequences_are_removed_with_their_labels():
    assert _remove_long_seq(3, [[1, 2], [1, 2, 3], []], [5, 6, 7]) == ([[1, 2], []], [5, 7])
