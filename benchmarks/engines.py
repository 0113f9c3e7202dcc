"""The engines: titles, the Python that runs each, its environment and options."""

import os
import sys
import time
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS_PYTHON = HERE / ".venv-peers" / "bin" / "python"
TITLES = {
    "ours": "Keras Classic (JAX)",
    "ours_torch": "Keras Classic, PyTorch",
    "ours_tensorflow": "Keras Classic, TensorFlow",
    "k3_jax": "Keras 3, JAX",
    "k3_jax_tuned": "Keras 3, JAX, steps_per_execution=32, jit_compile",
    "k3_tensorflow": "Keras 3, TensorFlow",
    "k3_torch": "Keras 3, PyTorch",
    "tf_keras": "tf.keras (Keras 2)",
    "raw_jax": "JAX by hand, a call per step",
    "raw_torch": "PyTorch by hand, channels_last",
}
PEERS = ("k3_jax", "k3_tensorflow", "k3_torch", "tf_keras")  # with their defaults
LIMITS = ("raw_jax", "raw_torch")
# steps_per_execution="auto" fails on JAX in Keras 3.15.1 (TypeError in its epoch iterator).
OPTIONS = {"k3_jax_tuned": {"steps_per_execution": 32, "jit_compile": True}}
DISTRIBUTIONS = {
    "ours": ("keras-classic", "jax"), "ours_torch": ("keras-classic", "torch"),
    "ours_tensorflow": ("keras-classic", "tensorflow"), "k3_tensorflow": ("keras", "tensorflow"),
    "k3_torch": ("keras", "torch"), "tf_keras": ("tf_keras", "tensorflow"), "raw_jax": ("jax",),
    "raw_torch": ("torch",),
}  # fmt: skip


def python(engine):
    return sys.executable if engine in ("ours", "raw_jax") else str(PEERS_PYTHON)


def environment(engine, home, quick):
    """The worker's environment; `home` holds keras.json, the programs compiled before and whatever it writes."""
    env = dict(os.environ, KERAS_HOME=str(home), TMPDIR=str(home), TF_CPP_MIN_LOG_LEVEL="3", PYTHONPATH="")
    for name in ("KERAS_BACKEND", "TF_USE_LEGACY_KERAS", "KERAS_BENCH_QUICK", "JAX_COMPILATION_CACHE_DIR"):
        env.pop(name, None)
    if quick:
        env["KERAS_BENCH_QUICK"] = "1"
    if engine.startswith("ours"):
        env["PYTHONPATH"] = str(HERE.parent)
        env["KERAS_BACKEND"] = engine.partition("_")[2] or "jax"
    elif engine.startswith("k3_"):
        env["KERAS_BACKEND"] = engine.split("_")[1]
    elif engine == "tf_keras":
        env["TF_USE_LEGACY_KERAS"] = "1"
    return env


def load(engine):
    """The engine's `keras` (for a loop by hand: jax or torch), and how long its import took in seconds."""
    start = time.perf_counter()
    if engine == "tf_keras":  # what tf.keras is with TF_USE_LEGACY_KERAS=1: Keras 2
        import tensorflow as tf

        library = tf.keras
        library.layers, library.models, library.optimizers  # noqa: B018 (loaded on first use)
    elif engine == "raw_jax":
        import jax.numpy as library
    elif engine == "raw_torch":
        import torch as library
    else:
        import keras as library
    return library, time.perf_counter() - start


def versions(engine):
    """The distributions at work, by name."""
    found = {}
    for name in DISTRIBUTIONS.get(engine, ("keras", "jax")):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "from the source tree"
    if engine in ("ours", "ours_tensorflow"):
        from keras.runtimes.onednn.library import library

        found |= {"oneDNN": ".".join(map(str, library().version))} if library() else {}
    return found
