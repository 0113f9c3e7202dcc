"""Whether memory stays flat: 3,000 calls of predict, and 40 rounds of build, fit and clear_session.

    python benchmarks/memory.py [--quick] [--json]

Resident memory is compared after a warm-up and at the end. Allocators keep a little back, so flat means that less
than `ALLOWED_MB` were added.
"""

import argparse
import gc
import json

import numpy as np

ALLOWED_MB = 16


def resident():
    """MB of memory that this process holds for itself."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024


def growth(call, warm_up, count):
    """MB that `count` calls add after `warm_up` calls."""
    for _ in range(warm_up):
        call()
    gc.collect()
    before = resident()
    for _ in range(count):
        call()
    gc.collect()
    return resident() - before


def small_model():
    from keras.layers import LSTM, Dense
    from keras.models import Sequential

    model = Sequential([LSTM(16, input_shape=(10, 8)), Dense(32, activation="relu"), Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def predicts(count):
    """predict in a loop, one sample and odd numbers of samples in turn."""
    model, x = small_model(), np.random.RandomState(0).rand(70, 10, 8).astype("float32")
    sizes = iter(i % 7 * 10 + 1 for i in range(10 * count))
    return growth(lambda: model.predict(x[: next(sizes)]), count // 10, count)


def models(count):
    """A new model, a fit and clear_session, again and again."""
    from keras import backend as K

    x, y = np.random.RandomState(0).rand(70, 10, 8).astype("float32"), np.zeros((70, 1), "float32")

    def train():
        model = small_model()
        model.fit(x, y, batch_size=32, epochs=2, validation_split=0.2, verbose=0)
        model.predict(x)
        K.clear_session()

    return growth(train, max(3, count // 4), count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    shorter = 10 if arguments.quick else 1
    found = {}
    for name, run, count in (("predict", predicts, 3000), ("build, fit, clear_session", models, 40)):
        grown = run(count // shorter)
        found[name] = {"rounds": count // shorter, "grown_mb": round(grown, 2), "flat": grown < ALLOWED_MB}
    if arguments.json:
        print(json.dumps(found))
        return
    for name, part in found.items():
        print(f"{name}, {part['rounds']} times: {part['grown_mb']:+.1f} MB" + ("" if part["flat"] else ", NOT FLAT"))


if __name__ == "__main__":
    main()
