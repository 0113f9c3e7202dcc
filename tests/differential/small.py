"""The groups made from the tables of the other tests: small programs, many at once."""

import sys
from pathlib import Path

import numpy as np

from keras import backend as K
from keras import initializers, losses
from keras import layers as L
from keras.backend.config import runtime

# Their modules import each other by name, as pytest lets them.
sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("layers", "functions", "runtimes")]

import every_layer  # noqa: E402
import harness  # noqa: E402
import primitive_table  # noqa: E402
import test_gradients  # noqa: E402
import test_losses  # noqa: E402
import test_metrics  # noqa: E402
import test_optimizers  # noqa: E402

TYPES = {"f": "float32", "i": "int32", "b": "bool"}


def _named(names, values):
    """{name: value}; names that occur again get a number."""
    found = {}
    for name, value in zip(names, values, strict=True):
        found[name if name not in found else f"{name} ({len(found)})"] = value
    return found


def _projection(tensor, seed):
    """A random weighting, to differentiate."""
    weights = np.random.RandomState(seed).uniform(0.5, 1.5, K.int_shape(tensor))
    return K.sum(tensor * K.constant(weights, K.dtype(tensor)))


def primitives():
    """Every primitive in float32, and its gradients."""
    names, inputs, outputs = [], [], []
    for number, row in enumerate(primitive_table.ROWS):
        if row.name == "gradients" and not runtime().differentiates:
            continue
        tensors = [K.placeholder(x.shape, dtype=TYPES[x.dtype.kind]) for x in row.inputs]
        output = row.build(*tensors)
        inputs += zip(tensors, row.inputs, strict=True)
        names.append(row.id)
        outputs.append(output)
        if row.places and runtime().differentiates:
            loss = _projection(output, number)
            names += [f"{row.id} gradient {place}" for place in row.places]
            outputs += K.gradients(loss, [tensors[place] for place in row.places])
    values = K.function([tensor for tensor, _ in inputs], outputs)([array for _, array in inputs])
    return _named(names, values)


def layers():
    """Every case of the table of layers, at inference."""
    results = harness.evaluate(every_layer.CASES)
    return _named(map(str, results), [result.outputs for result in results.values()])


def gradients_of_layers():
    """Each layer in the training phase, and the gradients by its inputs and weights there."""
    inputs, names, outputs = [], [], []
    for number, case in enumerate(every_layer.one_of_each(test_gradients.SMOOTH)):
        layer, symbols, results = harness.connect(case, unknown=())
        # Small weights: where layers saturate, gradients are what is left of 1 - 1.
        layer.set_weights([0.4 * w for w in harness.set_random_weights(layer)])
        inputs += zip(symbols, case.arrays(), strict=True)
        loss = sum(_projection(y, number) for y in results)
        found = K.gradients(loss, ([] if case.inputs else symbols) + layer.trainable_weights)
        names += [f"{case} output {n}" for n in range(len(results))]
        names += [f"{case} gradient {n}" for n in range(len(found))]
        outputs += [*results, *found]
    function = K.function([*(symbol for symbol, _ in inputs), K.learning_phase()], outputs)
    return _named(names, function([*(array for _, array in inputs), 1]))


def losses_and_gradients():
    """Every loss per sample, and its gradient by the predictions."""
    inputs, names, outputs = [], [], []
    for name, (_, arrays, _) in test_losses.LOSSES.items():
        truth, predicted = (K.placeholder(array.shape) for array in arrays)  # constants would be folded by NumPy
        inputs += zip((truth, predicted), arrays, strict=True)
        value = losses.get(name)(truth, predicted)
        names.append(name)
        outputs.append(value)
        if runtime().differentiates:
            names.append(f"{name} gradient")
            outputs += K.gradients(K.sum(value), [predicted])
    function = K.function([symbol for symbol, _ in inputs], outputs)
    return _named(names, function([array for _, array in inputs]))


