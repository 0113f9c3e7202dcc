"""Optimizers: how gradients change weights.

An optimizer's `get_updates(loss, params)` gives the list of (variable, new value) pairs that one training
step makes. Its formulas are plain backend expressions, so a step compiles into one program, and users can
write their own: subclass `Optimizer`, make hyperparameters and slots with `K.variable`/`K.zeros`, return the
updates, and list every variable that a saved file should keep in `self.weights`.

Hyperparameters are variables: `K.set_value(optimizer.lr, 0.001)` or `optimizer.lr = 0.001` takes effect at
the next step. All built-in optimizers take `clipnorm` (gradients scaled so that their L2 norm, all of them
together, is at most that), `clipvalue` (each value within +-that), `lr` as another name for `learning_rate`,
and all but Nadam `decay` (learning rate divided by 1 + decay * iterations).
"""

import inspect
import math

import numpy as np

from . import backend as K
from .legacy import interfaces, tensorflow_optimizers
from .utils.family_names import Members as _Members
from .utils.generic_utils import deserialize_keras_object, serialize_keras_object
from .utils.near_names import did_you_mean


def clip_norm(g, c, n):
    """The gradient `g` scaled by `c / n` where the norm `n` is at least `c`; unchanged for `c <= 0`."""
    if c <= 0:
        return g
    return K.switch(K.greater_equal(n, c), g * c / n, g)


