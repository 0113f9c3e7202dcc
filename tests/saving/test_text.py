"""Architectures as JSON and YAML, and what a stranger may not do with them, or with a Lambda layer in a file."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml

import keras
from keras import backend as K
from keras import layers
from keras.models import Sequential, load_model, model_from_config, model_from_json, model_from_yaml
from keras.utils.stored_code import StoredCodeRefused


def mlp():
    return Sequential([layers.Dense(3, input_shape=(4,), activation="relu"), layers.Dense(2)])


def test_json_and_yaml_round_trip():
    model = mlp()
    for text, read in ((model.to_json(indent=1), model_from_json), (model.to_yaml(), model_from_yaml)):
        assert read(text).get_config() == model.get_config()
    config = json.loads(model.to_json())
    assert (config["class_name"], config["keras_version"], config["backend"]) == (
        "Sequential",
        "2.3.1",
        "tensorflow",
    )
    assert "python" not in model.to_yaml()


def test_model_from_config():
    model = mlp()
    config = {"class_name": "Sequential", "config": model.get_config()}
    assert model_from_config(config).get_config() == model.get_config()
    with pytest.raises(TypeError, match="Sequential.from_config"):
        model_from_config([config])


def test_tuples_as_old_keras_wrote_them_in_yaml():
    text = mlp().to_yaml().replace("batch_input_shape:\n", "batch_input_shape: !!python/tuple\n")
    assert "!!python/tuple" in text
    assert model_from_yaml(text).input_shape == (None, 4)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '"Sequential"', '{"class_name": "Sequential"}', "model.json"]
)
def test_text_that_is_no_model(text):
    with pytest.raises(ValueError, match="JSON text of a model|does not describe a model"):
        model_from_json(text)
    with pytest.raises(ValueError, match="YAML text of a model|does not describe a model"):
        model_from_yaml(text)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch {marker}']",
        "!!python/object/new:os.system ['touch {marker}']",
        "!!python/name:os.system",
        "!!python/module:os",
        (
            "class_name: Sequential\nconfig: !!python/object/apply:subprocess.check_output [['touch',"
            " '{marker}']]"
        ),
        "class_name: Sequential\nconfig: 2001-01-01",
    ],
)
def test_yaml_names_no_python_objects(tmp_path, text):
    marker = tmp_path / "marker"
    with pytest.raises(ValueError, match="not the YAML text of a model"):
        model_from_yaml(text.format(marker=marker))
    assert not marker.exists()


def test_yaml_that_grows_or_holds_itself():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(ValueError, match="more than"):
        model_from_yaml("\n".join(lines))
    with pytest.raises(ValueError, match="contains itself"):
        model_from_yaml("class_name: Sequential\nconfig: &c\n  layers: [*c]")


@pytest.mark.parametrize("depth", [300, 100_000])
def test_endless_nesting(depth):
    text = '{"class_name": "Sequential", "config": ' + "[" * depth + "]" * depth + "}"
    with pytest.raises(ValueError, match="nested|JSON text"):
        model_from_json(text)


@pytest.mark.parametrize(
    "class_name",
    ["os.system", "deserialize", "load_model", "K", "keras.utils.get_file", "Layer>os.system", "__import__"],
)
def test_only_layers_can_be_named(class_name):
    config = {"class_name": class_name, "config": {"name": "x"}, "module": "os", "registered_name": "system"}
    text = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": [config]}})
    with pytest.raises(ValueError, match="Unknown layer"):
        model_from_json(text)


@pytest.mark.parametrize(
    "argument", ["activation", "kernel_initializer", "kernel_regularizer", "kernel_constraint"]
)
@pytest.mark.parametrize("value", ["get", "deserialize", "K", "np", "warnings", "six", "Layer.from_config"])
def test_names_within_a_layer_stay_in_their_family(argument, value):
    config = json.loads(mlp().to_json())
    config["config"]["layers"][0]["config"][argument] = value
    with pytest.raises(ValueError, match="Unknown"):
        model_from_json(json.dumps(config))


# ------------------------------------------------------------------------------------------ stored code

PROGRAM = """
import sys, keras
from keras import layers
marker = sys.argv[1]
function = eval(f"lambda x: (__import__('builtins').open({marker!r}, 'w').close(), x * 2)[1]")
model = keras.models.Sequential([layers.Lambda(function, name='evil', input_shape=(3,)), layers.Dense(1)])
model.save('m.h5')
open('m.json', 'w').write(model.to_json())
open('m.yaml', 'w').write(model.to_yaml())
"""


@pytest.fixture(scope="module")
def strangers_files(tmp_path_factory):
    """A model whose Lambda writes a file when it runs, saved by another process."""
    folder = tmp_path_factory.mktemp("stranger")
    root = os.path.dirname(os.path.dirname(keras.__file__))
    marker = folder / "marker"
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(marker)],
        cwd=folder,
        check=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    marker.unlink()  # building the model ran the function
    return folder, marker


@pytest.mark.parametrize("kind", ["h5", "json", "yaml"])
def test_stored_code_does_not_run(strangers_files, kind):
    folder, marker = strangers_files
    read = {"h5": load_model, "json": model_from_json, "yaml": model_from_yaml}[kind]
    source = folder / "m.h5" if kind == "h5" else (folder / f"m.{kind}").read_text()
    with pytest.raises(StoredCodeRefused, match="'evil'.*custom_objects.*safe_mode=False"):
        read(source)
    assert not marker.exists()


@pytest.mark.filterwarnings("ignore:No training configuration")
def test_the_two_ways_on(strangers_files):
    folder, marker = strangers_files
    model = load_model(folder / "m.h5", custom_objects={"evil": lambda x: 3 * x})
    x = np.ones((1, 3), "float32")
    first = K.function([model.input], [model.layers[0].output])
    np.testing.assert_array_equal(first([x])[0], 3 * x)
    assert not marker.exists()
    trusted = load_model(folder / "m.h5", safe_mode=False)
    assert marker.exists()
    marker.unlink()
    first = K.function([trusted.input], [trusted.layers[0].output])
    np.testing.assert_array_equal(first([x])[0], 2 * x)


def hidden(code):
    """Places where code might hide from whoever looks at the top only."""
    stored = {"name": "x", "function": [code, None, None], "function_type": "lambda", "arguments": {}}
    one = {"class_name": "Lambda", "config": stored}
    yield one
    yield {"class_name": "TimeDistributed", "config": {"name": "t", "layer": one}}
    yield {"class_name": "Sequential", "config": {"name": "s", "layers": [one]}}
    shape = {**stored, "function": "tanh", "function_type": "function", "output_shape": [code, None, None]}
    yield {"class_name": "Lambda", "config": {**shape, "output_shape_type": "lambda"}}


@pytest.mark.parametrize("place", range(4))
def test_code_is_found_wherever_it_hides(strangers_files, place):
    folder, marker = strangers_files
    config = json.loads((folder / "m.json").read_text())
    code = config["config"]["layers"][0]["config"]["function"][0]
    layer = list(hidden(code))[place]
    text = json.dumps({"class_name": "Sequential", "config": {"name": "outer", "layers": [layer]}})
    with pytest.raises(StoredCodeRefused, match="byte code"):
        model_from_json(text)
    with pytest.raises(StoredCodeRefused):  # the layer itself refuses, too
        layers.deserialize(list(hidden(code))[0])
    assert not marker.exists()


@pytest.mark.filterwarnings("ignore:No training configuration")
def test_code_that_this_process_wrote_is_known(tmp_path):
    model = Sequential([layers.Lambda(lambda x: x * 4, input_shape=(3,))])
    model.save(tmp_path / "m.h5")
    x = np.ones((1, 3), "float32")
    for again in (load_model(tmp_path / "m.h5"), model_from_json(model.to_json())):
        np.testing.assert_array_equal(again.predict(x), 4 * x)


def named(x):
    return x * 5


def test_functions_by_name():
    stored = {"name": "x", "function": "named", "function_type": "function", "batch_input_shape": [None, 3]}
    text = json.dumps(
        {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": stored}]}}
    )
    again = model_from_json(text, custom_objects={"named": named})
    np.testing.assert_array_equal(again.predict(np.ones((1, 3))), np.full((1, 3), 5.0))
    with pytest.raises(ValueError, match="named"):
        model_from_json(text)


def test_yaml_is_read_by_any_yaml_reader():
    assert yaml.safe_load(mlp().to_yaml())["class_name"] == "Sequential"
