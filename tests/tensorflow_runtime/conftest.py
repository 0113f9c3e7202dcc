"""These tests are about the TensorFlow runtime: collected where it runs (KERAS_BACKEND=tensorflow)."""

import os

collect_ignore_glob = [] if os.environ.get("KERAS_BACKEND") == "tensorflow" else ["test_*.py"]
