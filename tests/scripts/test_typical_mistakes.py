"""The mistakes that everybody makes in a hurry: the message says what was given, what was wanted, what to do."""

import numpy as np
import pytest

from keras import backend as K
from keras.callbacks import EarlyStopping
from keras.layers import LSTM, Conv1D, Conv2D, Dense, Embedding, Flatten, Input, Lambda
from keras.models import Model, Sequential, load_model
from keras.optimizers import Adam
from keras.utils import to_categorical

X = np.random.RandomState(0).rand(12, 4)
CLASSES = np.arange(12) % 3
ONE_HOT = to_categorical(CLASSES)


@pytest.fixture(scope="module")
def models():
    """One compiled classifier per loss; none of the calls below gets as far as changing it."""

    def classifier(loss):
        model = Sequential([Dense(3, activation="softmax", input_shape=(4,), name="probabilities")])
        model.compile("sgd", loss, metrics=["accuracy"])
        return model

    return {loss: classifier(loss) for loss in ("categorical_crossentropy", "sparse_categorical_crossentropy")}


def generator(count=3, x=X, y=ONE_HOT):
    for _ in range(count):
        yield x, y


RAGGED = np.fromiter([[1] * (i % 3 + 1) for i in range(12)], dtype=object)

# What was typed: (what is wrong, a pattern of the message)
FITS = {
    "class numbers": (lambda m: m.fit(X, CLASSES), r"to_categorical\(y_int\)"),
    "features": (lambda m: m.fit(X[:, :3], ONE_HOT), r"to have shape \(4,\) but got array with shape \(3,\)"),
    "one sample": (lambda m: m.predict(X[0]), r"single sample.*np.reshape\(x, \(1, 4\)\)"),
    "one sample as a list": (lambda m: m.predict([1, 2, 3, 4]), r"np.reshape\(x, \(1, 4\)\)"),
    "lengths": (lambda m: m.fit(X, ONE_HOT[:5]), "Found 12 input samples and 5 target samples"),
    "samples in a list": (lambda m: m.fit(list(X), ONE_HOT), r"make one array of it: `np.array\(x\)`"),
    "lengths of samples": (lambda m: m.fit(RAGGED, ONE_HOT), "pad_sequences"),
    "text": (lambda m: m.fit(X, np.array(["cat", "dog"] * 6)), "target: Got the text 'cat'.*Tokenizer"),
    "no targets": (lambda m: m.fit(X), 'none were passed. Pass `y`, for "probabilities"'),
    "targets of generator": (lambda m: m.fit(generator(), ONE_HOT), "yield x, y"),
    "short generator": (lambda m: m.fit_generator(generator(0), steps_per_epoch=5), "ended after 0 of 5 batches"),
    "no steps": (lambda m: m.fit_generator(generator()), "please specify `steps_per_epoch`"),
    "half a pair": (lambda m: m.fit_generator(iter([X]), 1), r"should be a tuple `\(x, y, sample_weight\)`"),
    "nothing": (lambda m: m.fit(X[:0], ONE_HOT[:0]), "without a single sample"),
    "all held out": (lambda m: m.fit(X, ONE_HOT, validation_split=1.0), "between 0 and 1"),
    "missing class": (lambda m: m.fit(X, ONE_HOT, class_weight={0: 1, 1: 2}), r"classes \[2\] exist.*are \[0, 1\]"),
    "name of an input": (lambda m: m.fit({"pixels": X}, ONE_HOT), 'found "pixels"'),
    "validation": (lambda m: m.fit(X, ONE_HOT, validation_data=(X[:, :2], ONE_HOT)), r"shape \(4,\) but got"),
}


@pytest.mark.parametrize("name", FITS)
def test_calls(name, models):
    call, message = FITS[name]
    model = models["categorical_crossentropy"]
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        call(model)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_labels_of_the_sparse_loss(models):
    model = models["sparse_categorical_crossentropy"]
    with pytest.raises(ValueError, match="class numbers from 1 to 3, but the output has 3 units, for classes 0 to 2"):
        model.train_on_batch(X, CLASSES + 1)
    with pytest.raises(ValueError, match=r"expected probabilities to have shape \(1,\)"):
        model.fit(X, ONE_HOT)


