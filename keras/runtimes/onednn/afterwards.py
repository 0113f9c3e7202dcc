"""What is done to each number of a convolution's result before it is written down.

Batch normalisation, an addition of another branch and a ReLU behind a convolution so cost no passes through memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .library import Handle, Library
from .operation import dense

# Numbers of dnnl_types.h.
_LINEAR = 0x26
_BINARY = {"add": 0x1FFF0, "multiply": 0x1FFF1, "subtract": 0x1FFF5}
_SECOND, _WEIGHTS, _OF_STEP = 2, 33, 32768

# (name, what of): the names of `_BINARY` with a number for each "channel" or an array of the result's "shape";
# ("relu", 0.0); ("minimum", number).
Step = tuple[str, str | float]

_zero = np.zeros(16, np.float32)


class Afterwards:
    """Steps as oneDNN has them.

    Attributes:
        attribute: for the description of the primitive.
        inputs: argument and layout of the arrays that the steps read, in order.
        constants: argument, layout and address of those that are always the same.
    """

    def __init__(self, library: Library, steps: Sequence[Step], channels: Handle, shape: Handle) -> None:
        self._library = library
        self._layouts = {"channel": channels, "shape": shape}
        self._steps = library.make("dnnl_post_ops_create")
        self._count = 0
        self.inputs: list[tuple[int, Handle]] = []
        self.constants: list[tuple[int, Handle, int]] = []
        for name, of in steps:
            if isinstance(of, str):
                self._binary(name, of)
            elif name == "relu":
                self._relu()
                self._linear(1.0, 0.0)  # makes 0 of -0
            else:
                self._minimum(of)
        self.attribute = library.with_steps(self._steps)

    def _binary(self, name: str, of: str) -> None:
        layout = self._layouts[of]
        self._library.append("binary", self._steps, _BINARY[name], layout)
        self.inputs.append((self._argument(_SECOND), layout))
        self._count += 1

    def _relu(self) -> None:
        """As a PReLU, since oneDNN's ReLU makes 0 of what is no number. Of minus infinity this one makes NaN."""
        self._library.append("prelu", self._steps, 0)
        layout = dense(self._library, (1,), (0,))
        self.constants.append((self._argument(_WEIGHTS), layout, _zero.ctypes.data))
        self._count += 1

    def _linear(self, scale: float, shift: float) -> None:
        self._library.append("eltwise", self._steps, _LINEAR, scale, shift)
        self._count += 1

    def _minimum(self, most: float) -> None:
        """most - relu(most - x), for the same reason."""
        self._linear(-1.0, most)
        self._relu()
        self._linear(-1.0, most)

    def _argument(self, number: int) -> int:
        return _OF_STEP * (self._count + 1) | number
