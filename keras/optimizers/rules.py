"""The built-in optimizers: each a rule by which gradients change weights."""

import math

import numpy as np

from .. import backend as K
from ..legacy import interfaces, tensorflow_optimizers
from .base import Optimizer, add_step_counter, epsilon_of, slots


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum.

    `v = momentum * v - lr * g; p = p + v`, or with `nesterov` `p = p + momentum * v - lr * g`.

    Args:
        learning_rate: float >= 0.
        momentum: float >= 0.
        nesterov: whether to apply Nesterov momentum.
    """

    @interfaces.legacy_order_of_arguments(2, "decay", "nesterov")
    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **kwargs):
        self._set_up(kwargs, learning_rate, momentum=momentum)
        self.nesterov = nesterov

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        moments = slots(params, "moment")
        self.weights = [self.iterations] + moments
        for p, g, m in zip(params, grads, moments):
            v = self.momentum * m - lr * g  # velocity
            self.updates.append(K.update(m, v))
            self._update_param(p, p + self.momentum * v - lr * g if self.nesterov else p + v)
        return self.updates

    def _complete_weights(self, weights):
        # tf.keras makes no velocities where momentum is 0.
        return weights + self.get_weights()[1:] if len(weights) == 1 else weights

    def get_config(self):
        return self._config(
            learning_rate=self.learning_rate, momentum=self.momentum, decay=self.decay, nesterov=self.nesterov
        )


def _root(optimizer, mean_square):
    """What RMSprop and Adagrad divide by.

    Keras 2 adds epsilon to the root, Keras 3 adds it under the root: optimizers read from its files have
    `epsilon_in_root`, so that training goes on by the rule it began with.
    """
    if optimizer.epsilon_in_root:
        return K.sqrt(mean_square + optimizer.epsilon)
    return K.sqrt(mean_square) + optimizer.epsilon


class RMSprop(Optimizer):
    """Gradients divided by a running root of their mean square.

    `a = rho * a + (1 - rho) * g ** 2; p = p - lr * g / (sqrt(a) + epsilon)`. Tieleman & Hinton, 2012,
    http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf

    Args:
        learning_rate: float >= 0.
        rho: float >= 0, how much of the running mean stays at each step.
    """

    _complete_weights = add_step_counter

    @interfaces.legacy_order_of_arguments(2, "epsilon", "decay")
    def __init__(self, learning_rate=0.001, rho=0.9, **kwargs):
        self.epsilon = epsilon_of(kwargs)
        self.epsilon_in_root = kwargs.pop("epsilon_in_root", False)
        self._set_up(kwargs, learning_rate, rho=rho)

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        accumulators = slots(params, "accumulator")
        self.weights = [self.iterations] + accumulators
        for p, g, a in zip(params, grads, accumulators):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append(K.update(a, new_a))
            self._update_param(p, p - lr * g / _root(self, new_a))
        return self.updates

    def get_config(self):
        config = self._config(
            learning_rate=self.learning_rate, rho=self.rho, decay=self.decay, epsilon=self.epsilon
        )
        return {**config, "epsilon_in_root": True} if self.epsilon_in_root else config


class Adagrad(Optimizer):
    """Each weight's learning rate falls with the sum of its squared gradients.

    `a = a + g ** 2; p = p - lr * g / (sqrt(a) + epsilon)`. Duchi et al., JMLR 12 (2011).

    Args:
        learning_rate: float >= 0, the initial learning rate.
    """

    _complete_weights = add_step_counter

    @interfaces.legacy_order_of_arguments(1, "epsilon", "decay")
    def __init__(self, learning_rate=0.01, **kwargs):
        self.epsilon = epsilon_of(kwargs)
        self.epsilon_in_root = kwargs.pop("epsilon_in_root", False)
        self._set_up(kwargs, learning_rate)

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        accumulators = slots(params, "accumulator")
        self.weights = [self.iterations] + accumulators
        for p, g, a in zip(params, grads, accumulators):
            new_a = a + K.square(g)
            self.updates.append(K.update(a, new_a))
            self._update_param(p, p - lr * g / _root(self, new_a))
        return self.updates

    def get_config(self):
        config = self._config(learning_rate=self.learning_rate, decay=self.decay, epsilon=self.epsilon)
        return {**config, "epsilon_in_root": True} if self.epsilon_in_root else config


class Adadelta(Optimizer):
    """Adagrad with a window: running means of squared gradients and of squared updates.

    Zeiler, https://arxiv.org/abs/1212.5701

    Args:
        learning_rate: float >= 0; the paper's method has 1.
        rho: float >= 0, how much of the running means stays at each step.
    """

    _complete_weights = add_step_counter

    @interfaces.legacy_order_of_arguments(2, "epsilon", "decay")
    def __init__(self, learning_rate=1.0, rho=0.95, **kwargs):
        self.epsilon = epsilon_of(kwargs)
        self.rho = rho
        self._set_up(kwargs, learning_rate)

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        accumulators = slots(params, "accumulator")
        delta_accumulators = slots(params, "delta_accumulator")
        self.weights = [self.iterations] + accumulators + delta_accumulators
        for p, g, a, d_a in zip(params, grads, accumulators, delta_accumulators):
            new_a = self.rho * a + (1.0 - self.rho) * K.square(g)
            self.updates.append(K.update(a, new_a))
            update = g * K.sqrt(d_a + self.epsilon) / K.sqrt(new_a + self.epsilon)
            self._update_param(p, p - lr * update)
            self.updates.append(K.update(d_a, self.rho * d_a + (1.0 - self.rho) * K.square(update)))
        return self.updates

    def get_config(self):
        return self._config(
            learning_rate=self.learning_rate, rho=self.rho, decay=self.decay, epsilon=self.epsilon
        )


class Adam(Optimizer):
    """Running means of gradients and of their squares, both corrected for starting at zero.

    Kingma & Ba, https://arxiv.org/abs/1412.6980; amsgrad: Reddi et al., https://openreview.net/forum?id=ryQu7f-RZ

    Args:
        learning_rate: float >= 0.
        beta_1, beta_2: floats in (0, 1), how much of the two running means stays at each step.
        amsgrad: whether to divide by the largest mean square so far.
    """

    @interfaces.legacy_order_of_arguments(3, "epsilon", "decay", "amsgrad")
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, amsgrad=False, **kwargs):
        self.epsilon = epsilon_of(kwargs)
        self._set_up(kwargs, learning_rate, beta_1=beta_1, beta_2=beta_2)
        self.amsgrad = amsgrad

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        t = self._step_number()
        lr_t = lr * (K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t)))
        ms, vs = slots(params, "m"), slots(params, "v")
        # Without amsgrad the third slot is unused, but it is part of Keras 2's files.
        vhats = (
            slots(params, "vhat")
            if self.amsgrad
            else [K.zeros((1,), name=f"vhat_{i}") for i in range(len(params))]
        )
        self.weights = [self.iterations] + ms + vs + vhats
        for p, g, m, v, vhat in zip(params, grads, ms, vs, vhats):
            m_t = self.beta_1 * m + (1.0 - self.beta_1) * g
            v_t = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
            mean_square = v_t
            if self.amsgrad:
                mean_square = K.maximum(vhat, v_t)
                self.updates.append(K.update(vhat, mean_square))
            self.updates += [K.update(m, m_t), K.update(v, v_t)]
            self._update_param(p, p - lr_t * m_t / (K.sqrt(mean_square) + self.epsilon))
        return self.updates

    def _complete_weights(self, weights):
        # Keras before 2.1.3 and tf.keras have no third slot unless `amsgrad`.
        slots = (len(self.weights) - 1) // 3
        if not self.amsgrad and len(weights) == 1 + 2 * slots:
            return weights + self.get_weights()[1 + 2 * slots :]
        return weights

    def get_config(self):
        return self._config(
            learning_rate=self.learning_rate, beta_1=self.beta_1, beta_2=self.beta_2, decay=self.decay,
            epsilon=self.epsilon, amsgrad=self.amsgrad,
        )  # fmt: skip


class Adamax(Optimizer):
    """Adam with the largest instead of the mean square of past gradients. Same paper, section 7.

    Args:
        learning_rate: float >= 0.
        beta_1, beta_2: floats in (0, 1).
    """

    @interfaces.legacy_order_of_arguments(3, "epsilon", "decay")
    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, **kwargs):
        self.epsilon = epsilon_of(kwargs)
        self._set_up(kwargs, learning_rate, beta_1=beta_1, beta_2=beta_2)

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        lr_t = lr / (1.0 - K.pow(self.beta_1, self._step_number()))
        ms, us = slots(params, "m"), slots(params, "u")
        self.weights = [self.iterations] + ms + us
        for p, g, m, u in zip(params, grads, ms, us):
            m_t = self.beta_1 * m + (1.0 - self.beta_1) * g
            u_t = K.maximum(self.beta_2 * u, K.abs(g))
            self.updates += [K.update(m, m_t), K.update(u, u_t)]
            self._update_param(p, p - lr_t * m_t / (u_t + self.epsilon))
        return self.updates

    def get_config(self):
        return self._config(
            learning_rate=self.learning_rate, beta_1=self.beta_1, beta_2=self.beta_2, decay=self.decay,
            epsilon=self.epsilon,
        )  # fmt: skip


class Nadam(Optimizer):
    """Adam with Nesterov momentum on a schedule that warms up.

    Dozat, http://cs229.stanford.edu/proj2015/054_report.pdf

    Args:
        learning_rate: float >= 0.
        beta_1, beta_2: floats in (0, 1).
        schedule_decay: speed of the schedule (keyword only; tf.keras calls it `decay`).
    """

    @interfaces.legacy_order_of_arguments(3, "epsilon", "schedule_decay")
    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, **kwargs):
        self.schedule_decay = kwargs.pop("schedule_decay", 0.004)
        self.epsilon = epsilon_of(kwargs)
        learning_rate = kwargs.pop("lr", learning_rate)
        super().__init__(**kwargs)
        self._make_hyperparameters(m_schedule=1.0, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2)

    def _momentum(self, t):
        """Momentum of step t: rises towards beta_1."""
        return self.beta_1 * (1.0 - 0.5 * K.exp(math.log(0.96) * (t * self.schedule_decay)))

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        t = self._step_number()
        momentum_t, momentum_t_1 = self._momentum(t), self._momentum(t + 1.0)
        m_schedule_new = self.m_schedule * momentum_t
        m_schedule_next = m_schedule_new * momentum_t_1
        self.updates.append(K.update(self.m_schedule, m_schedule_new))

        ms, vs = slots(params, "m"), slots(params, "v")
        self.weights = [self.iterations, self.m_schedule] + ms + vs
        for p, g, m, v in zip(params, grads, ms, vs):
            g_prime = g / (1.0 - m_schedule_new)
            m_t = self.beta_1 * m + (1.0 - self.beta_1) * g
            m_t_prime = m_t / (1.0 - m_schedule_next)
            v_t = self.beta_2 * v + (1.0 - self.beta_2) * K.square(g)
            v_t_prime = v_t / (1.0 - K.pow(self.beta_2, t))
            m_t_bar = (1.0 - momentum_t) * g_prime + momentum_t_1 * m_t_prime
            self.updates += [K.update(m, m_t), K.update(v, v_t)]
            self._update_param(p, p - lr * m_t_bar / (K.sqrt(v_t_prime) + self.epsilon))
        return self.updates

    def _complete_weights(self, weights):
        # Keras before 2.3 did not keep the momentum schedule.
        if len(weights) == len(self.weights) - 1:
            return [weights[0], np.array(1.0)] + weights[1:]
        return weights

    def get_config(self):
        return self._config(
            learning_rate=self.learning_rate, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon,
            schedule_decay=self.schedule_decay,
        )  # fmt: skip


class TFOptimizer(Optimizer):
    """What `compile` wraps optimizers of TensorFlow 1 in, such as `tf.train.AdamOptimizer(0.001)`; not saved to files.

    Raises:
        NotImplementedError: for one whose rule is not known here.
    """

    def __init__(self, optimizer):
        super().__init__()
        self.optimizer = optimizer
        self._rule, rate = tensorflow_optimizers.rule(optimizer)
        self._make_hyperparameters()
        self.learning_rate = rate if K.is_tensor(rate) else K.variable(rate, name="learning_rate")

    def get_updates(self, loss, params):
        return self.updates_for(self.get_gradients(loss, params), params)

    def updates_for(self, grads, params):
        """What these gradients change."""
        lr, t = self._begin_updates(), self._step_number()
        self.weights = [self.iterations]
        for p, g in zip(params, grads):
            slots = [K.variable(np.full(K.int_shape(p), x), K.dtype(p)) for x in self._rule.slots(self.optimizer)]
            change, new = self._rule.step(self.optimizer, g, lr, t, *slots)
            self.weights += slots
            self.updates += [K.update(*pair) for pair in zip(slots, new)]
            self._update_param(p, p - change)
        return self.updates

    def get_config(self):
        raise NotImplementedError("A TFOptimizer has no configuration: compile with an optimizer of keras.optimizers.")
