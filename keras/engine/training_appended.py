"""Metrics by appending to `model.metrics_names` and `model.metrics_tensors`, as programs did until Keras 2.2."""

from .. import backend as K


class AppendedMetrics:
    """The names and tensors appended since `compile`, and the metric that each pair of them becomes."""

    def __init__(self):
        self.names, self.tensors, self.metrics = [], [], []

    def waiting_names(self):
        """Names that have no tensor yet."""
        return self.names[len(self.metrics) :]

    def complete(self, model):
        """Makes a metric of each pair: the mean over batches, weighted by their size."""
        for name, tensor in list(zip(self.names, self.tensors))[len(self.metrics) :]:
            from ..metrics import Mean

            metric = Mean(name=name)
            inputs = model._feed_inputs
            size = K.cast(K.shape(inputs[0])[0], K.floatx()) if inputs else None
            metric(K.mean(tensor), sample_weight=size)
            self.metrics.append(metric)
        return self.metrics
