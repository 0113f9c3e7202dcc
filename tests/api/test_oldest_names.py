"""Names on paths that only Keras 2.0 to 2.2 had."""

import importlib

import pytest

NAMES = {
    "keras.engine.training": {
        "GeneratorEnqueuer": "keras.utils.data_utils", "OrderedEnqueuer": "keras.utils.data_utils",
        "Sequence": "keras.utils.data_utils", "_standardize_weights": "keras.engine.training_utils",
        "_check_loss_and_target_compatibility": "keras.engine.training_utils",
    },
    "keras.layers": {
        "SeparableConvolution1D": "keras.layers.convolutional", "SeparableConvolution2D": "keras.layers.convolutional",
    },
}  # fmt: skip


@pytest.mark.parametrize("path, name, home", [(p, n, h) for p, names in NAMES.items() for n, h in names.items()])
def test_name(path, name, home):
    found = getattr(importlib.import_module(path), name)
    assert found is getattr(importlib.import_module(home), name.lstrip("_"))
