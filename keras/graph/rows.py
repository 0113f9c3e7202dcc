"""What of a program can be computed for some rows of a batch alone, without a look at the others.

Each value is of a kind, found from those that it is made of; a value of none, and so the program, can't be divided:

    WHOLE   the same for each part: variables, constants
    ROWS    its first axis is the batch's: a part has its rows of it
    SIZES   numbers that follow from the size of the batch, for shapes alone
    SUM     the sum of what the parts have
    MEAN    the mean of what the parts have, which are all of one size

Shapes, with the whole batch and with a part of it, are a second witness: those of ROWS, and no others, differ, in the
first axis alone, and just as the batch does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from .nodes import Slot
from .program import Block, Instruction

WHOLE, ROWS, SIZES, SUM, MEAN = "whole", "rows", "sizes", "sum", "mean"
Shape = tuple[int, ...]

_ELEMENTWISE = frozenset((
    "absolute", "add", "cast", "ceil", "clip", "cos", "divide", "equal", "erf", "erf_inv", "exp", "expm1", "floor",
    "floor_divide", "greater", "greater_equal", "identity", "leaky_relu", "less", "less_equal", "log", "log1p",
    "logical_and", "logical_not", "logical_or", "maximum", "minimum", "mod", "multiply", "negative", "not_equal",
    "power", "relu", "round", "sigmoid", "sign", "sin", "softplus", "sqrt", "square", "stop_gradient", "subtract",
    "tanh", "where",
))  # fmt: skip
# Of one tensor, along axes that its attributes name; the result has the others.
_ALONG = {"softmax": "axis", "log_softmax": "axis", "argmax": "axis", "argmin": "axis", "cumsum": "axis",
          "cumprod": "axis", "repeat": "axis", "expand_dims": "axis", "squeeze": "axes", "flip": "axes",
          "logsumexp": "axes", "reduce_max": "axes", "reduce_min": "axes", "reduce_prod": "axes", "reduce_all": "axes",
          "reduce_any": "axes", "reduce_sum": "axes", "reduce_mean": "axes"}  # fmt: skip
_OVER_ALL = {"reduce_sum": SUM, "reduce_mean": MEAN}
# With SUM or MEAN given, the result is one too.
_LINEAR = frozenset(("negative", "identity", "stop_gradient", "reduce_sum", "reduce_mean", "reshape", "squeeze"))


class Undivided(Exception):
    """A program that needs the batch as a whole; says why."""


class Found:
    """What is known of a program's values.

    Args:
        kinds: of the slots that are given; those of what is made come to it.
        whole, part: the shapes of all slots, with the whole batch and with a part of it.
        hosts: the slots whose values are numbers known while a program is traced.
        parts: how many there are.
    """

    def __init__(
        self, kinds: dict[Slot, str], whole: Mapping[Slot, Shape], part: Mapping[Slot, Shape], hosts: Collection[Slot],
        parts: int,
    ) -> None:  # fmt: skip
        self.kinds = kinds
        self.whole = whole
        self.part = part
        self.hosts = hosts
        self.parts = parts
        for slot in kinds:
            self._check_shape(slot)

    def follow(self, instructions: Sequence[Instruction]) -> None:
        """Finds the kinds of all that the instructions make.

        Raises:
            Undivided: if they need the batch as a whole.
        """
        for instruction in instructions:
            if instruction.primitive == "gradients":
                self._gradients(instruction)
                continue
            kind = self._kind(instruction)
            for slot in instruction.outputs:
                self.kinds[slot] = kind
                self._check_shape(slot)

    def _gradients(self, instruction: Instruction) -> None:
        """Of sums or means over the batch, by what is the same for all parts: sums or means themselves."""
        block: Block = instruction.blocks[0]
        if any(self.kinds[slot] != WHOLE for slot in instruction.inputs):
            raise Undivided("a gradient by what belongs to the batch")
        self.kinds.update(dict.fromkeys(block.parameters, WHOLE))
        self.follow(block.instructions)
        # Of a result with more than one number the gradient is that of the sum.
        targets = {SUM if self.kinds[slot] == ROWS else self.kinds[slot] for slot in block.results}
        kind = targets.pop() if len(targets) == 1 else None
        if kind not in (SUM, MEAN):
            raise Undivided("a gradient of what is no sum and no mean over the batch")
        self.kinds.update(dict.fromkeys(instruction.outputs, kind))

    def _kind(self, instruction: Instruction) -> str:
        kinds = [self.kinds[slot] for slot in instruction.inputs]
        name = instruction.primitive
        if instruction.blocks:
            raise Undivided(f"the operation {name}")
        if name == "shape":
            return SIZES if kinds == [ROWS] else WHOLE
        if all(kind == WHOLE for kind in kinds):
            return WHOLE
        if SIZES in kinds and all(slot in self.hosts for slot in (*instruction.inputs, *instruction.outputs)):
            return SIZES
        rule = _RULES.get(name) or (_elementwise if name in _ELEMENTWISE else _along if name in _ALONG else None)
        kind = rule(self, instruction, kinds) if rule else None
        if kind is None:
            raise Undivided(f"{name} of {', '.join(kinds)} {instruction.attributes or ''}")
        return kind

    def rank(self, slot: Slot) -> int:
        return len(self.whole[slot])

    def _check_shape(self, slot: Slot) -> None:
        whole, part = self.whole.get(slot, ()), self.part.get(slot, ())
        if self.kinds[slot] == ROWS:
            part = (part[0] * self.parts, *part[1:]) if part else (0,)
        if whole != part:
            raise Undivided(f"{self.kinds[slot]} of shape {whole}, but {self.part.get(slot)} in a part")


_Rule = Callable[[Found, Instruction, list[str]], "str | None"]


def _elementwise(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    if set(kinds) <= {ROWS, WHOLE}:
        rank = found.rank(instruction.outputs[0])
        level = all(found.rank(s) == rank for s, kind in zip(instruction.inputs, kinds, strict=True) if kind == ROWS)
        return ROWS if level else None
    return _combined(instruction, kinds)


def _combined(instruction: Instruction, kinds: list[str]) -> str | None:
    """The kind of what is linear in sums or means."""
    name, others = instruction.primitive, {kind for kind in kinds if kind != WHOLE}
    if len(others) != 1 or not others <= {SUM, MEAN}:
        return None
    (kind,) = others
    if name in _LINEAR:
        return kind
    if name == "cast":
        return kind if "float" in str(instruction.attributes["dtype"]) else None
    if name in ("add", "subtract"):  # what is the same in all parts is its own mean
        return kind if kind == MEAN or WHOLE not in kinds else None
    if name == "multiply":
        return kind if kinds.count(kind) == 1 else None
    return kind if name == "divide" and kinds[1] == WHOLE else None


def _along(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    if kinds[0] != ROWS:
        return _combined(instruction, kinds)
    axes = instruction.attributes[_ALONG[instruction.primitive]]
    rank = found.rank(instruction.inputs[0]) + (instruction.primitive == "expand_dims")
    first = 0 in [axis % rank for axis in ((axes,) if isinstance(axes, int) else axes)]
    return _OVER_ALL.get(instruction.primitive) if first else ROWS


def _product(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    contract, batch = instruction.attributes["contract"], instruction.attributes["batch"]
    contracted, together = [0 in axes for axes in contract], [tuple(axes[:1]) == (0,) for axes in batch]
    if kinds == [ROWS, WHOLE]:
        return ROWS if not batch[0] and not contracted[0] else None
    if kinds == [ROWS, ROWS] and all(together):
        return ROWS
    return None


def _gathered(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    """Rows of a table, or along a later axis of what has rows."""
    axis = instruction.attributes.get("axis", 0)
    if kinds == [WHOLE, ROWS]:
        return ROWS if axis == 0 else None
    return ROWS if kinds == [ROWS, WHOLE] and axis % found.rank(instruction.inputs[0]) else None


def _reshaped(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    """Rows lie one after the other, so that the shapes tell."""
    return ROWS if kinds[0] == ROWS else _combined(instruction, kinds) if kinds[1] == WHOLE else None


def _broadcast(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    rank = found.rank(instruction.outputs[0])
    if kinds[0] == WHOLE:
        x = found.whole[instruction.inputs[0]]
        return ROWS if len(x) < rank or x[0] == 1 else None
    return ROWS if kinds[0] == ROWS and found.rank(instruction.inputs[0]) == rank else None


def _joined(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    later = instruction.attributes["axis"] % found.rank(instruction.outputs[0])
    return ROWS if later and set(kinds) == {ROWS} else None


def _cut(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    later = instruction.attributes["axis"] % found.rank(instruction.inputs[0])
    return ROWS if later and kinds == [ROWS] else None


def _indexed(found: Found, instruction: Instruction, kinds: list[str]) -> str | None:
    """The whole first axis, and anything of the others that is the same for all."""
    whole = all(item[:4] == ("slice", None, None, None) for item in instruction.attributes["key"][:1])
    return ROWS if whole and kinds == [ROWS] else None


_RULES: dict[str, _Rule] = {
    "dot_general": _product,
    "gather": _gathered,
    "reshape": _reshaped,
    "broadcast_to": _broadcast,
    "concatenate": _joined,
    "index": _indexed,
    "random_uniform": lambda found, instruction, kinds: ROWS,  # those that the whole batch's array has there
    "one_hot": lambda found, instruction, kinds: ROWS if kinds == [ROWS] else None,
    "in_top_k": lambda found, instruction, kinds: ROWS if kinds == [ROWS, ROWS] else None,
    "transpose": lambda found, i, kinds: ROWS if kinds == [ROWS] and i.attributes["permutation"][0] == 0 else None,
    "split": _cut,
    "pad": lambda found, i, kinds: ROWS if kinds == [ROWS] and not any(i.attributes["pads"][0]) else None,
}

