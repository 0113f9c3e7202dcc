"""Texts: words, numbers, matrices, and tokenizers that come back from JSON and pickles."""

import json
import math
import pickle

import numpy as np
import pytest

import keras.preprocessing  # noqa: F401 - lets old pickles be read
from keras.preprocessing.text import Tokenizer, hashing_trick, one_hot, text_to_word_sequence, tokenizer_from_json

TEXTS = ["The cat sat on the mat.", "The dog sat on the log.", "Dogs and cats living together."]


@pytest.mark.parametrize(
    "text, arguments, words",
    [
        ("Hello, World! A-b", {}, ["hello", "world", "a", "b"]),
        ("Hello, World!", {"lower": False, "filters": "!"}, ["Hello,", "World"]),
        ("one  two\tthree\n", {}, ["one", "two", "three"]),
        ("a,b;c", {"split": ";", "filters": ","}, ["a", "b", "c"]),
        ("a::b!c", {"split": "::"}, ["a", "b", "c"]),
        ("Äpfel, naïve", {}, ["äpfel", "naïve"]),
        ("", {}, []),
    ],
)
def test_words(text, arguments, words):
    assert text_to_word_sequence(text, **arguments) == words


def test_hashes():
    # Python's own hash differs between processes, md5 does not.
    assert hashing_trick("a b c, d A", 50, "md5") == [15, 33, 1, 18, 15]
    assert hashing_trick("x y", 10, len) == [2, 2]
    assert one_hot("a b A", 100) == [hash(word) % 99 + 1 for word in "aba"]


def test_numbers_follow_frequency_then_first_use():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    assert list(tokenizer.word_index)[:3] == ["the", "sat", "on"]
    assert tokenizer.word_counts["the"] == 4 and tokenizer.word_docs["the"] == 2
    assert tokenizer.index_docs[1] == 2 and tokenizer.document_count == 3
    assert tokenizer.texts_to_sequences(["the unknown cat", ""]) == [[1, 4], []]
    assert tokenizer.sequences_to_texts([[1, 4, 99]]) == ["the cat"]


def test_few_words_and_a_word_for_the_others():
    tokenizer = Tokenizer(num_words=4, oov_token="<unk>")
    tokenizer.fit_on_texts(TEXTS)
    assert tokenizer.word_index["<unk>"] == 1 and tokenizer.word_index["the"] == 2
    sequences = tokenizer.texts_to_sequences(["the sat on zebra"])
    assert sequences == [[2, 3, 1, 1]]
    assert tokenizer.sequences_to_texts(sequences) == ["the sat <unk> <unk>"]


def test_without_such_a_word_the_others_are_left_out():
    tokenizer = Tokenizer(num_words=3)
    tokenizer.fit_on_texts(TEXTS)
    assert tokenizer.texts_to_sequences(["the sat on zebra"]) == [[1, 2]]


def test_characters_and_lists():
    by_character = Tokenizer(char_level=True)
    by_character.fit_on_texts(["abA"])
    assert by_character.word_index == {"a": 1, "b": 2}
    of_lists = Tokenizer()
    of_lists.fit_on_texts([["New York", "Rome"], ["new york"]])
    assert of_lists.texts_to_sequences([["NEW YORK", "Rome"]]) == [[1, 2]]


def test_matrices():
    tokenizer = Tokenizer(num_words=3)
    tokenizer.fit_on_texts(["a a b", "a c"])
    texts = ["a a b", "c", ""]
    assert tokenizer.texts_to_matrix(texts, "count").tolist() == [[0, 2, 1], [0, 0, 0], [0, 0, 0]]
    assert tokenizer.texts_to_matrix(texts).tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(tokenizer.texts_to_matrix(texts, "freq")[0], [0, 2 / 3, 1 / 3])
    tfidf = tokenizer.texts_to_matrix(texts, "tfidf")[0]
    np.testing.assert_allclose(tfidf, [0, (1 + math.log(2)) * math.log(1 + 2 / 3), math.log(1 + 2 / 2)])


def test_matrix_errors():
    with pytest.raises(ValueError, match="num_words"):
        Tokenizer().sequences_to_matrix([[1]])
    with pytest.raises(ValueError, match="[Ff]it the Tokenizer"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], mode="tfidf")
    with pytest.raises(ValueError, match="mode: 'sum'"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], mode="sum")


@pytest.mark.parametrize("missing", [None, float("nan"), 3])
def test_texts_that_are_missing(missing):
    with pytest.raises(TypeError, match=rf"Wanted a text, got {missing}.*fillna"):
        Tokenizer().fit_on_texts(["a b", missing])


def test_fit_on_sequences():
    tokenizer = Tokenizer(num_words=4)
    tokenizer.fit_on_sequences([[1, 1, 3], [1]])
    assert dict(tokenizer.index_docs) == {1: 2, 3: 1}
    assert tokenizer.sequences_to_matrix([[3]], "tfidf")[0, 3] == pytest.approx(math.log(1 + 2 / 2))


def _fitted():
    tokenizer = Tokenizer(num_words=5, oov_token="?", lower=False)
    tokenizer.fit_on_texts(TEXTS)
    return tokenizer


def test_json_round_trip():
    tokenizer = _fitted()
    again = tokenizer_from_json(tokenizer.to_json(indent=1))
    assert again.to_json() == tokenizer.to_json()
    assert again.texts_to_sequences(TEXTS) == tokenizer.texts_to_sequences(TEXTS)
    assert again.index_word[1] == "?"
    again.fit_on_texts(["new words"])
    assert again.document_count == 4


def test_json_layout_is_that_of_keras_2():
    content = json.loads(_fitted().to_json())
    assert content["class_name"] == "Tokenizer"
    assert set(content["config"]) == {
        "num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count",
        "word_counts", "word_docs", "index_docs", "index_word", "word_index",
    }  # fmt: skip
    assert json.loads(content["config"]["word_index"])["?"] == 1


def test_pickles():
    assert pickle.loads(pickle.dumps(_fitted())).texts_to_sequences(["sat"]) == _fitted().texts_to_sequences(["sat"])
    old = b"ckeras_preprocessing.text\nTokenizer\n."  # the class as Keras 2.2 and later pickled it
    assert pickle.loads(old) is Tokenizer


def test_state_of_older_pickles_is_completed():
    tokenizer = Tokenizer.__new__(Tokenizer)
    state = {"word_index": {"a": 1}, "num_words": None, "filters": "", "split": " ", "lower": True}
    tokenizer.__setstate__(state)
    assert tokenizer.texts_to_sequences(["a b"]) == [[1]] and tokenizer.index_word == {1: "a"}


def test_arguments():
    with pytest.warns(UserWarning, match="num_words"):
        assert Tokenizer(nb_words=3).num_words == 3
    with pytest.raises(TypeError, match="num_word'].*Did you mean 'num_words'"):
        Tokenizer(num_word=1)
