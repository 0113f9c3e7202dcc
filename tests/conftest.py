"""What every test shares: a Keras home of its own, and a fresh session."""

import gc
import os
import shutil
import sys
import tempfile

import numpy as np
import pytest

# Before anything imports keras: the tests neither read nor write the user's keras.json, and they
# share one cache of compiled programs. Workers of pytest-xdist inherit the folder.
_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not _WORKER:
    os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="keras-tests-")
    os.environ["MPLBACKEND"] = "Agg"
    # There are as many workers as cores: threads of NumPy's OpenBLAS that wait for one another would only spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_sessionfinish():
    if not _WORKER:
        shutil.rmtree(os.environ["KERAS_HOME"], ignore_errors=True)


def _keep_no_executables():
    """Tests compare ways of computing that are chosen inside the runtime, of which the cache knows nothing."""
    runtime = sys.modules["keras.backend.config"].runtime()
    if hasattr(runtime, "folder"):
        runtime.folder = None


@pytest.fixture(autouse=True, scope="module")
def _settled():
    """What is there by now (modules, mostly) stays: `clear_session`, before each test, need not look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_session():
    """Each test starts with no graph, names counted from 1, default settings and the same seed."""
    np.random.seed(1234)
    K = sys.modules.get("keras.backend")
    if K is None:  # tests of the graph alone need no session
        yield
        return
    K.clear_session()
    _keep_no_executables()
    settings = K.floatx(), K.epsilon(), K.image_data_format()
    yield
    K.set_floatx(settings[0])
    K.set_epsilon(settings[1])
    K.set_image_data_format(settings[2])


@pytest.fixture(scope="module")
def quick_compiler():
    """XLA optimises little: for modules that compile many programs and run each a few times, for its numbers."""
    from keras.runtimes.jax.runtime import RUNTIME

    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    usual = RUNTIME.options
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RUNTIME, "options", lambda program: {**(usual(program) or {}), **options})
        yield
