"""What the layer tests share: a table row (`Case`), its building and running, and the properties.

A test file makes a list of cases and runs every property over it:

    CASES = [Case(Dense, {"units": 3}, (2, 4), reference=lambda w, x: x @ w[0] + w[1]), ...]

    @pytest.fixture(scope="module")
    def results():
        return evaluate(CASES)          # all cases in one compiled program
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import keras
from keras import backend as K
from keras.graph.program import build
from keras.runtimes.numpy import RUNTIME as NUMPY


@dataclass(frozen=True, eq=False)
class Case:
    """One configuration of a layer.

    Args:
        layer: the layer's class, or a function that makes the layer from `config`.
        config: the arguments of the constructor.
        shape: the input's shape with the batch axis, or a list of such shapes for several inputs.
        reference: function of (weights, *inputs), all float64, that gives the output in NumPy.
        unknown: axes (of every input) that may be undefined while the model is built.
        inputs: function of a RandomState that makes the inputs, instead of normal numbers.
        dtype: the inputs' dtype.
        tolerance: relative and absolute, of the float32 output.
    """

    layer: Callable[..., Any]
    config: dict = field(default_factory=dict)
    shape: Any = (2, 3)
    reference: Callable[..., Any] | None = None
    unknown: tuple[int, ...] = (0,)
    inputs: Callable[[np.random.RandomState], Any] | None = None
    dtype: str = "float32"
    tolerance: float = 1e-5

    @property
    def shapes(self):
        return self.shape if isinstance(self.shape, list) else [self.shape]

    def __str__(self):
        config = ",".join(f"{k}={getattr(v, '__name__', v)}" for k, v in self.config.items())
        return f"{self.layer.__name__}({config}){self.shape}".replace(" ", "")

    def make(self):
        return self.layer(**self.config)

    def with_dtype(self, dtype):
        """The case on inputs of another float type; inputs of integers stay what they are."""
        return replace(self, dtype=dtype) if self.dtype.startswith("float") else self

    def arrays(self):
        """The case's inputs: the same at every call."""
        random = np.random.RandomState(7)
        if self.inputs is not None:
            arrays = self.inputs(random)
            return arrays if isinstance(arrays, list) else [arrays]
        return [random.standard_normal(shape).astype(self.dtype) for shape in self.shapes]


@dataclass
class Result:
    """A built and evaluated case."""

    layer: Any
    weights: list
    inputs: list
    outputs: list  # arrays
    symbols: list  # the symbolic outputs


def as_list(x):
    return list(x) if isinstance(x, (list, tuple)) else [x]


def connect(case, unknown=(0,)):
    """Builds the case's layer on placeholders; gives (layer, input symbols, output symbols)."""
    layer = case.make()
    symbols = [
        keras.layers.Input(
            batch_shape=tuple(None if axis in unknown else size for axis, size in enumerate(shape)),
            dtype=case.dtype,
        )
        for shape in case.shapes
    ]
    outputs = as_list(layer(symbols if isinstance(case.shape, list) else symbols[0]))
    return layer, symbols, outputs


def set_random_weights(layer, seed=3):
    """Gives the layer known weights between 0.2 and 1.2 (variances must be positive); returns them."""
    random = np.random.RandomState(seed)
    weights = [random.uniform(0.2, 1.2, w.shape).astype(w.dtype) for w in layer.get_weights()]
    layer.set_weights(weights)
    return weights


def compiled(inputs, outputs):
    """A function from arrays to arrays on the runtime in use."""
    return K.function(inputs, outputs)


def interpreted(inputs, outputs):
    """A function from arrays to arrays on the NumPy runtime."""
    phase = K.learning_phase()
    arguments = [x for x in inputs if x is not phase]

    def call(arrays):
        program = build(arguments, outputs, (), phase, arrays[-1])
        return NUMPY.compile(program)(arrays[:-1])

    return call


