"""What may be passed as data, and what happens to data that do not fit."""

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from keras import losses
from keras.callbacks import TerminateOnNaN
from keras.engine import training_utils
from keras.layers import LSTM, Dense, Embedding, Flatten, Input, Lambda, add
from keras.models import Model, Sequential
from keras.optimizers import SGD


def make_data(samples=12):
    rng = np.random.RandomState(0)
    return rng.rand(samples, 3), rng.rand(samples, 2)


def make_model(weights=None):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(SGD(0.1), "mse")
    model.set_weights([np.full((3, 2), 0.1), np.zeros(2)])
    return model


def two_inputs():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], [Dense(1, name="p")(add([a, b])), Dense(1, name="q")(b)])
    model.compile("sgd", "mse")
    return model


def trained(x, y, **options):
    model = make_model()
    np.random.seed(0)
    model.fit(x, y, batch_size=5, epochs=2, verbose=0, **options)
    return model.get_weights()[0]


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype("float32"),
        lambda x: x.astype("float64"),
        lambda x: x.astype("float16").astype("float64"),
        lambda x: x.astype(object),
        lambda x: pd.DataFrame(x),
        lambda x: scipy.sparse.csr_matrix(x),
        lambda x: scipy.sparse.coo_matrix(x),
        lambda x: [x],
        lambda x: {"dense_1_input": x},
        lambda x: x.tolist(),
    ],
    ids=["float32", "float64", "rounded", "objects", "pandas", "csr", "coo", "list", "dict", "lists"],
)
def test_forms_of_input(convert):
    x, y = make_data()
    x = np.round(x, 1).astype("float16").astype("float64")
    assert_allclose(trained(convert(x), y), trained(x, y), rtol=1e-6)


