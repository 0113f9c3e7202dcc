"""`tf.train.Saver` of TensorFlow 1 for variables of ours: checkpoints written and read by TensorFlow."""

import tensorflow as tf

from .. import backend as K
from ..graph.tensor import adopted


class Checkpoints:
    """A saver of TensorFlow's, in a graph of its own that has a place for each variable.

    Args:
        saver: TensorFlow's class.
        variables: a list, or a dictionary from their names in the checkpoint.
        args, kwargs: what else the class takes (`max_to_keep`).

    Everything else (`last_checkpoints`, say) is asked of TensorFlow's saver.
    """

    def __init__(self, saver, variables, args=(), kwargs=None):
        self._variables = _by_name(variables)
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._places = {
                name: tf.compat.v1.Variable(tf.zeros(v.shape, v.dtype), name="place", trainable=False)
                for name, v in self._variables.items()
            }
            self._saver = saver(self._places, *args, **(kwargs or {}))

    def save(self, sess, save_path, global_step=None, *args, **kwargs):
        """Writes the values that the variables have now; gives the path for `restore`."""
        step = adopted(global_step)
        step = int(K.get_value(step)) if K.is_variable(step) else step
        with tf.compat.v1.Session(graph=self._graph) as session:
            for name, place in self._places.items():
                place.load(K.get_value(self._variables[name]), session)
            return self._saver.save(session, save_path, step, *args, **kwargs)

    def restore(self, sess, save_path):
        """Sets the variables; TensorFlow's own errors where the files hold others."""
        with tf.compat.v1.Session(graph=self._graph) as session:
            self._saver.restore(session, save_path)
            values = session.run(self._places)
        K.batch_set_value([(v, values[name]) for name, v in self._variables.items()])

    def __getattr__(self, name):
        return getattr(self._saver, name)


def _by_name(variables):
    if isinstance(variables, dict):
        return {name: adopted(v) for name, v in variables.items()}
    found = {}
    for variable in map(adopted, variables):
        name = wanted = variable.op.name
        number = 0
        while name in found:
            number += 1
            name = f"{wanted}_{number}"
        found[name] = variable
    return found
