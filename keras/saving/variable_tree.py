"""The layout of weights in Keras 3's files (`model.weights.h5` in a .keras archive, `*.weights.h5`).

Keras 3 names no variable. It walks from the model down to what each object holds, and numbers the variables of
each place:

    layers/dense/vars/0                      a network's layers, by their classes: dense, dense_1, ...
    layers/lstm/cell/vars/0                  what an object keeps in an attribute, under the attribute's name
    layers/bidirectional/forward_layer/cell/vars/0
    layers/rnn/cell/cells/lstm_cell/vars/0   lists of layers as networks' layers
    optimizer/vars/0

`walk` gives these places for a model of ours.
"""

import re

from .. import backend as K
from . import hdf5
from .conversions import Origin, hard_sigmoid
from .hdf5 import CorruptFileError
from .weights_file import Mismatch

# What a class of ours is called there.
CLASS_NAMES = {"Model": "Functional", "Network": "Functional", "CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}

# tf.keras 2.12 to 2.15 called a network's "layers" otherwise in its .keras archives.
_OTHER_CONTAINERS = {"layers": ("_layer_checkpoint_dependencies",)}


# ------------------------------------------------------------------------------------------ places


def snake_case(name):
    """'MaxPooling2D' -> 'max_pooling2d', as Keras 3 turns a class's name into a place's."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def class_name_there(layer):
    """The name of a layer's class in Keras 3."""
    name = type(layer).__name__
    ours = type(layer).__module__.split(".")[0] == __name__.split(".")[0]
    return CLASS_NAMES.get(name, name) if ours else name


def children(layer):
    """[(container or '', name, layer)] of what `layer` holds, where Keras 3 looks for it."""
    from ..layers import RNN, Bidirectional, StackedRNNCells
    from ..layers.wrappers import Wrapper

    if hasattr(layer, "_network_nodes") or hasattr(layer, "_build_input_shape"):
        return _contained("layers", layer.layers)
    if isinstance(layer, Bidirectional):
        return [("", "forward_layer", layer.forward_layer), ("", "backward_layer", layer.backward_layer)]
    if isinstance(layer, Wrapper):
        return [("", "layer", layer.layer)]
    if isinstance(layer, StackedRNNCells):
        return _contained("cells", layer.cells)
    if isinstance(layer, RNN):
        cell = layer.cell
        return [("", "cell", cell)] if hasattr(cell, "weights") else []
    return _attributes(layer)


def _contained(container, layers):
    used, found = {}, []
    for layer in layers:
        base = snake_case(class_name_there(layer))
        number = used[base] = used.get(base, -1) + 1
        found.append((container, f"{base}_{number}" if number else base, layer))
    return found


def _attributes(layer):
    """The layers that a user's layer or model keeps in its attributes, private ones last."""
    from ..engine.tracking import is_layer

    found = []
    for name, value in sorted(vars(layer).items(), key=lambda item: (item[0].startswith("_"), item[0])):
        if name == "_layers":
            continue
        if is_layer(value):
            found.append(("", name, value))
        elif isinstance(value, (list, tuple)) and any(is_layer(item) for item in value):
            found += _contained(name, [item for item in value if is_layer(item)])
    return found


def own_weights(layer):
    """The weights of `layer` that none of its children has."""
    inner = {id(weight) for _, _, child in children(layer) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def walk(layer, path=""):
    """Yields (path, layer, its own weights) for `layer` and everything inside it."""
    yield path, layer, own_weights(layer)
    for container, name, child in children(layer):
        yield from walk(child, "/".join(part for part in (path, container, name) if part))


def warn_of_scaling(model, origin):
    """After loading weights that Keras 3 wrote: see `conversions.hard_sigmoid`."""
    if origin.family == "keras3":
        hard_sigmoid.warn((path, layer) for path, layer, _ in walk(model))


# ------------------------------------------------------------------------------------------ writing


def write(group, model, convert=lambda layer, weights, values: values):
    """Writes the weights of `model` into the empty h5py `group`.

    Args:
        convert: (layer, its weights, their values) -> the values to write, where Keras 3's layer holds others.
    """
    places = [(path, layer, weights) for path, layer, weights in walk(model)]
    values = iter(K.batch_get_value([weight for _, _, weights in places for weight in weights]))
    for path, layer, weights in places:
        arrays = convert(layer, weights, [next(values) for _ in weights])
        inner = group.create_group(f"{path}/cell/vars" if _is_fused(layer) else f"{path}/vars")
        hdf5.write_text(inner, "name", layer.name)
        write_numbered(inner, arrays)


def write_numbered(group, values):
    """The datasets 0, 1, 2, ... of one place."""
    for number, value in enumerate(values):
        hdf5.write_array(group, str(number), value)


def _is_fused(layer):
    """CuDNN layers hold themselves what an LSTM's or GRU's cell holds."""
    return type(layer).__name__.startswith("CuDNN") and not children(layer)


# ------------------------------------------------------------------------------------------ reading


def is_one(root):
    """Whether an HDF5 file has this layout."""
    return any(name in root for name in ("layers", *_OTHER_CONTAINERS["layers"])) and not root.has_attribute(
        "layer_names"
    )


def origin(root):
    """Who wrote a file of weights alone, which does not say so: only tf.keras keeps its metrics in there."""
    by_tf_keras = any(name in root for name in ("metrics", *_OTHER_CONTAINERS["layers"]))
    return Origin("tf_keras", (2, 13)) if by_tf_keras else Origin("keras3", (3,))


def plan(root, model, convert=lambda layer, arrays: arrays, same_names=False):
    """[(variable, array)] for the weights of `model` in the `SafeGroup` root, everything checked.

    Args:
        convert: (layer, stored arrays) -> arrays as this layer wants them.
        same_names: whether the model was built from the configuration beside the weights, so that places may be told
            by the names of layers.

    Raises:
        ValueError: naming the place, the layer and the shapes where something does not fit.
    """
    found = []
    _plan(root, model, "", convert, same_names, found, {})
    return found


def _plan(group, layer, path, convert, same_names, found, seen):
    weights = own_weights(layer)
    inner = group.group("cell") if _is_fused(layer) and "cell" in group else group
    arrays = convert(layer, _numbered(inner)) if weights else []
    found += _fitted(layer, weights, arrays, path)
    seen[layer.name, type(layer)] = group
    for container, name, child in children(layer):
        here = "/".join(part for part in (path, container, name) if part)
        place = _place(group, container, name, child, same_names, seen)
        if place is not None:
            _plan(place, child, here, convert, same_names, found, seen)
        elif child.weights:
            raise Mismatch(
                f"There are no weights for the layer {child.name!r} ({type(child).__name__}) in the file: nothing"
                f" at {here!r}. Nothing was loaded."
            )


def _place(group, container, name, child, same_names, seen):
    """The group of a child, or None."""
    if not container:
        return group.group(name) if name in group else None
    holder = next((other for other in (container, *_OTHER_CONTAINERS.get(container, ())) if other in group), None)
    if holder is not None:
        inside = group.group(holder)
        if same_names:
            name = _names(inside).get(child.name, name)
        if name in inside:
            return inside.group(name)
    # A layer that two networks share is stored in the first of them only.
    return seen.get((child.name, type(child))) if same_names else None


def _names(container):
    """{layer's name: its place}, as newer versions of Keras 3 note it beside the variables."""
    found = {}
    for key in container.keys():
        inner = container.group(key)
        name = inner.group("vars").text("name") if "vars" in inner else None
        if name:
            found[name] = key
    return found


def _numbered(group):
    """The stored arrays 0, 1, 2, ... of a place."""
    return numbered(group.group("vars")) if "vars" in group else []


def numbered(group):
    """The stored arrays 0, 1, 2, ... in a group, in order."""
    names = group.keys()
    if sorted(names) != sorted(str(number) for number in range(len(names))):
        raise CorruptFileError(f"{group.label}: variables ought to be numbered from 0, not named {names[:10]}.")
    return [group.array(str(number)) for number in range(len(names))]


def _fitted(layer, weights, arrays, path):
    if len(weights) != len(arrays):
        raise Mismatch(
            f"Layer {layer.name!r} ({type(layer).__name__}) has {len(weights)} weights,"
            f" {[weight.name for weight in weights]}, but the file has {len(arrays)} at {path!r}. Nothing was"
            " loaded."
        )
    for number, (weight, array) in enumerate(zip(weights, arrays, strict=True)):
        wanted = tuple(K.int_shape(weight))
        if tuple(array.shape) != wanted:
            raise Mismatch(
                f"Layer {layer.name!r}: weight {weight.name!r} has the shape {wanted} in this model, but"
                f" {path}/vars/{number} in the file has the shape {tuple(array.shape)}. Nothing was loaded."
            )
    return list(zip(weights, arrays, strict=True))

