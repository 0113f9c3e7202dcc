"""What is measured: names, titles, and how."""

import resource
import time

MEASURES = {
    "fit_ms": "fit, ms/step",
    "arrays_ms": "the same from arrays, ms/step",
    "train_on_batch_ms": "train_on_batch, ms",
    "predict_ms": "predict, ms/batch",
    "predict_one_ms": "predict of one sample, ms",
    "build_s": "build, s",
    "build_weights_s": "build and draw the weights, s",
    "load_s": "load, s",
    "first_step_s": "compile to first step, s",
    "warm_first_step_s": "the same, cache warm, s",
    "import_s": "import, s",
    "start_s": "import, build and first step, s",  # whenever an engine does what it must once
    "peak_mb": "peak memory, MB",
}
# How a session's method is timed: its name, and how many units of work it does.
CALLS = {
    "fit_ms": ("fit", lambda case: case.steps),
    "arrays_ms": ("fit_arrays", lambda case: case.steps),
    "train_on_batch_ms": ("train_on_batch", lambda case: case.steps),
    "predict_ms": ("predict", lambda case: case.steps),
    "predict_one_ms": ("predict_one", lambda case: case.singles),
    "build_s": ("build", lambda case: 1000),  # 1000 units: seconds instead of ms
    "build_weights_s": ("build_weights", lambda case: 1000),
    "load_s": ("load", lambda case: 1000),
}


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def timed(function, repeats, units):
    """Milliseconds per unit of work, once per repetition."""
    return [seconds(function) * 1000 / units for _ in range(repeats)]


def peak_mb():
    """The most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
