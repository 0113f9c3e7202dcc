"""`Merge` and `merge` of Keras 1, which Keras 2.0 and 2.1 still had: one layer with many modes."""

from ..utils.user_warnings import warn_user


def Merge(
    layers=None,
    mode="sum",
    concat_axis=-1,
    dot_axes=-1,
    output_shape=None,
    output_mask=None,
    arguments=None,
    node_indices=None,
    tensor_indices=None,
    name=None,
):
    """Makes the layer that took the place of a mode of Keras 1's `Merge`; or, of several models, one model.

    Args:
        layers: the models (or first layers with an `input_shape`) whose outputs are joined. The result is a model
            of all their inputs, which a `Sequential` may begin with.
        mode: 'sum', 'mul', 'ave', 'max', 'concat', 'dot', 'cos', or a function of the list of tensors.
        concat_axis, dot_axes: where 'concat' joins, and what 'dot' and 'cos' sum over.
        output_shape, output_mask, arguments: of a function, as for `Lambda`.
        node_indices, tensor_indices: without effect.

    Raises:
        ValueError: for an unknown mode, and for a model without a shape.

    Example:
        model = Sequential()
        model.add(Merge([left_branch, right_branch], mode='concat'))
        model.add(Dense(10))
    """
    _warn("Merge` layer")
    joined = _layer(mode, concat_axis, dot_axes, output_shape, output_mask, arguments, None if layers else name)
    return joined if not layers else _merged_models(layers, joined, name)


def merge(
    inputs,
    mode="sum",
    concat_axis=-1,
    dot_axes=-1,
    output_shape=None,
    output_mask=None,
    arguments=None,
    name=None,
):
    """Joins a list of tensors by a mode; arguments as for `Merge`. Today: `add`, `concatenate`, `dot`, ..."""
    _warn("merge` function")
    return _layer(mode, concat_axis, dot_axes, output_shape, output_mask, arguments, name)(inputs)


def _warn(what):
    warn_user(f"The `{what} is deprecated. Use the layers of `keras.layers.merge`, such as `add` and `concatenate`.")


def _layer(mode, concat_axis, dot_axes, output_shape, output_mask, arguments, name):
    from .. import layers
    from ..saving.conversions import keras1

    if callable(mode):
        return layers.Lambda(mode, output_shape=output_shape, mask=output_mask, arguments=arguments, name=name)
    if mode not in keras1.MERGES:
        raise ValueError(f"Invalid merge mode: {mode!r}. Wanted a function or one of {sorted(keras1.MERGES)}.")
    dot_axes = list(dot_axes) if isinstance(dot_axes, tuple) else dot_axes
    class_name, config = keras1.merge({"mode": mode, "concat_axis": concat_axis, "dot_axes": dot_axes, "name": name})
    return layers.deserialize({"class_name": class_name, "config": config})


def _merged_models(branches, joined, name):
    from .. import backend as K
    from ..models import Model, Sequential

    models = [branch if isinstance(branch, Model) else Sequential([branch]) for branch in branches]
    for model in models:
        if not model.inputs:
            raise ValueError(f"Model {model.name!r} cannot be merged yet: its first layer needs an `input_shape`.")
    inputs = list(dict.fromkeys(x for model in models for x in model.inputs))
    outputs = joined([y for model in models for y in model.outputs])
    return Model(inputs, outputs, name=name or f"merge_{K.get_uid('merge')}")
