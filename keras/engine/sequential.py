"""`Sequential`: layers one after the other."""

import copy
import warnings

from .. import backend as K
from ..graph.tensor import adopted
from ..utils.generic_utils import to_list
from ..utils.lazy import LazyModule
from ..utils.layer_utils import get_source_inputs
from .base_layer import Layer
from .input_layer import Input, InputLayer
from . import network  # noqa: F401 (a name that Keras 2 has here)
from .tracking import disable_tracking
from .training import Model

# The layers are built on this module, so it can only look them up when they are needed.
layer_module = LazyModule("keras.layers")


class Sequential(Model):
    """A stack of layers.

    Args:
        layers: list of layers to add.
        name: of the model.

    Example:
        model = Sequential()
        model.add(Dense(32, activation='relu', input_dim=784))
        model.add(Dense(10, activation='softmax'))

    Without a shape in the first layer the model is built when first called, fitted or built.
    """

    @disable_tracking
    def __init__(self, layers=None, name=None):
        self._base_init(name)
        self.built = False
        self._build_input_shape = None
        self._input_was_added = False
        for layer in layers or ():
            self.add(layer)

    @property
    def layers(self):
        """The layers added, without an `InputLayer` at the bottom."""
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    @property
    def _added_layers(self):
        """The layers as they were added, an `InputLayer` at the bottom included."""
        return self._layers[:] if self._input_was_added else self.layers

    @property
    def model(self):
        """The model itself (Keras 1 had another one inside)."""
        warnings.warn("`Sequential.model` is deprecated. `Sequential` is a subclass of `Model`.", stacklevel=2)
        return self

    @disable_tracking
    def add(self, layer):
        """Adds a layer on top.

        Raises:
            TypeError: if it is not a layer.
            ValueError: if it has several outputs, or is called several times already.
        """
        if not isinstance(layer, Layer):
            remedy = ""
            if isinstance(layer, type):
                remedy = f" That is the class; give an instance: `{layer.__name__}(...)`."
            elif K.is_tensor(layer):
                remedy = " A Sequential begins with a layer that has `input_shape`, or with `InputLayer(input_shape)`."
            raise TypeError(f"The added layer must be an instance of class Layer. Found: {layer!r}.{remedy}")
        self._check_single(layer)
        if not self._layers and isinstance(layer, Model) and len(layer.inputs or ()) > 1:
            self._begin_with_branches(layer)
        elif not self._layers:
            shape, dtype = _first_shape(layer)
            if isinstance(layer, InputLayer):
                self._input_was_added = True
                self._take(layer, layer._inbound_nodes[-1].output_tensors)
                return
            if shape is not None:
                x = Input(batch_shape=shape, dtype=dtype, name=f"{layer.name}_input")
                self._layers = [x._keras_history[0]]
                self._take(layer, to_list(layer(x)))
                return
            self._layers = [layer]
            self._forget_graph()
        elif self.outputs:
            self._take(layer, to_list(layer(self.outputs[0])))
        else:
            self._layers = [*self._layers, layer]

    def _begin_with_branches(self, model):
        """Takes a model of several inputs as the first layer: this model has as many then."""
        xs = [
            Input(batch_shape=K.int_shape(x), dtype=K.dtype(x), name=name)
            for x, name in zip(model.inputs, model.input_names, strict=True)
        ]
        self._layers = [x._keras_history[0] for x in xs]
        self._take(model, to_list(model(xs)))

    @staticmethod
    def _check_single(layer):
        if not isinstance(layer, InputLayer) and layer._inbound_nodes:
            _check_one_output(layer._inbound_nodes[-1].output_tensors)

    def _take(self, layer, outputs):
        _check_one_output(outputs)
        self._layers = [*self._layers, layer]
        self._restack(outputs[0])

    def _restack(self, output):
        layers = self._layers
        self._set_graph(get_source_inputs(output), [output])
        self._layers = layers
        self.built = True
        if "predict_function" in self.__dict__:  # it computed the layers that there were
            self.predict_function = None

    def _forget_graph(self):
        self.inputs, self.outputs = None, None
        self._is_graph_network = False
        self.built = False

    @disable_tracking
    def pop(self):
        """Removes the last layer.

        Raises:
            TypeError: if there is none.
        """
        if not self.layers:
            raise TypeError("There are no layers in the model.")
        last = self._layers[-1]
        self._layers = self._layers[:-1]
        if not self.layers:
            self._layers = []
            self._forget_graph()
        elif self.outputs:
            below = self._layers[-1]
            below._outbound_nodes = [n for n in below._outbound_nodes if n.outbound_layer is not last]
            self._restack(self._output_below(last))

    def _output_below(self, last):
        node = next(n for n in reversed(last._inbound_nodes) if any(y is self.outputs[0] for y in n.output_tensors))
        return node.input_tensors[0]

    @disable_tracking
    def build(self, input_shape=None):
        """Builds a model whose first layer had no shape, for a batch shape such as (None, 784)."""
        if input_shape is None or self._is_graph_network:
            self.built = self.built or bool(self.inputs)
            return
        if not self._layers:
            raise ValueError("This Sequential model has no layers yet: add some before building it.")
        x = Input(batch_shape=tuple(input_shape), name=f"{self._layers[0].name}_input")
        self._build_on(x)

    @disable_tracking
    def _build_on(self, x):
        layers = self._layers
        self._build_input_shape = K.int_shape(x)
        y = x
        for layer in layers:
            y = layer(y)
        self._layers = [x._keras_history[0], *layers]
        self._restack(y)

    def __call__(self, inputs, **kwargs):
        inputs = adopted(inputs)
        if not self._is_graph_network and self._layers and not isinstance(inputs, (list, tuple)):
            x = Input(batch_shape=K.int_shape(inputs), dtype=K.dtype(inputs), name=f"{self._layers[0].name}_input")
            with K.name_scope(self.name):
                self._build_on(x)
        return super().__call__(inputs, **kwargs)

    def predict_proba(self, x, batch_size=32, verbose=0):
        """Predictions; warns if they are no probabilities (outside [0, 1]). Arguments as in `predict`."""
        preds = self.predict(x, batch_size, verbose)
        if preds.size and (preds.min() < 0.0 or preds.max() > 1.0):
            warnings.warn(
                "Network returning invalid probability values. The last layer might not normalize predictions into "
                "probabilities (like softmax or sigmoid would).",
                stacklevel=2,
            )
        return preds

    def predict_classes(self, x, batch_size=32, verbose=0):
        """The predicted classes: the largest of several outputs, or 1 where a single one exceeds 0.5.

        Args:
            x, batch_size, verbose: as in `predict`.

        Returns:
            Array of integers, without the last axis where that has more than one place.
        """
        preds = self.predict(x, batch_size, verbose)
        if preds.shape[-1] > 1:
            return preds.argmax(axis=-1)
        return (preds > 0.5).astype("int32")

    def get_config(self):
        layers = [{"class_name": type(la).__name__, "config": la.get_config()} for la in self._added_layers]
        config = {"name": self.name, "layers": copy.deepcopy(layers)}
        if self._build_input_shape:
            config["build_input_shape"] = self._build_input_shape
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new model from a configuration: that of 2.2.3 and later, or the bare list of before."""
        named = isinstance(config, dict)
        model = cls(name=config.get("name") if named else None)
        for data in config["layers"] if named else config:
            model.add(layer_module.deserialize(data, custom_objects=custom_objects))
        shape = config.get("build_input_shape") if named else None
        if not model.inputs and shape:
            model.build(shape)
        return model


def _check_one_output(outputs):
    if len(outputs) != 1:
        raise ValueError(
            "All layers in a Sequential model should have a single output tensor. For multi-output layers, use the "
            "functional API."
        )


def _first_shape(layer):
    """The batch shape and dtype that the first layer asks for, looking into nested models."""
    while layer is not None:
        if hasattr(layer, "batch_input_shape"):
            return layer.batch_input_shape, layer.dtype
        if isinstance(layer, Model) and layer.inputs:
            return K.int_shape(layer.inputs[0]), K.dtype(layer.inputs[0])
        layer = layer.layers[0] if isinstance(layer, Model) and layer.layers else None
    return None, None
