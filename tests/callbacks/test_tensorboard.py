"""Event files, read back by TensorBoard's own reader."""

import io
import sys

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from scipy import sparse
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from keras import backend as K
from keras.callbacks import Callback, TensorBoard, event_files, tensorboard_v2
from keras.layers import Concatenate, Conv2D, Dense, Embedding, Flatten, Input
from keras.models import Model, Sequential

rng = np.random.RandomState(0)
X = rng.normal(size=(20, 3))
Y = X.sum(axis=1, keepdims=True)


def build():
    model = Sequential([Dense(4, activation="relu", input_shape=(3,), name="one"), Dense(1, name="two")])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def fit(model, *callbacks, epochs=3, **options):
    options = {"validation_data": (X[:10], Y[:10]), "batch_size": 4, **options}
    return model.fit(X, Y, epochs=epochs, verbose=0, callbacks=list(callbacks), **options)


def read(folder):
    return EventAccumulator(str(folder), {"histograms": 0, "images": 0, "scalars": 0}).Reload()


def numbers(events, tag):
    return [e.step for e in events.Scalars(tag)], [e.value for e in events.Scalars(tag)]


def test_losses_and_metrics_of_epochs(tmp_path):
    history = fit(build(), TensorBoard(str(tmp_path / "new" / "logs")))
    events = read(tmp_path / "new" / "logs")
    assert sorted(events.Tags()["scalars"]) == ["loss", "mae", "val_loss", "val_mae"]
    for name, values in history.history.items():
        steps, written = numbers(events, name)
        assert steps == [0, 1, 2]
        np.testing.assert_allclose(written, values, rtol=1e-6)


