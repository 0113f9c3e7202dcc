"""Models as SavedModel folders, for TensorFlow and what serves its models."""

import contextlib
import os
import shutil
import tempfile

from .. import backend as K
from ..backend import functions
from ..graph.program import build

# What every SavedModel has: a folder without it is something else, and stays.
MARK = "saved_model.pb"


def export_saved_model(model, folder):
    """Writes what `model.predict` computes as a SavedModel, which TensorFlow loads without Keras.

    Args:
        model: one that has inputs and outputs; a subclassed one must have been called on data.
        folder: where it goes; a SavedModel that lies there already is replaced.

    The signature `serving_default` takes and gives tensors called after the model's input and output layers; the
    batch size is free where the model leaves it free. Models are written on any backend, but those that hold
    functions of another engine (`K.native`) only on TensorFlow.

    Raises:
        ImportError: without TensorFlow.
        ValueError: for a model without inputs yet.
        FileExistsError: if something else lies there.

    Example:
        model.export("folder")
        served = tf.saved_model.load("folder").signatures["serving_default"]
        predictions = served(tf.constant(x, tf.float32))[model.output_names[0]]
    """
    try:
        import tensorflow  # noqa: F401 (here to say what to do)
    except ImportError as error:
        raise ImportError("Exporting a SavedModel needs TensorFlow: pip install tensorflow") from error
    if not getattr(model, "outputs", None):
        raise ValueError(
            f"The model {model.name!r} has no inputs and outputs yet, so there is nothing to export. Give its first "
            "layer an input_shape, or call the model on data (fit or predict) first."
        )
    program = build(model._feed_inputs, model.outputs, model.state_updates, functions._PHASE, 0)
    write_program(program, folder, model._feed_input_names, model.output_names)


def write_program(program, folder, inputs, outputs):
    """Writes a program as a SavedModel whose tensors have these names."""
    from ..runtimes.tensorflow import saved_model

    variables = list(dict.fromkeys([*(v for v, _ in program.variables), *(v for v, _ in program.updates)]))
    values = dict(zip(variables, K.batch_get_value(variables)))
    served = saved_model.Served(program, values, inputs, outputs)
    with _replacing(os.fspath(folder)) as temporary:
        saved_model.write(served, temporary)


@contextlib.contextmanager
def _replacing(folder):
    """Yields a new folder's path beside `folder`; on success it takes its place."""
    target = os.path.realpath(folder)
    exists = os.path.lexists(target)
    if exists and not os.path.isfile(os.path.join(target, MARK)) and not _is_empty(target):
        raise FileExistsError(f"Cannot write a SavedModel to {folder!r}: something else is there. Name another folder.")
    above = os.path.dirname(target)
    if not os.path.isdir(above):
        raise FileNotFoundError(f"Cannot write {folder!r}: the folder {above!r} does not exist. Create it first.")
    room = tempfile.mkdtemp(prefix=f".{os.path.basename(target)[:100]}.", suffix=".tmp", dir=above)
    try:
        yield os.path.join(room, "new")
        if exists:
            os.rename(target, os.path.join(room, "old"))
        os.rename(os.path.join(room, "new"), target)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _is_empty(path):
    return os.path.isdir(path) and not os.listdir(path)


__all__ = ["export_saved_model"]
