"""Check that a model's file loads, predicts, and predicts the same after conversion to .h5, .keras and .onnx.

The inputs are random numbers, so this says nothing about how good the predictions are.
"""

import os
import tempfile

from . import convert, files

SUMMARY = "check that a file loads, predicts and survives conversion"
EXAMPLES = """\
examples:
  keras check model.h5
  keras check model.json --weights weights.h5

Exit code 1: it does not load or predict, or predicts something else after conversion. What a format cannot say, or
a package that is not installed, is told but is no problem.
"""
# Sizes to try where the model leaves one free.
_SIZES = (16, 32, 64, 96, 224)
_SAMPLES = 2
# How far predictions may be apart, in parts of the largest, by format. Other engines add in another order.
_TOLERANCE = {".h5": 1e-6, ".keras": 1e-6, ".onnx": 1e-3}


def add_to(parser):
    parser.add_argument("file", help="a model, or an architecture with --weights")
    files.add_options(parser)


def run(options):
    model, has_weights = files.load(options.file, options.weights, options.run_code)
    note = "" if has_weights else " (an architecture: its weights are new)"
    print(f"ok       loads: {len(model.layers)} layers, {model.count_params():,} parameters{note}")
    inputs, outputs = _predict_on_anything(model)
    shapes = ", ".join(str(array.shape) for array in outputs)
    if not all(_is_finite(array) for array in outputs):
        print(f"PROBLEM  predicts: the outputs {shapes} hold NaN or infinity for random inputs")
        return 1
    print(f"ok       predicts: {', '.join(str(array.shape) for array in inputs)} -> {shapes}")
    ends = [_check_round_trip(model, inputs, outputs, ending) for ending in _TOLERANCE]
    return 0 if all(ends) else 1


def _check_round_trip(model, inputs, outputs, ending):
    """Convert, predict again and compare; tell how it went. False for a problem."""
    name = f"as {ending}:"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"model{ending}")
        try:
            convert.write(model, path)
        except (ValueError, ImportError, NotImplementedError) as error:
            print(f"-        {name} not written. {error}")
            return True
        try:
            again = _predict_by_onnx(path, model, inputs) if ending == ".onnx" else _predict_by_keras(path, inputs)
        except (ImportError, NotImplementedError) as error:
            print(f"-        {name} written, not compared. {error}")
            return True
        except (ValueError, OSError) as error:
            print(f"PROBLEM  {name} what was written does not load or predict: {error}")
            return False
    apart = max(map(_distance, outputs, again))
    if apart > _TOLERANCE[ending]:
        print(f"PROBLEM  {name} the predictions differ by {apart:.1g} of the largest value")
        return False
    print(f"ok       {name} the same predictions (apart by {apart:.1g} of the largest value)")
    return True


# ------------------------------------------------------------------------------------------ predictions


def _predict_on_anything(model):
    """(random inputs, the model's predictions); sizes left open are tried out."""
    import numpy as np

    error = None
    for size in _SIZES:
        rng = np.random.RandomState(0)
        inputs = [_random_input(model, shape, size, rng) for shape in _shapes(model)]
        try:
            return inputs, _predict(model, inputs)
        except ValueError as failure:
            error = error or failure
        if all(None not in shape[1:] for shape in _shapes(model)):
            break
    raise ValueError(f"It loads, but does not predict: {error}")


def _shapes(model):
    from .. import backend as K

    return [K.int_shape(tensor) for tensor in model.inputs or ()]


def _random_input(model, shape, size, rng):
    full = (shape[0] or _SAMPLES, *(size if step is None else step for step in shape[1:]))
    words = min((layer.input_dim for layer in _all_layers(model) if type(layer).__name__ == "Embedding"), default=None)
    if words is not None and len(full) <= 2:
        return rng.randint(0, words, full).astype("float32")
    return rng.uniform(0, 1, full).astype("float32")


def _all_layers(model):
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _all_layers(layer)


def _predict(model, inputs):
    if not inputs:
        raise ValueError("the model has no inputs yet: it is built when it is called on data.")
    model.reset_states()
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=len(inputs[0]))
    return outputs if isinstance(outputs, list) else [outputs]


def _predict_by_keras(path, inputs):
    from ..saving import load_model

    return _predict(load_model(path, compile=False), inputs)


def _predict_by_onnx(path, model, inputs):
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("Comparing needs the package onnxruntime: pip install onnxruntime") from error
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = {one.name: one for one in session.get_inputs()}
    if set(wanted) != set(model.input_names):
        raise NotImplementedError("The model is stateful: its states are inputs there.")
    fed = {name: _as_wanted(array, wanted[name].type) for name, array in zip(model.input_names, inputs)}
    return session.run(None, fed)


def _as_wanted(array, kind):
    return array.astype({"tensor(int32)": "int32", "tensor(int64)": "int64"}.get(kind, array.dtype))


def _is_finite(array):
    import numpy as np

    return bool(np.isfinite(array).all())


def _distance(first, second):
    import numpy as np

    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    if first.shape != second.shape:
        return float("inf")
    return float(np.abs(first - second).max(initial=0) / max(np.abs(first).max(initial=0), 1e-30))
