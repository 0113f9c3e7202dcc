"""A functional model with two inputs and two outputs: is a tumour benign?

    python examples/two_inputs.py

One input takes the mean measurements of a sample's cells, the other their errors and extremes. A
second output predicts from the first input alone, as a check of what the other one adds.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

from keras.layers import Dense, Dropout, Input, concatenate
from keras.models import Model


def main():
    np.random.seed(11)
    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.permutation(len(x))
    x, y = x[order], y[order]
    x = (x - x[:400].mean(axis=0)) / x[:400].std(axis=0)
    means, spreads = x[:, :10], x[:, 10:]

    mean_input = Input(shape=(10,), name="means")
    spread_input = Input(shape=(20,), name="spreads")
    a = Dense(16, activation="relu")(mean_input)
    b = Dense(16, activation="relu")(spread_input)
    alone = Dense(1, activation="sigmoid", name="alone")(a)
    merged = Dropout(0.3)(concatenate([a, b]))
    both = Dense(1, activation="sigmoid", name="both")(Dense(16, activation="relu")(merged))
    model = Model(inputs=[mean_input, spread_input], outputs=[both, alone])
    model.compile(
        optimizer="adam", loss="binary_crossentropy", loss_weights={"both": 1.0, "alone": 0.3}, metrics=["accuracy"]
    )
    model.fit(
        {"means": means[:400], "spreads": spreads[:400]}, {"both": y[:400], "alone": y[:400]},
        epochs=30, batch_size=32, verbose=0,
    )  # fmt: skip
    results = model.evaluate([means[400:], spreads[400:]], [y[400:], y[400:]], verbose=0)
    named = dict(zip(model.metrics_names, results))
    print(f"Held-out samples: both inputs {named['both_accuracy']:.1%}, means alone {named['alone_accuracy']:.1%}")


if __name__ == "__main__":
    main()
