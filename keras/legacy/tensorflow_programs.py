"""What programs for TensorFlow 1 do with our tensors: `tf.Session.run`, `tf.placeholder`, `optimizer.minimize`.

Imported where TensorFlow is the runtime. TensorFlow's own functions of these names are replaced by ones that know what
is ours, and do with everything else what they ever did.
"""

import functools
import importlib
import os
import re
import warnings
from contextlib import contextmanager, nullcontext

import tensorflow as tf
from tensorflow.python.client.session import BaseSession  # of `tf.Session` and `tf.InteractiveSession`
from tensorflow.python.framework import graph_util

from .. import backend as K
from ..backend import functions
from ..backend.session import Session, Step, knowing_ours
from ..backend.variables import Initialization, list_tensor, listed_tensors
from ..graph import ordering
from ..graph.program import build
from ..graph.tensor import Tensor, Variable, adopted, as_tensor, operations_by_name, topological
from ..optimizers import TFOptimizer
from ..runtimes.recording import record, symbolic
from ..runtimes.tensorflow import RUNTIME, old_graphs
from ..runtimes.tensorflow.frozen import frozen
from .tensorflow_checkpoints import Checkpoints

# `import tensorflow.compat.v1` makes modules of its own, other than `tf.compat.v1` was before.
_MODULES = list(dict.fromkeys([tf.compat.v1, importlib.import_module("tensorflow.compat.v1")]))


def _replace(holder, name):
    """Puts a function of this name, made of the one that is there, in its place (decorator)."""

    def put(make):
        theirs = getattr(holder, name)
        if not hasattr(theirs, "__wrapped_by_keras__"):
            ours = functools.wraps(theirs)(make(theirs))
            ours.__wrapped_by_keras__ = True
            setattr(holder, name, ours)
        return make

    return put


def _replace_in_modules(name):
    def put(make):
        for module in _MODULES:
            _replace(module, name)(make)
        return make

    return put


def _is_ours(value):
    return isinstance(value, (Tensor, K.Update, Step)) or old_graphs.is_followed(value)


def _updates(value):
    """The updates among anything nested."""
    if isinstance(value, Step):
        return value.updates
    nested = isinstance(value, (list, tuple)) and not isinstance(value, K.Update)
    return [x for item in value for x in _updates(item)] if nested else functions.updates_among(value)


def _so_far():
    """What comes first in the open scopes of `tf.control_dependencies`."""
    return [K.Update(*pair) for pair in ordering.current()]


# Placeholders, which have no place where TensorFlow computes at once.


@_replace_in_modules("placeholder")
def _placeholder(theirs):
    def placeholder(dtype, shape=None, name=None):
        if not tf.executing_eagerly():
            return theirs(dtype, shape, name)
        rank = tf.TensorShape(shape).rank
        return K.placeholder(tuple(tf.TensorShape(shape)) if rank else (), dtype=tf.as_dtype(dtype).name, name=name)

    return placeholder


@_replace_in_modules("placeholder_with_default")
def _placeholder_with_default(theirs):
    def placeholder_with_default(input, shape, name=None):
        return K.identity(as_tensor(input)) if tf.executing_eagerly() else theirs(input, shape, name)

    return placeholder_with_default


# Training.


@_replace(tf.compat.v1.train.Optimizer, "compute_gradients")
def _compute_gradients(theirs):
    def compute_gradients(self, loss, var_list=None, *args, grad_loss=None, **kwargs):
        if not (_is_ours(loss) or any(map(_is_ours, var_list or ()))):
            return theirs(self, loss, var_list, *args, grad_loss=grad_loss, **kwargs)
        loss = adopted(loss)
        given = _trained(loss) if var_list is None else list(var_list)
        found = tf.compat.v1.gradients([loss], [adopted(v) for v in given], grad_loss)
        return list(zip(found, given))

    return compute_gradients


def _trained(loss):
    """The variables that a loss depends on and that are for training, in the order in which they were made."""
    found = [x for x in topological([loss]) if isinstance(x, Variable) and x.trainable and "float" in x.dtype]
    if not found:
        raise ValueError(f"No variables to optimize: the loss {loss!r} depends on none.")
    return found


