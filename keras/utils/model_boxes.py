"""A model as boxes and arrows: what its drawings have in common, with or without Graphviz."""

from dataclasses import dataclass, field

from ..engine.training import Model
from ..layers.wrappers import Wrapper


@dataclass
class Box:
    """One layer. `shapes` is (input shape, output shape) as text, or None if they are not shown."""

    key: str
    label: str
    shapes: tuple | None = None
    layer: object = None


@dataclass
class Group:
    """The boxes of a model, in their order, and the arrows that begin there; nested models are groups among them."""

    key: str
    label: str
    items: list = field(default_factory=list)
    arrows: list = field(default_factory=list)

    def all_arrows(self):
        """Pairs (key of a box, key of a box), each once."""
        inner = [arrow for item in self.items if isinstance(item, Group) for arrow in item.all_arrows()]
        return list(dict.fromkeys(inner + self.arrows))


def boxes_of(model, show_shapes=False, show_layer_names=True, expand_nested=False):
    """The drawing of a model as a `Group`.

    A Sequential model without an input shape is its layers in a row; a subclassed model, which has no
    graph, is one box.
    """
    group = Group(_key(model), model.name)
    layers = model._layers if hasattr(model, "_added_layers") else model.layers
    if not model._is_graph_network and not hasattr(model, "_added_layers"):
        group.items = [Box(_key(model), model.name, layer=model)]
        return group
    for layer in layers:
        inner = expanded(layer) if expand_nested else None
        if inner is None:
            group.items.append(_box(layer, show_shapes, show_layer_names))
        else:
            group.items.append(boxes_of(inner, show_shapes, show_layer_names, expand_nested))
    if model._is_graph_network:
        for node in model._ordered_nodes:
            group.arrows += _arrows_into(node, expand_nested)
    else:
        ends = [_key(layer) for layer in layers]
        group.arrows = list(zip(ends, ends[1:]))
    return group


def is_model(layer):
    """Whether a layer is itself a model."""
    return isinstance(layer, Model)


def is_wrapped_model(layer):
    """Whether a layer is a wrapper, such as TimeDistributed, around a model."""
    return isinstance(layer, Wrapper) and is_model(layer.layer)


def expanded(layer):
    """The model with a graph that a layer is or wraps, or None."""
    inner = layer.layer if is_wrapped_model(layer) else layer
    return inner if is_model(inner) and inner._is_graph_network else None


def _key(layer):
    return str(id(layer))


def _box(layer, show_shapes, show_layer_names):
    name, kind = layer.name, type(layer).__name__
    if isinstance(layer, Wrapper):
        name, kind = f"{name}({layer.layer.name})", f"{kind}({type(layer.layer).__name__})"
    label = f"{name}: {kind}" if show_layer_names else kind
    shapes = (_shape(layer, "input"), _shape(layer, "output")) if show_shapes else None
    return Box(_key(layer), label, shapes, layer)


def _shape(layer, side):
    """A layer's input or output shape as text: 'multiple' if it has several, '?' if it has none yet."""
    if not layer._inbound_nodes:
        return "?"
    try:
        return str(getattr(layer, f"{side}_shape"))
    except AttributeError:
        return "multiple"


def _arrows_into(node, expand_nested):
    """An arrow for each tensor that a call of a layer got from another layer."""
    layer = node.outbound_layer
    sources = zip(node.inbound_layers, node.tensor_indices)
    return [
        (_output_box(source, tensor, expand_nested), _input_box(layer, place, expand_nested))
        for place, (source, tensor) in enumerate(sources)
        if source is not None
    ]


def _input_box(layer, place, expand_nested):
    """The key of the box that takes a layer's input number `place`."""
    inner = expanded(layer) if expand_nested else None
    return _key(layer) if inner is None else _key(inner._input_layers[place])


def _output_box(layer, place, expand_nested):
    """The key of the box that gives a layer's output number `place`."""
    inner = expanded(layer) if expand_nested else None
    if inner is None:
        return _key(layer)
    source, _, tensor = inner._output_coordinates[place]
    return _output_box(source, tensor, expand_nested)
