"""Models that Keras 1.2 to 3 and tf.keras saved: they load, predict, evaluate and train as they did there.

The records and what they hold are described in tests/data/golden/README.md; `python -m tests.golden FOLDER` runs
the same checks on any folder of them.
"""

import os

import pytest
from golden import check, records

pytestmark = pytest.mark.usefixtures("quick_compiler")
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "golden")


@pytest.mark.parametrize("name", records.names(FOLDER))
def test_record(name):
    findings = check.check(records.read(FOLDER, name))
    assert [finding.text for finding in findings if not finding.by_design] == []


def test_what_differs_by_design_is_said(capsys):
    from golden.__main__ import main

    assert main([FOLDER, "dense_linear", "activity_regularization_layer"]) == 0
    printed = capsys.readouterr().out
    assert "2 passed, 0 failed, 1 with differences by design" in printed
    assert "activity_regularization_layer: train: largest difference" in printed


def test_a_difference_is_found(tmp_path, capsys):
    import json
    import shutil

    import numpy as np
    from golden.__main__ import main

    shutil.copy(os.path.join(FOLDER, "dense_linear.h5"), tmp_path)
    arrays = dict(np.load(os.path.join(FOLDER, "dense_linear.npz")))
    arrays["y0"] = arrays["y0"] + 0.01
    np.savez(tmp_path / "dense_linear.npz", **arrays)
    fields = [item for item in records.manifest(FOLDER) if item["name"] == "dense_linear"]
    (tmp_path / "manifest.json").write_text(json.dumps({"cases": fields}))
    assert main([str(tmp_path)]) == 1
    assert "FAILED dense_linear: y0: largest difference 0.01" in capsys.readouterr().out
