"""keras.json, KERAS_BACKEND and KERAS_HOME, each in a process of its own; and the setters."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras import backend as K

SCRIPT = """
import json, warnings
warnings.simplefilter("error")
from keras import backend as K
print(json.dumps([K.backend(), K.floatx(), K.epsilon(), K.image_data_format(), str(K.zeros((1,)).dtype)]))
"""
# An engine that a file may name and that is not installed in this environment.
ABSENT = next(name for name in ("tensorflow", "torch") if importlib.util.find_spec(name) is None)
DEFAULTS = ["jax", "float32", 1e-7, "channels_last", "float32"]


def started(home=None, stored=None, **environment):
    """Starts Keras with this keras.json (a string is written as it is); returns the finished process."""
    if stored is not None:
        home.mkdir(exist_ok=True)
        (home / "keras.json").write_text(stored if isinstance(stored, str) else json.dumps(stored))
    kept = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "KERAS_HOME")}
    where = {} if home is None else {"KERAS_HOME": str(home)}
    env = {**kept, **where, **environment}
    return subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=120)


# name: keras.json, environment, K's answers, lines on stderr
STARTS = {
    "nothing": (None, {}, DEFAULTS, ["Using JAX backend."]),
    "variable": (None, {"KERAS_BACKEND": "numpy"}, ["numpy", *DEFAULTS[1:]], ["Using NumPy backend."]),
    "empty variable": (None, {"KERAS_BACKEND": ""}, DEFAULTS, ["Using JAX backend."]),
    "file": (
        {"floatx": "float64", "epsilon": 1e-5, "image_data_format": "channels_first", "backend": "numpy"},
        {}, ["numpy", "float64", 1e-5, "channels_first", "float64"], ["Using NumPy backend."],
    ),
    "variable over file": ({"backend": "numpy"}, {"KERAS_BACKEND": "jax"}, DEFAULTS, ["Using JAX backend."]),
    "part of a file": ({"floatx": "float16"}, {}, ["jax", "float16", 1e-7, "channels_last", "float16"], None),
    "theano": (
        None, {"KERAS_BACKEND": "theano"}, DEFAULTS,
        ["KERAS_BACKEND=theano: the development of Theano ended in 2017", "Using JAX"],
    ),
    "cntk": (
        None, {"KERAS_BACKEND": "cntk"}, DEFAULTS,
        ["KERAS_BACKEND=cntk: Microsoft ended the development of CNTK in 2019; using jax instead.", "Using JAX"],
    ),
    "file of theano": ({"backend": "theano"}, {}, DEFAULTS, ["names 'theano': the development of", "Using JAX"]),
    "old file": ({"backend": ABSENT}, {}, DEFAULTS, [f"names the backend {ABSENT!r}", "Using JAX"]),
    "strange file": ({"backend": ["jax"]}, {}, DEFAULTS, ["names the backend ['jax']", "Using JAX"]),
    "broken file": ("{", {}, DEFAULTS, ["keras.json cannot be read", "Using JAX"]),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_start(name, tmp_path):
    stored, environment, answers, lines = STARTS[name]
    home = tmp_path / "inner"
    process = started(home, stored, **environment)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == answers
    said = process.stderr.splitlines()
    if lines is not None:
        assert len(said) == len(lines)
        assert all(wanted in line for wanted, line in zip(lines, said))
    content = (home / "keras.json").read_text()
    if stored is None:  # written for the user to edit; the environment variable is for one process
        assert json.loads(content) == dict(
            floatx="float32", epsilon=1e-7, backend="jax", image_data_format="channels_last"
        )
    else:  # never overwritten
        assert content == (stored if isinstance(stored, str) else json.dumps(stored))


def test_unknown_backend(tmp_path):
    process = started(tmp_path, KERAS_BACKEND="tehano")
    assert process.returncode == 1
    assert "KERAS_BACKEND='tehano' is not a backend of this Keras. Set it to one of: jax, numpy" in process.stderr


def test_bad_value_in_the_file(tmp_path):
    process = started(tmp_path, {"floatx": "float99"})
    assert process.returncode == 1
    assert "keras.json: bad value for 'floatx'" in process.stderr and "float99" in process.stderr


def test_home_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    process = started(tmp_path / "file" / "home")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == DEFAULTS


def test_home_folder(monkeypatch, tmp_path):
    from keras.backend import config

    monkeypatch.setenv("KERAS_HOME", "/somewhere")
    assert config.home() == "/somewhere"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.home() == str(tmp_path / ".keras")
    monkeypatch.setenv("HOME", "/nowhere/to/be/found")
    assert config.home() == "/tmp/.keras"


@pytest.mark.parametrize("floatx", ["float16", "float32", "float64"])
def test_floatx_is_the_type_of_what_is_made(floatx):
    K.set_floatx(floatx)
    x = K.placeholder((2,))
    made = [x, K.variable([1, 2]), K.constant(1), K.ones((2,)), K.random_normal((2,)), K.exp(x) * 2.5 + 1]
    assert {K.dtype(t) for t in made} == {floatx}
    y = K.function([x], [K.exp(x) / 3])([np.array([0.5, 1])])[0]
    assert y.dtype == floatx
    np.testing.assert_allclose(y, np.exp([0.5, 1]) / 3, rtol={"float16": 1e-3, "float32": 1e-6, "float64": 1e-14}[floatx])  # noqa: E501
    assert K.cast_to_floatx([1, 2]).dtype == floatx
    assert K.dtype(K.cast_to_floatx(K.placeholder((2,), dtype="int32"))) == floatx


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: K.set_floatx("int32"), "Unknown floatx type: 'int32'.*'float16', 'float32' or 'float64'"),
        (lambda: K.set_image_data_format("last"), "channels_first.*channels_last.*'last'"),
        (lambda: K.set_image_dim_ordering("jax"), "'tf' or 'th'"),
        (lambda: K.normalize_data_format(3), "Received: 3"),
        (lambda: K.set_learning_phase(2), "0 or 1, got 2"),
    ],
)
def test_bad_settings_are_refused_and_change_nothing(call, text):
    before = K.floatx(), K.epsilon(), K.image_data_format()
    with pytest.raises(ValueError, match=text):
        call()
    assert (K.floatx(), K.epsilon(), K.image_data_format()) == before


def test_image_formats_have_two_names():
    K.set_image_dim_ordering("th")
    assert K.image_data_format() == "channels_first" == K.normalize_data_format(None)
    assert K.image_dim_ordering() == "th"
    assert K.normalize_data_format("Channels_Last") == "channels_last"


def test_epsilon():
    K.set_epsilon(1e-3)
    assert K.epsilon() == 1e-3
    np.testing.assert_allclose(K.eval(K.binary_crossentropy(K.ones((1,)), K.zeros((1,)))), -np.log(2e-3), rtol=1e-4)
