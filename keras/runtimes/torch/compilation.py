"""`torch.compile`, for those who ask for it: KERAS_TORCH_COMPILE=1 in the environment.

Nobody gets it unasked: it takes a minute for the training program of a small MLP, and what comes out is no faster on
a CPU (docs/runtimes.md has the figures).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import torch


def asked_for() -> bool:
    return os.environ.get("KERAS_TORCH_COMPILE", "0") not in ("", "0")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as `torch.compile` makes it; as it is, after a warning, where that fails."""
    for name in ("_uniform", "_fold"):  # random bits are computed by NumPy, in unsigned words that it does not shift
        function.__globals__[name] = torch.compiler.disable(function.__globals__[name])
    chosen = torch.compile(function)

    def call(*args: Any) -> Any:
        nonlocal chosen
        try:
            return chosen(*args)
        except torch._dynamo.exc.TorchDynamoException as error:
            failed = error
        result = function(*args)  # raises by itself if it is the arguments that are wrong
        chosen = function
        said = " ".join(line.strip() for line in str(failed).splitlines()[:2])
        _warn(f"{type(failed).__name__}: {said}")
        return result

    return call


_warned: list[str] = []


def _warn(said: str) -> None:
    """Once for a process: without a C++ compiler no program can be compiled."""
    if not _warned:
        _warned.append(said)
        warnings.warn(
            f"torch.compile failed ({said}). Programs that it cannot compile run as they do without "
            "KERAS_TORCH_COMPILE. Is there a C++ compiler?",
            stacklevel=3,
        )