BUILDS = {
    "channels": (lambda: Sequential([Conv2D(3, 3, input_shape=(28, 28))]), r"channels: \(None, 28, 28, 1\)"),
    "return_sequences": (lambda: Sequential([LSTM(3, input_shape=(5, 2)), LSTM(3)]), "return_sequences=True"),
    "features": (lambda: Sequential([Conv1D(3, 3, input_shape=(9,))]), r"\(None, 9, 1\)"),
    "flatten": (lambda: Sequential([Conv2D(3, 3, input_shape=(8, 8, 1)), LSTM(3)]), "Flatten"),
    "stateful": (lambda: Sequential([LSTM(3, stateful=True, input_shape=(5, 2))]), "batch_input_shape="),
    "activation": (lambda: Dense(3, activation="rellu"), "Unknown activation.*Did you mean 'relu'"),
    "array": (lambda: Dense(3)(X), "isn't a symbolic tensor"),
    "layer": (lambda: Dense(3)(Dense(4)), "isn't a symbolic tensor"),
    "call of a model": (lambda: Sequential([Dense(1, input_dim=4)])(X), "`predict`"),
    "numpy": (lambda: Lambda(lambda t: np.mean(t))(Input((3,))), r"`K.mean\(x\)` instead of NumPy's"),
    "layer as output": (lambda: Model(Input((3,)), Dense(2)), "Call the layer on a tensor"),
    "disconnected": (lambda: Model(Input((3,)), Dense(2)(Input((3,)))), "Graph disconnected"),
    "no shape": (lambda: Sequential([Dense(3), Flatten()]).summary(), "input_shape"),
    "class names": (lambda: to_categorical(["cat", "dog"]), r"'cat'.*np.unique\(y, return_inverse=True\)"),
    "number as a loss": (
        lambda: Sequential([Dense(1, input_dim=1)]).compile("sgd", lambda y, p: 3.0), "gave 3.0. It must return a"
    ),
    "no loss": (lambda: Sequential([Dense(1, input_dim=1)]).compile("sgd"), "no loss to optimize"),
    "wrong loss": (lambda: Sequential([Dense(1, input_dim=1)]).compile("sgd", "entropy"), "Unknown loss.*entropy"),
    "no such layer": (lambda: Sequential([Dense(1, name="a")]).get_layer("b"), "No such layer: b. The layers are: a"),
    "words": (
        lambda: Sequential([Embedding(5, 2, input_length=3)]).predict(np.array([[1, 2, 7]])),
        "indices from 1 to 7.*rows 0 to 4.*input_dim=8",
    ),
    "no word": (
        lambda: Sequential([Embedding(5, 2, input_length=3)]).predict(np.array([[-1, 2, 3]])),
        "indices from -1 to 3.*Indices begin at 0",
    ),
}


@pytest.mark.parametrize("name", BUILDS)
def test_building(name):
    build, message = BUILDS[name]
    with pytest.raises(ValueError, match=message):
        build()


def test_other_kinds(models, tmp_path):
    model = models["categorical_crossentropy"]
    with pytest.raises(RuntimeError, match=r"must compile.*model.compile\(optimizer, loss\)"):
        Sequential([Dense(3, input_shape=(4,))]).fit(X, ONE_HOT)
    with pytest.raises(TypeError, match=r"the class EarlyStopping: make one, `EarlyStopping\(...\)`"):
        model.fit(X, ONE_HOT, callbacks=[EarlyStopping])
    with pytest.raises(TypeError, match="'generator' is a function that makes one: call it"):
        model.fit_generator(generator, steps_per_epoch=1)
    with pytest.raises(TypeError, match="'early', which is no callback"):
        model.fit(X, ONE_HOT, callbacks=["early"])
    with pytest.raises(TypeError, match="Unrecognized keyword arguments: epoch. Did you mean 'epochs'"):
        model.fit(X, ONE_HOT, epoch=3)
    with pytest.raises(TypeError, match="'activate'.*Did you mean 'activation'"):
        Dense(3, activate="relu")
    with pytest.raises(TypeError, match="optimizer: learning. Adam takes.*Did you mean 'learning_rate'"):
        Adam(learning=0.1)
    with pytest.raises(TypeError, match=r"give an instance: `Dense\(...\)`"):
        Sequential().add(Dense)
    with pytest.raises(TypeError, match=r"Found: <Placeholder.*`InputLayer\(input_shape\)`"):
        Sequential().add(Input((3,)))
    with pytest.raises(TypeError, match=r"K.switch\(condition, then, else\)"):
        Lambda(lambda t: 1 if t > 0 else 0)(Input((3,)))
    with pytest.raises(ValueError, match="^The function takes 1 inputs"):
        K.function([model.input], [model.output])([X, X])
    with pytest.raises(KeyError, match=r"metrics=\['acc'\] gives 'acc'"):
        model.fit(X, ONE_HOT, verbose=0).history["acc"]
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_model(str(tmp_path / "nope.h5"))
    with pytest.raises(FileNotFoundError, match="does not exist. Create it first"):
        model.save(str(tmp_path / "no" / "model.h5"))
    model.save_weights(str(tmp_path / "w.h5"))
    with pytest.raises(ValueError, match=r"holds weights only.*model.load_weights\(path\)"):
        load_model(str(tmp_path / "w.h5"))
    with pytest.warns(RuntimeWarning, match="`val_los` which is not available. Available metrics are: loss,accuracy"):
        model.fit(X, ONE_HOT, verbose=0, callbacks=[EarlyStopping("val_los")])
