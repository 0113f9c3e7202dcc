"""CTC: the cost against a sum over all alignments, decoding against a plain prefix search."""

import itertools

import numpy as np
import pytest

import keras
from keras import backend as K

TIME, CLASSES = 5, 4  # class 3 is the blank
LABELS = np.array([[0, 1, 7], [2, 2, 1], [1, -5, 9], [0, 0, 0], [0, 1, 2]])
COUNTS = np.array([[2], [3], [1], [0], [3]])  # what follows these is ignored
FRAMES = np.array([[5], [5], [3], [2], [3]])


def probabilities(seed=0, samples=5, time=TIME, classes=CLASSES):
    odds = np.exp(np.random.RandomState(seed).normal(size=(samples, time, classes)) * 1.5)
    return odds / odds.sum(axis=-1, keepdims=True)


def merged(alignment, blank):
    return [label for label, _ in itertools.groupby(alignment) if label != blank]


def cost_by_hand(labels, p):
    """-log of the sum over every way to write the labels in len(p) steps."""
    classes = p.shape[1]
    paths = [a for a in itertools.product(range(classes), repeat=len(p)) if merged(a, classes - 1) == list(labels)]
    return -np.log(sum(np.prod([p[t, c] for t, c in enumerate(path)]) for path in paths))


@pytest.fixture(scope="module")
def cost():
    """The cost and its gradient by the predictions, in float64."""
    K.set_floatx("float64")
    labels, p = K.placeholder((None, 3), dtype="int32"), K.placeholder((None, None, CLASSES))
    frames, counts = (K.placeholder((None, 1), dtype="int32") for _ in range(2))
    result = K.ctc_batch_cost(labels, p, frames, counts)
    assert K.int_shape(result) == (None, 1)
    function = K.function([labels, p, frames, counts], [result, *K.gradients(result, p)])
    K.set_floatx("float32")
    return function


def test_cost_sums_over_all_alignments(cost):
    p = probabilities()
    wanted = [cost_by_hand(label[:c], q[:n]) for label, (c,), q, (n,) in zip(LABELS, COUNTS, p, FRAMES, strict=True)]
    np.testing.assert_allclose(cost([LABELS, p, FRAMES, COUNTS])[0][:, 0], wanted, rtol=1e-5)


def test_cost_gradient(cost):
    p, step = probabilities(1), 1e-6
    found = cost([LABELS, p, FRAMES, COUNTS])[1]
    wanted = np.zeros_like(p)
    for t, c in np.ndindex(TIME, CLASSES):  # the samples do not meet: all at once
        shift = np.zeros_like(p)
        shift[:, t, c] = step
        above, below = (cost([LABELS, p + s, FRAMES, COUNTS])[0][:, 0] for s in (shift, -shift))
        wanted[:, t, c] = (above - below) / (2 * step)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    assert not found[2, 3:].any()  # time steps that do not count


def test_labels_that_do_not_fit(cost):
    """Two equal neighbours need a blank between: three steps."""
    p = probabilities(2, samples=1)
    value, gradient = cost([[[2, 2, 0]], p, [[2]], [[2]]])
    assert value == np.inf and not gradient.any()
    assert np.isfinite(cost([[[2, 2, 0]], p, [[3]], [[2]]])[0])
    assert np.isnan(cost([[[2, 4, 0]], p, [[3]], [[2]]])[0])  # there is no class 4


def test_no_labels_at_all():
    p = probabilities(3, samples=2)
    value = K.eval(K.ctc_batch_cost(np.zeros((2, 0)), p, [[5], [4]], [[0], [0]]))
    np.testing.assert_allclose(value[:, 0], [-np.log(p[0, :, -1]).sum(), -np.log(p[1, :4, -1]).sum()], rtol=1e-5)


def test_cost_takes_arrays_and_half_precision():
    p = probabilities().astype("float16")
    value = K.ctc_batch_cost(LABELS, K.constant(p, "float16"), FRAMES, COUNTS)
    assert K.dtype(value) == "float16"
    np.testing.assert_allclose(K.eval(value)[0, 0], cost_by_hand([0, 1], p[0].astype(float)), rtol=2e-3)


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_greedy(backend):
    p = np.zeros((3, 6, 3)) + 0.1
    best = [[0, 0, 2, 0, 1, 1], [2, 2, 2, 2, 2, 2], [1, 0, 1, 1, 2, 0]]
    for sample, classes in enumerate(best):
        p[sample, np.arange(6), classes] = 0.8
    frames = [6, 6, 3]
    if backend == "jax":
        x, n = K.placeholder((None, None, 3)), K.placeholder((None,))
        (labels,), score = K.ctc_decode(x, n)
        assert K.int_shape(labels) == (None, None) and K.int_shape(score) == (None, 1) and K.dtype(labels) == "int64"
        labels, score = K.function([x, n], [labels, score])([p, frames])
    else:  # constants alone: evaluated at once
        (labels,), score = K.ctc_decode(p, frames)
        labels, score = K.eval(labels), K.eval(score)
    assert labels.dtype == "int64" and labels.tolist() == [[0, 0, 1], [-1, -1, -1], [1, 0, 1]]
    np.testing.assert_allclose(score[:, 0], -np.log(0.8) * np.array(frames), rtol=1e-5)


