"""Another package named keras in our folder is noticed when keras is imported."""

import pathlib
import shutil
import subprocess
import sys

import pytest

import keras
from keras import _beside


def test_nothing_is_said_of_our_own_files(recwarn):
    assert _beside.found() == []
    _beside.notice()
    assert not recwarn.list


@pytest.mark.parametrize("theirs", ["src/__init__.py", "distribute/__init__.py", "backend/theano_backend.py"])
def test_files_of_others_are_noticed(tmp_path, theirs):
    (tmp_path / theirs).parent.mkdir()
    (tmp_path / theirs).touch()
    assert len(_beside.found(tmp_path)) == 1
    with pytest.warns(UserWarning, match="pip uninstall -y keras keras-classic"):
        _beside.notice(tmp_path)


def test_the_notice_comes_with_the_import(tmp_path):
    home = pathlib.Path(keras.__file__).parent
    shutil.copytree(home, tmp_path / "keras", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "keras" / "src").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", "import keras"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"KERAS_BACKEND": "numpy", "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert "Another package named keras" in run.stderr and "README" in run.stderr
