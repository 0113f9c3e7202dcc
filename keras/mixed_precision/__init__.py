"""Layers that compute in bfloat16 and keep their weights in float32, as tf.keras has it (beyond Keras 2).

    keras.mixed_precision.set_global_policy('mixed_bfloat16')
    ...
    outputs = Dense(10, activation='softmax', dtype='float32')(x)

Under 'mixed_bfloat16' a layer casts its floating inputs to bfloat16, reads its weights as bfloat16 and gives bfloat16.
Losses, metrics and the optimizer's updates are computed in float32. bfloat16 has the range of float32, so that no loss
need be scaled. Without a policy nothing is cast.
"""

from .. import backend as K
from ..graph import dtypes, precision

_MIXED = "mixed_bfloat16"
_global = None


class Policy:
    """Says in which dtype a layer computes and in which it keeps its weights.

    Args:
        name: a float type for both, such as 'float32', 'float64' or 'bfloat16', or 'mixed_bfloat16': computes in
            bfloat16, weights in float32.

    Raises:
        ValueError: for another name.
    """

    def __init__(self, name):
        if isinstance(name, Policy):
            name = name.name
        if name == "mixed_float16":
            raise ValueError(
                "The policy 'mixed_float16' is not supported, and no LossScaleOptimizer: numbers of float16 end at"
                " 65504 and 6e-8, so that losses would have to be scaled. Use 'mixed_bfloat16', which has the range"
                " of float32 and needs no scaling."
            )
        try:
            self.variable_dtype = "float32" if name == _MIXED else dtypes.canonical(name)
            if not isinstance(name, str):
                raise TypeError
        except (TypeError, ValueError):
            raise ValueError(
                f"Unknown policy {name!r}: wanted 'float32', 'float64', 'bfloat16' or 'mixed_bfloat16'."
            ) from None
        self.compute_dtype = "bfloat16" if name == _MIXED else self.variable_dtype
        self.name = _MIXED if name == _MIXED else self.variable_dtype

    def __repr__(self):
        return f'<Policy "{self.name}">'

    def __eq__(self, other):
        return isinstance(other, Policy) and other.name == self.name

    def __hash__(self):
        return hash(self.name)

    def get_config(self):
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(config["name"])


def global_policy():
    """The policy of layers that are made without a `dtype`; that of `K.floatx()` where none was set."""
    return _global or policy_named(K.floatx())


def set_global_policy(policy):
    """Sets the policy of the layers that are made from now on: a `Policy`, its name, or None to go without."""
    global _global
    _global = None if policy is None else Policy(policy)


def __getattr__(name):
    if name == "LossScaleOptimizer":
        raise AttributeError(
            "There is no LossScaleOptimizer: it is for 'mixed_float16'. With 'mixed_bfloat16', which is what there is"
            " here, no loss need be scaled: give the optimizer itself to `compile`."
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# What layers ask.


def of_layer(dtype):
    """A layer's policy (None: it casts nothing, as in Keras 2) and the dtype of its weights, for its argument `dtype`.

    A dictionary is a policy as tf.keras and Keras 3 write it.
    """
    policy = _global
    if isinstance(dtype, dict):
        dtype = Policy(dict(dtype.get("config") or {}).get("name"))
        dtype = dtype if dtype.name == _MIXED else dtype.name
    if isinstance(dtype, Policy):
        policy = dtype
    elif isinstance(dtype, str) and (dtype.startswith("mixed_") or dtype == "bfloat16"):
        policy = Policy(dtype)
    elif dtype is not None:
        return None, dtype
    return policy, K.floatx() if policy is None else policy.variable_dtype


def policy_named(dtype):
    """The policy of one dtype for everything."""
    return Policy(dtypes.canonical(dtype))


def written(layer):
    """A layer's dtype as its configuration holds it: a name, or a mixed policy as tf.keras writes it."""
    policy = layer._policy
    if policy is None or policy.name != _MIXED:
        return layer.dtype
    return {"class_name": "Policy", "config": policy.get_config()}


def compute(layer, inputs, arguments):
    """`layer.call(inputs, **arguments)` in the precision that the layer's policy says."""
    policy = layer._policy
    if policy is None:
        if layer._casts_inputs:
            inputs = _out_of_bfloat16(inputs, layer.dtype)
        with precision.as_kept():
            return layer.call(inputs, **arguments)
    fine = layer._computes_in_variable_dtype
    inner = policy.variable_dtype if fine else policy.compute_dtype
    if layer._casts_inputs:
        inputs = cast(inputs, inner)
    with precision.reading(None if inner == policy.variable_dtype else inner):
        output = layer.call(inputs, **arguments)
    return cast(output, policy.compute_dtype) if fine else output


def _out_of_bfloat16(inputs, dtype):
    """What layers under a policy gave to one without: in float32 it computes in float32."""
    for x in inputs if isinstance(inputs, (list, tuple)) else (inputs,):
        if getattr(x, "dtype", None) == "bfloat16" and dtype in ("float16", "float32", "float64"):
            return cast(inputs, dtype)
    return inputs


def cast(x, dtype):
    """A tensor, or a list of them, with floats as this dtype; `object_list_uid` goes by what they were."""
    if isinstance(x, (list, tuple)):
        return type(x)([cast(item, dtype) for item in x])
    if not K.is_tensor(x) or x.dtype == dtype or not dtypes.is_float(x.dtype):
        return x
    result = K.cast(x, dtype)
    result._cast_of = getattr(x, "_cast_of", x)
    if hasattr(x, "_keras_shape"):
        result._keras_shape = x._keras_shape
    return result


def widened(x):
    """What losses and penalties take: bfloat16 as the default float type."""
    return cast(x, K.floatx()) if getattr(x, "dtype", None) == "bfloat16" else x


from . import experimental  # noqa: E402

__all__ = ["Policy", "experimental", "global_policy", "set_global_policy"]
