"""Tensors and variables of TensorFlow beside ours.

Of a graph of TensorFlow 1 (after `tf.disable_v2_behavior()`, or within `tf.Graph().as_default()`) placeholders and
variables get a placeholder or a variable of ours, always the same one, which is fed and trained in their place; what is
computed from them is copied into our programs. A `tf.Variable` of TensorFlow 2 is one of ours whose value lies there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph import dtypes, ops
from ...graph.tensor import DeferredConstant, Placeholder, Tensor, Variable, adopt_with
from ..contract import stored_dtype
from .scopes import in_version_2

_RUN = tf.compat.v1.Session.run  # before anybody puts another in its place
_PLACEHOLDERS = ("Placeholder", "PlaceholderWithDefault")
_READS = ("ReadVariableOp", "Identity")  # of a variable: the value that all its reads give


def adopted(value: Any) -> Any:
    """A symbolic tensor of ours for a tensor of a graph or a `tf.Variable`; anything else as it is.

    Raises:
        ValueError: if a program of ours cannot compute it.
    """
    if isinstance(value, tf.Variable):
        return _of_variable(value)
    return _of_tensor(value) if _of_graph(value) else value


def is_followed(value: Any) -> bool:
    """Whether our programs know a newer value of it than TensorFlow's graph does: it depends on variables of ours."""
    if isinstance(value, tf.Variable):
        return not _is_of_version_2(value) and value.op.name in _known(value.graph)
    variables = [] if not _of_graph(value) else [v for v in _known(value.graph).values() if isinstance(v, Variable)]
    return bool(variables) and any(_known(value.graph).get(op.name) in variables for op in _above(value.op))


def _of_graph(value: Any) -> bool:
    """Whether it is a tensor in a graph of the user's, and not in a function that is being traced."""
    graph = value.graph if isinstance(value, tf.Tensor) and not hasattr(value, "numpy") else None
    return graph is not None and not graph.building_function


def _known(graph: Any) -> dict[str, Tensor]:
    """What was made for the tensors and variables of a graph, by the names of their operations (and outputs)."""
    if not hasattr(graph, "_known_to_keras"):
        graph._known_to_keras = {}
    return graph._known_to_keras  # type: ignore[no-any-return]


def _of_tensor(value: Any) -> Tensor:
    known = _known(value.graph)
    if value.name not in known:
        kind = value.op.type
        if kind == "Placeholder":
            shape = () if value.shape.rank is None else _shape(value)
            known[value.name] = Placeholder(shape, _dtype(value), value.name)
        elif (variable := _variable_read(value)) is not None:
            known[value.name] = _of_variable(variable)
        else:
            together = list(value.op.outputs) if value.op.op_def.is_stateful else [value]
            known.update(zip([x.name for x in together], _imported(together), strict=True))
    return known[value.name]


def _of_variable(variable: Any) -> Variable:
    if _is_of_version_2(variable):
        if not hasattr(variable, "_known_to_keras"):
            variable._known_to_keras = _Borrowed(variable)
        return variable._known_to_keras  # type: ignore[no-any-return]
    known = _known(variable.graph)
    name = variable.op.name
    if name not in known:
        first = DeferredConstant(lambda: _present(variable), _shape(variable), _dtype(variable))
        found = known[name] = Variable(_shape(variable), _dtype(variable), variable.name, first)
        found.start, found.trainable = None, variable.trainable
    return known[name]  # type: ignore[return-value]


def _is_of_version_2(variable: Any) -> bool:
    return hasattr(variable, "handle") and hasattr(variable.handle, "numpy")


def _present(variable: Any) -> np.ndarray:
    """The value of a graph's variable: in the session that is open, where it has one there, or else its first one."""
    session = tf.compat.v1.get_default_session()
    if session is not None and session.graph is variable.graph:
        try:
            return _RUN(session, variable)  # type: ignore[no-any-return]
        except tf.errors.FailedPreconditionError:  # not initialised
            pass
    with tf.compat.v1.Session(graph=variable.graph) as session:
        return _RUN(session, variable.initial_value)  # type: ignore[no-any-return]


