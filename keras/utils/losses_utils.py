"""From losses per sample to the one number that is minimised: shapes, weights, reduction."""

from .. import backend as K
from ..graph.tensor import adopted


class Reduction:
    """How a loss object reduces the losses of a batch.

    `NONE`: not at all, one loss per sample (and time step, ...). `SUM`: their sum.
    `SUM_OVER_BATCH_SIZE`: their sum divided by their number (whatever the weights are).
    """

    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"

    @classmethod
    def all(cls):
        """The three of them."""
        return (cls.NONE, cls.SUM, cls.SUM_OVER_BATCH_SIZE)

    @classmethod
    def validate(cls, key):
        """Raises ValueError for anything else."""
        if key not in cls.all():
            raise ValueError(
                "Invalid Reduction Key {!r}. Use one of {}.".format(key, ", ".join(map(repr, cls.all())))
            )


def squeeze_or_expand_dimensions(y_pred, y_true=None, sample_weight=None):
    """Removes or adds a last dimension of size 1 so that targets and weights fit the predictions.

    Returns:
        `(y_pred, y_true)`, or `(y_pred, y_true, sample_weight)` if there is a sample weight.
    """
    if y_true is not None:
        rank_difference = K.ndim(y_pred) - K.ndim(y_true)
        if rank_difference == 1 and K.int_shape(y_pred)[-1] == 1:
            y_pred = K.squeeze(y_pred, -1)
        elif rank_difference == -1 and K.int_shape(y_true)[-1] == 1:
            y_true = K.squeeze(y_true, -1)
    if sample_weight is None:
        return y_pred, y_true

    weight_rank = K.ndim(sample_weight)
    if weight_rank and K.ndim(y_pred):
        rank_difference = weight_rank - K.ndim(y_pred)
        if rank_difference == 1 and K.int_shape(sample_weight)[-1] in (1, None):
            sample_weight = K.squeeze(sample_weight, -1)
        elif rank_difference == -1:
            sample_weight = K.expand_dims(sample_weight, -1)
    return y_pred, y_true, sample_weight


def broadcast_weights(values, sample_weight):
    """The weights repeated to the shape of the values: `(batch,)` for `(batch, time, ...)` is fine.

    One number for the whole batch fits any weights: it counts the same everywhere.

    Raises:
        ValueError: if the weights have more dimensions than the values, or sizes that do not fit.
    """
    weight_shape, value_shape = K.int_shape(sample_weight), K.int_shape(values)
    if not value_shape:
        return sample_weight
    if len(weight_shape) > len(value_shape):
        raise ValueError(
            f"Incompatible shapes: `sample_weight` of shape {weight_shape} has more dimensions than the "
            f"values it weighs, of shape {value_shape}. Give one weight per sample (or per time step). If it is "
            "a mask: a layer that takes the time steps away, such as attention, returns None from `compute_mask`."
        )
    for axis in range(len(weight_shape), len(value_shape)):
        sample_weight = K.expand_dims(sample_weight, axis)
    clashes = [
        (w, v) for w, v in zip(weight_shape, value_shape) if w not in (None, 1) and v is not None and w != v
    ]
    if clashes:
        raise ValueError(
            f"Incompatible shapes: `sample_weight` of shape {weight_shape} cannot be broadcast to the "
            f"values, of shape {value_shape}."
        )
    # Multiplying by ones also repeats along axes whose sizes are only known when the program runs.
    fits = K.int_shape(sample_weight) == value_shape and None not in value_shape
    return sample_weight if fits else sample_weight * K.cast(K.ones_like(values), K.dtype(sample_weight))


def reduce_weighted_loss(weighted_losses, reduction=Reduction.SUM_OVER_BATCH_SIZE):
    """Applies a `Reduction` to losses that carry their weights already."""
    if reduction == Reduction.NONE:
        return weighted_losses
    return K.sum(weighted_losses) if reduction == Reduction.SUM else K.mean(weighted_losses)


def compute_weighted_loss(losses, sample_weight=None, reduction=Reduction.SUM_OVER_BATCH_SIZE, name=None):
    """Weighs the losses per sample and reduces them.

    Args:
        losses: tensor `(batch, d0, ...)`.
        sample_weight: None, a number, or a tensor that broadcasts to the losses from the left: `(batch,)`,
            `(batch, 1)`, `(batch, d0)`, ...
        reduction: one of `Reduction`.
        name: scope for the names of what is computed.

    Returns:
        A scalar, or a tensor of the losses' shape for `Reduction.NONE`.
    """
    Reduction.validate(reduction)
    with K.name_scope(name or "weighted_loss"):
        if "float" not in K.dtype(losses):
            losses = K.cast(losses, K.floatx())
        if sample_weight is not None:
            sample_weight = as_tensor(sample_weight, K.dtype(losses))
            losses, _, sample_weight = squeeze_or_expand_dimensions(losses, None, sample_weight)
            losses = losses * broadcast_weights(losses, sample_weight)
        return reduce_weighted_loss(losses, reduction)


def as_tensor(x, dtype=None):
    """A tensor of the given dtype from a tensor, array, list or number."""
    x = adopted(x)
    if not K.is_tensor(x):
        return K.constant(x, dtype=dtype)
    return x if dtype is None or K.dtype(x) == dtype else K.cast(x, dtype)
