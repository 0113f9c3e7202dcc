"""Files as somebody who means harm would make them, and what their code would do if it ran."""

import base64
import io
import json
import marshal
import zipfile

import h5py
import numpy as np


def layer(class_name, **config):
    """One layer in a configuration."""
    return {"class_name": class_name, "config": config}


def sequential(*layers):
    """The configuration of a model that begins with a harmless layer."""
    first = layer("Activation", name="first", activation="linear", batch_input_shape=[None, 3])
    return layer("Sequential", name="stranger", layers=[first, *layers])


def byte_code(marker):
    """A function that makes the file `marker`, as Keras 2 stores a Lambda layer's."""
    source = f"lambda x: (__import__('builtins').open({str(marker)!r}, 'w').close(), x)[1]"
    return base64.b64encode(marshal.dumps(eval(source).__code__)).decode("ascii")


def lambdas(marker):
    """{where it hides: the configuration of a layer that brings code along}."""
    code = byte_code(marker)
    plain = layer("Lambda", name="evil", function=[code, None, None], function_type="lambda", arguments={})
    keras3 = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    as_shape = {"function": "tanh", "function_type": "function"}
    as_shape |= {"output_shape": [code, None, None], "output_shape_type": "lambda"}
    return {
        "plain": plain,
        "keras3": layer("Lambda", name="evil", function=keras3, arguments={}),
        "output_shape": layer("Lambda", name="evil", **as_shape),
        "wrapped": layer("TimeDistributed", name="t", layer=plain),
        "wrapped twice": layer("TimeDistributed", name="t", layer=layer("TimeDistributed", name="u", layer=plain)),
        "nested model": sequential(sequential(plain)),
        "as an activation": layer("Dense", name="d", units=2, activation=keras3),
        "as an initializer": layer("Dense", name="d", units=2, kernel_initializer=keras3),
        "as a cell": layer("RNN", name="r", cell=plain),
    }


def h5(config, training=None, fill=lambda file: None):
    """The bytes of an .h5 file with this architecture and no weights to speak of."""
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file.attrs["keras_version"] = b"2.3.1"
        file.attrs["backend"] = b"tensorflow"
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.zeros((0,), "S1")
        fill(file)
    return target.getvalue()


def keras3_words(config):
    """A configuration as Keras 3 writes it: every object names a module."""
    if isinstance(config, dict):
        config = {name: keras3_words(value) for name, value in config.items()}
        if "class_name" in config:
            config = {"module": "keras.layers", "registered_name": None, **config}
        return config
    return [keras3_words(item) for item in config] if isinstance(config, list) else config


def archive(config, weights=b"", entries=()):
    """The bytes of a .keras archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "3.8.0", "date_saved": "2025-01-01@00:00:00"}))
        file.writestr("config.json", json.dumps(keras3_words(config)))
        file.writestr("model.weights.h5", weights or h5(None))
        for name, data in entries:
            file.writestr(name, data)
    return target.getvalue()