class _Borrowed(Variable):
    """A `tf.Variable` of TensorFlow 2: what changes here changes there."""

    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs
        super().__init__(_shape(theirs), _dtype(theirs), theirs.name)
        self.trainable = theirs.trainable

    @property
    @in_version_2
    def storage(self) -> Any:
        return tf.cast(self._theirs.read_value(), stored_dtype(self).name)

    @storage.setter
    @in_version_2
    def storage(self, value: Any) -> None:
        if value is not None:
            self._theirs.assign(tf.cast(value, self._theirs.dtype))


def _variable_read(value: Any) -> Any:
    """The variable that a tensor is the value of; None for other tensors.

    Raises:
        ValueError: where it is a variable that the graph does not list.
    """
    op = value.op
    source = op.inputs[0].op if op.type in _READS and len(op.inputs) else op
    if source.type not in ("VarHandleOp", "VariableV2", "Variable"):
        return None
    for variables in value.graph.collections:
        for found in value.graph.get_collection(variables):
            if isinstance(found, tf.Variable) and found.op.name == source.name:
                return found
    raise ValueError(f"The value of {value!r} comes from {source.name!r} ({source.type}), which is no tf.Variable.")


def _above(op: Any) -> Iterator[Any]:
    """An operation and those that it is computed from."""
    seen, waiting = {op.name}, [op]
    while waiting:
        op = waiting.pop()
        yield op
        new = {x.op.name: x.op for x in op.inputs if x.op.name not in seen}
        seen.update(new)
        waiting.extend(new.values())


def _is_leaf(x: Any) -> bool:
    """Whether it is to be the same in all that is computed from it: what is fed, trained or drawn at random."""
    if x.dtype in (tf.resource, tf.variant):
        return False
    special = x.op.type in _PLACEHOLDERS or x.op.op_def.is_stateful
    return special or x.name in _known(x.graph) or _variable_read(x) is not None


def _imported(wanted: list[Any]) -> list[Tensor]:
    """What a graph computes, as an operation of ours on what its placeholders and variables are here.

    Raises:
        ValueError: for what an iterator over data gives, which has a place in the session.
    """
    kept: dict[str, Any] = {}
    leaves: dict[str, Tensor] = {}
    waiting = list(wanted)
    while waiting:
        x = waiting.pop()
        if "Iterator" in x.op.type:
            raise ValueError(
                f"{x!r} is given by {x.op.name!r} ({x.op.type}), which a Keras model cannot see: train by "
                "model.fit(dataset), or feed a placeholder with session.run(batch)."
            )
        if all(x is not y for y in wanted) and _is_leaf(x):
            leaves[x.name] = _of_tensor(x)
        elif x.op.name not in kept:
            kept[x.op.name] = x.op
            waiting.extend(x.op.inputs)
    graph = wanted[0].graph.as_graph_def()
    nodes = [node for node in graph.node if node.name in kept]
    del graph.node[:]
    for node in nodes:
        inputs = [name for name in node.input if not name.startswith("^") or name[1:] in kept]
        del node.input[:]
        node.input.extend(inputs)
        node.attr.pop("_class", None)  # beside which other node it shall be
        graph.node.append(node)

    def again(*values: Any) -> Any:
        given = dict(zip(leaves, values, strict=True))
        return tf.graph_util.import_graph_def(graph, given, [x.name for x in wanted], name="")

    # A function of TensorFlow has a gradient; operations that are imported where a tape looks on have none.
    given = [tf.TensorSpec(tuple(x.shape), x.dtype) for x in leaves.values()]
    function = in_version_2(tf.compat.v1.wrap_function)(again, given)
    specs = tuple((_shape(x), _dtype(x)) for x in wanted)
    return ops.native(*leaves.values(), function=function, specs=specs)  # type: ignore[no-any-return]


def _shape(value: Any) -> tuple[int | None, ...]:
    """Its shape.

    Raises:
        ValueError: if it is not known how many axes there are.
    """
    shape = tf.TensorShape(value.shape)
    if shape.rank is None:
        raise ValueError(f"{value!r} has no shape that Keras could use: give it one, such as (None, 784).")
    return tuple(shape.as_list())


def _dtype(value: Any) -> str:
    return dtypes.named(value.dtype.base_dtype.name)


adopt_with(lambda value: None if (found := adopted(value)) is value else found)
