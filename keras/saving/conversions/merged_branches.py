"""Keras 1's Sequential models that begin with the Merge of other models, as the Model that they are in Keras 2.

Keras 1 stores their weights flat, layer by layer, the branches' first: so the branches' layers become those of
the new model.
"""

_MODELS = ("Model", "Sequential")


def begins_with_branches(layers):
    """Whether the first of a Sequential's layers is the Merge of other models."""
    return bool(layers) and layers[0]["class_name"] not in _MODELS and "layers" in layers[0]["config"]


def as_model(layers):
    """The configuration of a Model that computes what these layers do, the first of which merges branches."""
    graph = _Graph()
    merge, *rest = layers
    ends = [end for branch in merge["config"].pop("layers") for end in graph.branch(branch)]
    for layer in [merge, *rest]:
        ends = [graph.call(layer, ends)]
    return {"layers": list(graph.layers.values()), "input_layers": graph.inputs, "output_layers": ends}


class _Graph:
    """Layers by name with their calls; a tensor is [layer's name, number of the call, 0]."""

    def __init__(self):
        self.layers = {}
        self.inputs = []

    def branch(self, model):
        """Takes in a model that is merged; gives its outputs."""
        if model["class_name"] == "Model":
            for layer in model["config"]["layers"]:
                self.layers.setdefault(layer["name"], layer)
            self._add_inputs(model["config"]["input_layers"])
            return model["config"]["output_layers"]
        layers = model["config"]["layers"] if model["class_name"] == "Sequential" else [model]
        end = self._input_of(layers[0])
        for layer in layers[1:] if layers[0]["class_name"] == "InputLayer" else layers:
            end = self.call(layer, [end])
        return [end]

    def call(self, layer, tensors):
        """Calls a layer, which may have been called before: layers of one name are one layer."""
        name = layer["config"]["name"]
        known = self.layers.setdefault(name, {**layer, "name": name, "inbound_nodes": []})
        known["inbound_nodes"].append(tensors)
        # A model's own graph is its call number 0.
        return [name, len(known["inbound_nodes"]) - (layer["class_name"] not in _MODELS), 0]

    def _input_of(self, layer):
        if layer["class_name"] == "InputLayer":
            name, config = layer["config"]["name"], layer["config"]
        else:
            name = layer["config"]["name"] + "_input"
            config = {"name": name, "sparse": False, "batch_input_shape": _batch_input_shape(layer)}
        made = {"class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}
        self.layers.setdefault(name, made)
        self._add_inputs([[name, 0, 0]])
        return [name, 0, 0]

    def _add_inputs(self, places):
        self.inputs += [place for place in places if place not in self.inputs]


def _batch_input_shape(layer):
    while layer["class_name"] in _MODELS:
        layer = layer["config"]["layers"][0]
    return layer["config"]["batch_input_shape"]
