"""One engine, one case, in a process of its own: prints one JSON line.

    python benchmarks/worker.py ENGINE CASE REPEATS
"""

import json
import os
import sys
import time
from importlib import metadata

ENGINES = (
    "ours", "ours_torch", "ours_tensorflow", "k3_jax", "k3_jax_tuned", "k3_tensorflow", "k3_torch", "tf_keras",
    "raw_jax",
)  # fmt: skip


def load_keras(engine):
    """The engine's `keras`, and how long its import took in seconds."""
    start = time.perf_counter()
    if engine == "tf_keras":  # what tf.keras is with TF_USE_LEGACY_KERAS=1: Keras 2
        import tensorflow as tf

        keras = tf.keras
        keras.layers, keras.models, keras.optimizers  # noqa: B018 (loaded on first use)
    else:
        import keras
    return keras, time.perf_counter() - start


def versions(engine):
    """The distributions at work, by name."""
    used = {
        "ours": ("keras-classic", "jax"), "ours_torch": ("keras-classic", "torch"),
        "ours_tensorflow": ("keras-classic", "tensorflow"), "k3_tensorflow": ("keras", "tensorflow"),
        "k3_torch": ("keras", "torch"),
        "tf_keras": ("tf_keras", "tensorflow"),
    }.get(engine, ("keras", "jax"))  # fmt: skip
    found = {}
    for name in used:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "from the source tree"
    return found


def timed(function, repeats, per):
    """Milliseconds per unit of work, once per repetition."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        found.append((time.perf_counter() - start) * 1000 / per)
    return found


def measure(engine, name, repeats):
    keras, seconds = load_keras(engine)
    import cases

    case = cases.CASES[name]
    x, y = cases.data(name)
    model = cases.build(name, keras)
    # steps_per_execution="auto" fails on JAX in Keras 3.15.1 (TypeError in its epoch iterator).
    options = {"steps_per_execution": 32, "jit_compile": True} if engine == "k3_jax_tuned" else {}
    start = time.perf_counter()
    cases.compile_model(name, model, keras, **options)
    model.fit(x[: case.batch], y[: case.batch], batch_size=case.batch, epochs=1, verbose=0)
    first = time.perf_counter() - start

    once = {"batch_size": case.batch, "epochs": 1, "verbose": 0}
    loss = model.fit(x, y, shuffle=False, **once).history["loss"][-1]  # warms up, and is compared
    model.predict(x, batch_size=case.batch, verbose=0)
    one = x[:1]
    model.predict(one, verbose=0)

    def singles():
        for _ in range(case.singles):
            model.predict(one, verbose=0)

    return {
        "engine": engine, "case": name, "versions": versions(engine), "loss": float(loss),
        "import_s": [seconds], "first_step_s": [first],
        "fit_ms": timed(lambda: model.fit(x, y, **once), repeats, case.steps),
        "predict_ms": timed(lambda: model.predict(x, batch_size=case.batch, verbose=0), repeats, case.steps),
        "predict_one_ms": timed(singles, repeats, case.singles),
    }  # fmt: skip


def main():
    engine, name, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if engine == "raw_jax":
        import raw_jax

        result = raw_jax.measure(name, repeats, timed)
    else:
        result = measure(engine, name, repeats)
    print("\nRESULT " + json.dumps(result), flush=True)
    sys.stdout.flush()
    os._exit(0)  # the engines' own exit takes seconds, which is not measured


if __name__ == "__main__":
    main()
