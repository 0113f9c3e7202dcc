"""Nothing in a stranger's file takes unbounded memory or time.

Weaknesses published for other loaders: CVE-2026-0897 (shapes declared in HDF5), bombs in zip and npz files, and
configurations that grow while a model is built from them.
"""

import io
import json
import os
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from keras.datasets.safe_files import load_npz

HERE = os.path.dirname(__file__)
ROOT = os.path.dirname(os.path.dirname(HERE))


@pytest.fixture(scope="module")
def ends():
    """{bomb: how opening it ended} in a process that may take 1 GiB more than it has."""
    path = os.pathsep.join([ROOT, HERE])
    result = subprocess.run(
        [sys.executable, os.path.join(HERE, "bombs.py")],
        env={**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return {name: end for name, _, end in map(json.loads, result.stdout.splitlines())}


# These only describe something large: it is never made before its weights are asked for.
HARMLESS = {"wide layer", "wide recurrent layer", "wide, both ways", "large bias", "large identity"}


def test_every_bomb_is_refused_within_a_gigabyte(ends):
    assert len(ends) > 25
    wrong = {
        name: end
        for name, end in ends.items()
        if not end.startswith(("ValueError", "UnsafeFileError", "CorruptFileError", "Untranslatable", "TooManyOp"))
        and not (name in HARMLESS and end == "loaded")
    }
    assert not wrong


@pytest.mark.parametrize(
    "name, message",
    [
        ("shape", "only 0 bytes are stored"),
        ("shape, compressed", "exhaust memory"),
        ("chunk larger than itself", "unpacks to more"),
        ("compressed twice", "compressed more than once"),
        ("lzf of any size", "lzf chunks"),
        ("zip: weights that are a bomb", "only 0 bytes are stored"),
        ("one text named often", "exhaust memory"),
        ("zip: weights", "exhaust memory"),
        ("unrolled", "more operations"),
        ("twice within itself", "more operations"),
        ("yaml: merged nine times", "merge keys"),
        ("yaml: nine times nine", "more than"),
    ],
)
def test_the_message_says_why(ends, name, message):
    assert re.search(message, ends[name])


def test_an_npz_file_that_declares_more_than_it_holds(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("x.npy", header.getvalue())
    with pytest.raises(ValueError, match="declares"):
        load_npz(tmp_path / "x.npz")
