"""The rules of TensorFlow 1's optimizers, which Keras 2 took in `compile`: `tf.train.AdamOptimizer(0.001)`.

Their numbers are read from the object, and their formulas are expressions like those of Keras' own optimizers, so that
they train on every runtime. They differ from Keras' in where epsilon stands and in what their slots begin with.
"""

from collections.abc import Callable
from typing import NamedTuple

from .. import backend as K
from ..graph.tensor import adopted


class Rule(NamedTuple):
    """How one of these optimizers changes a weight.

    Args:
        rate: the attribute with the learning rate.
        slots: gives, of the optimizer, what each of a weight's slots begins with.
        step: of the optimizer, the gradient, the learning rate, the number of the step (from 1) and the slots: what is
            taken from the weight, and the new slots.
    """

    rate: str
    slots: Callable
    step: Callable


def _descent(o, g, lr, t):
    return lr * g, []


def _momentum(o, g, lr, t, sum_):
    sum_ = o._momentum * sum_ + g
    return lr * (g + o._momentum * sum_ if o._use_nesterov else sum_), [sum_]


def _adam(o, g, lr, t, m, v):
    m = o._beta1 * m + (1 - o._beta1) * g
    v = o._beta2 * v + (1 - o._beta2) * K.square(g)
    lr = lr * K.sqrt(1 - K.pow(o._beta2, t)) / (1 - K.pow(o._beta1, t))
    return lr * m / (K.sqrt(v) + o._epsilon), [m, v]


def _rmsprop(o, g, lr, t, square, moment, *mean):
    square = o._decay * square + (1 - o._decay) * K.square(g)
    mean = [o._decay * x + (1 - o._decay) * g for x in mean]
    spread = square - K.square(mean[0]) if mean else square
    moment = o._momentum * moment + lr * g / K.sqrt(spread + o._epsilon)
    return moment, [square, moment, *mean]


def _adagrad(o, g, lr, t, square):
    square = square + K.square(g)
    return lr * g / K.sqrt(square), [square]


def _adadelta(o, g, lr, t, square, change):
    square = o._rho * square + (1 - o._rho) * K.square(g)
    step = K.sqrt(change + o._epsilon) / K.sqrt(square + o._epsilon) * g
    return lr * step, [square, o._rho * change + (1 - o._rho) * K.square(step)]


RULES = {
    "GradientDescentOptimizer": Rule("_learning_rate", lambda o: [], _descent),
    "MomentumOptimizer": Rule("_learning_rate", lambda o: [0.0], _momentum),
    "AdamOptimizer": Rule("_lr", lambda o: [0.0, 0.0], _adam),
    "RMSPropOptimizer": Rule("_learning_rate", lambda o: [1.0, 0.0, 0.0] if o._centered else [1.0, 0.0], _rmsprop),
    "AdagradOptimizer": Rule("_learning_rate", lambda o: [o._initial_accumulator_value], _adagrad),
    "AdadeltaOptimizer": Rule("_lr", lambda o: [0.0, 0.0], _adadelta),
}


def is_one(optimizer):
    """Whether this is an optimizer of TensorFlow 1, also one without a rule here."""
    return any(c.__module__ == "tensorflow.python.training.optimizer" for c in type(optimizer).__mro__)


def rule(optimizer):
    """(its `Rule`, its learning rate: a number or one of our tensors).

    Raises:
        NotImplementedError: if there is none, as for subclasses, or the learning rate is neither.
    """
    found = RULES.get(type(optimizer).__name__)
    if found is None or not is_one(optimizer) or not type(optimizer).__module__.startswith("tensorflow."):
        raise NotImplementedError(
            f"TFOptimizer takes these optimizers of TensorFlow 1: {', '.join(RULES)}; got {optimizer!r}. "
            "Use one of them, an optimizer of `keras.optimizers`, or subclass `keras.optimizers.Optimizer`."
        )
    rate = adopted(getattr(optimizer, found.rate))
    if not (isinstance(rate, (int, float)) or K.is_tensor(rate)):
        raise NotImplementedError(
            f"The learning rate of {optimizer!r} has to be a number, a variable of Keras or an expression of them, got "
            f"{rate!r}. Give a number, and change it with the callback LearningRateScheduler."
        )
    return found, rate
