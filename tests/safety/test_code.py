"""Nothing in a stranger's file runs, whatever it names and wherever it hides.

Weaknesses published for other loaders of Keras's files: CVE-2021-37678 (YAML), CVE-2024-3660 and CVE-2025-9905
(Lambda layers), CVE-2025-1550 (modules named in a configuration), CVE-2025-8747 (our own functions as tools),
CVE-2025-9906 (a configuration that switches safety off), CVE-2025-49655 (pickles of another library), and loaders
that fail open where nothing is said.
"""

import io
import json
import os
import pickle

import numpy as np
import pytest
import yaml
from strangers import archive, byte_code, h5, keras3_words, lambdas, layer, sequential

from keras import layers
from keras.datasets import safe_files
from keras.models import Model, Sequential, load_model, model_from_config, model_from_json, model_from_yaml
from keras.utils import CustomObjectScope
from keras.utils.generic_utils import func_load


@pytest.fixture
def marker(tmp_path):
    """A file that only code out of a model's file would make."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists(), "code in the file was run"


READERS = {
    "h5": lambda config: load_model(h5(config)),
    "json": lambda config: model_from_json(json.dumps(config)),
    "json of Keras 3": lambda config: model_from_json(json.dumps(keras3_words(config))),
    "yaml": lambda config: model_from_yaml(yaml.safe_dump(config)),
    "keras": lambda config: load_model(archive(config)),
    "dict": model_from_config,
}
PLACES = list(lambdas("nowhere"))


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("place", PLACES)
def test_byte_code_does_not_run(marker, format, place):
    with pytest.raises(ValueError):
        READERS[format](sequential(lambdas(marker)[place]))


@pytest.mark.parametrize("place", ["plain", "keras3", "wrapped", "nested model"])
def test_the_message_tells_what_it_was_and_what_to_do(marker, place):
    with pytest.raises(ValueError, match="byte code.*safe_mode=False"):
        READERS["h5"](sequential(lambdas(marker)[place]))


def test_byte_code_where_nothing_is_said_about_safety(marker):
    """A loader that asks a setting which nobody made must not take that for consent."""
    code, config = byte_code(marker), lambdas(marker)["plain"]["config"]
    for read in (
        lambda: func_load(code),
        lambda: func_load([code, None, None]),
        lambda: layers.Lambda.from_config(dict(config)),
        lambda: layers.deserialize({"class_name": "Lambda", "config": dict(config)}),
        lambda: Sequential.from_config(sequential(lambdas(marker)["plain"])["config"]),
        lambda: layers.TimeDistributed.from_config(dict(lambdas(marker)["wrapped"]["config"])),
    ):
        with pytest.raises(ValueError, match="byte code"):
            read()


def test_custom_objects_of_another_name_are_no_consent(marker):
    data = h5(sequential(lambdas(marker)["plain"]))
    with pytest.raises(ValueError, match="byte code"):
        load_model(data, custom_objects={"other": len})
    with CustomObjectScope({"other": len}), pytest.raises(ValueError, match="byte code"):
        load_model(data)


def test_consent_is_for_one_call(marker):
    data = h5(sequential(lambdas(marker)["plain"]))
    load_model(data, safe_mode=False, compile=False)
    os.remove(marker)
    with pytest.raises(ValueError, match="byte code"):
        load_model(data)
    with pytest.raises(ValueError):  # nor does an error in a trusting call leave the door open
        load_model(h5(sequential(layer("NoSuch", name="x"))), safe_mode=False)
    with pytest.raises(ValueError, match="byte code"):
        load_model(data)


# Functions and classes of ours, of Python's and of other loaders, that a file might want to use.
NAMES = (
    "os.system system eval exec __import__ builtins.eval open keras.utils.get_file get_file load_model func_load"
    " deserialize deserialize_keras_object model_from_json enable_unsafe_deserialization"
    " keras.config.enable_unsafe_deserialization Custom>os.system np K layers __class__ plot_model pickle.loads"
    " TFSMLayer TorchModuleWrapper JaxLayer FlaxLayer StringLookup IndexLookup TextVectorization HashedCrossing"
).split()


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_names_members_of_a_family_only(marker, name):
    own = {"module": "os", "registered_name": name, "arguments": {}, "config": f"touch {marker}"}
    dense = {"name": "d", "units": 2}
    for config in (
        {**own, "class_name": name},
        {**layer(name, name="x", filepath=str(marker), vocabulary=str(marker)), "module": "os"},
        {**layer("function", name="x"), **own},
        layer("Lambda", name="x", function=name, function_type="function"),
        layer("Lambda", name="x", function={**own, "class_name": "function", "config": name}),
        layer("Dense", **dense, activation=name),
        layer("Dense", **dense, activation={**own, "class_name": "function", "config": name}),
        layer("Dense", **dense, kernel_initializer=layer(name, path=str(marker))),
        layer("Dense", **dense, kernel_regularizer={**own, "class_name": name}),
        layer("Dense", **dense, bias_constraint=name),
        layer("TimeDistributed", name="t", layer={**own, "class_name": name}),
    ):
        with pytest.raises(ValueError):
            model_from_json(json.dumps(sequential(config)))


@pytest.mark.parametrize("name", ["os.system", "get_file", "load_model", "deserialize", "K", "TFOptimizer", "eval"])
@pytest.mark.parametrize("argument", ["optimizer_config", "loss", "metrics"])
def test_the_training_configuration_too(marker, name, argument):
    training = {"optimizer_config": layer("SGD", lr=0.1), "loss": "mse", "metrics": [], "loss_weights": None}
    training[argument] = layer(name, fn=f"touch {marker}")
    model = sequential(layer("Activation", name="a", activation="linear"))
    with pytest.raises((ValueError, OSError)):
        load_model(h5(model, training))


def test_a_keras_3_training_configuration(marker):
    config = sequential(layer("Dense", name="d", units=2))
    config["compile_config"] = {"optimizer": {"module": "os", "class_name": "system", "config": f"touch {marker}"}}
    with pytest.raises((ValueError, OSError)):
        load_model(archive(config))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch {marker}']",
        "class_name: Sequential\nconfig: !!python/object/new:subprocess.Popen [[touch, '{marker}']]",
        "class_name: Sequential\nconfig: {{layers: !!python/object/apply:eval ['open(\"{marker}\", \"w\")']}}",
        "class_name: Sequential\n? !!python/object/apply:os.system ['touch {marker}']\n: 1",
        "!!python/object:keras.models.Sequential {{}}",
        "--- !!python/tuple [!!python/object/apply:os.system ['touch {marker}']]",
        "%TAG ! tag:yaml.org,2002:python/object/apply:\n--- !os.system ['touch {marker}']",
    ],
)
def test_yaml_that_names_python_objects(marker, text):
    with pytest.raises(ValueError, match="YAML text of a model"):
        model_from_yaml(text.format(marker=marker))


class Payload:
    """A pickle of this makes a file when it is read."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def test_pickles_are_not_read(marker, tmp_path):
    model = Sequential([layers.Dense(2, input_shape=(3,))])
    before = model.get_weights()
    np.savez(tmp_path / "w.npz", np.array([Payload(marker)], dtype=object))
    data = pickle.dumps(Payload(marker))
    (tmp_path / "w.h5").write_bytes(data)
    weights = archive(sequential(layer("Dense", name="d", units=2)), weights=data)
    for read in (
        lambda: load_model(data),
        lambda: load_model(tmp_path / "w.h5"),
        lambda: load_model(tmp_path / "w.npz"),
        lambda: load_model(weights),
        lambda: model.load_weights(tmp_path / "w.h5"),
        lambda: model.load_weights(tmp_path / "w.npz"),
        lambda: safe_files.load_npz(tmp_path / "w.npz"),
        lambda: safe_files.load_pickle(io.BytesIO(data)),
    ):
        with pytest.raises((ValueError, OSError)):
            read()
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_an_archive_with_a_pickle_beside_its_weights(marker):
    data = archive(
        sequential(layer("Activation", name="a", activation="tanh")),
        entries=[("data.pkl", pickle.dumps(Payload(marker))), ("model.py", f"open({str(marker)!r}, 'w')")],
    )
    assert isinstance(load_model(data), Model)  # what is not asked for is not read
