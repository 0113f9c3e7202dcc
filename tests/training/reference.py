"""Training of a linear model written out in NumPy, in float64."""

import numpy as np


def linear_data(samples=10, features=3, targets=2, seed=0):
    rng = np.random.RandomState(seed)
    x = rng.rand(samples, features).astype("float32")
    y = rng.rand(samples, targets).astype("float32")
    return x, y


class Linear:
    """y = x w + b, trained by plain gradient descent on the (weighted) mean squared error."""

    def __init__(self, kernel, bias, lr=0.1):
        self.kernel = np.array(kernel, dtype="float64")
        self.bias = np.array(bias, dtype="float64")
        self.lr = lr

    def loss(self, x, y, weights=None):
        losses = np.mean((x @ self.kernel + self.bias - y) ** 2, axis=-1)
        return np.mean(losses * (1 if weights is None else weights))

    def step(self, x, y, weights=None):
        """One step; gives the loss before it."""
        loss = self.loss(x, y, weights)
        error = (x @ self.kernel + self.bias - y) * 2 / y.size
        if weights is not None:
            error = error * np.asarray(weights)[:, None]
        self.kernel -= self.lr * x.T @ error
        self.bias -= self.lr * error.sum(axis=0)
        return loss

    def epoch(self, x, y, batch_size, order=None, weights=None):
        """One pass; gives the loss averaged over samples."""
        order = np.arange(len(x)) if order is None else order
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            total += self.step(x[rows], y[rows], None if weights is None else weights[rows]) * len(rows)
        return total / len(x)
