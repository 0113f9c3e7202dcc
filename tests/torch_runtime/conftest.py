"""These tests are about the PyTorch runtime: collected where it runs (KERAS_BACKEND=torch)."""

import os

collect_ignore_glob = [] if os.environ.get("KERAS_BACKEND") == "torch" else ["test_*.py"]

if not collect_ignore_glob:
    import torch

    # Several test processes with as many threads each as there are cores wait for one another.
    torch.set_num_threads(1)
