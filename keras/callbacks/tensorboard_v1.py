"""The callback `TensorBoard`."""

import os

import numpy as np

from .. import backend as K
from ..engine.training_utils import standardize_input_data
from ..utils.generic_utils import to_list
from . import event_files
from .base import Callback
from .projector import write_projector


class TensorBoard(Callback):
    """Writes what TensorBoard shows: `tensorboard --logdir=./logs`.

    Needs the package `tensorboard`, but not TensorFlow. A new event file is begun with every training.

    Args:
        log_dir: folder for the event files, made if missing.
        histogram_freq: epochs between histograms of weights and of what the layers give; 0 writes none. Needs
            validation data that are arrays.
        batch_size: rows per batch for histograms and embeddings.
        write_graph: whether to show the layers and how they are joined.
        write_grads: whether there are also histograms of the gradients (of the validation loss).
        write_images: whether there are also pictures of the weights.
        embeddings_freq: epochs between savings of embeddings; 0 saves none.
        embeddings_layer_names: names of the layers whose output is saved; `None` for all `Embedding` layers.
        embeddings_metadata: file with a label per row of `embeddings_data`, its path seen from `log_dir`; or a
            dictionary of them by layer name.
        embeddings_data: the inputs whose embeddings are saved: an array, or a list of them.
        update_freq: `"epoch"`; or a number of samples after which losses and metrics are written, with the
            samples seen on the horizontal axis; `"batch"` writes them after every batch.

    Raises:
        ImportError: without the package `tensorboard`.
        ValueError: at the start of training, if histograms or embeddings lack their data.
    """

    _acts_between_batches = False  # it only looks
    state_attributes = ("samples_seen", "samples_seen_at_last_write")

    def __init__(
        self, log_dir="./logs", histogram_freq=0, batch_size=32, write_graph=True, write_grads=False,
        write_images=False, embeddings_freq=0, embeddings_layer_names=None, embeddings_metadata=None,
        embeddings_data=None, update_freq="epoch",
    ):  # fmt: skip
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.batch_size = histogram_freq, batch_size
        self.write_graph, self.write_grads, self.write_images = write_graph, write_grads, write_images
        self.embeddings_freq, self.embeddings_layer_names = embeddings_freq, embeddings_layer_names
        self.embeddings_metadata, self.embeddings_data = embeddings_metadata or {}, embeddings_data
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.samples_seen = self.samples_seen_at_last_write = 0
        self.writer = None

    def set_model(self, model):
        """Begins the event file, with the graph of the model."""
        self.model = model
        self._probe = None
        if self.writer is not None:
            self.writer.close()
        self.writer = event_files.EventWriter(self.log_dir)
        if self.write_graph and getattr(model, "_is_graph_network", False):
            self.writer.add_graph(event_files.model_graph(model))
            self.writer.flush()

    def on_train_begin(self, logs=None):
        if self.histogram_freq and not self.validation_data:
            raise ValueError("If printing histograms, validation_data must be provided, and cannot be a generator.")
        if self.embeddings_freq and self.embeddings_data is None:
            raise ValueError("To visualize embeddings, embeddings_data must be provided.")

    def on_batch_end(self, batch, logs=None):
        if self.update_freq == "epoch":
            return
        self.samples_seen += logs["size"]
        if self.samples_seen - self.samples_seen_at_last_write >= self.update_freq:
            self._write_logs(logs, self.samples_seen)
            self.samples_seen_at_last_write = self.samples_seen

    def on_epoch_end(self, epoch, logs=None):
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_histograms(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        self._write_logs(logs or {}, epoch if self.update_freq == "epoch" else self.samples_seen)

    def on_train_end(self, _):
        self.writer.close()
        self.writer = None

    def _write_logs(self, logs, index):
        values = {name: value for name, value in logs.items() if name not in ("batch", "size", "num_steps")}
        self.writer.add_summary(event_files.scalars(values), index)
        self.writer.flush()

    # Histograms and pictures.

    def _write_histograms(self, epoch):
        summary = event_files.protos().Summary()
        for layer in self.model.layers:
            for weight in layer.weights:
                name, value = _tag(weight), K.get_value(weight)
                event_files.Histogram().add(value).put_into(summary, name)
                pictures = event_files.weight_as_images(value) if self.write_images else None
                if pictures is not None:
                    event_files.add_images(summary, name, pictures)
        for name, histogram in self._histograms_over_validation().items():
            histogram.put_into(summary, name)
        self.writer.add_summary(summary, epoch)

    def _histograms_over_validation(self):
        """{name: histogram} of what each layer gives and of the gradients, over the validation data."""
        if self._probe is None:
            self._probe = self._make_probe()
        function, outputs, gradients = self._probe
        histograms = {name: event_files.Histogram() for name in outputs}
        sums, samples = [0.0] * len(gradients), 0
        for arrays, size in self._validation_batches():
            results = function(arrays)
            for name, values in zip(outputs, results, strict=False):
                histograms[name].add(values)
            sums = [a + b * size for a, b in zip(sums, results[len(outputs) :], strict=True)]
            samples += size
        for name, total in zip(gradients, sums, strict=True):
            histograms[name] = event_files.Histogram().add(total / samples)
        return histograms

    def _make_probe(self):
        """What computes outputs and gradients of a validation batch; the outputs' names; the gradients' names."""
        outputs = {name: x for layer in self.model.layers for name, x in _named_outputs(layer)}
        gradients = {}
        if self.write_grads:
            weights = list(dict.fromkeys(self.model.trainable_weights))
            of_weights = zip(weights, K.gradients(self.model.total_loss, weights), strict=True)
            gradients = {f"{_tag(w)}_grad": g for w, g in of_weights if g is not None}
        tensors = [*outputs.values(), *gradients.values()]
        return K.function(self.model.test_function.inputs, tensors), list(outputs), list(gradients)

    def _validation_batches(self):
        data = self.validation_data
        rows = next(x.shape[0] for x in data if hasattr(x, "shape"))
        for start in range(0, rows, self.batch_size):
            stop = min(start + self.batch_size, rows)
            yield [_dense(x[start:stop]) if hasattr(x, "shape") else x for x in data], stop - start

    # Embeddings.

    def _write_embeddings(self):
        layers = [layer for layer in self.model.layers if self._is_embedded(layer)]
        data = standardize_input_data(self.embeddings_data, self.model.input_names)
        function = K.function(self.model.inputs, [to_list(layer.output)[0] for layer in layers])
        parts = [
            function([x[start : start + self.batch_size] for x in data])
            for start in range(0, data[0].shape[0], self.batch_size)
        ]
        arrays = [np.concatenate(of_layer) for of_layer in zip(*parts, strict=True)]
        embeddings = {
            layer.name: (array.reshape(len(array), -1), self._metadata_of(layer))
            for layer, array in zip(layers, arrays, strict=True)
        }
        write_projector(self.log_dir, embeddings)

    def _is_embedded(self, layer):
        if self.embeddings_layer_names:
            return layer.name in self.embeddings_layer_names
        return type(layer).__name__ == "Embedding"

    def _metadata_of(self, layer):
        if isinstance(self.embeddings_metadata, dict):
            return self.embeddings_metadata.get(layer.name)
        return self.embeddings_metadata


def _dense(rows):
    return rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)


def _tag(weight):
    return weight.name.replace(":", "_")


def _named_outputs(layer):
    """(name, tensor) of each output of a layer that is used once."""
    try:
        outputs = layer.output
    except AttributeError:  # shared: it has several
        return []
    if isinstance(outputs, list):
        return [(f"{layer.name}_out_{i}", x) for i, x in enumerate(outputs)]
    return [(f"{layer.name}_out", outputs)]


__all__ = ["TensorBoard"]
