"""The command line, as a user meets it: `python -m keras ...`, what it prints, and its exit codes."""

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

import keras
from keras.cli import main
from keras.layers import GRU, Dense, Embedding, Input, Lambda, Masking
from keras.models import Model, Sequential, load_model, model_from_json, model_from_yaml

ROOT = os.path.dirname(os.path.dirname(keras.__file__))


@pytest.fixture
def model_file(tmp_path):
    model = Sequential([Dense(3, activation="relu", input_shape=(4,), name="first"), Dense(2, name="second")])
    model.compile("adam", "mse")
    model.save(tmp_path / "model.h5")
    return str(tmp_path / "model.h5")


@pytest.fixture
def evil_file(tmp_path, model_file):
    """A file with a Lambda layer that another process wrote."""
    code = "x = __import__('keras'); L = x.layers; m = x.Sequential([L.Lambda(lambda v: v * 3, input_shape=(2,))])"
    result = command("-c", f"{code}; m.save('evil.h5')", cwd=tmp_path, module=False)
    assert result.returncode == 0, result.stderr
    return str(tmp_path / "evil.h5")


def command(*arguments, cwd=None, module=True, options=(), **environment):
    """Run `python OPTIONS -m keras ARGUMENTS` in a process of its own."""
    return subprocess.run(
        [sys.executable, *options, *(["-m", "keras"] if module else []), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": ROOT, "KERAS_BACKEND": "numpy", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


# ------------------------------------------------------------------------------------------ end to end


def test_a_model_from_end_to_end(tmp_path, model_file):
    told = command("info", model_file)
    assert told.returncode == 0, told.stderr
    assert "a whole model (HDF5)" in told.stdout and "second" in told.stdout and "Safe:" in told.stdout
    converted = command("convert", "model.h5", "model.keras", cwd=tmp_path)
    assert converted.returncode == 0, converted.stderr
    assert "23 parameters" in converted.stdout
    checked = command("check", "model.keras", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("ok ") >= 4 and "PROBLEM" not in checked.stdout
    x = np.ones((2, 4))
    np.testing.assert_array_equal(
        load_model(model_file).predict(x), load_model(tmp_path / "model.keras", compile=False).predict(x)
    )


def test_help_is_for_newcomers():
    told = command("--help")
    assert told.returncode == 0
    for wanted in ("info", "convert", "check", "doctor", "examples:", "Exit codes:"):
        assert wanted in told.stdout
    assert all(len(line) <= 120 for line in told.stdout.splitlines())


@pytest.mark.parametrize("name", ["info", "convert", "check", "doctor"])
def test_help_of_a_command(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out and f"keras {name}" in out


@pytest.mark.parametrize("arguments", [[], ["bogus"], ["info"], ["convert", "one.h5"], ["check", "--nothing", "x.h5"]])
def test_a_command_that_is_not_understood(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: keras" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["info", "check"])
def test_files_that_are_none(tmp_path, name, capsys):
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
    for path, message in (("nothing.h5", "There is no file"), ("bad.h5", "truncated or damaged")):
        assert main([name, str(tmp_path / path)]) == 1
        assert message in capsys.readouterr().err


def test_one_error_is_one_line_without_a_traceback(tmp_path):
    result = command("info", "nothing.h5", cwd=tmp_path)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert [line for line in result.stderr.splitlines() if line.startswith("keras: ")]


# ------------------------------------------------------------------------------------------ info


def test_info_as_json(model_file, capsys):
    assert main(["info", "--json", model_file]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "model" and found["safe"] and found["parameters"] == 23
    assert [row["name"] for row in found["layers"]][-2:] == ["first", "second"]


def test_code_and_links_are_told_and_not_loaded(tmp_path, model_file, evil_file, capsys):
    assert main(["info", evil_file]) == 1
    assert "holds code" in capsys.readouterr().out
    with h5py.File(model_file, "r+") as file:
        del file["model_weights/first"]
        file["model_weights/first"] = h5py.ExternalLink("/etc/passwd", "/")
    assert main(["info", model_file]) == 1
    assert "NOT SAFE" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------ convert


@pytest.mark.parametrize("ending", ["h5", "hdf5", "keras"])
def test_whole_models_keep_how_they_were_compiled(tmp_path, model_file, ending):
    target = str(tmp_path / f"out.{ending}")
    assert main(["convert", model_file, target]) == 0
    assert type(load_model(target).optimizer).__name__ == "Adam"


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors"])
def test_weights_alone(tmp_path, model_file, ending):
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    target = str(tmp_path / f"out.{ending}")
    assert main(["convert", model_file, target]) == 0
    model, again = load_model(model_file), load_model(model_file)
    again.set_weights([np.zeros_like(weight) for weight in again.get_weights()])
    again.load_weights(target)
    for one, other in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
def test_architectures_and_back(tmp_path, model_file, ending, capsys):
    read = model_from_json if ending == "json" else model_from_yaml
    text, weights, whole = (str(tmp_path / name) for name in (f"out.{ending}", "w.weights.h5", "back.h5"))
    assert main(["convert", model_file, text]) == 0
    with open(text, encoding="utf-8") as file:
        assert read(file.read()).count_params() == 23
    assert main(["convert", text, whole]) == 1
    assert "--weights FILE" in capsys.readouterr().err and not os.path.exists(whole)
    assert main(["convert", model_file, weights]) == 0
    assert main(["convert", text, whole, "--weights", weights]) == 0
    x = np.ones((2, 4))
    expected = load_model(model_file).predict(x)
    np.testing.assert_array_equal(load_model(whole, compile=False).predict(x), expected)


def test_onnx(tmp_path, model_file):
    pytest.importorskip("onnx")
    assert main(["convert", model_file, str(tmp_path / "out.onnx")]) == 0
    assert (tmp_path / "out.onnx").stat().st_size > 100


def test_what_is_not_converted_leaves_nothing(tmp_path, model_file, evil_file, capsys):
    weights = tmp_path / "w.weights.h5"
    load_model(model_file).save_weights(weights)
    before = sorted(os.listdir(tmp_path))
    for source, target, message in (
        (model_file, "out.docx", "no format that is known"),
        (str(weights), "out.keras", "--weights"),
        (evil_file, "out.keras", "byte code"),
        (str(tmp_path / "nothing.h5"), "out.keras", "There is no file"),
    ):
        assert main(["convert", source, str(tmp_path / target)]) == 1
        assert message in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == before


def test_an_old_file_stays_unless_told(tmp_path, model_file, capsys):
    target = tmp_path / "out.json"
    target.write_text("mine")
    assert main(["convert", model_file, str(target)]) == 1
    assert "--overwrite" in capsys.readouterr().err and target.read_text() == "mine"
    assert main(["convert", "--overwrite", model_file, str(target)]) == 0
    assert target.read_text() != "mine"


# ------------------------------------------------------------------------------------------ check


def test_check_finds_inputs_for_words_sequences_and_several(tmp_path, capsys):
    words, steps = Input((None,), name="words"), Input((None, 3), name="steps")
    x = keras.layers.concatenate([GRU(2)(Embedding(5, 4)(words)), GRU(2)(Masking()(steps))])
    Model([words, steps], [Dense(1)(x), x]).save(tmp_path / "m.h5")
    code = main(["check", str(tmp_path / "m.h5")])
    out = capsys.readouterr().out
    assert code == 0, out
    assert "(2, 16), (2, 16, 3) -> (2, 1), (2, 4)" in out


def test_check_with_code(evil_file, capsys):
    assert main(["check", evil_file]) == 1
    assert "byte code" in capsys.readouterr().err
    assert main(["check", "--run-code", evil_file]) == 0
    assert "predicts" in capsys.readouterr().out


def test_check_finds_what_does_not_predict(tmp_path, model_file, capsys):
    model = load_model(model_file)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    model.save(model_file)
    assert main(["check", model_file]) == 1
    assert "PROBLEM  predicts" in capsys.readouterr().out


def test_what_a_format_cannot_say_is_no_problem(tmp_path, capsys):
    model = Sequential([Lambda(lambda x: x * 2, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.h5")
    assert main(["check", str(tmp_path / "m.h5")]) == 0
    assert "PROBLEM" not in capsys.readouterr().out
