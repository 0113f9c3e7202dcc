"""What `import keras` imports, and what it leaves as it was."""

import subprocess
import sys


def test_jax_is_imported_when_it_is_asked_for_and_garbage_is_collected_as_before():
    code = """
import gc, sys, keras
assert "tensorflow" in sys.modules
assert "jax" not in sys.modules
assert gc.isenabled() and gc.get_freeze_count() == 0
from tensorflow.lite.python.util import _jit
assert _jit(lambda x: x + 1)(1) == 2
import jax
assert jax.jit and jax.numpy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
