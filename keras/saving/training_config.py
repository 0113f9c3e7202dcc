"""How a model was compiled, and the state of its optimizer, to and from a file."""

import json

import numpy as np

from .. import backend as K
from ..utils.user_warnings import warn_user
from . import portable, weights_file
from .config import parse_json, plain
from .conversions import Untranslatable, training
from .hdf5 import CorruptFileError

# Attribute beside `training_config`, see `portable.training`.
EXACT = "keras_classic_training_config"
NOT_COMPILED = "the model was *not* compiled. Compile it manually before training or evaluating it."


def write_training(root, model):
    """Writes the training configuration and the optimizer's state of a compiled `model` into the h5py group `root`."""
    from .. import optimizers
    from . import hdf5

    if isinstance(model.optimizer, optimizers.TFOptimizer):
        warn_user(
            "TensorFlow optimizers do not make it possible to access optimizer attributes or optimizer "
            "state after instantiation, so the optimizer is not saved: compile the model again after "
            "loading it.",
        )
        return
    exact = plain(training_config(model))
    text = json.dumps(portable.training(exact))
    hdf5.write_text(root, "training_config", text)
    if json.dumps(exact) != text:
        hdf5.write_text(root, EXACT, json.dumps(exact))
    state = getattr(model.optimizer, "weights", None)
    if state:
        group = root.create_group("optimizer_weights")
        weights_file.write_named_arrays(group, weights_file.unique_names(state), K.batch_get_value(state))


def training_config(model):
    """The arguments of `compile`, as Keras 2.3.1 stores them."""
    return {
        "optimizer_config": {
            "class_name": type(model.optimizer).__name__,
            "config": model.optimizer.get_config(),
        },
        "loss": model.loss,
        "metrics": model._compile_metrics,
        "weighted_metrics": model._compile_weighted_metrics,
        "sample_weight_mode": model.sample_weight_mode,
        "loss_weights": model.loss_weights,
    }


def restore_training(root, model, origin, custom_objects):
    """Compile `model` as the HDF5 file in `root` says, and give its optimizer the state it had."""
    text = root.text("training_config")
    if text is None:
        warn_user(f"No training configuration found in save file: {NOT_COMPILED}")
        return
    group = root.group("optimizer_weights") if "optimizer_weights" in root else None
    names = group.names("weight_names") if group is not None else []
    config = parse_json(_exact(root, text), f"{root.label}: the training configuration")
    compile_as(lambda: config, model, origin, custom_objects, len(names) > 1, root.label)
    if group is not None and model.optimizer is not None:
        restore_state(names, [group.array(name).read() for name in names], model, origin)


def _exact(root, text):
    """The configuration in our own words, where it differs from the one for everybody and still belongs to it."""
    ours = root.text(EXACT)
    try:
        return ours if ours and json.dumps(portable.training(json.loads(ours))) == text else text
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return text