class Optimizer:
    """Base class.

    Args:
        clipnorm: float > 0; gradients are scaled down so that their common L2 norm is at most this.
        clipvalue: float > 0; gradients are clipped to at most this absolute value.

    Raises:
        TypeError: for other arguments.
        ValueError: for a negative `clipnorm` or `clipvalue`.
    """

    def __init__(self, **kwargs):
        for name, value in kwargs.items():
            if name not in ("clipnorm", "clipvalue"):
                raise TypeError(
                    f"Unexpected keyword argument passed to optimizer: {name}. {type(self).__name__} "
                    "takes its own arguments and `clipnorm`, `clipvalue`."
                    + did_you_mean(name, inspect.signature(type(self)).parameters)
                )
            if value is not None and value < 0:
                raise ValueError(f"`{name}` must not be negative, got {value}.")
        # A None in an old or foreign configuration means that there is no clipping.
        self.__dict__.update({name: value for name, value in kwargs.items() if value is not None})
        self.updates = []
        self.weights = []

    def __setattr__(self, name, value):
        # `optimizer.lr = 0.001` on a compiled model must reach the variable that the compiled step reads.
        name = "learning_rate" if name == "lr" else name
        current = self.__dict__.get(name)
        if K.is_variable(current) and isinstance(value, (int, float, np.number)):
            K.set_value(current, value)
        else:
            object.__setattr__(self, name, value)

    @property
    def lr(self):
        """Keras' older name of `learning_rate`."""
        return self.learning_rate

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        """The updates of one step.

        Args:
            loss: scalar tensor to minimise.
            params: list of variables.

        Returns:
            List of (variable, new value) pairs, constraints of the variables applied.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement `get_updates(self, loss, params)` and return the updates."
        )

    def get_gradients(self, loss, params):
        """The gradients of `loss` for each of `params`, clipped as the optimizer was told.

        Raises:
            ValueError: if the loss does not depend on one of them through differentiable operations.
        """
        grads = K.gradients(loss, params)
        unconnected = [str(getattr(p, "name", p)) for p, g in zip(params, grads) if g is None]
        if unconnected:
            raise ValueError(
                f"An operation has `None` for gradient: the loss does not depend on {', '.join(unconnected)} "
                "through operations that have a gradient. Please make sure that all of your ops are "
                "differentiable (common ops without gradient: K.argmax, K.round, K.eval), and that these "
                "weights are used in the outputs that have a loss, or set `trainable = False` on the layers."
            )
        clipnorm, clipvalue = getattr(self, "clipnorm", 0), getattr(self, "clipvalue", 0)
        if clipnorm > 0:
            norm = K.sqrt(sum(K.sum(K.square(g)) for g in grads))
            grads = [clip_norm(g, clipnorm, norm) for g in grads]
        if clipvalue > 0:
            grads = [K.clip(g, -clipvalue, clipvalue) for g in grads]
        return grads

    def set_weights(self, weights):
        """Sets the optimizer's state from a list of arrays, in the order of `get_weights()`.

        Lists of older Keras versions and of tf.keras, which lack some of the variables, are completed.

        Raises:
            ValueError: if the number of arrays or a shape does not fit; then nothing is changed.
        """
        given = [np.asarray(w) for w in weights]
        weights = self._complete_weights(given)
        if len(weights) != len(self.weights):
            hint = (
                ""
                if self.weights
                else " An optimizer has weights once it has made updates for a model: call "
                "`model._make_train_function()` first."
            )
            raise ValueError(
                f"Length of the specified weight list ({len(given)}) does not match the number of weights of "
                f"the optimizer ({len(self.weights)}).{hint}"
            )
        for variable, value in zip(self.weights, weights):
            if K.int_shape(variable) != value.shape:
                raise ValueError(
                    f"Optimizer weight shape {K.int_shape(variable)} not compatible with provided weight "
                    f"shape {value.shape} ({variable.name})."
                )
        K.batch_set_value(list(zip(self.weights, weights)))

    def _complete_weights(self, weights):
        """Adds what files of other versions leave out of the list of weights. Overridden where they do."""
        return weights

    def get_weights(self):
        """The optimizer's state as a list of arrays: step counter first, then slot by slot."""
        return K.batch_get_value(self.weights)

    def get_config(self):
        """The arguments to make it again from, plain values, with the hyperparameters' values of now."""
        return {name: getattr(self, name) for name in ("clipnorm", "clipvalue") if hasattr(self, name)}

    @classmethod
    def from_config(cls, config):
        """An optimizer with the arguments of a `get_config()`; its state starts anew."""
        return cls(**config)

    # What the built-in optimizers share.

    def _make_hyperparameters(self, **values):
        """A scalar variable for each named value, and the step counter."""
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")
            for name, value in values.items():
                setattr(self, name, K.variable(value, name=name))

    def _begin_updates(self):
        """Starts `self.updates` with the step counter; gives the learning rate of this step."""
        self.updates = [K.update_add(self.iterations, 1)]
        lr = self.learning_rate
        if getattr(self, "initial_decay", 0) > 0:
            lr = lr * (1.0 / (1.0 + self.decay * K.cast(self.iterations, K.dtype(self.decay))))
        return lr

    def _step_number(self):
        """Number of this step, counted from 1, as a float."""
        return K.cast(self.iterations, K.floatx()) + 1.0

    def _update_param(self, param, new_value):
        constraint = getattr(param, "constraint", None)
        self.updates.append(K.update(param, new_value if constraint is None else constraint(new_value)))

    def _config(self, **own):
        """The configuration from variables and plain values."""
        config = {k: float(K.get_value(v)) if K.is_variable(v) else v for k, v in own.items()}
        return dict(Optimizer.get_config(self), **config)


def _slots(params, name):
    """One variable of zeros per parameter."""
    return [K.zeros(K.int_shape(p), dtype=K.dtype(p), name=f"{name}_{i}") for i, p in enumerate(params)]


def _epsilon(kwargs):
    """The `epsilon` argument; None, as in configurations of Keras 2.1 and 2.2, means `K.epsilon()`."""
    epsilon = kwargs.pop("epsilon", None)
    return K.epsilon() if epsilon is None else epsilon


