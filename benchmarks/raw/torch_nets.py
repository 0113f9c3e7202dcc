"""The cases' networks as torch.nn modules that give logits, with their parts in the order in which Keras lists them."""

import torch
from torch import nn
from torch.nn import functional as F


class LSTMNet(nn.Module):
    """Embedding (or none), one LSTM, Dense; the last state of each direction."""

    def __init__(self, words, features, units, outputs, both=False, rate=0.0):
        super().__init__()
        self.embedding = nn.Embedding(words, features) if words else nn.Identity()
        self.lstm = nn.LSTM(features, units, batch_first=True, bidirectional=both)
        self.drop, self.out = nn.Dropout(rate), nn.Linear(units * (1 + both), outputs)

    def forward(self, x):
        _, (h, _) = self.lstm(self.embedding(x))
        return self.out(self.drop(torch.cat(list(h), dim=-1)))


class StatefulNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.LSTM(1, 50, batch_first=True), nn.LSTM(50, 50, batch_first=True)
        self.out, self.states = nn.Linear(50, 1), [None, None]

    def forward(self, x):
        x, first = self.first(x, self.states[0])
        x, second = self.second(x, self.states[1])
        self.states = [tuple(s.detach() for s in states) for states in (first, second)]
        return self.out(x[:, -1])


class Conv1DNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.conv = nn.Embedding(5000, 50), nn.Conv1d(50, 250, 3)
        self.dense, self.out, self.drop = nn.Linear(250, 250), nn.Linear(250, 1), nn.Dropout(0.2)

    def forward(self, x):
        x = self.conv(self.drop(self.embedding(x)).transpose(1, 2)).relu().amax(dim=2)
        return self.out(self.drop(self.dense(x).relu()))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(64, 64) for _ in range(4))
        self.inner, self.outer = nn.Linear(64, 128), nn.Linear(128, 64)

    def forward(self, x):
        parts = (f(x).unflatten(-1, (4, 16)).transpose(1, 2) for f in (self.query, self.key, self.value))
        heads = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        x = F.layer_norm(x + self.out(heads), (64,), eps=1e-6)
        return F.layer_norm(x + self.outer(self.inner(x).relu()), (64,), eps=1e-6)


class Mean(nn.Module):
    """The mean over time."""

    def forward(self, x):
        return x.mean(dim=1)


class FlattenLast(nn.Module):
    """Flattens as Keras does with channels last; costs nothing in that memory format."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def mnist_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        FlattenLast(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip


def cifar_cnn():
    layers, before = [], 3
    for filters in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(before, filters, 3, padding=1), norm(filters), nn.ReLU()]
            before = filters
        layers += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    return nn.Sequential(*layers, FlattenLast(), nn.Linear(2048, 10))


class Bottleneck(nn.Module):
    def __init__(self, before, filters, stride, shortcut):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, filters, 1, stride), norm(filters), nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1), norm(filters), nn.ReLU(),
            nn.Conv2d(filters, 4 * filters, 1), norm(4 * filters),
        )  # fmt: skip
        self.shortcut = (
            nn.Sequential(nn.Conv2d(before, 4 * filters, 1, stride), norm(4 * filters)) if shortcut else nn.Identity()
        )

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class Pool(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def resnet50():
    layers = [nn.Conv2d(3, 64, 7, 2, padding=3), norm(64), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
    before = 64
    for filters, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for i in range(blocks):
            stride = 2 if i == 0 and filters > 64 else 1
            layers.append(Bottleneck(before, filters, stride, shortcut=i == 0))
            before = 4 * filters
    return nn.Sequential(*layers, Pool(), nn.Linear(2048, 1000))


def mobilenet():
    def part(conv, filters):
        return [conv, norm(filters), nn.ReLU6()]

    layers, before = part(nn.Conv2d(3, 32, 3, 2, padding=1, bias=False), 32), 32
    strides = {2: 2, 4: 2, 6: 2, 12: 2}
    for i, filters in enumerate((64, 128, 128, 256, 256, *[512] * 6, 1024, 1024), start=1):
        stride = strides.get(i, 1)
        layers += part(nn.Conv2d(before, before, 3, stride, padding=1, groups=before, bias=False), before)
        layers += part(nn.Conv2d(before, filters, 1, bias=False), filters)
        before = filters
    return nn.Sequential(*layers, Pool(), nn.Dropout(1e-3), nn.Linear(1024, 1000))


NETS = {
    "tiny_mlp": lambda: nn.Sequential(nn.Linear(100, 32), nn.ReLU(), nn.Linear(32, 1)),
    "mlp": lambda: nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(512, 10),
    ),
    "mnist_cnn": mnist_cnn,
    "cifar_cnn": cifar_cnn,
    "conv1d": Conv1DNet,
    "lstm": lambda: LSTMNet(20000, 128, 128, 1),
    "bidirectional": lambda: LSTMNet(20000, 128, 64, 1, both=True, rate=0.5),
    "stateful": StatefulNet,
    "char_lstm": lambda: LSTMNet(0, 57, 128, 57),
    "transformer": lambda: nn.Sequential(
        nn.Embedding(5000, 64), Encoder(), Encoder(), Mean(), nn.Dropout(0.1), nn.Linear(64, 1)
    ),
    "resnet50": resnet50,
    "mobilenet": mobilenet,
}  # fmt: skip
