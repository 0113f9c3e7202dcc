"""How a case is trained and asked: the calls that are timed, one class per way of working.

The loops written by hand (raw/) have the same methods, so that the worker times all alike.
"""


def is_keras_3(keras):
    return getattr(keras, "__version__", "2").startswith("3.")  # tf.keras does not say its version


class Session:
    """A compiled Keras model and its data.

    Making one builds the network; `compile` is apart, because the time from there to the end of the first step is
    one of the measures.
    """

    def __init__(self, case, keras, options):
        from cases.base import set_common_weights

        self.case, self.keras, self.options = case, keras, options
        self.x, self.y = case.data()
        self.model = case.build(keras)
        set_common_weights(self.model)

    def compile(self):
        self.model.compile(optimizer=self.case.optimizer(self.keras.optimizers), loss=self.case.loss, **self.options)

    def first_step(self):
        n = self.case.batch
        self.model.fit(self.x[:n], self.y[:n], batch_size=n, epochs=1, verbose=0)

    def fit(self, shuffle=True):
        """One epoch; its mean loss."""
        history = self.model.fit(self.x, self.y, batch_size=self.case.batch, epochs=1, verbose=0, shuffle=shuffle)
        return float(history.history["loss"][-1])

    def train_on_batch(self):
        n = self.case.batch
        for i in range(self.case.steps):
            self.model.train_on_batch(self.x[i * n : (i + 1) * n], self.y[i * n : (i + 1) * n])

    def predict(self):
        return self.model.predict(self.x, batch_size=self.case.batch, verbose=0)

    def predict_one(self):
        one = self.x[:1]
        for _ in range(self.case.singles):
            self.model.predict(one, verbose=0)
