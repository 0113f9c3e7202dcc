"""Names with an underscore, and other inner ones, that programs written for Keras 2 use."""

import numpy as np
import pytest

from keras import backend as K
from keras import initializers, layers
from keras.engine.base_layer import Layer, Node
from keras.engine.topology import Container
from keras.layers.merge import _Merge
from keras.layers.wrappers import Wrapper
from keras.models import Model, Sequential

X = np.random.RandomState(0).standard_normal((6, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def small_model(**kwargs):
    inputs = layers.Input((3,), name="x")
    hidden = layers.Dense(4, activation="tanh", name="hidden")(inputs)
    model = Model(inputs, layers.Dense(1, name="y", **kwargs)(hidden))
    model.compile("sgd", "mse")
    return model


# Tensors and nodes.


def test_where_a_tensor_comes_from():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    shared = layers.Dense(2, name="shared")
    joined = layers.concatenate([shared(a), shared(b)])
    layer, node_index, tensor_index = joined._keras_history
    assert (layer.name.startswith("concatenate"), node_index, tensor_index) == (True, 0, 0)
    assert joined._keras_shape == (None, 4) and joined._uses_learning_phase is False
    node = layer._inbound_nodes[node_index]
    assert isinstance(node, Node) and node.outbound_layer is layer
    assert node.inbound_layers == [shared, shared] and node.node_indices == [0, 1] and node.tensor_indices == [0, 0]
    assert node.output_tensors == [joined] and node.input_shapes == [(None, 2), (None, 2)]
    assert [n.outbound_layer for n in shared._outbound_nodes] == [layer, layer]
    assert node.get_config()["inbound_layers"] == ["shared", "shared"]


def ancestors(tensor):
    """A walk such as visualisers and converters make."""
    layer, index, _ = tensor._keras_history
    node = layer._inbound_nodes[index]
    found = [layer.name]
    for before, i, t in zip(node.inbound_layers, node.node_indices, node.tensor_indices):
        found += ancestors(before.get_output_at(i) if t == 0 else None)
    return found


def test_a_walk_along_the_history():
    model = small_model()
    assert ancestors(model.output) == ["y", "hidden", "x"]
    names = [n.outbound_layer.name for n in model.get_layer("hidden")._outbound_nodes]
    assert names == ["y"]
    depths = {depth: [n.outbound_layer.name for n in nodes] for depth, nodes in model._nodes_by_depth.items()}
    assert depths == {2: ["x"], 1: ["hidden"], 0: ["y"]}
    assert model._network_nodes == {"x_ib-0", "hidden_ib-0", "y_ib-0"}
    assert [layer.name for layer in model._layers] == ["x", "hidden", "y"]
    assert isinstance(model, Container)


def test_a_tensor_given_its_history_by_hand():
    class Wrapped(Layer):
        def __call__(self, x):
            y = x * 2.0
            y._keras_shape = x._keras_shape
            y._uses_learning_phase = False
            Node(self, *zip(x._keras_history), [x], [y], [None], [None], [x._keras_shape], [x._keras_shape])
            y._keras_history = (self, len(self._inbound_nodes) - 1, 0)
            self.built = True
            return y

        def call(self, x):
            return x * 2.0

    inputs = layers.Input((3,))
    model = Model(inputs, Wrapped()(inputs))
    np.testing.assert_array_equal(model.predict(X), 2 * X)


def test_layers_taken_off_the_end():
    """`model.layers.pop()` and outputs set anew, as transfer learning did."""
    model = Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(2), layers.Dense(1)])
    model.pop()
    assert model.output_shape == (None, 2) and model.layers[-1]._outbound_nodes == []
    rest = Model(model.input, model.layers[-1].output)
    assert rest.predict(X).shape == (6, 2)


# Weights, losses and updates of layers.


def test_weights_appended_to_the_lists():
    class Old(Layer):
        def build(self, input_shape):
            self.w = K.variable(np.full((3, 2), 2.0), name="w")
            self.c = K.variable(1.0, name="c")
            self._trainable_weights.append(self.w)
            self._non_trainable_weights.append(self.c)

        def call(self, x):
            return K.dot(x, self.w) + self.c

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 2)

    layer = Old(input_shape=(3,))
    model = Sequential([layer])
    model.compile("sgd", "mse")
    assert layer.trainable_weights == [layer.w] and layer.non_trainable_weights == [layer.c]
    np.testing.assert_allclose(model.predict(X), 2 * Y.repeat(2, 1) + 1, rtol=1e-5)
    model.train_on_batch(X, np.zeros((6, 2)))
    assert np.any(K.get_value(layer.w) != 2) and K.get_value(layer.c) == 1