@pytest.mark.parametrize("shuffle", [False, "batch", True])
@pytest.mark.parametrize("split", [0.0, 0.25])
def test_hdf5_datasets_are_read_batch_by_batch(tmp_path, shuffle, split):
    x, y = make_data()
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = x, y
        options = {"shuffle": shuffle, "validation_split": split}
        assert_allclose(trained(file["x"], file["y"], **options), trained(x, y, **options), rtol=1e-6)
        model = make_model()
        assert_allclose(model.predict(file["x"], batch_size=5), model.predict(x), rtol=1e-6)
        assert_allclose(
            model.evaluate(file["x"], file["y"], verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-6
        )
        assert_allclose(
            model.train_on_batch(file["x"], file["y"]), make_model().train_on_batch(x, y), rtol=1e-6
        )


@pytest.mark.parametrize("shuffle", [False, "batch", True])
def test_parts_of_a_file_as_training_and_test_data(tmp_path, shuffle):
    from keras.utils.io_utils import HDF5Matrix

    x, y = make_data()
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["features"], file["labels"] = 255 * x, y
    path = str(tmp_path / "data.h5")

    def part(start, end):
        return HDF5Matrix(path, "features", start, end, lambda v: v / 255), HDF5Matrix(path, "labels", start, end)

    split = len(x) - 7
    lazy = trained(*part(0, split), shuffle=shuffle, validation_data=part(split, None))
    plain = trained(
        x[:split], y[:split], shuffle=shuffle, validation_data=(x[split:], y[split:])
    )
    assert_allclose(lazy, plain, rtol=1e-5)
    assert_allclose(make_model().evaluate(*part(split, None), verbose=0),
                    make_model().evaluate(x[split:], y[split:], verbose=0), rtol=1e-5)  # fmt: skip


def test_only_slices_are_ever_asked_of_a_lazy_array():
    class Lazy:
        """Holds no array; notes how many rows were read at most."""

        shape = (1000, 3)
        dtype = np.dtype("float32")
        most = 0

        def __len__(self):
            return 1000

        def __getitem__(self, rows):
            start, stop, _ = rows.indices(1000)
            self.most = max(self.most, stop - start)
            return np.zeros((stop - start, 3), "float32")

    lazy = Lazy()
    assert make_model().predict(lazy, batch_size=10).shape == (1000, 2)
    assert lazy.most < 1000 or lazy.most <= 1024  # chunks of small rows are read at once


def test_integers_booleans_text_and_vectors():
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    expected = model.predict(np.array([[0.0], [1.0]]))
    assert_allclose(model.predict(np.array([0, 1])), expected)
    assert_allclose(model.predict(np.array([False, True])), expected)
    assert_allclose(model.predict([0, 1]), expected)
    assert_allclose(model.predict([["0"], ["1.0"]]), expected)  # as rows of a CSV file come
    assert_allclose(model.predict(np.array([0, "1"], dtype=object)), expected)
    model.fit(np.arange(4), np.arange(4), verbose=0)
    model.fit(pd.Series([1, 2]), pd.Series([1, 2]), verbose=0)


def test_dictionaries_and_lists_by_name():
    model = two_inputs()
    rng = np.random.RandomState(0)
    a, b, p, q = rng.rand(6, 3), rng.rand(6, 3), rng.rand(6, 1), rng.rand(6, 1)
    expected = model.test_on_batch([a, b], [p, q])
    assert_allclose(model.test_on_batch({"b": b, "a": a}, {"q": q, "p": p}), expected)
    assert_allclose(model.test_on_batch((a, b), (p, q)), expected)
    assert_allclose(model.predict({"a": a, "b": b})[1], model.predict([a, b])[1])


BAD = [
    (lambda x, y: (x[:, :2], y), r"dense_1_input to have shape \(3,\) but got array with shape \(2,\)"),
    (lambda x, y: (x[:, :, None], y), r"to have 2 dimensions, but got array with shape \(12, 3, 1\)"),
    (lambda x, y: (x, y[:, :1]), r"expected dense_1 to have shape \(2,\) but got array with shape \(1,\)"),
    (lambda x, y: (x, y[:5]), "12 input samples and 5 target samples"),
    (lambda x, y: (x[:0], y[:0]), "without a single sample"),
    (lambda x, y: ([x, x], y), r"Expected to see 1 array\(s\)"),
    (lambda x, y: (list(x), y), r"make one array of it: `np.array\(x\)`"),
    (lambda x, y: ({"input": x}, y), 'Need input data for each of "dense_1_input", and found "input"'),
    (lambda x, y: (x, None), "none were passed"),
    (lambda x, y: (np.where(x == x[2], "cat", "1.5"), y), "Got the text 'cat'"),
    (lambda x, y: (x + 1j, y), "wanted real numbers"),
    (lambda x, y: (np.array([["a", 1, 2]] * 12, dtype=object), y), "Got the text 'a'"),
    (lambda x, y: ([[1, 2, 3], [1, 2]], y), "different lengths"),
    (lambda x, y: (np.array([*x, None], dtype=object)[:-1], y), "np.stack"),
    (lambda x, y: (3, y), "should be a NumPy array"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_bad_data_end_in_an_error_that_helps(spoil, message):
    x, y = make_data()
    model = make_model()
    before = model.get_weights()
    x, y = spoil(x, y)
    for method in (model.fit, model.train_on_batch, model.evaluate):
        with pytest.raises((ValueError, TypeError), match=message):
            method(x, y)
    for a, b in zip(model.get_weights(), before, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "positive integer"),
        ({"batch_size": -1}, "positive integer"),
        ({"batch_size": 2.5}, "positive integer"),
        ({"epochs": "a"}, "`epochs` must be a whole number of epochs, got 'a'"),
        ({"initial_epoch": None}, "`initial_epoch` must be a whole number"),
        ({"steps_per_epoch": "a", "batch_size": None}, "positive number of batches, an int; got 'a'"),
        ({"validation_split": 1.5}, "between 0 and 1"),
        ({"validation_split": "a"}, "between 0 and 1"),
        ({"validation_split": 0.99}, "leaves none to train"),
        ({"validation_data": np.zeros((2, 3))}, "must be a tuple"),
        ({"validation_data": (np.zeros((2, 4)), np.zeros((2, 2)))}, "to have shape"),
        ({"validation_freq": 0, "validation_split": 0.5}, "less than 1"),
    ],
)
def test_bad_options_of_fit(options, message):
    x, y = make_data()
    model = make_model()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(x, y, verbose=0, **options)
    assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.filterwarnings("ignore:The target array of shape .* holds NaN")
@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy", "hinge", "logcosh"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_targets_that_are_no_numbers_end_training_by_the_callback_for_it(loss, bad):
    x, y = make_data()
    model = make_model()
    model.compile("sgd", loss)
    before = model.get_weights()[0]
    y[7] = bad
    history = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=[TerminateOnNaN()])
    assert len(history.epoch) == 1 and not np.isfinite(history.history["loss"]).any()
    assert not np.array_equal(before, model.get_weights()[0])
    with pytest.warns(UserWarning, match="holds NaN"):
        assert np.isnan(make_model().evaluate(x, np.full_like(y, np.nan), verbose=0))


