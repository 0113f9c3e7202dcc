"""The loop by hand in PyTorch: eager, images in channels_last."""

import numpy as np
import torch
from cases.base import Initializer
from torch import nn
from torch.nn import functional as F

from .torch_nets import NETS

OPTIMIZERS = {
    "tiny_mlp": lambda p: torch.optim.RMSprop(p, lr=0.001, alpha=0.9, eps=1e-7),
    "mlp": lambda p: torch.optim.RMSprop(p, lr=0.001, alpha=0.9, eps=1e-7),
    "char_lstm": lambda p: torch.optim.RMSprop(p, lr=0.001, alpha=0.9, eps=1e-7),
    "mnist_cnn": lambda p: torch.optim.Adadelta(p, lr=1.0, rho=0.95, eps=1e-7),
    "resnet50": lambda p: torch.optim.SGD(p, lr=0.001, momentum=0.9),
    "mobilenet": lambda p: torch.optim.SGD(p, lr=0.001, momentum=0.9),
}


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.001, eps=1e-7)


def set_common_weights(net):
    """The common matrices, laid out as Keras has them and turned; biases and scales as Keras starts them."""
    initial = Initializer()
    for module in net.modules():
        if isinstance(module, nn.LSTM):
            _set_lstm(module, initial)
        elif isinstance(module, nn.Embedding | nn.Linear | nn.Conv1d | nn.Conv2d):
            module.weight.copy_(torch.from_numpy(_matrix(module, initial)))
            if getattr(module, "bias", None) is not None:
                module.bias.zero_()


def _matrix(module, initial):
    shape = tuple(module.weight.shape)
    if isinstance(module, nn.Embedding):
        return initial.glorot(shape)
    if isinstance(module, nn.Linear):
        return initial.glorot(shape[::-1]).T.copy()
    if isinstance(module, nn.Conv1d):
        return initial.glorot((shape[2], shape[1], shape[0])).transpose(2, 1, 0).copy()
    if module.groups > 1:  # depthwise: (height, width, channels, 1) in Keras
        return initial.glorot((*shape[2:], shape[0], 1)).transpose(2, 3, 0, 1).copy()
    return initial.glorot((*shape[2:], shape[1], shape[0])).transpose(3, 2, 0, 1).copy()


def _set_lstm(module, initial):
    for end in ("_l0", "_l0_reverse")[: 1 + module.bidirectional]:
        for name in ("weight_ih", "weight_hh"):
            weight = getattr(module, name + end)
            weight.copy_(torch.from_numpy(initial.glorot(tuple(weight.shape)[::-1]).T.copy()))
        bias = getattr(module, "bias_ih" + end)
        bias.zero_()[module.hidden_size : 2 * module.hidden_size] = 1.0
        getattr(module, "bias_hh" + end).zero_().requires_grad_(False)  # Keras has one bias


class TorchSession:
    def __init__(self, case):
        self.case = case
        self.x, self.y = case.data()
        if self.x.ndim == 4:
            self.x = np.ascontiguousarray(self.x)
        self.net = NETS[case.name]()
        with torch.no_grad():
            set_common_weights(self.net)
        if self.x.ndim == 4:
            self.net = self.net.to(memory_format=torch.channels_last)

    def compile(self):
        parameters = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizer = OPTIMIZERS.get(self.case.name, adam)(parameters)

    def inputs(self, array):
        """Images that lie channels last are seen as NCHW without a copy."""
        x = torch.from_numpy(array)
        return x.permute(0, 3, 1, 2) if x.ndim == 4 else x

    def loss_of(self, out, y):
        if self.case.loss == "binary_crossentropy":
            return F.binary_cross_entropy_with_logits(out, y)
        if self.case.loss == "mean_squared_error":
            return F.mse_loss(out, y)
        return F.cross_entropy(out, y)

    def train(self, rows):
        self.net.train()
        loss = self.loss_of(self.net(self.inputs(self.x[rows])), torch.from_numpy(self.y[rows]))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def reset(self):
        if hasattr(self.net, "states"):
            self.net.states = [None, None]

    def first_step(self):
        float(self.train(slice(0, self.case.batch)))

    def fit(self, shuffle=True):
        self.reset()
        n, samples = self.case.batch, self.case.samples
        order = np.random.permutation(samples) if shuffle else np.arange(samples)
        losses = [self.train(order[i : i + n]) for i in range(0, samples, n)]
        return float(torch.stack(losses).mean())

    def train_on_batch(self):
        self.reset()
        n = self.case.batch
        for i in range(0, self.case.samples, n):
            float(self.train(slice(i, i + n)))

    def run(self, x):
        out = self.net(self.inputs(x))
        if self.case.loss == "mean_squared_error":
            return out.numpy()
        return (out.sigmoid() if self.case.loss == "binary_crossentropy" else out.softmax(dim=-1)).numpy()

    def predict(self):
        self.net.eval()
        n = self.case.batch
        with torch.inference_mode():
            return np.concatenate([self.run(self.x[i : i + n]) for i in range(0, self.case.samples, n)])

    def predict_one(self):
        self.net.eval()
        one = self.x[:1]
        with torch.inference_mode():
            for _ in range(self.case.singles):
                self.run(one)