@pytest.mark.parametrize("assign", ["trainable_weights", "_trainable_weights"])
def test_weights_assigned_as_a_list(assign):
    class Older(Layer):
        def build(self, input_shape):
            init = initializers.get("uniform")
            self.W = K.variable(init((3, 2)), name=f"{self.name}_W")
            setattr(self, assign, [self.W])
            super().build(input_shape)

        def call(self, x):
            return K.dot(x, self.W)

    layer = Older()
    layer.non_trainable_weights = []
    model = Sequential([layers.Dense(3, input_shape=(3,)), layer])
    assert layer.weights == [layer.W] and model.count_params() == 9 + 3 + 6
    assert type(layer._trainable_weights) is list
    layer.trainable = False
    assert layer.non_trainable_weights == [layer.W] and layer.trainable_weights == []


def test_losses_and_updates_by_input():
    class Penalty(Layer):
        def build(self, input_shape):
            self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, x):
            self.add_loss(K.mean(K.square(x)), inputs=x)
            self.add_loss([K.sum(K.square(self.count))])
            self.add_update([(self.count, self.count + 1)], x)
            return x

    a, b = layers.Input((3,)), layers.Input((3,))
    layer = Penalty()
    outputs = [layer(a), layer(b)]
    assert len(layer._losses) == 4 and len(layer._updates) == 2
    assert len(layer._per_input_losses) == 3 and len(layer.get_losses_for(a)) == 1
    assert len(layer.get_losses_for(None)) == 2 and len(layer.get_updates_for(b)) == 1
    assert len(Model(a, outputs[0]).get_updates_for(a)) == 1


def test_losses_and_updates_set_on_the_layer():
    """`layer.losses`'s list filled from outside, as weight decay was added to finished models."""
    model = small_model()
    layer = model.get_layer("hidden")
    before = model.evaluate(X, Y, verbose=0)
    layer.add_loss(K.sum(K.square(layer.kernel)))
    model.compile("sgd", "mse")
    penalty = float(np.sum(layer.get_weights()[0] ** 2))
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), before + penalty, rtol=1e-5)
    layer.kernel_regularizer = None
    layer._losses.clear()
    layer._per_input_losses.clear()
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), before, rtol=1e-5)


# Classes to build on.


def test_a_merge_of_ones_own():
    class Difference(_Merge):
        def _merge_function(self, inputs):
            return inputs[0] - inputs[1]

    a, b = layers.Input((3,)), layers.Input((3,))
    model = Model([a, b], Difference()([a, b]))
    np.testing.assert_array_equal(model.predict([X, X / 2]), X - X / 2)
    with pytest.raises(ValueError, match="list"):
        Difference()(a)


def test_a_wrapper_of_ones_own():
    class Scaled(Wrapper):
        """Learns a factor for what the layer inside gives, and penalises it."""

        def build(self, input_shape=None):
            if not self.layer.built:
                self.layer.build(input_shape)
                self.layer.built = True
            super().build()
            self.factor = self.layer.add_weight(name="factor", shape=(1,), initializer="ones", trainable=True)
            self.layer.add_loss(K.sum(K.square(self.factor)))

        def compute_output_shape(self, input_shape):
            return self.layer.compute_output_shape(input_shape)

        def call(self, inputs):
            return self.layer.call(inputs) * self.factor

    model = Sequential([Scaled(layers.Dense(2), input_shape=(3,))])
    model.compile("sgd", "mse")
    layer = model.layers[0]
    assert len(layer.trainable_weights) == 3 and len(model.losses) == 1
    w, b, factor = model.get_weights()
    np.testing.assert_allclose(model.predict(X), (X @ w + b) * factor, rtol=1e-5)
    model.train_on_batch(X, np.zeros((6, 2)))
    assert model.get_weights()[2] != factor
    again = Model.from_config(Model(model.input, model.output).get_config(), custom_objects={"Scaled": Scaled})
    assert isinstance(again.layers[-1].layer, layers.Dense)


def test_names_of_2_0():
    model = small_model()
    hidden, last = model.layers[1:]
    assert last.inbound_nodes[0].inbound_layers == [hidden] and hidden.outbound_nodes == last.inbound_nodes
    assert model.input_layers == [model.layers[0]] and model.output_layers == [last]
    assert model.container_nodes == model._network_nodes and set(model.nodes_by_depth) == {0, 1, 2}
    assert model.layers_by_depth[1] == [hidden]
    last.outbound_nodes = []

    class Own(Model):
        def __init__(self):
            super().__init__()
            self.output_layers = [layers.Dense(2)]

        def call(self, x):
            return self.output_layers[0](x)

    own = Own()
    assert own.predict(X).shape == (6, 2) and len(own.layers) == 1
