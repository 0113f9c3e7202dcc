"""Whether batches are prepared while the model computes.

    python benchmarks/feeding.py [--steps 60] [--rounds 3]

A generator that needs as long as a training step would double the time if it ran in turn with the
training. The step time is measured first (training on a generator that hands out ready batches), then
the same training with a generator that takes that long per batch: asleep, as when it waits for a disk, and
computing with NumPy, as when it decodes images. On a CPU the latter shares the cores with the training.
"""

import argparse
import time

import numpy as np

from keras.layers import Dense
from keras.models import Sequential
from keras.utils import Sequence

WIDTH, BATCH = 1024, 256


class Batches(Sequence):
    """Ready-made batches; each takes `prepare()` first."""

    def __init__(self, steps, prepare=None):
        self.steps, self.prepare = steps, prepare
        rng = np.random.RandomState(0)
        self.x, self.y = rng.rand(BATCH, WIDTH).astype("float32"), rng.rand(BATCH, 1).astype("float32")

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        if self.prepare:
            self.prepare()
        return self.x, self.y


def build():
    model = Sequential([Dense(WIDTH, activation="relu", input_shape=(WIDTH,)), Dense(WIDTH), Dense(1)])
    model.compile("adam", "mse")
    model.fit(Batches(3), verbose=0)
    return model


def seconds(model, batches, **options):
    start = time.perf_counter()
    model.fit(batches, verbose=0, **options)
    return (time.perf_counter() - start) / len(batches)


def computing(duration):
    """NumPy work of about this many seconds."""
    a = np.random.rand(400_000)
    start = time.perf_counter()
    for _ in range(20):
        np.sort(a)
    repeats = max(1, round(duration * 20 / (time.perf_counter() - start)))
    return lambda: [np.sort(a) for _ in range(repeats)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    model = build()
    print(f"{'per step':24} {'ready':>9} {'in turn':>9} {'ahead':>9} {'ratio':>6}")
    for name in ("asleep", "computing (NumPy)"):
        for _ in range(arguments.rounds):
            ready = seconds(model, Batches(arguments.steps))
            prepare = (lambda t=ready: time.sleep(t)) if name == "asleep" else computing(ready)
            in_turn = seconds(model, Batches(arguments.steps, prepare), workers=0)
            ahead = seconds(model, Batches(arguments.steps, prepare), workers=1)
            times = (f"{1000 * t:6.1f} ms" for t in (ready, in_turn, ahead))
            print(f"{name:24}", *times, f"{ahead / ready:6.2f}")


if __name__ == "__main__":
    main()
