"""`keras doctor`: a sound installation, and what it finds in others."""

import os
import shutil
import sysconfig

import pytest
from test_cli import command

import keras
from keras.cli.doctor import _devices

HERE = os.path.dirname(keras.__file__)


@pytest.fixture
def site(tmp_path):
    """A folder for packages in which this Keras is installed."""
    (tmp_path / "keras").symlink_to(HERE, target_is_directory=True)
    return tmp_path


def distribution(site, name, version, *records):
    """Note in `site` that a package has been installed there, with these lines of RECORD."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text("\n".join(records) + "\n")


def doctor(site, tmp_path, settings=None, **environment):
    home = tmp_path / "home"
    home.mkdir()
    if settings is not None:
        (home / "keras.json").write_text(settings)
    return command("doctor", cwd=tmp_path, PYTHONPATH=str(site), KERAS_HOME=str(home), **environment)


def test_all_is_well(site, tmp_path):
    result = doctor(site, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    for wanted in ("Python", "numpy", "jax", "h5py", "backend numpy    in use", "All is well."):
        assert wanted in result.stdout


def test_keras_3_in_the_same_folder(site, tmp_path):
    distribution(site, "keras", "3.9.0", "keras/__init__.py,,", "keras/src/__init__.py,,", "keras-3.9.0/x,,")
    result = doctor(site, tmp_path)
    assert result.returncode == 1
    assert "The package keras 3.9.0 has written 2 files into the folder" in result.stdout
    assert "pip uninstall -y keras keras-classic" in result.stdout


def test_files_that_are_not_as_installed(site, tmp_path):
    distribution(site, "keras-classic", "9.9", "keras/__init__.py,sha256=AAAA,10", "keras/gone.py,sha256=AAAA,10")
    result = doctor(site, tmp_path)
    assert result.returncode == 1
    assert "2 files of keras-classic are missing or not as they were installed" in result.stdout


@pytest.mark.parametrize(
    "settings, message",
    [("{", "cannot be read"), ('{"floatx": "float8"}', "bad value for 'floatx'"), ("[1]", "ought to hold settings")],
)
def test_settings(site, tmp_path, settings, message):
    result = doctor(site, tmp_path, settings)
    assert result.returncode == 1
    assert message in result.stdout + result.stderr


def test_where_the_rest_has_been_overwritten(tmp_path):
    """Another package's __init__.py, and half of this one gone."""
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text("")
    (tmp_path / "keras" / "__main__.py").symlink_to(os.path.join(HERE, "__main__.py"))
    shutil.copytree(os.path.join(HERE, "cli"), tmp_path / "keras" / "cli")
    (tmp_path / "home").mkdir()
    # Without site, an installation of the source tree (pip install -e) does not help the half one out.
    path = os.pathsep.join([str(tmp_path), sysconfig.get_path("purelib")])
    result = command("doctor", cwd=tmp_path, options=["-S"], PYTHONPATH=path, KERAS_HOME=str(tmp_path / "home"))
    assert result.returncode == 1
    assert "Keras itself cannot be imported" in result.stdout


def test_devices_are_named_with_their_kind(monkeypatch):
    """A stand-in for a GPU, as JAX describes it."""
    jax = pytest.importorskip("jax")

    class Device:
        platform, device_kind = "gpu", "NVIDIA H100"

        def __str__(self):
            return "cuda:0"

    monkeypatch.setattr(jax, "devices", lambda: [Device()])
    assert _devices("jax") == ", on cuda:0 (NVIDIA H100)"


def test_a_backend_that_is_none(site, tmp_path):
    result = doctor(site, tmp_path, KERAS_BACKEND="no_such_engine")
    assert result.returncode == 1
    assert "no_such_engine" in result.stdout + result.stderr