@_replace(tf.compat.v1.train.Optimizer, "apply_gradients")
def _apply_gradients(theirs):
    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        pairs = list(grads_and_vars)
        if not any(_is_ours(x) for pair in pairs for x in pair):
            return theirs(self, pairs, global_step, name)
        known = [(adopted(g), adopted(v)) for g, v in pairs if g is not None]
        updates = TFOptimizer(self).updates_for([g for g, _ in known], [v for _, v in known])
        if global_step is not None:
            updates = [*updates, K.update_add(adopted(global_step), 1)]
        return Step(updates, name or self.get_name())

    return apply_gradients


@_replace_in_modules("group")
def _group(theirs):
    def group(*inputs, **kwargs):
        found = _updates(inputs)
        if any(isinstance(x, Initialization) for x in inputs):
            return _Start([], *(x for x in inputs if not _updates(x)), Step(found))
        return Step([*_so_far(), *found], kwargs.get("name")) if found else theirs(*inputs, **kwargs)

    return group


@_replace_in_modules("no_op")
def _no_op(theirs):
    def no_op(name=None):
        found = _so_far()
        return Step(found, name) if found else theirs(name)

    return no_op


def _control_dependencies(theirs):
    @contextmanager
    def control_dependencies(control_inputs):
        given = control_inputs if isinstance(control_inputs, (list, tuple)) else [control_inputs]
        others = [x for x in given if not _updates(x) and not symbolic(x)]
        with K.control_dependencies(None if control_inputs is None else _updates(given)):
            with theirs(None if control_inputs is None else others):
                yield

    return control_dependencies


for _module in [tf, *_MODULES]:
    _replace(_module, "control_dependencies")(_control_dependencies)


# Sessions: any of TensorFlow's runs what is ours.


def _is_for_ours(fetch):
    """Whether it depends on variables that are ours, or is done already: also None, what an initializer is where
    TensorFlow computes at once."""
    return fetch is None or callable(getattr(fetch, "numpy", None)) or old_graphs.is_followed(fetch)


BaseSession.run = knowing_ours(BaseSession.run, _is_for_ours)
Session.graph = property(lambda self: tf.compat.v1.get_default_graph())


# For TensorFlow alone: the graph with the weights in it, a SavedModel.


def _convert_variables_to_constants(theirs):
    def convert_variables_to_constants(sess, input_graph_def, output_node_names, *args, **kwargs):
        weights = {v.op.name for v in _listed()}  # asked for by recipes for graphs where these were nodes
        wanted = list(dict.fromkeys(name.partition(":")[0] for name in output_node_names if name not in weights))
        found = {name: operations_by_name[name] for name in wanted if name in operations_by_name}
        if not found:
            return theirs(sess, input_graph_def, output_node_names, *args, **kwargs)
        if missing := [name for name in wanted if name not in found]:
            raise ValueError(f"No operations are named {missing}: take `tensor.op.name` of the model's outputs.")
        return _frozen([operation.outputs[0] for operation in found.values()])

    return convert_variables_to_constants


def _frozen(outputs):
    placeholders = [x for x in topological(outputs) if K.is_placeholder(x) and x is not functions._PHASE]
    program = build(placeholders, outputs, [], functions._PHASE, 0)
    return frozen(program, [x.op.name for x in outputs])


def _simple_save(theirs):
    def simple_save(session, export_dir, inputs, outputs, legacy_init_op=None):
        if not symbolic([inputs, outputs]):
            return theirs(session, export_dir, inputs, outputs, legacy_init_op)
        from ..export.saved_model import write_program

        fed, wanted = ([adopted(x) for x in named.values()] for named in (inputs, outputs))
        os.makedirs(os.path.dirname(os.path.abspath(export_dir)), exist_ok=True)
        write_program(build(fed, wanted, [], functions._PHASE, 0), export_dir, list(inputs), list(outputs))

    return simple_save


for _module in _MODULES:
    _replace(_module.saved_model, "simple_save")(_simple_save)
    _replace(_module.graph_util, "convert_variables_to_constants")(_convert_variables_to_constants)
# Where the recipe of most programs takes it from; it is no longer there.
graph_util.convert_variables_to_constants = tf.compat.v1.graph_util.convert_variables_to_constants


# Summaries: what they give is bytes, for `writer.add_summary`.


