"""Compiled programs that are kept between processes: found again where they fit, and only there."""

import os
import subprocess
import sys

import numpy as np
import pytest

import keras
from keras import backend as K
from keras.graph.fingerprint import Unknown, rendered

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """The runtime with an empty folder, in which it keeps everything."""
    from keras.runtimes.jax import executables
    from keras.runtimes.jax.runtime import RUNTIME

    monkeypatch.setattr(RUNTIME, "folder", tmp_path / "programs")
    monkeypatch.setattr(executables, "_WORTH_SECONDS", 0)
    yield tmp_path / "programs"
    executables.finish_writing()


def kept(folder):
    """The files in a folder, once what is being written is there."""
    from keras.runtimes.jax import executables

    executables.finish_writing()
    return list(folder.iterdir()) if folder.exists() else []


@pytest.fixture
def traced(monkeypatch):
    """A list that grows with each program that is traced."""
    from keras.runtimes.jax.runtime import JaxCompiled

    found, step = [], JaxCompiled._step
    monkeypatch.setattr(JaxCompiled, "_step", lambda self, *args: found.append(self) or step(self, *args))
    return found


def scaled(factor=3.0, shape=(None, 4), axis=1):
    """A function of K with a constant and an attribute; made anew with each call."""
    x = K.placeholder(shape)
    return K.function([x], [K.sum(x * factor, axis=axis) + K.variable(np.ones(()))])


def trained(rows=24):
    """A model after two epochs of two batches, the last one smaller; its weights and losses."""
    np.random.seed(3)
    K.clear_session()
    model = keras.models.Sequential([
        keras.layers.Dense(5, activation="relu", input_shape=(4,)), keras.layers.Dropout(0.3),
        keras.layers.BatchNormalization(), keras.layers.Dense(1),
    ])  # fmt: skip
    model.compile("adam", "mse", metrics=["mae"])
    x = np.random.RandomState(0).normal(size=(rows, 4))
    history = model.fit(x, x[:, :1], batch_size=16, epochs=2, verbose=0)
    return model.get_weights(), history.history


def test_a_second_start_traces_nothing_and_computes_the_same(cache, traced):
    weights, history = trained()
    first = len(traced)
    assert first and len(kept(cache)) >= 2
    before = K.compiled_programs()
    again, history_again = trained()
    assert len(traced) == first
    assert K.compiled_programs() > before  # they count as programs all the same
    assert history == history_again
    for a, b in zip(weights, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_random_numbers_follow_the_seed_not_the_kept_program(cache, traced):
    drawn = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        x = K.placeholder((5,))
        drawn.append(K.function([x], [x + K.random_uniform((5,))])([np.zeros(5)])[0])
    assert len(traced) == 1
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).all()


def test_large_constants_are_arguments(cache, traced):
    x = K.placeholder((2000,))
    results = [K.function([x], [x * K.constant(np.full(2000, c))])([np.ones(2000)])[0][0] for c in (2.0, 5.0)]
    assert results == [2.0, 5.0] and len(traced) == 1


@pytest.mark.parametrize(
    "other",
    [{"factor": 3.0000002}, {"factor": np.full((1, 4), 3.0)}, {"axis": 0}, {"shape": (2, 4)}],
    ids=["constant", "shape of a constant", "attribute", "static shape"],
)
def test_another_program_is_not_taken_for_it(cache, traced, other):
    x = np.arange(8.0).reshape(2, 4)
    scaled()([x])
    result = scaled(**other)([x])[0]
    assert len(traced) == 2
    np.testing.assert_allclose(result, (x * other.get("factor", 3.0)).sum(other.get("axis", 1)) + 1, rtol=1e-6)


def test_another_batch_size_precision_or_setting_is_another_program(cache, traced, monkeypatch):
    import jax

    x = np.ones((2, 4))
    scaled()([x])
    scaled()([np.ones((3, 4))])
    assert len(traced) == 2
    K.set_floatx("float16")
    scaled()([x])
    K.set_floatx("float32")
    assert len(traced) == 3
    function = scaled()
    function([x])
    assert len(traced) == 3
    with jax.default_matmul_precision("float32"):
        function([x])
    assert len(traced) == 4
    from keras.runtimes.jax import executables

    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    executables._circumstances.cache_clear()
    scaled()([x])
    executables._circumstances.cache_clear()
    assert len(traced) == 5


def test_functions_of_the_engine_are_never_kept(cache):
    for factor in (2.0, 3.0):
        x = K.placeholder((3,))
        assert K.function([x], [K.native(lambda x: x * factor)(x)])([np.ones(3)])[0][0] == factor  # noqa: B023
    assert not kept(cache)


