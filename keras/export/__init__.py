"""Models for other programs: ONNX files, and SavedModel folders for TensorFlow.

    from keras.export import export_onnx
    export_onnx(model, "model.onnx")      # or model.export("model.onnx")

model        a whole model: its inputs, weights and outputs
lowering     a program's instructions as nodes, by a table
elementwise, shaping, products, control    the table, by subject
fusions, recurrence    several operations as the one node that ONNX has for them (cells: which loops these are)
graphs       ONNX graphs in the making
saved_model  SavedModel folders; needs TensorFlow

The package `onnx` is needed for the others: pip install onnx
"""

import os

from ..saving import atomic
from .saved_model import export_saved_model

OPSET = 18


def export_onnx(model, filepath, opset=OPSET):
    """Writes what `model.predict` computes as an ONNX file, for onnxruntime and other programs that read those.

    The graph of operations is translated, not the layers, so Lambda layers and layers of your own come along. Every
    layer of Keras 2 can be said in ONNX; what cannot is a function of another engine (`K.native`) and `K.gradients`
    inside a model.

    Args:
        model: a model that has inputs and outputs; a subclassed one must have been called on data.
        filepath: where the file goes, as a str or path; it appears whole or not at all.
        opset: the version of ONNX's operators, 17 or later. What reads the file must know it.

    The file's inputs and outputs are called after the model's input and output layers, its weights as they are in
    Keras ('dense_1/kernel:0'), kernels of convolutions with their axes in ONNX's order and those of SimpleRNN, GRU and
    LSTM as its nodes RNN, GRU and LSTM want them. The batch size is free where the model leaves it free ('batch' in
    the file), and so are other sizes. Layers with `stateful=True` have their states as further inputs,
    called as the variables (zeros to begin with), and as further outputs, called 'NAME:next', which hold what to give
    at the next call.

    Random numbers that a model draws when it predicts are drawn anew by what runs the file. Weights are stored in
    the dtype they have; what layers under a policy 'mixed_bfloat16' compute is float32 in the file.

    Raises:
        ImportError: without the package `onnx`.
        keras.export.NotInONNX: (a ValueError) for an operation that ONNX does not have, naming the layer.
        ValueError: for a model without inputs yet, another opset, or more than 2 GiB of weights.

    Example:
        model.export("model.onnx")
        session = onnxruntime.InferenceSession("model.onnx")
        predictions, = session.run(None, {model.input_names[0]: x})
    """
    path = os.fspath(filepath)
    atomic.write_bytes(path, as_onnx(model, opset).SerializeToString())


def as_onnx(model, opset=OPSET):
    """The `onnx.ModelProto` that `export_onnx` writes."""
    _library()
    from . import model as models

    return models.as_onnx(model, opset)


def export(model, filepath, format=None, **options):
    """`model.export`: writes a model for another program.

    Args:
        filepath: a path ending in .onnx, or that of a folder for a SavedModel (a path without an ending).
        format: 'onnx' or 'saved_model'; None goes by the path's ending.
        options: those of `export_onnx`.

    Raises:
        ValueError: for another format.
    """
    name = os.fspath(filepath)
    ending = os.path.splitext(name)[1].lower()
    format = format or {".onnx": "onnx", "": "saved_model"}.get(ending)
    if format == "onnx":
        return export_onnx(model, filepath, **options)
    if format == "saved_model":
        return export_saved_model(model, filepath, **options)
    asked = f"format={format!r}" if format else f"{name!r}"
    raise ValueError(
        f"model.export: {asked} is not something that can be written. Models are exported to ONNX, "
        "model.export('model.onnx'), or as a SavedModel for TensorFlow: model.export('folder'). To keep a model for "
        "Keras itself use model.save('model.h5')."
    )


def _library():
    try:
        import onnx
    except ImportError as error:
        raise ImportError("Exporting a model to ONNX needs the package onnx: pip install onnx") from error
    return onnx


def __getattr__(name):
    if name == "NotInONNX":
        _library()
        from .graphs import NotInONNX

        return NotInONNX
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["as_onnx", "export", "export_onnx", "export_saved_model"]
