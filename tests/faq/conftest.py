"""The FAQ's recipe for TensorFlow is tried where that runs (KERAS_BACKEND=tensorflow)."""

import os

collect_ignore = [] if os.environ.get("KERAS_BACKEND") == "tensorflow" else ["test_faq_tensorflow.py"]