def test_operations_of_onednn_are_made_again(cache, traced, monkeypatch):
    from keras.runtimes.jax import native, native_convolution
    from keras.runtimes.onednn import library

    if library.library() is None:
        pytest.skip("oneDNN is not installed")
    monkeypatch.setattr(native_convolution, "_SAMPLES", 0)
    monkeypatch.setattr(native_convolution, "_WORTH", 0)
    monkeypatch.setattr(native, "_operations", {})
    image, results = np.random.RandomState(0).normal(size=(2, 6, 6, 3)), []
    for _ in range(2):
        x, kernel = K.placeholder((2, 6, 6, 3)), K.variable(np.ones((3, 3, 3, 4)))
        loss = K.sum(K.square(K.conv2d(x, kernel)))
        native._operation.cache_clear()  # as in a new process
        native._operations.clear()
        results.append(K.function([x], [loss, *K.gradients(loss, [kernel])])([image]))
        assert native._operations
    assert len(traced) == 1
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("damage", [b"", b"no program", None], ids=["empty", "foreign", "cut off"])
def test_files_that_cannot_be_read_are_written_anew(cache, traced, damage):
    x = np.ones((2, 4))
    scaled()([x])
    (file,) = kept(cache)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    np.testing.assert_array_equal(scaled()([x])[0], [13, 13])
    np.testing.assert_array_equal(scaled()([x])[0], [13, 13])
    assert len(traced) == 2 and kept(cache) == [file]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_that_others_could_have_written_is_not_loaded(cache, traced):
    x = np.ones((2, 4))
    scaled()([x])
    (file,) = kept(cache)
    file.chmod(0o666)
    scaled()([x])
    assert len(traced) == 2 and kept(cache) == [file] and file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_does_no_harm(cache):
    cache.write_text("a file")
    np.testing.assert_array_equal(scaled()([np.ones((2, 4))])[0], [13, 13])


def test_what_was_used_longest_ago_goes_when_there_is_too_much(cache, monkeypatch):
    from keras.runtimes.jax import executables

    x = np.ones((2, 4))
    for factor in (1.0, 2.0, 3.0):
        scaled(factor)([x])
    files = sorted(kept(cache), key=lambda f: f.stat().st_mtime_ns)
    for age, file in enumerate(reversed(files)):
        os.utime(file, (1e9 - age, 1e9 - age))
    scaled(1.0)([x])  # used again: now the newest
    monkeypatch.setattr(executables, "_MOST_BYTES", sum(f.stat().st_size for f in files) - 1)
    executables._make_room.cache_clear()
    executables._make_room(cache)
    assert sorted(cache.iterdir()) == sorted([files[0], files[2]])


def test_a_variable_of_another_shape_is_compiled_for(cache, traced):
    for _ in range(2):
        x, v = K.placeholder((1,)), K.variable(np.ones(2))
        K.get_value(v)
        v.shape = type(v.shape)((None,))  # as that of a variable which takes values of any size
        function = K.function([x], [K.sum(v) * x])
        assert function([np.ones(1)])[0] == 2
        keras.backend.config.runtime().write(v, np.ones(5))
        assert function([np.ones(1)])[0] == 5
    assert len(traced) == 3


def test_a_new_process_finds_what_another_kept(cache, tmp_path):
    script = (
        "import numpy as np, keras\n"
        "from keras.runtimes.jax import executables, runtime\n"
        "executables._WORTH_SECONDS = 0\n"
        "traced, step = [], runtime.JaxCompiled._step\n"
        "runtime.JaxCompiled._step = lambda self, *a: traced.append(1) or step(self, *a)\n"
        "np.random.seed(1)\n"
        "model = keras.models.Sequential([keras.layers.LSTM(3, input_shape=(4, 2)), keras.layers.Dense(1)])\n"
        "model.compile('rmsprop', 'mse')\n"
        "x = np.random.uniform(size=(8, 4, 2))\n"
        "print(model.fit(x, x[:, 0, :1], verbose=0).history['loss'][0], len(traced))\n"
    )
    env = dict(os.environ, KERAS_HOME=str(tmp_path))
    run = [
        subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    (loss, traced), (loss_again, traced_again) = (r.split() for r in run)
    assert loss == loss_again and int(traced) > 0 and traced_again == "0"


def test_what_the_cache_of_jax_had_is_not_kept_again(tmp_path):
    """XLA writes executables that it has read without their functions."""
    script = (
        "import sys, keras, keras.runtimes.jax.executables as e, keras.runtimes.jax.runtime as r; import numpy as np\n"
        "e._WORTH_SECONDS = 0\n"
        "if sys.argv[1] == 'by JAX': r.fingerprint = lambda program: None\n"
        "from keras import backend as K\n"
        "import jax; x = K.placeholder((4,)); jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)\n"
        "print(K.function([x], [K.exp(K.cumsum(x)) + 1])([np.arange(4.0)])[0].sum())"
    )
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    environment.pop("JAX_ENABLE_COMPILATION_CACHE", None)
    results = [
        subprocess.run(
            [sys.executable, "-c", script, who], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for who in ("by JAX", "by us", "by us")
    ]  # fmt: skip
    assert len(set(results)) == 1
    assert not list(tmp_path.rglob("*.program"))


@pytest.mark.parametrize(
    "one, other",
    [
        (1, True), (1, 1.0), (0.0, -0.0), ("1", 1), ((1, 2), [1, 2]), ((1, (2,)), ((1,), 2)), (None, "None"),
        (np.float32(1), np.float64(1)), (np.float32(1), np.ones((), "float32")), (np.ones(2), np.ones((2, 1))),
        (np.ones(2), np.array([1, 1 + 1e-15])), (np.zeros(100), np.r_[np.zeros(99), 1]), ({"a": 1}, {"a": 2}),
        (slice(None, 2), slice(2)), (np.dtype("int32"), "int32"), (float("nan"), "nan"), ("a,", ("a",)),
    ],
)  # fmt: skip
def test_different_values_have_different_texts(one, other):
    if isinstance(one, slice):
        assert rendered(one) == rendered(other)
    else:
        assert rendered(one) != rendered(other)


@pytest.mark.parametrize("value", [len, lambda x: x, object(), {1, 2}, np.array([None]), [{"f": print}]])
def test_what_has_no_certain_text_has_none(value):
    with pytest.raises(Unknown):
        rendered(value)