def metrics():
    """Every metric after each of three batches."""
    inputs, updates, names, outputs = [], [], [], []
    for name, (make, arguments, arrays, _) in zip(test_metrics.IDS, test_metrics.ALL, strict=True):
        symbols = [K.placeholder((None, array.shape[1])) for array in arrays]
        metric = make(**arguments)
        outputs.append(metric(*symbols))
        inputs += zip(symbols, arrays, strict=True)
        updates += metric.updates
        names.append(name)
    function = K.function([symbol for symbol, _ in inputs], outputs, updates=updates)
    rows = [function([array[n : n + 5] for _, array in inputs]) for n in (0, 5, 10)]
    return _named([f"{name} batch {n}" for n in range(len(rows)) for name in names], [v for row in rows for v in row])


def optimizers():
    """Parameters and state of every optimizer after four steps."""
    made, updates = [], []
    for reference, arguments in test_optimizers.OPTIMIZERS:
        optimizer = test_optimizers._make(reference, arguments)
        parameters = [K.variable(value) for value in test_optimizers.START]
        updates += optimizer.get_updates(test_optimizers._loss(parameters), parameters)
        made.append((parameters, optimizer))
    step = K.function([], [], updates=updates)
    for _ in range(4):
        step([])
    return _named(test_optimizers.IDS, [K.batch_get_value([*p, *optimizer.weights]) for p, optimizer in made])


def _drawing(tensors):
    """A function that computes tensors on the runtime in use: NumPy would do it for programs that are fed nothing."""
    function = K.function([K.placeholder(())], tensors)
    return lambda: function([0.0])


def random_bits():
    """Random numbers that are bits or whole fractions: the same bit by bit, run by run and turn by turn of a loop."""
    shape = (7, 11)
    tensors = {dtype: K.random_uniform(shape, dtype=dtype, seed=3) for dtype in ("float16", "float32", "float64")}
    tensors["integers"] = K.random_uniform(shape, 2, 9, dtype="int32", seed=4)
    tensors["binomial"] = K.random_binomial(shape, 0.3, seed=5)
    tensors["dropout"] = K.dropout(K.ones(shape), 0.5, seed=6)
    tensors["noise shape"] = K.dropout(K.ones(shape), 0.5, noise_shape=(7, 1), seed=7)
    drawn = K.map_fn(lambda x: x + K.random_uniform((5,), seed=8), K.zeros((4, 5)))
    tensors["in a loop"] = drawn
    tensors["SpatialDropout2D"] = L.SpatialDropout2D(0.5, seed=9)(K.ones((3, 4, 4, 5)), training=True)
    draw = _drawing(list(tensors.values()))
    return {f"{name}, run {run}": v for run in range(3) for name, v in zip(tensors, draw(), strict=True)}


def random_numbers():
    """Normal numbers, initializers and noise layers, from the same bits."""
    x = K.constant(np.random.RandomState(0).standard_normal((6, 4, 5)))
    tensors = {
        "normal": K.random_normal((50, 20), 1.0, 2.0, seed=1),
        "truncated normal": K.truncated_normal((50, 20), seed=2),
        "GaussianNoise": L.GaussianNoise(0.5)(x, training=True),
        "GaussianDropout": L.GaussianDropout(0.5)(x, training=True),
        "AlphaDropout": L.AlphaDropout(0.5, seed=3)(x, training=True),
    }
    named = ("RandomNormal", "RandomUniform", "TruncatedNormal", "lecun_uniform", "lecun_normal", "glorot_uniform",
             "glorot_normal", "he_uniform", "he_normal")  # fmt: skip
    for name in (*named, "VarianceScaling", "Orthogonal", "Identity"):
        tensors[name] = getattr(initializers, name)(**({} if name == "Identity" else {"seed": 7}))((30, 40))
    values = _drawing(list(tensors.values()))()
    # What a new variable gets, which is computed by the reference runtime everywhere.
    stored = {f"{name} of a weight": K.get_value(K.variable(tensors[name])) for name in named}
    return {**dict(zip(tensors, values, strict=True)), **stored}
