"""The groups of whole models: golden records, applications, and five models trained step by step."""

import sys
from pathlib import Path

import numpy as np

from keras import backend as K
from keras import constraints, layers, optimizers, regularizers
from keras.models import Model, Sequential

_TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(_TESTS))

from applications import reference  # noqa: E402
from golden import check, records  # noqa: E402

_GOLDEN = str(_TESTS / "data" / "golden")
APPLICATIONS = ("classic ResNet50", "MobileNetV2", "DenseNet121", "Xception")
SAMPLES, BATCH = 120, 24


def golden_predictions():
    """Every model of the golden records."""
    found = {}
    for name in records.names(_GOLDEN):
        record = records.read(_GOLDEN, name)
        found[name] = _of_record(lambda: _predicted(record))  # noqa: B023 - called at once
    return found


def golden_training():
    """The losses and metrics of five steps with every golden record that tells of training, and the weights after."""
    found = {}
    for name in records.names(_GOLDEN):
        record = records.read(_GOLDEN, name)
        if "train" in record.arrays:
            found[name] = _of_record(lambda: _trained(record))  # noqa: B023 - called at once
    return found


def _of_record(compute):
    np.random.seed(0)  # the seeds of Dropout
    try:
        return compute()
    finally:
        K.clear_session()


def _predicted(record):
    inputs = record.inputs
    return check.as_list(check.load(record).predict(check.alone(inputs), batch_size=len(inputs[0])))


def _trained(record):
    model = check.load(record)
    if record.kind in ("model", "weights", "json"):
        check.compile_as_told(record, model)
    weights = record.sample_weights and check.alone(record.sample_weights)
    inputs, targets = check.alone(record.inputs), check.alone(record.numbered("t"))
    rows = [
        model.train_on_batch(inputs, targets, sample_weight=weights, class_weight=record.class_weight)
        for _ in range(5)
    ]
    return [np.array(rows), *model.get_weights()]


def applications():
    """Predictions of nets for small pictures, all with the same weights."""
    return {name: reference.outputs(name)[0] for name in APPLICATIONS}


# Training.


def _perceptron():
    model = Sequential([
        layers.Dense(16, activation="relu", input_shape=(8,), kernel_regularizer=regularizers.l2(1e-3)),
        layers.Dropout(0.3),
        layers.Dense(3, activation="softmax", kernel_constraint=constraints.MaxNorm(1.5)),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    random = np.random.RandomState(1)
    return model, random.standard_normal((120, 8)), random.randint(0, 3, 120)


def _convolutional():
    model = Sequential([
        layers.Conv2D(6, 3, padding="same", use_bias=False, input_shape=(8, 8, 2)),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
        layers.SeparableConv2D(5, 3, activation="elu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(optimizers.SGD(0.1, momentum=0.9, nesterov=True), "binary_crossentropy")
    random = np.random.RandomState(2)
    x = random.standard_normal((120, 8, 8, 2))
    return model, x, x.mean((1, 2, 3)) > 0


def _recurrent():
    model = Sequential([
        layers.Embedding(20, 6, mask_zero=True, input_length=9),
        layers.Bidirectional(layers.LSTM(5, return_sequences=True, dropout=0.2)),
        layers.GRU(4, reset_after=True),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    model.compile("rmsprop", "categorical_crossentropy")
    random = np.random.RandomState(3)
    x = np.sort(random.randint(0, 20, (120, 9)))[:, ::-1]
    return model, x, np.eye(2)[(x.sum(1) > 85).astype(int)]


def _branched():
    one, other = layers.Input((6,)), layers.Input((5, 3))
    shared = layers.Dense(4, activation="tanh")
    left, right = shared(one), layers.LSTM(4)(other)
    joined = layers.concatenate([left, right, layers.multiply([left, right])])
    outputs = [layers.Dense(2, name="a")(joined), layers.Dense(1, activation="sigmoid", name="b")(joined)]
    model = Model([one, other], outputs)
    model.compile("nadam", ["logcosh", "binary_crossentropy"], loss_weights=[0.3, 1.0])
    random = np.random.RandomState(4)
    x = [random.standard_normal((120, 6)), random.standard_normal((120, 5, 3))]
    return model, x, [x[0][:, :2] + x[1].mean((1, 2))[:, None], (x[1].sum((1, 2)) > 0).astype(float)]


def _sequence():
    model = Sequential([
        layers.Conv1D(6, 3, padding="causal", activation="selu", input_shape=(10, 3)),
        layers.GaussianNoise(0.1),
        layers.TimeDistributed(layers.Dense(4, activation="softplus")),
        layers.SimpleRNN(4, return_sequences=True),
        layers.Lambda(lambda x: x[:, ::2] - K.mean(x, axis=1, keepdims=True), output_shape=(5, 4)),
        layers.Flatten(),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile(optimizers.Adam(0.01, amsgrad=True, clipnorm=1.0), "mse")
    random = np.random.RandomState(5)
    x = random.standard_normal((120, 10, 3))
    return model, x, x[:, :, 0].sum(1)


TRAINED = {
    "perceptron": _perceptron, "convolutional": _convolutional, "recurrent": _recurrent, "two inputs": _branched,
    "sequence": _sequence,
}  # fmt: skip


def training():
    """The loss of each batch of three epochs, then those of two epochs of `fit`, then the weights."""
    found = {}
    for name, make in TRAINED.items():
        np.random.seed(10)
        model, x, y = make()
        batches = [slice(start, start + BATCH) for start in range(0, SAMPLES, BATCH)]
        rows = [model.train_on_batch(_part(x, batch), _part(y, batch)) for _ in range(3) for batch in batches]
        history = model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0).history
        found[f"{name}: batches"] = np.array(rows)
        found[f"{name}: epochs"] = np.array([history[key] for key in model.metrics_names])
        found[f"{name}: weights"] = model.get_weights()
        K.clear_session()
    return found


def _part(arrays, rows):
    return [array[rows] for array in arrays] if isinstance(arrays, list) else arrays[rows]
