"""Pictures of models: `plot_model`, and `model_to_dot` for Graphviz."""

import os
import re

from ..engine.training import Model  # noqa: F401 (names that Keras 2 has here)
from ..layers.wrappers import Wrapper  # noqa: F401
from .model_boxes import Group, boxes_of, is_model, is_wrapped_model

try:
    import pydot
except ImportError:
    pydot = None

_WITHOUT = "Or ask for a picture that needs no other program: `plot_model(model, to_file='model.svg')` or '.html'."


def plot_model(
    model,
    to_file="model.png",
    show_shapes=False,
    show_layer_names=True,
    rankdir="TB",
    expand_nested=False,
    dpi=96,
):
    """Draws a model into a file.

    Graphviz does it, by way of pydot. '.html' files, and '.svg' files where Graphviz is not installed,
    are drawn without it.

    Args:
        model: the model.
        to_file: path; its ending is the format ('.png', '.pdf', '.svg', '.html', ...).
        show_shapes: whether boxes tell the shapes.
        show_layer_names: whether boxes tell the layers' names.
        rankdir: 'TB' from top to bottom, 'LR' from left to right; also 'BT' and 'RL'.
        expand_nested: whether a model inside the model is drawn with its layers, in a frame.
        dpi: dots per inch.

    Returns:
        In a notebook (IPython is there), the picture to be shown, except for PDF; otherwise None.

    Raises:
        ImportError: if pydot is needed and missing.
        OSError: if Graphviz is needed and missing.
    """
    to_file = os.fspath(to_file)
    extension = os.path.splitext(to_file)[1][1:].lower()
    if not extension:
        extension = "png"
        to_file += ".png"
    _check_model(model)
    if extension == "html" or (extension == "svg" and not _has_graphviz()):
        from . import model_svg

        group = boxes_of(model, show_shapes, show_layer_names, expand_nested)
        model_svg.write(to_file, group, model.name, rankdir, dpi)
    else:
        _check_graphviz()
        dot = model_to_dot(model, show_shapes, show_layer_names, rankdir, expand_nested, dpi)
        dot.write(to_file, format=extension)
    return _in_notebook(to_file, extension)


def model_to_dot(
    model,
    show_shapes=False,
    show_layer_names=True,
    rankdir="TB",
    expand_nested=False,
    dpi=96,
    subgraph=False,
):
    """A model as a pydot graph. Arguments as in `plot_model`.

    Args:
        subgraph: whether to make a cluster, to be put into another graph.

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster` if `subgraph`.

    Raises:
        ImportError: if pydot is missing.
    """
    _check_pydot()
    _check_model(model)
    group = boxes_of(model, show_shapes, show_layer_names, expand_nested)
    if subgraph:
        dot = _cluster(group)
    else:
        dot = pydot.Dot()
        dot.set("rankdir", rankdir)
        dot.set("concentrate", True)
        dot.set("dpi", dpi)
        dot.set_node_defaults(shape="record")
    _fill(dot, group)
    for source, target in group.all_arrows():
        add_edge(dot, source, target)
    return dot


def add_edge(dot, src, dst):
    """Adds an edge to a pydot graph if it is not there."""
    if not dot.get_edge(src, dst):
        dot.add_edge(pydot.Edge(src, dst))


def _fill(dot, group):
    for item in group.items:
        if isinstance(item, Group):
            cluster = _cluster(item)
            _fill(cluster, item)
            dot.add_subgraph(cluster)
        else:
            dot.add_node(pydot.Node(item.key, label=_record(item)))


def _cluster(group):
    cluster = pydot.Cluster(style="dashed", graph_name=group.label)
    cluster.set("label", group.label)
    cluster.set("labeljust", "l")
    return cluster


def _record(box):
    """A Graphviz record: the label, and beside it the shapes."""
    label = re.sub(r"([{}|<>\\])", r"\\\1", box.label)  # these have a meaning in records
    if box.shapes is None:
        return label
    return f"{label}\n|{{input:|output:}}|{{{{{box.shapes[0]}}}|{{{box.shapes[1]}}}}}"


def _check_model(model):
    if not hasattr(model, "_is_graph_network"):
        raise TypeError(f"Expected a model to draw, got {model!r}.")


def _check_pydot():
    if pydot is None:
        raise ImportError(
            f"Failed to import `pydot`. Please install `pydot`. For example with `pip install pydot`. {_WITHOUT}"
        )


def _has_graphviz():
    if pydot is None:
        return False
    try:
        pydot.Dot.create(pydot.Dot())
    except OSError:  # pydot found no `dot` to run, or it cannot be run
        return False
    return True


def _check_graphviz():
    _check_pydot()
    if not _has_graphviz():
        raise OSError(
            "`pydot` failed to call GraphViz. Please install GraphViz (https://www.graphviz.org/) and ensure that its "
            f"executables are in the $PATH. {_WITHOUT}"
        )


def _in_notebook(path, extension):
    try:
        from IPython import display
    except ImportError:
        return None
    shown = {"svg": display.SVG, "html": display.HTML, "pdf": None}.get(extension, display.Image)
    return shown and shown(filename=path)


__all__ = ["add_edge", "is_model", "is_wrapped_model", "model_to_dot", "plot_model", "pydot"]