def compile_as(read, model, origin, custom_objects, with_state, label):
    """Compiles `model` as the training configuration that `read()` gives says; warns if there is no way to.

    Args:
        with_state: whether the optimizer's state is in the file, more than a count of steps.
        label: what messages call the file.
    """
    try:
        model.compile(**_compile_arguments(read(), model, with_state, origin, custom_objects))
    except Untranslatable as error:
        warn_user(
            f"The training configuration in this file, written by {origin}, cannot be used here: {error}; "
            f"{NOT_COMPILED}",
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptFileError(
            f"{label}: the training configuration is damaged ({error!r}). To load the model "
            "without it: load_model(path, compile=False)."
        ) from error


def _compile_arguments(config, model, with_state, origin, custom_objects):
    from .. import losses, metrics, optimizers

    own = tuple(custom_objects or ())
    stored = config["optimizer_config"]
    if training.starts_elsewhere(stored, origin) and not with_state:
        raise Untranslatable(
            "its Adagrad starts from initial_accumulator_value="
            f"{stored['config']['initial_accumulator_value']}, Keras 2.3.1's from 0"
        )
    optimizer = training.optimizer(stored, origin, len(model.trainable_weights), own)

    def function(module):
        def convert(value):
            """A name stays a name unless it is the user's; an object is made."""
            if isinstance(value, str):
                return custom_objects.get(value, value) if custom_objects else value
            return module.deserialize(value, custom_objects)

        return convert

    def metrics_of(name):
        stored = training.metrics(config.get(name), origin)
        return _per_output(_leaves(_own_names(stored, model), function(metrics)), model)

    return {
        "optimizer": optimizers.deserialize(optimizer, custom_objects=custom_objects),
        "loss": _leaves(training.losses(config["loss"], origin), function(losses)),
        "metrics": metrics_of("metrics"),
        "weighted_metrics": metrics_of("weighted_metrics"),
        "loss_weights": config.get("loss_weights"),
        "sample_weight_mode": config.get("sample_weight_mode"),
    }


def _own_names(value, model):
    """Metric objects of a model with several outputs are stored as 'output_name'; compiling says it again."""
    if len(model.outputs) < 2:
        return value

    def without_output(metric):
        if isinstance(metric, str) or not metric["config"].get("name"):
            return metric
        name = metric["config"]["name"]
        found = [output for output in model.output_names if name.startswith(output + "_")]
        short = name[len(max(found, key=len)) + 1 :] if found else name
        return {**metric, "config": {**metric["config"], "name": short}}

    return _leaves(value, without_output)


def _leaves(value, convert):
    """`value` with every name and object in its lists and dicts converted."""
    if isinstance(value, dict):
        if "class_name" in value and "config" in value:
            return convert(value)
        return {name: _leaves(item, convert) for name, item in value.items()}
    if isinstance(value, list):
        return [_leaves(item, convert) for item in value]
    return convert(value) if isinstance(value, str) else value


def _per_output(value, model):
    """tf.keras stores [[None], ['accuracy']]; `compile` wants no `None`s, and one output's list itself."""
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        value = [[metric for metric in item if metric is not None] for item in value]
        return value[0] if len(value) == 1 and len(model.outputs) == 1 else value
    return value


def restore_state(names, arrays, model, origin):
    """Gives the optimizer the saved state; if it does not fit, warns and lets it start anew, as Keras 2 does.

    Args:
        names, arrays: of the optimizer's variables, as they stand in the file.
    """
    # The optimizer makes its variables when the training function is built.
    try:
        model._make_train_function()
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptFileError(
            f"No training function can be made of this file's optimizer and losses: they are damaged ({error!r})."
            " To load the model without them: load_model(path, compile=False)."
        ) from error
    wanted = model.optimizer.weights
    arrays, learning_rate = training.optimizer_state(
        type(model.optimizer).__name__,
        names,
        arrays,
        origin,
        len(model._collected_trainable_weights),
        model.optimizer.get_config(),
    )
    if len(arrays) == 1 and np.shape(arrays[0]) == ():
        arrays = [*arrays, *[None] * (len(wanted) - 1)]  # a count of steps alone: nothing trained, or nothing to keep
    difference = _difference(arrays, wanted)
    if difference:
        warn_user(
            "Error in loading the saved optimizer state. As a result, your model is starting with a freshly "
            f"initialized optimizer. ({difference})",
        )
        return
    K.batch_set_value(
        [
            (variable, _cast(array, variable))
            for array, variable in zip(arrays, wanted, strict=True)
            if array is not None
        ]
    )
    if learning_rate is not None:
        K.set_value(model.optimizer.learning_rate, learning_rate)


def _difference(arrays, variables):
    if len(arrays) != len(variables):
        return f"the file has {len(arrays)} arrays, this optimizer {len(variables)}"
    for array, variable in zip(arrays, variables, strict=True):
        if array is not None and tuple(array.shape) != tuple(K.int_shape(variable)):
            return (
                f"{variable.name}: the file has the shape {array.shape}, this optimizer"
                f" {K.int_shape(variable)}"
            )
    return None


def _cast(array, variable):
    return np.asarray(array, dtype=K.dtype(variable))
