"""Keras models as PyTorch modules, PyTorch modules as Keras layers."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from keras import backend as K
from keras.layers import (
    LSTM, BatchNormalization, Concatenate, Conv2D, Dense, Dropout, Flatten, GlobalAveragePooling2D, Input, Lambda, ReLU,
    Reshape,
)  # fmt: skip
from keras.models import Model, Sequential, load_model
from keras.runtimes.torch import normalization
from keras.wrappers.pytorch import TorchModule, as_module


def of(model, *inputs):
    """What a module gives, as NumPy arrays."""
    found = model(*(torch.tensor(x) for x in inputs))
    return [y.detach().numpy() for y in found] if isinstance(found, list) else found.detach().numpy()


@pytest.fixture
def numbers():
    return np.random.rand(6, 8).astype("float32")


@pytest.fixture
def perceptron():
    return Sequential([Dense(5, activation="tanh", input_shape=(8,)), BatchNormalization(), Dropout(0.5), Dense(1)])


# Models as modules.


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [Dense(4, activation="relu"), Dense(3, activation="softmax")],
        lambda: [Reshape((4, 2)), LSTM(3)],
        lambda: [Reshape((2, 4, 1)), Conv2D(3, 2, activation="elu"), Flatten()],
        lambda: [Reshape((4, 2)), LSTM(3, return_sequences=True), BatchNormalization(), Lambda(K.exp)],
    ],
)
def test_a_module_gives_what_predict_gives(layers, numbers):
    model = Sequential([Dense(8, input_shape=(8,)), *layers()])
    module = as_module(model)
    assert isinstance(module, torch.nn.Module) and not module.training
    np.testing.assert_allclose(of(module, numbers), model.predict(numbers), rtol=1e-5, atol=1e-7)


def test_parameters_and_buffers_are_called_after_the_weights(perceptron):
    module = as_module(perceptron)
    state = {f"{w.name.split(':')[0].replace('/', '.')}": w for w in perceptron.weights}
    assert set(module.state_dict()) == set(state)
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), K.get_value(state[name]))
    assert {n.rsplit(".")[-1] for n, _ in module.named_buffers()} == {"moving_mean", "moving_variance"}


def test_layers_may_be_called_as_methods_of_modules(numbers):
    model = Sequential([Dense(2, name="train", input_shape=(8,)), Dense(2, name="parameters")])
    module = as_module(model)
    assert sorted(module.state_dict()) == ["parameters_.bias", "parameters_.kernel", "train_.bias", "train_.kernel"]
    np.testing.assert_array_equal(of(module, numbers), model.predict(numbers))


def test_several_inputs_and_outputs(numbers):
    a, b = Input((8,)), Input((3,))
    joined = Concatenate()([a, b])
    model = Model([a, b], [Dense(2)(joined), Dense(1)(joined)])
    module, more = as_module(model), np.ones((6, 3), "float32")
    for found in of(module, numbers, more), [y.detach().numpy() for y in module([torch.tensor(numbers), more])]:
        for y, wanted in zip(found, model.predict([numbers, more]), strict=True):
            np.testing.assert_array_equal(y, wanted)


def test_gradients_by_parameters_and_inputs_are_those_of_keras(numbers):
    model = Sequential([Dense(5, activation="tanh", input_shape=(8,)), Dense(2, activation="sigmoid")])
    total = K.sum(K.square(model.output))
    wanted = K.function([model.input], K.gradients(total, [model.input, *model.weights]))([numbers])
    module, x = as_module(model), torch.tensor(numbers, requires_grad=True)
    module(x).square().sum().backward()
    for have, want in zip([x, *module.parameters()], wanted, strict=True):
        np.testing.assert_allclose(have.grad.numpy(), want, rtol=1e-5, atol=1e-6)


def test_second_derivatives():
    model = Sequential([Lambda(lambda x: x**3, input_shape=(2,))])
    x = torch.tensor([[1.0, 2.0]], requires_grad=True)
    (first,) = torch.autograd.grad(as_module(model)(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    np.testing.assert_allclose(second.numpy(), [[6.0, 12.0]])


def test_a_torch_optimizer_does_what_a_keras_optimizer_does(numbers):
    model = Sequential([Dense(4, activation="tanh", input_shape=(8,)), Dense(1)])
    module = as_module(model)
    model.compile("sgd", "mse")
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    y = numbers[:, :1] ** 2
    for _ in range(5):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(module(torch.tensor(numbers)), torch.tensor(y)).backward()
        optimizer.step()
        model.train_on_batch(numbers, y)
    for have, want in zip(module.parameters(), model.get_weights(), strict=True):
        np.testing.assert_allclose(have.detach().numpy(), want, rtol=1e-5, atol=1e-6)


def test_train_and_eval_choose_the_learning_phase(perceptron, numbers):
    module = as_module(perceptron)
    assert not np.array_equal(of(module.train(), numbers), of(module, numbers)), "Dropout drops"
    mean = dict(module.named_buffers())["batch_normalization_1.moving_mean"].numpy().copy()
    assert np.any(mean != 0), "moving averages move"
    np.testing.assert_array_equal(of(module.eval(), numbers), of(module, numbers))
    np.testing.assert_array_equal(dict(module.named_buffers())["batch_normalization_1.moving_mean"].numpy(), mean)
    np.testing.assert_array_equal(perceptron.layers[1].get_weights()[2], 0), "the model has its own"


def test_write_back_brings_weights_to_the_model(perceptron, numbers):
    module = as_module(perceptron).train()
    module(torch.tensor(numbers)).sum().backward()
    torch.optim.Adam(module.parameters(), 0.1).step()
    module.write_back()
    np.testing.assert_array_equal(of(module.eval(), numbers), perceptron.predict(numbers))


def test_frozen_layers_need_no_gradient(perceptron):
    perceptron.layers[0].trainable = False
    needs = {name: p.requires_grad for name, p in as_module(perceptron).named_parameters()}
    assert not needs["dense_1.kernel"] and not needs["dense_1.bias"] and needs["dense_2.kernel"]


def test_state_dicts_and_copies(perceptron, numbers):
    module, other = as_module(perceptron), as_module(perceptron)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.5)
    twin = copy.deepcopy(module)
    other.load_state_dict(module.state_dict())
    wanted = of(module, numbers)
    np.testing.assert_array_equal(of(other, numbers), wanted)
    np.testing.assert_array_equal(of(twin, numbers), wanted)
    assert all(a is not b for a, b in zip(twin.parameters(), module.parameters(), strict=True))
    with pytest.raises(TypeError, match="state_dict"):
        pickle.dumps(module)


def test_states_of_recurrent_layers_are_kept(numbers):
    model = Sequential([LSTM(2, stateful=True, batch_input_shape=(6, 2, 4))])
    module, x = as_module(model), numbers.reshape(6, 2, 4)
    for _ in range(2):
        np.testing.assert_array_equal(of(module, x), model.predict(x, batch_size=6))


def test_a_module_within_a_module(perceptron, numbers):
    whole = torch.nn.Sequential(as_module(perceptron), torch.nn.Sigmoid())
    wanted = 1 / (1 + np.exp(-perceptron.predict(numbers)))
    np.testing.assert_allclose(of(whole.eval(), numbers), wanted, rtol=1e-6)
    state = {k: v * 2 for k, v in whole.state_dict().items()}
    doubled = torch.func.functional_call(whole, state, (torch.tensor(numbers),))
    assert not np.allclose(doubled.detach().numpy(), wanted)


def test_wrong_inputs_are_refused(perceptron):
    module = as_module(perceptron)
    with pytest.raises(TypeError, match="1 inputs, got 2"):
        module(torch.zeros(1, 8), torch.zeros(1, 8))
    with pytest.raises(ValueError, match=r"shape \(None, 8\).*\(1, 7\)"):
        module(torch.zeros(1, 7))
    with pytest.raises(ValueError, match="no inputs and outputs yet"):
        as_module(Sequential([Dense(1)]))


def test_other_backends_hand_models_over_too():
    code = (
        "import numpy as np, torch\n"
        "from keras.models import Sequential\nfrom keras.layers import Dense, LSTM, Reshape\n"
        "from keras.wrappers.pytorch import as_module, TorchModule\n"
        "m = Sequential([Dense(6, input_shape=(4,)), Reshape((3, 2)), LSTM(3)])\nx = np.random.rand(5, 4)\n"
        "y = as_module(m)(torch.tensor(x)).detach().numpy()\n"
        "np.testing.assert_allclose(y, m.predict(x), rtol=1e-5, atol=1e-6)\n"
        "try: TorchModule(torch.nn.ReLU())\n"
        "except ValueError as error: assert 'KERAS_BACKEND=torch' in str(error)\n"
        "else: raise SystemExit('not refused')\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "KERAS_BACKEND": "jax"}, check=True)


# Modules as layers.


class Net(torch.nn.Module):
    def __init__(self, size=8):
        super().__init__()
        self.dense = torch.nn.Linear(size, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.drop = torch.nn.Dropout(0.5)
        self.scale = torch.nn.Parameter(torch.ones(4), requires_grad=False)

    def forward(self, x):
        return self.drop(self.norm(torch.tanh(self.dense(x)))) * self.scale


@pytest.fixture
def mixed():
    torch.manual_seed(0)
    return Sequential([TorchModule(Net(), input_shape=(8,), name="net"), Dense(1, name="head")])


def test_a_layer_made_of_a_module(mixed, numbers):
    net = mixed.layers[0]
    assert mixed.output_shape == (None, 1) and net.output_shape == (None, 4)
    assert [w.name for w in net.trainable_weights] == [
        "net/dense/weight:0", "net/dense/bias:0", "net/norm/weight:0", "net/norm/bias:0"
    ]  # fmt: skip
    assert len(net.non_trainable_weights) == 4
    found = K.function([mixed.input], [net.output])([numbers])[0]
    np.testing.assert_array_equal(found, net.module.eval()(torch.tensor(numbers)).detach().numpy())


def test_training_a_module(mixed, numbers):
    net = mixed.layers[0]
    before = {name: value.clone() for name, value in net.module.state_dict().items()}
    mixed.compile("adam", "mse")
    losses = mixed.fit(numbers, numbers[:, :1], epochs=60, batch_size=3, verbose=0).history["loss"]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    assert all(torch.equal(before[name], value) for name, value in net.module.state_dict().items()), "Keras has its own"
    net.write_back()
    after = net.module.state_dict()
    assert after["norm.num_batches_tracked"] == 120
    assert {name for name in before if torch.equal(before[name], after[name])} == {"scale"}
    found = K.function([mixed.input], [net.output])([numbers])[0]
    np.testing.assert_array_equal(found, net.module.eval()(torch.tensor(numbers)).detach().numpy())


def test_gradients_through_a_module(numbers):
    layer = TorchModule(torch.nn.Sequential(torch.nn.Linear(8, 3), torch.nn.Softplus()))
    x = K.placeholder((None, 8))
    found = K.function([x], K.gradients(K.sum(layer(x) ** 2), [x, *layer.weights]))([numbers])
    given = torch.tensor(numbers, requires_grad=True)
    (layer.module(given) ** 2).sum().backward()
    wanted = [given.grad, *(p.grad for p in layer.module.parameters())]
    for have, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(have, want.numpy(), rtol=1e-5, atol=1e-6)


def test_modules_of_several_inputs_and_outputs(numbers):
    layer = TorchModule(torch.nn.GRUCell(5, 3))
    a, b = Input((5,)), Input((3,))
    model = Model([a, b], layer([a, b]))
    wanted = layer.module(torch.tensor(numbers[:, :5]), torch.tensor(numbers[:, 5:])).detach().numpy()
    np.testing.assert_allclose(model.predict([numbers[:, :5], numbers[:, 5:]]), wanted, rtol=1e-6)
    sequence = Input((4, 2))
    output, state = TorchModule(torch.nn.GRU(2, 3, batch_first=True))(sequence)
    assert output.shape == (None, 4, 3) and state.shape == (1, None, 3)


def test_files_hold_the_weights_of_modules(mixed, numbers, tmp_path):
    mixed.compile("adam", "mse")
    mixed.train_on_batch(numbers, numbers[:, :1])
    wanted = mixed.predict(numbers)
    mixed.save(tmp_path / "mixed.h5")
    mixed.save_weights(tmp_path / "weights.h5")
    again = load_model(tmp_path / "mixed.h5", custom_objects={"TorchModule": TorchModule, "Net": Net})
    np.testing.assert_array_equal(again.predict(numbers), wanted)
    other = Sequential([TorchModule(Net(), input_shape=(8,)), Dense(1)])
    other.load_weights(tmp_path / "weights.h5")
    np.testing.assert_array_equal(other.predict(numbers), wanted)
    with pytest.raises(ValueError, match="'Net', whose code is not in the file"):
        load_model(tmp_path / "mixed.h5", custom_objects={"TorchModule": TorchModule})


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match="wanted a torch.nn.Module"):
        TorchModule(torch.relu)


@pytest.fixture
def image_net():
    return Sequential([Conv2D(4, 3, input_shape=(6, 6, 3)), BatchNormalization(), ReLU(6.0), GlobalAveragePooling2D()])


def test_torch_export_of_a_module_that_has_not_run_yet(image_net):
    module, x = as_module(image_net), torch.rand(2, 6, 6, 3)
    exported = torch.export.export(module, (x,)).module()
    torch.testing.assert_close(exported(x), module(x))


def test_torch_func_differentiates_a_module_in_training(image_net, monkeypatch):
    monkeypatch.setattr(normalization, "SMALLEST", 0)
    module, x = as_module(image_net).train(), torch.rand(4, 6, 6, 3)
    parameters = dict(module.named_parameters())
    found = torch.func.grad(lambda p: torch.func.functional_call(module, p, (x,)).square().sum())(parameters)
    wanted = torch.autograd.grad(module(x).square().sum(), list(parameters.values()))
    for f, w in zip(found.values(), wanted, strict=True):
        torch.testing.assert_close(f, w)


def test_models_that_ran_in_inference_mode_can_be_trained(image_net):
    x = np.random.rand(4, 6, 6, 3)
    image_net.compile("sgd", "mse")
    with torch.inference_mode():
        before = image_net.predict(x)
        image_net.fit(x, np.ones((4, 4)), verbose=0)
    assert not np.allclose(image_net.predict(x), before)
    image_net.fit(x, np.ones((4, 4)), verbose=0)