def classifier(loss):
    model = Sequential([Dense(3, activation="softmax", input_shape=(3,))])
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        ("categorical_crossentropy", [0, 1, 2, 0], "to_categorical"),
        ("sparse_categorical_crossentropy", [0.5, 1, 2, 0], "fractions"),
        ("sparse_categorical_crossentropy", [0, 1, 2, 3], "from 0 to 3"),
        ("sparse_categorical_crossentropy", [0, -1, 2, 0], "from -1 to 2"),
        ("sparse_categorical_crossentropy", [0, np.nan, 2, 0], "NaN"),
        ("sparse_categorical_crossentropy", np.eye(3)[[0, 1, 2, 0]], r"to have shape \(1,\)"),
    ],
)
def test_class_targets_that_do_not_suit_the_loss(loss, targets, message):
    model = classifier(loss)
    with pytest.raises(ValueError, match=message):
        model.fit(np.zeros((4, 3)), np.array(targets), verbose=0)


def test_single_sample_without_batch_axis():
    model = Sequential([Flatten(input_shape=(4, 4, 1)), Dense(1)])
    with pytest.raises(ValueError, match=r"x\[np.newaxis\]"):
        model.predict(np.zeros((4, 4, 1)))
    with pytest.raises(ValueError, match=r"np.expand_dims\(x, -1\)"):
        model.predict(np.zeros((5, 4, 4)))
    with pytest.raises(ValueError, match="np.transpose"):
        model.predict(np.zeros((5, 1, 4, 4)))


def test_nothing_to_predict():
    """No sample is left of `x[x[:, 0] > 7]`: nothing is predicted, as by Keras 2.3.1."""
    x, state = Input((4, 3)), Input((2,))
    model = Model([x, state], [LSTM(2)(x, initial_state=[state, state]), Dense(5)(x)])
    nothing = [np.zeros((0, 4, 3)), np.zeros((0, 2))]
    for method in (model.predict, model.predict_on_batch):
        assert [y.shape for y in method(nothing)] == [(0, 2), (0, 4, 5)]
        with pytest.raises(ValueError, match=r"to have shape \(2,\)"):
            method([nothing[0], np.zeros((0, 3))])
    rows = Model(x, Lambda(lambda x: x[:, :0], output_shape=(None, 3))(x))
    assert rows.predict(np.zeros((2, 4, 3))).tolist() == [[], []]
    single = make_model()
    single.predict(np.zeros((1, 3)))
    assert single.predict(np.zeros((0, 3))).shape == (0, *single.output_shape[1:])
    with pytest.raises(ValueError, match="without a single sample"):
        single.evaluate(np.zeros((0, 3)), np.zeros((0, 2)))


def test_losses_of_ones_own_take_any_target():
    def first_only(y_true, y_pred):
        return y_true[:, 0] - y_pred[:, 0]

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", first_only)
    assert model.train_on_batch(np.zeros((2, 3)), np.ones((2, 5))) == 1


# The helpers by themselves: they are public.


def test_make_batches_and_batch_shuffle():
    assert training_utils.make_batches(10, 4) == [(0, 4), (4, 8), (8, 10)]
    shuffled = training_utils.batch_shuffle(np.arange(10), 4)
    assert_array_equal(shuffled[8:], [8, 9])
    assert sorted(map(tuple, shuffled[:8].reshape(2, 4))) == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_should_run_validation():
    run = training_utils.should_run_validation
    assert [run(2, e) for e in range(4)] == [False, True, False, True]
    assert [run([1, 4], e) for e in range(4)] == [True, False, False, True]
    for bad in (0, "no", None):
        with pytest.raises(ValueError, match="validation_freq"):
            run(bad, 0)


def test_check_num_samples():
    check = training_utils.check_num_samples
    assert check([np.zeros((5, 1))], batch_size=2) == 5
    with pytest.raises(ValueError, match="must be None"):
        check([np.zeros((5, 1))], batch_size=2, steps=3)
    with pytest.raises(ValueError, match="how many batches"):
        check([])


def test_loss_and_target_compatibility_of_arrays():
    check = training_utils.check_loss_and_target_compatibility
    array = np.random.rand(2, 1, 3)
    check([array], [losses.CategoricalCrossentropy()], [array.shape])
    check([array], [losses.CategoricalCrossentropy()], [(2, None, 3)])
    with pytest.raises(ValueError, match="You are passing a target array"):
        check([np.zeros((2, 3, 1))], [losses.CategoricalCrossentropy()], [(2, 3, 1)])
    with pytest.raises(ValueError, match="targets to have the same shape"):
        check([np.zeros((2, 3, 5))], [losses.CategoricalCrossentropy()], [(2, 3, 6)])


def test_indices_that_an_embedding_has_no_row_for():
    model = Sequential([Embedding(5, 2, input_length=2)])
    model.predict(np.array([[0, 4]], dtype="float32"))
    for wrong in ([[0, 5]], [[-1, 2]]):
        for dtype in ("float32", "int64"):
            with pytest.raises(ValueError, match=r"embedding_1 \(Embedding\) has the rows 0 to 4"):
                model.predict(np.array(wrong, dtype=dtype))