def _add_step_counter(optimizer, weights):
    """`_complete_weights` of optimizers whose step counter was not among their weights before Keras 2.3."""
    return [np.array(0)] + weights if len(weights) == len(optimizer.weights) - 1 else weights


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
        learning_rate = kwargs.pop("lr", learning_rate)
        self.initial_decay = kwargs.pop("decay", 0.0)
        super().__init__(**kwargs)
        self._make_hyperparameters(learning_rate=learning_rate, momentum=momentum, decay=self.initial_decay)
        self.nesterov = nesterov

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        moments = _slots(params, "moment")
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

    _complete_weights = _add_step_counter

    @interfaces.legacy_order_of_arguments(2, "epsilon", "decay")
    def __init__(self, learning_rate=0.001, rho=0.9, **kwargs):
        self.initial_decay = kwargs.pop("decay", 0.0)
        self.epsilon = _epsilon(kwargs)
        self.epsilon_in_root = kwargs.pop("epsilon_in_root", False)
        learning_rate = kwargs.pop("lr", learning_rate)
        super().__init__(**kwargs)
        self._make_hyperparameters(learning_rate=learning_rate, rho=rho, decay=self.initial_decay)

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        accumulators = _slots(params, "accumulator")
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

    _complete_weights = _add_step_counter

    @interfaces.legacy_order_of_arguments(1, "epsilon", "decay")
    def __init__(self, learning_rate=0.01, **kwargs):
        self.initial_decay = kwargs.pop("decay", 0.0)
        self.epsilon = _epsilon(kwargs)
        self.epsilon_in_root = kwargs.pop("epsilon_in_root", False)
        learning_rate = kwargs.pop("lr", learning_rate)
        super().__init__(**kwargs)
        self._make_hyperparameters(learning_rate=learning_rate, decay=self.initial_decay)

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        accumulators = _slots(params, "accumulator")
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

    _complete_weights = _add_step_counter

    @interfaces.legacy_order_of_arguments(2, "epsilon", "decay")
    def __init__(self, learning_rate=1.0, rho=0.95, **kwargs):
        self.initial_decay = kwargs.pop("decay", 0.0)
        self.epsilon = _epsilon(kwargs)
        learning_rate = kwargs.pop("lr", learning_rate)
        super().__init__(**kwargs)
        self.rho = rho
        self._make_hyperparameters(learning_rate=learning_rate, decay=self.initial_decay)

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        accumulators = _slots(params, "accumulator")
        delta_accumulators = _slots(params, "delta_accumulator")
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
        self.initial_decay = kwargs.pop("decay", 0.0)
        self.epsilon = _epsilon(kwargs)
        learning_rate = kwargs.pop("lr", learning_rate)
        super().__init__(**kwargs)
        self._make_hyperparameters(
            learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=self.initial_decay
        )
        self.amsgrad = amsgrad

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        t = self._step_number()
        lr_t = lr * (K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t)))
        ms, vs = _slots(params, "m"), _slots(params, "v")
        # Without amsgrad the third slot is unused, but it is part of Keras 2's files.
        vhats = (
            _slots(params, "vhat")
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
        self.initial_decay = kwargs.pop("decay", 0.0)
        self.epsilon = _epsilon(kwargs)
        learning_rate = kwargs.pop("lr", learning_rate)
        super().__init__(**kwargs)
        self._make_hyperparameters(
            learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=self.initial_decay
        )

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        lr = self._begin_updates()
        lr_t = lr / (1.0 - K.pow(self.beta_1, self._step_number()))
        ms, us = _slots(params, "m"), _slots(params, "u")
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
        self.epsilon = _epsilon(kwargs)
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

        ms, vs = _slots(params, "m"), _slots(params, "v")
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


sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam = SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam


def serialize(optimizer):
    """The optimizer as a configuration: `{'class_name': ..., 'config': ...}`."""
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer of a `{'class_name': ..., 'config': ...}` dict; built-in names in any case.

    Raises:
        ValueError: for unknown names.
    """
    names = _Members(globals())
    lowered = str(config["class_name"]).lower()
    if lowered in names:
        config = dict(config, class_name=lowered)
    return deserialize_keras_object(
        config, module_objects=names, custom_objects=custom_objects, printable_module_name="optimizer"
    )


def get(identifier):
    """The optimizer meant by a name, a config dict or an `Optimizer`.

    Raises:
        ValueError: for anything else, and for unknown names.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if tensorflow_optimizers.is_one(identifier):
        return TFOptimizer(identifier)
    hint = ""
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        hint = f" That is the class; give an instance: `{identifier.__name__}()`."
    raise ValueError(
        f'Could not interpret optimizer identifier: {identifier!r}. Give a name such as "adam" or an '
        f"instance such as `optimizers.Adam(learning_rate=0.001)`.{hint}"
    )
