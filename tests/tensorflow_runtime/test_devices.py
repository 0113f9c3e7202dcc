"""What is built inside `with tf.device(...)` runs there. Two devices are made of the CPU, in a process of their own."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from keras import backend as K
from keras.layers import Dense, Input
from keras.models import Model

TWO_DEVICES = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import contextlib
import numpy as np
import keras
from keras import backend as K

def devices(program):
    "The devices of the operations of a program and of what it calls."
    every = [op.device for f in program._traced.values() for op in operations(f.graph)]
    return {"".join(device.rpartition("device:")[1:]) for device in every}

def operations(graph):
    for op in graph.get_operations():
        yield op
        for name in {"body", "cond", "f", "then_branch", "else_branch"} & {a for a in op.node_def.attr}:
            called = op.get_attr(name)
            if op.node_def.attr[name].HasField("func"):
                yield from operations(graph._get_function(called.name).graph)
"""

# The snippet of Keras 2's FAQ, with CPUs in the place of GPUs.
PARALLEL = TWO_DEVICES + """
def built(scope):
    K.clear_session()
    np.random.seed(1)
    tweet_a = keras.Input(shape=(14, 5))
    tweet_b = keras.Input(shape=(14, 5))
    shared_lstm = keras.layers.LSTM(6)

    # Process the first sequence on one GPU
    with scope('/cpu:0'):
        encoded_a = shared_lstm(tweet_a)
    # Process the next sequence on another GPU
    with scope('/cpu:1'):
        encoded_b = shared_lstm(tweet_b)
        encoded_b = keras.layers.Dense(6, name='second')(encoded_b)

    # Concatenate results on CPU
    with scope('/cpu:0'):
        merged_vector = keras.layers.concatenate([encoded_a, encoded_b], axis=-1)
    model = keras.Model([tweet_a, tweet_b], keras.layers.Dense(1)(merged_vector))
    model.compile('adam', 'mse')
    return model

x, y = np.random.rand(32, 14, 5), np.random.rand(32, 1)
losses = []
for scope in (tf.device, K.device_scope, lambda name: contextlib.nullcontext()):
    model = built(scope)
    losses.append(model.fit([x, x], y, batch_size=8, epochs=2, verbose=0).history['loss'])
    program, kernel = model.train_function.compiled(1), model.get_layer('second').kernel
    if scope in (tf.device, K.device_scope):
        assert {'device:CPU:0', 'device:CPU:1'} <= devices(program), devices(program)
        assert kernel.device.endswith('CPU:1') and kernel.storage.backing_device.endswith('CPU:1')
        products = [op for f in program._traced.values() for op in operations(f.graph) if op.type == 'MatMul']
        on_second = [op.name for op in products if op.device.endswith('CPU:1')]
        assert any('gradients' in name for name in on_second), 'the backward pass is there too'
        assert any('gradients' not in name for name in on_second)
        kernel.assign(np.ones((6, 6)))
        assert kernel.storage.backing_device.endswith('CPU:1')
    else:
        assert devices(program) == {''} and kernel.device == ''
    assert not program._places or not program._for_xla
    assert model.predict([x, x]).shape == (32, 1)
np.testing.assert_allclose(losses, losses[:1] * 3, rtol=1e-5)
"""

OLD_GRAPH = TWO_DEVICES + """
import tensorflow.compat.v1 as tf1
with tf1.Graph().as_default(), tf1.device('/cpu:1'), tf1.device(None), tf1.device('/device:CPU:1'):
    x = keras.Input((3,))
    y = keras.layers.Dense(2)(x)
    with tf1.device(lambda op: '/cpu:0'):
        assert K.square(x).device.lower().endswith('cpu:0')
assert y.device.endswith('CPU:1')
f = K.function([x], [y])
f([np.ones((2, 3))])
assert 'device:CPU:1' in devices(f.compiled(0))
"""


@pytest.mark.parametrize("script", [PARALLEL, OLD_GRAPH], ids=["parallel", "graphs of TensorFlow 1"])
def test_two_devices(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("scope", [lambda: tf.device("/gpu:7"), lambda: tf1.device("/device:GPU:7")])
def test_a_device_that_is_not_here_counts_for_nothing(scope):
    with scope():
        a = Input((3,))
        model = Model(a, Dense(2)(a))
    assert model.output.device.endswith("GPU:7") and model.weights[0].device.endswith("GPU:7")
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(np.ones((4, 3)), np.ones((4, 2))))
    program = model.train_function.compiled(1)
    assert not program._places and program._for_xla


def test_equal_operations_on_two_devices_are_two():
    x = K.placeholder((2,))
    results = []
    for name in ("/cpu:0", "/cpu:1", "/cpu:1"):
        with K.device_scope(name):
            results.append(K.exp(x))
    f = K.function([x], results)
    f([np.zeros(2)])
    assert sum(i.primitive == "exp" for i in f.compiled(0).program.block.instructions) == 2


def test_scopes_that_are_open_when_a_program_runs_do_not_matter():
    x = K.placeholder((2,))
    f = K.function([x], [K.exp(x)])
    with tf.device("/cpu:0"):
        f([np.zeros(2)])
    (traced,) = f.compiled(0)._traced.values()
    assert {op.device for op in traced.graph.get_operations()} == {""}
