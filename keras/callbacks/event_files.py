"""What TensorBoard reads: event files with numbers, histograms, pictures and graphs.

The formats come from the package `tensorboard`, which needs no TensorFlow; it is imported on first use.
"""

import io
import os
import socket
import time

import numpy as np

from .. import backend as K
from ..utils.generic_utils import to_list


def protos():
    """The message types of event files, as attributes of one module.

    Raises:
        ImportError: without the package `tensorboard`.
    """
    try:
        from tensorboard.compat.proto import event_pb2, graph_pb2, summary_pb2
    except ImportError as error:
        raise ImportError(
            "The callback TensorBoard needs the package `tensorboard` (TensorFlow is not needed): "
            "pip install tensorboard"
        ) from error
    return _Protos(event_pb2.Event, graph_pb2.GraphDef, summary_pb2.Summary)


class _Protos:
    def __init__(self, event, graph, summary):
        self.Event, self.GraphDef, self.Summary = event, graph, summary


class EventWriter:
    """Writes an event file into a folder, which is made if missing.

    Args:
        folder: where TensorBoard will look.
    """

    _written = 0

    def __init__(self, folder):
        self._protos = protos()
        from tensorboard.summary.writer.record_writer import RecordWriter

        os.makedirs(folder, exist_ok=True)
        EventWriter._written += 1  # two files may be begun within a second
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{EventWriter._written}"
        self.path = os.path.join(folder, name)
        # Gathered in memory and appended by `flush`: a training that fails leaves no file open.
        self._buffer = io.BytesIO()
        self._records = RecordWriter(self._buffer)
        self._write(file_version="brain.Event:2")
        self.flush()

    def _write(self, **content):
        event = self._protos.Event(wall_time=time.time(), **content)
        self._records.write(event.SerializeToString())

    def add_summary(self, summary, global_step=None):
        """Writes a `Summary` (of any library that has this message) or its bytes.

        Args:
            global_step: the number on the horizontal axis.
        """
        data = summary if isinstance(summary, bytes) else summary.SerializeToString()
        self._write(summary=self._protos.Summary.FromString(data), step=int(global_step or 0))

    def add_graph(self, graph):
        """Writes a `GraphDef`."""
        self._write(graph_def=graph.SerializeToString())

    def flush(self):
        """Puts what was written into the file."""
        with open(self.path, "ab") as file:
            file.write(self._buffer.getvalue())
        self._buffer.seek(0)
        self._buffer.truncate()

    def close(self):
        self.flush()


def scalars(values):
    """A `Summary` of numbers.

    Args:
        values: dictionary by name; what is not a single number is left out.
    """
    summary = protos().Summary()
    for name, value in values.items():
        value = np.asarray(value)
        if value.size == 1 and value.dtype.kind in "fiub":
            summary.value.add(tag=name, simple_value=float(value.reshape(())))
    return summary


# The bounds of the bins that TensorFlow's histograms have: each a tenth above the one before.
_POSITIVE = 1e-12 * 1.1 ** np.arange(774)
_BOUNDS = np.concatenate([[-np.finfo("float64").max], -_POSITIVE[::-1], [0.0], _POSITIVE, [np.finfo("float64").max]])


class Histogram:
    """Counts numbers in bins, a part at a time; NaN and infinities are left out."""

    def __init__(self):
        self.counts = np.zeros(len(_BOUNDS))
        self.number = self.sum = self.squares = 0.0
        self.low, self.high = np.inf, -np.inf

    def add(self, values):
        values = np.asarray(values, dtype="float64").ravel()
        values = values[np.isfinite(values)]
        if not values.size:
            return self
        places = np.searchsorted(_BOUNDS, values, side="right").clip(max=len(_BOUNDS) - 1)
        self.counts += np.bincount(places, minlength=len(_BOUNDS))
        self.number += values.size
        self.sum += values.sum()
        self.squares += values @ values
        self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
        return self

    def put_into(self, summary, name):
        """Adds itself to a `Summary`; neighbouring empty bins become one."""
        if not self.number:
            return
        filled = self.counts > 0
        bins = filled | np.append(filled[1:], False)
        histogram = summary.value.add(tag=name).histo
        histogram.min, histogram.max, histogram.num = self.low, self.high, self.number
        histogram.sum, histogram.sum_squares = self.sum, self.squares
        histogram.bucket_limit.extend(_BOUNDS[bins].tolist())
        histogram.bucket.extend(self.counts[bins].tolist())