def prefix_search(p, width):
    """[(labels, log p)] of the likeliest candidates."""
    logs = np.log(p + K.epsilon())
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    blank, candidates = p.shape[1] - 1, {(): (0.0, -np.inf)}
    for step in logs:
        new = {}
        for labels, (by_blank, by_label) in candidates.items():
            total = np.logaddexp(by_blank, by_label)
            add(new, labels, 0, total + step[blank])
            if labels:
                add(new, labels, 1, by_label + step[labels[-1]])
            for c in range(blank):
                add(new, (*labels, c), 1, step[c] + (by_blank if labels[-1:] == (c,) else total))
        best = sorted(new.items(), key=lambda item: -np.logaddexp(*item[1]))[:width]
        candidates = dict(best)
    return [(labels, np.logaddexp(*logs)) for labels, logs in candidates.items()]


def add(candidates, labels, which, value):
    pair = list(candidates.get(labels, (-np.inf, -np.inf)))
    pair[which] = np.logaddexp(pair[which], value)
    candidates[labels] = tuple(pair)


@pytest.mark.parametrize("width", [3, 30])
def test_beam_search(width):
    p, frames = probabilities(5, 4, 8, 4), [8, 8, 5, 1]
    x, n = K.placeholder((None, 8, 4)), K.placeholder((None,))
    labels, score = K.ctc_decode(x, n, greedy=False, beam_width=width, top_paths=3)
    *paths, score = K.function([x, n], [*labels, score])([p, frames])
    for sample in range(4):
        for rank, (wanted, log) in enumerate(prefix_search(p[sample, : frames[sample]], width)[:3]):
            found = paths[rank][sample]
            assert tuple(found[found >= 0]) == wanted
            np.testing.assert_allclose(score[sample, rank], log, rtol=1e-5)
    assert all(max((path >= 0).sum(axis=1)) == path.shape[1] for path in paths)


def test_beam_search_finds_what_greedy_misses_and_merges_if_asked():
    p = np.array([[[0.4, 0.0, 0.6], [0.4, 0.0, 0.6]]])  # blank, blank is likeliest, but 0 is in three alignments
    assert K.eval(K.ctc_decode(p, [2])[0][0]).shape == (1, 0)
    (labels,), score = K.ctc_decode(p, [2], greedy=False, beam_width=4)
    assert K.eval(labels).tolist() == [[0]]
    np.testing.assert_allclose(K.eval(score), [[np.log(1 - 0.36)]], rtol=1e-5)
    p = np.array([[[0.9, 0.05, 0.05], [0.05, 0.05, 0.9], [0.9, 0.05, 0.05]]])
    for merge, wanted in ((False, [[0, 0]]), (True, [[0]])):
        labels = K.ctc_decode(p, [3], greedy=False, beam_width=4, merge_repeated=merge)[0][0]
        assert K.eval(labels).tolist() == wanted


def test_inside_a_program_decoded_labels_keep_a_place_for_each_step():
    x = K.placeholder((2, 4, 3))
    count = K.sum(K.cast(K.ctc_decode(x, [4, 4])[0][0] >= 0, "int32"), axis=1)
    p = np.eye(3)[[[0, 1, 0, 1], [2, 2, 0, 0]]]
    assert K.function([x], [count])([p])[0].tolist() == [4, 1]


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda y, n: K.ctc_batch_cost(np.zeros(2), y, n, n), r"y_true must be \(samples, labels\), got shape \(2,\)"),
        (lambda y, n: K.ctc_batch_cost(LABELS, y[0], n, n), r"y_pred must be \(samples, time, classes\)"),
        (lambda y, n: K.ctc_batch_cost(LABELS, y, LABELS, n), r"input_length must be \(samples, 1\).*\(5, 3\)"),
        (lambda y, n: K.ctc_decode(y, n, greedy=False, beam_width=2, top_paths=3), r"top_paths must be 1 ... .*got 3"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call(K.constant(probabilities()), FRAMES)


def test_a_model_learns_to_read():
    """The usual way: the cost is the output of a Lambda layer, the loss hands it on."""
    R = np.random.RandomState(0)
    labels = np.array([R.permutation(3)[:2] for _ in range(64)])
    x = np.zeros((64, 6, 3))
    for row, (a, b) in zip(x, labels, strict=True):
        row[R.randint(0, 3), a] = row[R.randint(3, 6), b] = 1

    frames = keras.layers.Input((6, 3))
    hidden = keras.layers.Conv1D(8, 3, padding="same", activation="tanh")(frames)
    predictions = keras.layers.Dense(4, activation="softmax")(hidden)
    inputs = [keras.layers.Input((2,)), keras.layers.Input((1,), dtype="int64"), keras.layers.Input((1,))]
    cost = keras.layers.Lambda(lambda t: K.ctc_batch_cost(t[1], t[0], t[2], t[3]), output_shape=(1,), name="ctc")(
        [predictions, *inputs]
    )
    model = keras.models.Model([frames, *inputs], cost)
    model.compile(keras.optimizers.Adam(0.05), loss={"ctc": lambda y_true, y_pred: y_pred})
    lengths = [np.full((64, 1), 6), np.full((64, 1), 2)]
    history = model.fit([x, labels, *lengths], np.zeros(64), epochs=20, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]

    reader = keras.models.Model(frames, predictions)
    read = K.eval(K.ctc_decode(reader.predict(x), np.full(64, 6))[0][0])
    assert np.mean([row[row >= 0].tolist() == wanted.tolist() for row, wanted in zip(read, labels, strict=True)]) > 0.9