def _summary(theirs):
    def quiet(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Cannot activate TF2")  # nobody asked for that
            # In a function of its own no other operation takes the name, which the summary's tag is.
            return tf.function(lambda: theirs(*args, **kwargs), autograph=False)()

    def summary(*args, **kwargs):
        known = symbolic((args, kwargs))
        if not known:
            return theirs(*args, **kwargs)
        made = record(RUNTIME, quiet, args, kwargs)
        vars(known[0]).setdefault("_summaries", []).append(made)  # lives as long as what it is about
        list_tensor(made)
        return made

    return summary


def _merge(theirs):
    def merge(inputs, *args, **kwargs):
        return record(RUNTIME, theirs, [inputs, *args], kwargs) if symbolic(inputs) else theirs(inputs, *args, **kwargs)

    return merge


def _merge_all(theirs):
    def merge_all(key=tf.compat.v1.GraphKeys.SUMMARIES, *args, **kwargs):
        ours = [x for x in listed_tensors() if not isinstance(x, Variable)]
        if not ours or key != tf.compat.v1.GraphKeys.SUMMARIES:
            return theirs(key, *args, **kwargs)
        return tf.compat.v1.summary.merge([*ours, *tf.compat.v1.get_collection(key)])

    return merge_all


for _module in _MODULES:
    for _name in ("scalar", "histogram", "image", "audio", "text"):
        _replace(_module.summary, _name)(_summary)
    _replace(_module.summary, "merge")(_merge)
    _replace(_module.summary, "merge_all")(_merge_all)


@_replace(tf.compat.v1.summary.FileWriter, "__init__")
def _open_writer(theirs):
    def __init__(self, *args, **kwargs):
        with nullcontext() if not tf.executing_eagerly() else tf.Graph().as_default():  # only there it may be made
            theirs(self, *args, **kwargs)

    return __init__


# Lists of variables, their first values, their checkpoints.


class _Start(Initialization):
    """What `tf.global_variables_initializer()` and its like give: variables begin anew, ours and TensorFlow's.

    Ours do as `variable.initializer.run()` has it, those that have begun and whose beginning is kept.
    """

    def __init__(self, variables, *others):
        self.variables, self.others = variables, others

    def run(self, feed_dict=None, session=None):
        for variable in self.variables:
            if variable.storage is not None and variable.start is not None:
                variable.initializer.run()
        session = session or tf.compat.v1.get_default_session()
        for other in self.others:
            if isinstance(other, (Initialization, Step)) or (other is not None and session is not None):
                other.run(session=session)


def _listed(scope=None, only_for_training=False):
    """Variables of ours, those whose names begin as a scope says."""
    found = [x for x in listed_tensors() if isinstance(x, Variable) and (x.trainable or not only_for_training)]
    return [v for v in found if scope is None or re.match(scope, v.name)]


@_replace_in_modules("trainable_variables")
def _trainable_variables(theirs):
    return lambda scope=None: [*_listed(scope, only_for_training=True), *theirs(scope)]


@_replace_in_modules("global_variables")
def _global_variables(theirs):
    return lambda scope=None: [*_listed(scope), *theirs(scope)]


@_replace_in_modules("variables_initializer")
def _variables_initializer(theirs):
    def variables_initializer(var_list, *args, **kwargs):
        ours = [v for v in var_list if isinstance(v, Variable)]
        others = theirs([v for v in var_list if not isinstance(v, Variable)], *args, **kwargs)
        return _Start(ours, others) if ours else others

    return variables_initializer


for _name in ("global_variables_initializer", "initialize_all_variables"):

    @_replace_in_modules(_name)
    def _global_variables_initializer(theirs):
        return lambda: _Start(_listed(), theirs())


@_replace_in_modules("get_collection")
def _get_collection(theirs):
    def get_collection(key, scope=None):
        keys = tf.compat.v1.GraphKeys
        is_one = key in (keys.GLOBAL_VARIABLES, keys.TRAINABLE_VARIABLES)
        return [*(_listed(scope, key == keys.TRAINABLE_VARIABLES) if is_one else ()), *theirs(key, scope)]

    return get_collection


for _module in _MODULES:

    @_replace(_module.train, "Saver")
    def _make_saver(theirs):
        def saver(var_list=None, *args, **kwargs):
            ours = symbolic(list(var_list.values()) if isinstance(var_list, dict) else var_list)
            if ours or (var_list is None and _listed()):
                return Checkpoints(theirs, var_list or tf.compat.v1.global_variables(), args, kwargs)
            return theirs(var_list, *args, **kwargs)

        return saver