def add_images(summary, name, images, most=3):
    """Adds pictures to a `Summary`, under name/image/0, name/image/1, ...

    Args:
        images: array (pictures, height, width, 1, 3 or 4); numbers are scaled so that their range fills that of
            a picture. Negative numbers are darker than middle grey.
        most: how many of them.
    """
    from PIL import Image

    for i, image in enumerate(np.asarray(images, dtype="float64")[:most]):
        low, high = np.nan_to_num(image).min(), np.nan_to_num(image).max()
        if low >= 0:
            scale, zero = 255.0 / (high or 1.0), 0.0
        else:
            scale, zero = 127.0 / max(-low, high), 128.0
        pixels = np.nan_to_num(image * scale + zero).clip(0, 255).astype("uint8")
        buffer = io.BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "png")
        value = summary.value.add(tag=f"{name}/image/{i}").image
        value.height, value.width, value.colorspace = pixels.shape
        value.encoded_image_string = buffer.getvalue()


def weight_as_images(weight):
    """A weight as pictures (pictures, height, width, 1), or `None` if it has too many axes or none.

    A vector is a column, a matrix one picture (lying), and three axes are a picture per channel.
    """
    image = np.squeeze(weight)
    if image.ndim == 1:
        return image.reshape(1, -1, 1, 1)
    if image.ndim == 2:
        image = image.T if image.shape[0] > image.shape[1] else image
        return image[np.newaxis, :, :, np.newaxis]
    if image.ndim == 3:
        if K.image_data_format() == "channels_last":
            image = image.transpose(2, 0, 1)
        return image[..., np.newaxis]
    return None


def model_graph(model):
    """A `GraphDef` of a model: a node for each call of a layer, beside the layer's weights."""
    graph = protos().GraphDef()
    graph.versions.producer = 27
    _add_network(graph, model, "")
    return graph


def _add_network(graph, network, scope):
    """Adds the layers of a network; those of a network within it lie under its name."""
    names = {}
    for layer in network._layers:  # a Sequential's `layers` leave out its input
        for number, node in enumerate(network._nodes_of(layer)):
            names[node] = f"{scope}{layer.name}/{type(layer).__name__}{f'_{number}' if number else ''}"
    for layer in network._layers:
        path, weights = scope + layer.name, []
        if hasattr(layer, "_network_nodes"):
            _add_network(graph, layer, path + "/")
        else:
            weights = [_add_weight(graph, path, weight) for weight in layer.weights]
        for node in layer._inbound_nodes:
            if node in names:
                _add_call(graph, names, node, weights)


def _add_weight(graph, path, weight):
    name = f"{path}/{weight.name.split(':')[0].rpartition('/')[2]}"
    _set_shapes(graph.node.add(name=name, op="Variable"), [K.int_shape(weight)])
    return name


def _add_call(graph, names, node, weights):
    sources = [
        f"{names[layer._inbound_nodes[i]]}{f':{output}' if output else ''}"
        for layer, i, output in zip(node.inbound_layers, node.node_indices, node.tensor_indices, strict=True)
    ]
    added = graph.node.add(name=names[node], op=type(node.outbound_layer).__name__)
    added.input.extend(sources + weights)
    _set_shapes(added, [K.int_shape(x) for x in to_list(node.output_tensors)])


def _set_shapes(node, shapes):
    for shape in shapes:
        dims = node.attr["_output_shapes"].list.shape.add().dim
        for size in shape:
            dims.add(size=-1 if size is None else size)


__all__ = ["EventWriter", "Histogram", "add_images", "model_graph", "protos", "scalars", "weight_as_images"]
