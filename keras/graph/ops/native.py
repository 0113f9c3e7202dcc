"""Functions of the engine itself as operations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .. import dtypes
from ..primitive import Spec, primitive
from ..tensor import Dim, Tensor

# Sizes that stand for unknown ones while a function is tried out. Two have many divisors, for functions that
# take axes apart; 1 is less than what others cut off or compare with. Where results differ between the three, the
# size is unknown.
TRIED_SIZES = (48, 24, 1)


@primitive()
def native(*inputs: Tensor, function: Callable[..., Any], specs: tuple[Spec, ...]) -> list[Spec]:
    """What a function of the runtime's engine gives; `specs` says what that will be (see `infer`)."""
    return list(specs)


def infer(
    try_out: Callable[[list[tuple[tuple[Any, ...], str]]], list[Spec]],
    inputs: Sequence[Tensor],
    takes_none: bool = False,
) -> list[Spec]:
    """The shapes and dtypes of what a function gives, also for inputs whose sizes are not all known.

    Args:
        try_out: gives the result's shapes and dtypes for inputs' whole shapes and dtypes.
        inputs: the tensors; unknown sizes are tried with several numbers.
        takes_none: whether, if it takes none of them, unknown sizes may be tried as None.

    Raises:
        whatever the function raises, if it takes none of the sizes tried.
        ValueError: if for different sizes it gives different numbers of results.
    """
    known = all(x.shape.known for x in inputs)
    found: list[list[Spec]] = []
    failure: Exception | None = None
    for fill in (_plain, _matching):
        for size in TRIED_SIZES[:1] if known else TRIED_SIZES:
            try:
                with warnings.catch_warnings():
                    if not known:  # what it may say of sizes that are made up is of no interest
                        warnings.simplefilter("ignore")
                    found.append(try_out([(fill(x, inputs, size), x.dtype) for x in inputs]))
            except Exception as error:  # the function may want other sizes
                failure = failure or error
        if found or known:
            break
    if not found and takes_none:
        return [([*shape], dtype) for shape, dtype in try_out([(tuple(x.shape), x.dtype) for x in inputs])]
    if not found:
        assert failure is not None
        raise failure
    if len({len(specs) for specs in found}) > 1:
        raise ValueError("How many results the function gives depends on sizes that are unknown here.")
    alike = [specs for specs in found if _ranks(specs) == _ranks(found[0])]  # an axis of size 1 may have been dropped
    certain = known or len(alike) > 1
    return [_common(specs, certain) for specs in zip(*alike, strict=True)]


def _ranks(specs: Sequence[Spec]) -> list[int]:
    return [len(shape) for shape, _ in specs]


def _plain(x: Tensor, inputs: Sequence[Tensor], size: int) -> tuple[int, ...]:
    """The shape of x, unknown sizes being `size`."""
    return tuple(size if d is None else d for d in x.shape)


def _matching(x: Tensor, inputs: Sequence[Tensor], size: int) -> tuple[int, ...]:
    """The shape of x, unknown sizes being what another input has there: targets of a loss have unknown sizes,
    and functions that broadcast want those of the predictions."""
    alike = [y.shape for y in inputs if len(y.shape) == len(x.shape)]
    return tuple(next((d for d in sizes if d is not None), size) for sizes in zip(x.shape, *alike, strict=True))


def _common(specs: Sequence[Spec], certain: bool) -> Spec:
    """What several trials have in common: sizes that differ are unknown."""

    def size(*dims: Dim) -> Dim:
        return dims[0] if certain and len(set(dims)) == 1 else None

    return [size(*dims) for dims in zip(*(shape for shape, _ in specs), strict=True)], specs[0][1]


def as_list(result: Any) -> list[Any]:
    """One thing, or a list or tuple of several, as a list."""
    return list(result) if isinstance(result, (list, tuple)) else [result]


def in_table(convert: Callable[[Any, str], Any]) -> Callable[..., Any]:
    """A runtime's implementation of `native`, by how it makes an array (of a dtype; '' for any) of something."""

    def run(*inputs: Any, function: Callable[..., Any], specs: Sequence[Spec]) -> Any:
        results = as_list(function(*(convert(x, "") for x in inputs)))
        arrays = [convert(r, dtype) for r, (_, dtype) in zip(results, specs, strict=True)]
        return arrays[0] if len(arrays) == 1 else arrays

    return run


def spec_of(array: Any) -> Spec:
    """The shape and dtype of something like a NumPy array."""
    return tuple(array.shape), dtypes.canonical(array.dtype)