@pytest.mark.parametrize("update_freq, steps", [("batch", [4, 8, 12, 16, 20, 24]), (10, [12, 24]), (1000, [])])
def test_losses_and_metrics_of_batches(tmp_path, update_freq, steps):
    seen = []

    class Watch(Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(logs["loss"])

    fit(build(), TensorBoard(tmp_path, update_freq=update_freq), Watch(), epochs=1, validation_data=None)
    # The last batch of an epoch is followed by the values of the epoch, at the same place.
    fitted, (at, values) = [4, 8, 12, 16, 20], numbers(read(tmp_path), "loss")
    expected = [s for s in steps if s <= 20]
    assert at == [*expected, 20]
    np.testing.assert_allclose(values[:-1], [seen[fitted.index(s)] for s in expected], rtol=1e-6)


def test_other_values_in_the_logs(tmp_path):
    class Rates(TensorBoard):
        def on_epoch_end(self, epoch, logs=None):
            logs.update(lr=K.eval(self.model.optimizer.lr), vector=np.arange(3), one=np.array([5.0]))
            super().on_epoch_end(epoch, logs)

    fit(build(), Rates(tmp_path), epochs=1)
    events = read(tmp_path)
    assert numbers(events, "lr") == ([0], [pytest.approx(0.01)]) and numbers(events, "one") == ([0], [5.0])
    assert "vector" not in events.Tags()["scalars"]


def test_each_training_has_a_file(tmp_path):
    board, model = TensorBoard(tmp_path), build()
    fit(model, board, epochs=1)
    fit(model, board, epochs=2, initial_epoch=1)
    assert len(list(tmp_path.iterdir())) == 2
    assert numbers(read(tmp_path), "loss")[0] == [0, 1]


def test_histograms(tmp_path):
    model = build()
    fit(model, TensorBoard(tmp_path, histogram_freq=2, write_grads=True, batch_size=3))
    events = read(tmp_path)
    weights = ["one/kernel_0", "one/bias_0", "two/kernel_0", "two/bias_0"]
    wanted = {*weights, *[w + "_grad" for w in weights], "one_out", "two_out"}
    assert set(events.Tags()["histograms"]) == wanted
    for tag in wanted:
        assert [e.step for e in events.Histograms(tag)] == [0, 2]
    last = {tag: events.Histograms(tag)[-1].histogram_value for tag in wanted}
    kernel = model.get_weights()[0]
    found = last["one/kernel_0"]
    assert found.num == 12 and found.min == pytest.approx(kernel.min()) and found.max == pytest.approx(kernel.max())
    assert found.sum == pytest.approx(kernel.sum(), rel=1e-5)
    assert sum(found.bucket) == 12
    outputs = model.predict(X[:10])
    assert last["two_out"].num == 10 and last["two_out"].sum == pytest.approx(outputs.sum(), rel=1e-5)
    gradient = 2 * (outputs - Y[:10]).mean()
    assert last["two/bias_0_grad"].sum == pytest.approx(gradient, rel=1e-4)


def test_histograms_of_sparse_validation_data(tmp_path):
    model = build()
    rows = sparse.csr_matrix(np.maximum(X, 0))
    board = TensorBoard(tmp_path, histogram_freq=1)
    model.fit(rows, Y, verbose=0, validation_data=(rows[:7], Y[:7]), callbacks=[board])
    (event,) = read(tmp_path).Histograms("two_out")
    assert event.histogram_value.sum == pytest.approx(model.predict(rows[:7]).sum(), rel=1e-5)


def test_bins_hold_what_lies_between_their_bounds():
    values = np.concatenate([rng.normal(size=500), [0, 0, 1e-13, -1e-13, 1e25, -1e25, np.nan, np.inf]])
    histogram = event_files.Histogram().add(values[:100]).add(values[100:]).add([])
    summary = event_files.protos().Summary()
    histogram.put_into(summary, "values")
    written = summary.value[0].histo
    limits = np.array(written.bucket_limit)
    assert (np.diff(limits) > 0).all() and len(limits) < 400
    finite = values[np.isfinite(values)]
    counts = np.histogram(finite, bins=np.concatenate([[-np.inf], limits]))[0]
    np.testing.assert_array_equal(written.bucket, counts)
    event_files.Histogram().add([np.nan]).put_into(summary, "nothing")
    assert len(summary.value) == 1


def test_pictures(tmp_path):
    model = Sequential([Conv2D(2, 3, input_shape=(4, 4, 1), name="conv"), Flatten(), Dense(1, name="out")])
    model.compile("sgd", "mse")
    x = rng.normal(size=(6, 4, 4, 1))
    model.fit(x, Y[:6], verbose=0, validation_data=(x, Y[:6]), callbacks=[
        TensorBoard(tmp_path, histogram_freq=1, write_images=True, write_graph=False)
    ])  # fmt: skip
    events = read(tmp_path)
    tags = ["conv/kernel_0/image/0", "conv/kernel_0/image/1", "conv/bias_0/image/0", "out/kernel_0/image/0"]
    assert sorted(events.Tags()["images"]) == sorted(tags)  # a single number is no picture
    for i in range(2):
        kernel = model.get_weights()[0][:, :, 0, i]
        all_kernels = model.get_weights()[0]
        image = np.asarray(Image.open(io.BytesIO(events.Images(f"conv/kernel_0/image/{i}")[0].encoded_image_string)))
        assert image.shape == (3, 3)
        assert all_kernels.size == 18 and np.unravel_index(image.argmax(), (3, 3)) == np.unravel_index(
            kernel.argmax(), (3, 3)
        )


@pytest.mark.parametrize(
    "shape, pictures",
    [
        ((5,), (1, 5, 1, 1)),
        ((5, 3), (1, 3, 5, 1)),
        ((3, 5), (1, 3, 5, 1)),
        ((3, 3, 1, 4), (4, 3, 3, 1)),
        ((2,) * 4, None),
    ],
)
def test_shapes_of_pictures(shape, pictures):
    made = event_files.weight_as_images(np.zeros(shape))
    assert (None if made is None else made.shape) == pictures


def test_graph(tmp_path):
    first, second = Input((3,), name="first"), Input((3,), name="second")
    shared, inner = Dense(2, name="shared"), Sequential([Dense(2, input_shape=(2,), name="in")], name="inner")
    joined = Concatenate(name="join")([shared(first), inner(shared(second))])
    model = Model([first, second], Dense(1, name="last")(joined))
    model.compile("sgd", "mse")
    model.fit([X, X], Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    nodes = {node.name: node for node in read(tmp_path).Graph().node}
    assert list(nodes["join/Concatenate"].input) == ["shared/Dense", "inner/Sequential"]
    assert list(nodes["shared/Dense_1"].input) == ["second/InputLayer", "shared/kernel", "shared/bias"]
    assert nodes["inner/in/Dense"].op == "Dense" and nodes["last/kernel"].op == "Variable"
    shape = nodes["last/Dense"].attr["_output_shapes"].list.shape[0]
    assert [d.size for d in shape.dim] == [-1, 1]
    for node in nodes.values():
        assert all(source.split(":")[0] in nodes for source in node.input), node


def test_embeddings(tmp_path):
    model = Sequential([Embedding(7, 2, input_length=3, name="words"), Flatten(name="flat"), Dense(1)])
    model.compile("sgd", "mse")
    words = rng.randint(0, 7, (20, 3))
    (tmp_path / "labels.tsv").write_text("\n".join(map(str, range(5))))
    board = TensorBoard(
        tmp_path, embeddings_freq=1, embeddings_data=words[:5], embeddings_metadata={"words": "labels.tsv"},
        batch_size=2,
    )  # fmt: skip
    model.fit(words, Y, verbose=0, callbacks=[board])
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (words_config,) = config.embeddings
    assert words_config.tensor_name == "words_embedding" and list(words_config.tensor_shape) == [5, 6]
    assert words_config.metadata_path == "labels.tsv"
    saved = np.loadtxt(tmp_path / words_config.tensor_path, delimiter="\t")
    np.testing.assert_allclose(saved, model.get_weights()[0][words[:5]].reshape(5, 6), rtol=1e-6)
    named = TensorBoard(tmp_path, embeddings_freq=1, embeddings_data=words, embeddings_layer_names=["flat"],
                        embeddings_metadata="labels.tsv")  # fmt: skip
    model.fit(words, Y, verbose=0, callbacks=[named])
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    assert [(e.tensor_name, e.metadata_path) for e in config.embeddings] == [("flat_embedding", "labels.tsv")]


def test_missing_data_are_named_before_training(tmp_path):
    model = build()
    before = model.get_weights()
    with pytest.raises(ValueError, match="validation_data must be provided, and cannot be a generator"):
        fit(model, TensorBoard(tmp_path, histogram_freq=1), validation_data=None)
    with pytest.raises(ValueError, match="embeddings_data must be provided"):
        fit(model, TensorBoard(tmp_path, embeddings_freq=1))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        fit(build(), TensorBoard(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_summaries_of_the_user(tmp_path):
    writer = event_files.EventWriter(tmp_path)
    summary = event_files.scalars({"own": 3})
    writer.add_summary(summary, 5)
    writer.add_summary(summary.SerializeToString(), global_step=6)
    writer.close()
    assert numbers(read(tmp_path), "own") == ([5, 6], [3.0, 3.0])


def test_the_class_for_tensorflow_2(tmp_path):
    board = tensorboard_v2.TensorBoard(tmp_path)
    fit(build(), board, epochs=1)
    assert board.batch_size == 32 and numbers(read(tmp_path), "loss")[0] == [0]
    with pytest.raises(TypeError, match="unknown arguments: histogram. Did you mean 'histogram_freq'"):
        tensorboard_v2.TensorBoard(tmp_path, histogram=2)
