"""The base class of optimizers, and what the built-in ones share."""

import inspect

import numpy as np

from .. import backend as K
from ..legacy import interfaces
from ..utils.near_names import argument_meant


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
                    + argument_meant([name], type(self))
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
        taken = inspect.signature(cls).parameters
        if "lr" in taken and "learning_rate" not in taken and "learning_rate" in config:  # written for Keras 2.2
            config = {"lr" if name == "learning_rate" else name: value for name, value in config.items()}
        return cls(**config)

    # What the built-in optimizers share.

    def _set_up(self, kwargs, learning_rate, **values):
        """What a rule with a decaying learning rate does with its arguments; `lr` is Keras' older name of that."""
        self.initial_decay = kwargs.pop("decay", 0.0)
        learning_rate = kwargs.pop("lr", learning_rate)
        Optimizer.__init__(self, **kwargs)
        self._make_hyperparameters(learning_rate=learning_rate, decay=self.initial_decay, **values)

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


def slots(params, name):
    """One variable of zeros per parameter."""
    return [K.zeros(K.int_shape(p), dtype=K.dtype(p), name=f"{name}_{i}") for i, p in enumerate(params)]


def epsilon_of(kwargs):
    """The `epsilon` argument; None, as in configurations of Keras 2.1 and 2.2, means `K.epsilon()`."""
    epsilon = kwargs.pop("epsilon", None)
    return K.epsilon() if epsilon is None else epsilon


def add_step_counter(optimizer, weights):
    """`_complete_weights` of optimizers whose step counter was not among their weights before Keras 2.3."""
    return [np.array(0)] + weights if len(weights) == len(optimizer.weights) - 1 else weights