def evaluate(cases, training=0, engine=compiled):
    """Builds all cases with random weights and runs them in one program.

    Returns:
        dict from case to `Result`.
    """
    built = [(case, *connect(case)) for case in cases]
    weights = [set_random_weights(layer) for _, layer, _, _ in built]
    feeds = [case.arrays() for case, *_ in built]
    function = engine(
        [symbol for *_, symbols, _ in built for symbol in symbols] + [K.learning_phase()],
        [output for *_, outputs in built for output in outputs],
    )
    values = iter(function([array for arrays in feeds for array in arrays] + [training]))
    return {
        case: Result(layer, w, arrays, [next(values) for _ in outputs], outputs)
        for (case, layer, _, outputs), w, arrays in zip(built, weights, feeds, strict=True)
    }


def evaluate_as(dtype, cases, engine=compiled):
    """`evaluate` with `dtype` as the float type of weights and inputs; gives a dict from the given cases."""
    before = K.floatx()
    K.set_floatx(dtype)
    try:
        results = evaluate([case.with_dtype(dtype) for case in cases], engine=engine)
    finally:
        K.set_floatx(before)
    return dict(zip(cases, results.values(), strict=True))


def run(layer, *arrays, training=0, mask=None):
    """The numbers a layer gives for some arrays (compiles one program); keeps existing weights."""
    symbols = [keras.layers.Input(batch_shape=(None, *a.shape[1:]), dtype=a.dtype.name) for a in arrays]
    arguments = {} if mask is None else {"mask": K.constant(mask, dtype="bool")}
    output = layer(symbols if len(symbols) > 1 else symbols[0], **arguments)
    values = K.function([*symbols, K.learning_phase()], as_list(output))([*arrays, training])
    return values if isinstance(output, (list, tuple)) else values[0]


def check_numbers(case, result, tolerance=None):
    """The layer's output is what the case's NumPy reference gives in float64."""
    tolerance = tolerance or case.tolerance
    weights = [w.astype("float64") for w in result.weights]
    inputs = [a.astype("float64") if a.dtype.kind == "f" else a for a in result.inputs]
    expected = case.reference(weights, *inputs)
    for got, wanted in zip(result.outputs, as_list(expected), strict=True):
        assert got.shape == np.shape(wanted)
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def plain(config):
    """A config as JSON text; without stored byte code, which is not the same from dump to dump."""
    config = {**config, "function": None} if config.get("function_type") == "lambda" else config
    return json.dumps(config, sort_keys=True)


def check_config_round_trip(case):
    """get_config is plain JSON; from_config and deserialize give the same layer back."""
    layer, _, outputs = connect(case)
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert plain(again.get_config()) == plain(config)
    third = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(third) is type(layer)
    assert plain(third.get_config()) == plain(config)
    clone = Case(lambda: third, {}, case.shape, dtype=case.dtype)
    _, _, cloned = connect(clone)
    assert [K.int_shape(o) for o in cloned] == [K.int_shape(o) for o in outputs]
    assert [w.shape for w in third.get_weights()] == [w.shape for w in layer.get_weights()]


def check_static_shape(case, result):
    """compute_output_shape, the symbol's shape and the real output's shape agree, also with None."""
    for unknown in {(0,), (), tuple(case.unknown)}:
        layer, symbols, outputs = connect(case, unknown)
        shapes = [K.int_shape(s) for s in symbols]
        computed = layer.compute_output_shape(shapes if isinstance(case.shape, list) else shapes[0])
        computed = computed if isinstance(computed, list) else [computed]
        for shape, symbol, value in zip(computed, outputs, result.outputs, strict=True):
            assert isinstance(shape, tuple)
            assert agree(shape, value.shape), f"computed {shape}, real {value.shape}"
            assert agree(K.int_shape(symbol), value.shape), (
                f"inferred {K.int_shape(symbol)}, real {value.shape}"
            )
            if not unknown:
                assert shape == value.shape


def agree(shape, real):
    """Whether a static shape allows a real one."""
    return len(shape) == len(real) and all(s in (None, r) for s, r in zip(shape, real, strict=True))
