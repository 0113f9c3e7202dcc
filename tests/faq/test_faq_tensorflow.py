"""FAQ: the recipe for reproducible results and device parallelism, with TensorFlow's names."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

RECIPE = """
    import numpy as np
    import tensorflow.compat.v1 as tf
    import random as rn

    np.random.seed(42)
    rn.seed(12345)
    session_conf = tf.ConfigProto(intra_op_parallelism_threads=1,
                                  inter_op_parallelism_threads=1)

    from keras import backend as K

    tf.set_random_seed(1234)

    sess = tf.Session(graph=tf.get_default_graph(), config=session_conf)
    K.set_session(sess)

    # Rest of code follows ...
    import keras
    input_a = keras.Input(shape=(7, 5))
    input_b = keras.Input(shape=(7, 5))
    shared_lstm = keras.layers.LSTM(6)
    with tf.device('/gpu:0'):
        encoded_a = shared_lstm(input_a)
    with tf.device('/gpu:1'):
        encoded_b = shared_lstm(input_b)
    with tf.device('/cpu:0'):
        merged_vector = keras.layers.concatenate([encoded_a, encoded_b], axis=-1)
    model = keras.Model([input_a, input_b], keras.layers.Dense(1)(keras.layers.Dropout(0.5)(merged_vector)))
    model.compile('rmsprop', 'mse')
    x = np.random.rand(16, 7, 5)
    model.fit([x, x], x.sum(axis=(1, 2)), epochs=2, verbose=0)
    print(K.backend(), b''.join(w.tobytes() for w in model.get_weights()).hex())
"""


def _run(code, **environment):
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment,
        capture_output=True, text=True, timeout=300, check=True,
    ).stdout  # fmt: skip


def test_the_recipe_as_it_is_typed():
    runs = [_run(RECIPE) for _ in range(2)]
    assert runs[0] == runs[1] and runs[0].startswith("tensorflow ") and len(runs[0]) > 1000


def test_other_engines_read_the_recipe_too():
    _run(RECIPE[: RECIPE.index("model.compile")], KERAS_BACKEND="numpy")
