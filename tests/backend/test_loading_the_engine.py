"""The engine is imported when it is first needed, perhaps after `np.random.seed`: that changes nothing."""

import subprocess
import sys

SCRIPT = """
import numpy as np
from keras import backend as K
from keras.backend import config
np.random.seed(3)
before = np.random.get_state()
config.runtime()
after = np.random.get_state()
assert before[2] == after[2] and (before[1] == after[1]).all()
"""


def test_numpys_generator_stays_as_it_was_seeded():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
