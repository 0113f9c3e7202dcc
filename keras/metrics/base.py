"""The base class of metrics, and those that are sums or means of values."""

import types

import numpy as np

from .. import backend as K
from ..engine.base_layer import Layer
from ..utils import losses_utils, metrics_utils
from ..utils.generic_utils import to_list


class Metric(Layer):
    """A quantity that is gathered over batches: `update_state` adds a batch, `result` gives the value so far.

    Subclasses make their states in `__init__` with `add_weight`, and implement `update_state(y_true, y_pred,
    sample_weight=None)`, giving a list of updates such as `[K.update_add(self.total, K.sum(values))]`, and
    `result()`, a tensor.

    Called with tensors, a metric belongs to the program that is built (a model's training step); called with
    plain arrays, it takes them in at once: `m.update_state([0, 1], [1, 1]); K.eval(m.result())`.

    Args:
        name: name of the metric.
        dtype: dtype of its states and result, `K.floatx()` if None.
    """

    def __init__(self, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.stateful = True
        self.built = True
        self.dtype = K.floatx() if dtype is None else dtype

    def __new__(cls, *args, **kwargs):
        # Wrapped per object, so that only the outermost of an overridden method and its `super()` records.
        obj = super().__new__(cls)
        wrapped = {
            "update_state": metrics_utils.update_state_wrapper(obj.update_state),
            "result": metrics_utils.result_wrapper(obj.result),
        }
        for name, function in wrapped.items():
            object.__setattr__(obj, name, types.MethodType(function, obj))
        return obj

    def __call__(self, *args, **kwargs):
        """Takes in a batch; gives the tensor of the value after it."""
        if metrics_utils.is_data(args, kwargs):
            self.update_state(*args, **kwargs)
            return self.result()
        updates = to_list(self.update_state(*args, **kwargs))
        result = K.after_updates(self.result(), updates)
        result._metric_obj, result._updates_on_eval = self, updates
        # What a model reports for a metric that was added to it.
        self._call_result = result
        return result

    def reset_states(self):
        """Sets all states to 0. Called by the training loop at the start of each epoch."""
        K.batch_set_value([(v, np.zeros(K.int_shape(v))) for v in self.weights])

    def update_state(self, *args, **kwargs):
        """Takes in a batch.

        Returns:
            An update or a list of updates.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `update_state`.")

    def result(self):
        """The tensor of the metric's value, computed from its states."""
        raise NotImplementedError(f"{type(self).__name__} must implement `result`.")

    def add_weight(self, name, shape=(), initializer=None, dtype=None):
        """A new state: a variable that is not trained.

        Args:
            name: name of the variable.
            shape: its shape.
            initializer: an initializer; zeros is what `reset_states` goes back to.
            dtype: its dtype, that of the metric if None.
        """
        return super().add_weight(
            name=name,
            shape=shape,
            dtype=self.dtype if dtype is None else dtype,
            trainable=False,
            initializer="zeros" if initializer is None else initializer,
        )

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}

    def _update_state_now(self, update_state_fn, args, kwargs):
        """Runs `update_state` on arrays, by a program that is kept for the next batch of that shape.

        Returns:
            The state that was updated last.
        """
        values = {**dict(enumerate(args)), **kwargs}
        arrays = {key: np.asarray(v) for key, v in values.items() if v is not None}
        signature = tuple((key, a.shape, a.dtype.kind in "biu") for key, a in arrays.items())
        programs = self.__dict__.setdefault("_update_programs", {})
        if signature not in programs:
            programs[signature] = self._update_program(update_state_fn, len(args), values, arrays)
        function, last = programs[signature]
        function(list(arrays.values()))
        return last

    @staticmethod
    def _update_program(update_state_fn, n_args, values, arrays):
        feeds = {
            key: K.placeholder(shape=a.shape, dtype="int32" if a.dtype.kind in "biu" else K.floatx())
            for key, a in arrays.items()
        }
        filled = {key: feeds.get(key) for key in values}
        updates = to_list(
            update_state_fn(
                *[filled[i] for i in range(n_args)], **{k: v for k, v in filled.items() if isinstance(k, str)}
            )
        )
        return K.function(list(feeds.values()), [], updates=updates), updates[-1][0]


class Reduce(Metric):
    """Sum or mean of values.

    Args:
        reduction: one of `metrics_utils.Reduction`.
        name, dtype: as in `Metric`.
    """

    def __init__(self, reduction, name, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.reduction = reduction
        self.total = self.add_weight("total", initializer="zeros")
        if reduction != metrics_utils.Reduction.SUM:
            self.count = self.add_weight("count", initializer="zeros")

    def update_state(self, values, sample_weight=None):
        """Takes in values.

        Args:
            values: tensor of any shape.
            sample_weight: None, or weights that broadcast to the values from the left.
        """
        values = losses_utils.as_tensor(values, self.dtype)
        if sample_weight is not None:
            sample_weight = losses_utils.as_tensor(sample_weight, self.dtype)
            values, _, sample_weight = losses_utils.squeeze_or_expand_dimensions(values, None, sample_weight)
            # A clash of shapes becomes an error here, before anything is changed.
            sample_weight = losses_utils.broadcast_weights(values, sample_weight)
            values = values * sample_weight
        updates = [K.update_add(self.total, K.sum(values))]
        if self.reduction == metrics_utils.Reduction.SUM:
            return updates
        if self.reduction == metrics_utils.Reduction.SUM_OVER_BATCH_SIZE or sample_weight is None:
            count = K.cast(K.prod(K.shape(values)), self.dtype)
        else:
            count = K.sum(sample_weight)
        return updates + [K.update_add(self.count, count)]

    def result(self):
        if self.reduction == metrics_utils.Reduction.SUM:
            return K.identity(self.total)
        return metrics_utils.div_no_nan(self.total, self.count)


class Sum(Reduce):
    """(Weighted) sum of the values it is given."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(reduction=metrics_utils.Reduction.SUM, name=name, dtype=dtype)


class Mean(Reduce):
    """(Weighted) mean of the values it is given."""

    def __init__(self, name="mean", dtype=None):
        super().__init__(reduction=metrics_utils.Reduction.WEIGHTED_MEAN, name=name, dtype=dtype)


class MeanMetricWrapper(Mean):
    """Weighted mean of a function of targets and predictions.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)`, giving one value per sample.
        name, dtype: as in `Metric`.
        **kwargs: passed on to `fn`.
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes in a batch.

        Args:
            y_true, y_pred: targets and predictions, `(batch, d0, ...)`.
            sample_weight: None, or weights that broadcast to the values of `fn` from the left.
        """
        y_true = losses_utils.as_tensor(y_true, self.dtype)
        y_pred = losses_utils.as_tensor(y_pred, self.dtype)
        y_pred, y_true = losses_utils.squeeze_or_expand_dimensions(y_pred, y_true)
        matches = self._fn(y_true, y_pred, **self._fn_kwargs)
        if matches is None:
            raise ValueError(f"The metric {self.name!r} gave None. It must return a tensor: is its `return` missing?")
        return super().update_state(matches, sample_weight=sample_weight)

    def get_config(self):
        config = {k: K.eval(v) if K.is_tensor(v) else v for k, v in self._fn_kwargs.items()}
        return dict(super().get_config(), **config)
