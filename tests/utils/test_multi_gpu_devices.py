"""multi_gpu_model on several devices at the same time: JAX, on a CPU divided into four.

JAX divides the CPU when it starts, so all that is to be known is computed by one process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras import backend as K

ROOT = Path(__file__).parents[2]
TEMPLATES = ("normalized", "recurrent", "applied_twice")

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="JAX computes parts at the same time")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What `multi_gpu_program.py` finds out with four devices."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    environment["KERAS_BACKEND"] = "jax"
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("multi_gpu_program.py"))], env=environment,
        cwd=tmp_path_factory.mktemp("devices"), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("template", TEMPLATES)
def test_same_numbers_as_in_turn(template, found):
    """Losses, metrics and weights, also for a batch whose parts differ in size, and with dropout, whose masks
    come from the same seeds."""
    for together, in_turn in zip(found[template]["together"], found[template]["in turn"], strict=True):
        np.testing.assert_allclose(together, in_turn, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("template", TEMPLATES)
def test_training_is_one_parallel_instruction(template, found):
    """With nothing of the template left outside."""
    assert found[template]["instructions"] == {"together": 1, "in turn": 0}
    assert found[template]["costly outside"] == 0


def test_losses_are_those_of_the_single_model(found):
    np.testing.assert_allclose(found["losses"]["parallel"], found["losses"]["single"], rtol=1e-5)


def test_parts_lie_on_devices_of_their_own(found):
    assert found["places"] == [[0, [0, 2]], [1, [2, 4]], [2, [4, 6]], [3, [6, 8]]]


def test_chosen_devices(found):
    assert found["chosen"] == [[1, [3, 6]], [3, [0, 3]]]  # in the order of `gpus=[3, 1]`


def test_parts_run_at_the_same_time(found):
    """Each waits for the three others."""
    assert found["met"] == 4


def test_weights_stay_on_one_device_for_others(found):
    """The template predicts on the default device, whichever devices trained it."""
    assert found["template's devices"] == {"all": [0], "chosen": [0]}


def test_weights_set_from_outside_reach_all_devices(found):
    assert found["after set_weights"] == [[1.0, 1.0]] * 4


def test_gradients_by_what_is_inside(found):
    """A function may ask for what the parts compute on the way: then they are computed in turn."""
    np.testing.assert_allclose(found["inner gradients"]["together"], found["inner gradients"]["in turn"], rtol=1e-5)
