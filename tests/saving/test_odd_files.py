"""Files that are none, and architectures of very many layers."""

import json
import os

import pytest

from keras.layers import Dense
from keras.models import Sequential, load_model
from keras.saving import check
from keras.saving.describe import describe


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes in folders")
@pytest.mark.parametrize("read", [load_model, Sequential([Dense(1, input_shape=(2,))]).load_weights, describe])
def test_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(OSError, match="a device or a pipe"):
        read(str(tmp_path / "pipe.h5"))


def test_a_class_is_looked_at_once(monkeypatch):
    """However many of its layers a file has: 200,000 took a minute."""
    looked = []
    real = check.inspect.signature
    monkeypatch.setattr(check.inspect, "signature", lambda function: looked.append(function) or real(function))
    check.arguments_of.cache_clear()
    layers = [{"class_name": "Dense", "config": {"name": f"layer_{number}", "units": 1}} for number in range(50)]
    describe(json.dumps({"class_name": "Sequential", "config": {"layers": layers}}).encode())
    assert 0 < len(looked) < 10


def test_a_checkpoint_of_tensorflow_is_named(tmp_path):
    (tmp_path / "ckpt.index").write_bytes(b"x")
    with pytest.raises(FileNotFoundError, match=r"checkpoint of TensorFlow \(ckpt.index.*save_weights"):
        Sequential([Dense(1, input_shape=(1,))]).load_weights(str(tmp_path / "ckpt"))
