"""Threads that train, predict and read the same weights at the same time, as the actors of A3C do."""

import sys
import threading

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Dense, Input
from keras.models import Model
from keras.optimizers import Adam, RMSprop


@pytest.fixture
def quick_turns():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def _training(model, optimizer):
    target = K.placeholder((None, model.output_shape[1]))
    loss = K.mean(K.square(model.output - target))
    return K.function([model.input, target], [loss], optimizer.get_updates(model.trainable_weights, [], loss))


def test_actor_and_critic_with_a_shared_layer(quick_turns):
    state = Input((8,))
    shared = Dense(64, activation="relu")(state)
    actor, critic = Model(state, Dense(2)(shared)), Model(state, Dense(1)(shared))
    whole = Model(state, actor.outputs + critic.outputs)
    whole.compile("sgd", "mse")
    x, policy, value = np.ones((16, 8)), np.zeros((16, 2)), np.ones((16, 1))
    train_actor, train_critic = _training(actor, Adam()), _training(critic, RMSprop())
    errors = []

    def repeatedly(call, *args):
        try:
            for _ in range(50):
                call(*args)
        except Exception as error:
            errors.append(error)

    work = [
        (train_actor, [x, policy]), (train_actor, [x, policy]), (train_critic, [x, value]), (actor.predict, x[:1]),
        (whole.get_weights,), (whole.fit, x, [policy, value], 4, 1, 0), (whole.train_on_batch, x, [policy, value]),
    ]  # fmt: skip
    before = whole.test_on_batch(x, [policy, value])[0]
    threads = [threading.Thread(target=repeatedly, args=task) for task in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert whole.test_on_batch(x, [policy, value])[0] < before


def test_scopes_that_another_thread_has_open():
    v, opened, built = K.variable(1.0), threading.Event(), threading.Event()

    def open_scopes():
        with K.name_scope("elsewhere"), K.device_scope("/cpu:0"), K.control_dependencies([K.update_add(v, 1.0)]):
            opened.set()
            built.wait(60)
            found.append(v * 2)

    found = []
    thread = threading.Thread(target=open_scopes)
    thread.start()
    assert opened.wait(60)
    ours = v * 2
    built.set()
    thread.join()
    assert not ours.op.name.startswith("elsewhere/") and found[0].op.name.startswith("elsewhere/")
    assert ours.device == "" and found[0].device
    assert K.eval(ours) == 2 and K.get_value(v) == 1
    assert K.eval(found[0]) == 4 and K.get_value(v) == 2
