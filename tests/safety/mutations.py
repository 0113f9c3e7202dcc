"""Small real files, and damaged ones made of them: case number -> (how to open it, content), always the same
(but for the date that archives carry).
"""

import copy
import functools
import io
import json
import pathlib
import random
import tempfile
import zipfile

import h5py
import numpy as np
import yaml

# Files that other versions wrote: they pass through the conversions.
DATA = pathlib.Path(__file__).parent.parent / "data"
OLDER = [f"golden/{name}.h5" for name in (
    "old122_nested", "old122_rnn", "old208_bidirectional", "old208_cnn", "old224_nested", "old224_rnn",
    "old231_multi_io", "k3_gru_both", "k3_siamese", "merge_all", "siamese_shared_sequential", "lstm_encoder_decoder",
    "rnn_stacked_lstm_cells", "convlstm2d", "regularizers", "shared_layers",
)] + [f"keras3/{name}.keras" for name in (
    "nested", "recurrent", "tf_keras_graph", "several_inputs_trained", "optimizer_adam", "convolutional_recurrent",
)]  # fmt: skip

# What stands for a value in a configuration that somebody has tampered with.
ODD_VALUES = (
    None, True, False, 0, -1, 1, 2, 10**6, 10**12, -(10**18), 2**63, 0.5, -0.5, 1e308, float("inf"), float("nan"), "",
    "x", "a" * 3000, "../../x", "\0", "é\ud800", [], {}, [[]], [None], [1, 2, 3], {"a": 1}, [[["x", 0, 0, {}]]],
    "linear", "softmax", "Dense", "LSTM", "Model", "Sequential", "Lambda", "lambda", "function", "float16", "int32",
    "__lambda__", "channels_first", "same", "causal", "max_norm", "zeros", "stateful", "ndarray",
    {"class_name": "Dense", "config": {}}, {"class_name": "Lambda", "config": {}}, {"class_name": None, "config": None},
    {"class_name": "__keras_tensor__", "config": {}}, {"type": "ndarray", "value": [1]},
    {"class_name": "Sequential", "config": {"layers": []}}, {"class_name": "LSTM", "config": {"units": 3}},
)  # fmt: skip
ODD_BYTES = (
    b"\0", b"\xff", b"\x80", b"\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff" * 8, b"\0\0\0\x80", b"OHDR", b"TREE",
    b"HEAP", b"SNOD", b"GCOL", b"PK\1\2", b"PK\5\6", b'"', b"{", b"[", b": ", b"\n", b"- ", b"&a ", b"*a", b"!!",
)  # fmt: skip


def _models():
    from keras import layers
    from keras.models import Model, Sequential

    dense = Sequential([layers.Dense(3, activation="relu", input_shape=(4,)), layers.BatchNormalization()], name="s")
    dense.add(layers.Dense(2, activation="softmax", kernel_regularizer="l2"))
    dense.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    steps = layers.Input((5, 4), name="steps")
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")(steps)
    x = layers.TimeDistributed(layers.Dense(3), name="each")(x)
    x = layers.GRU(2, name="gru")(layers.Masking()(layers.concatenate([x, layers.Conv1D(3, 3, padding="same")(steps)])))
    recurrent = Model(steps, [dense(layers.Dense(4)(x)), x], name="recurrent")
    recurrent.compile("rmsprop", "mse", loss_weights=[1.0, 0.5])
    image = Sequential([layers.Conv2D(2, 3, input_shape=(6, 6, 1)), layers.MaxPooling2D(), layers.Flatten()], name="i")
    image.add(layers.Dense(2))
    image.compile("sgd", "mse")
    return [dense, recurrent, image]


@functools.cache
def seeds():
    """[(kind, content, number of the model)]: every format of every model, and older files."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, model in enumerate(models()):
            for kind, name in (("model", "m.h5"), ("model", "m.keras")):
                model.save(f"{folder}/{name}")
                found.append((kind, pathlib.Path(folder, name).read_bytes(), number))
            names = ["w.h5"]
            try:
                import safetensors  # noqa: F401

                names.append("w.safetensors")
            except ImportError:
                pass
            for name in names:
                model.save_weights(f"{folder}/{name}")
                found.append(("weights", pathlib.Path(folder, name).read_bytes(), number))
            found.append(("json", model.to_json(), number))
            found.append(("yaml", model.to_yaml(), number))
    return found + [("model", (DATA / name).read_bytes(), None) for name in OLDER]


@functools.cache
def models():
    """The undamaged models; weights are loaded into them."""
    np.random.seed(0)
    return _models()


def case(number):
    """(kind, content, number of the model) of one case."""
    rng = random.Random(number)
    kind, content, model = rng.choice(seeds())
    if isinstance(content, str):
        return kind, _damaged_text(kind, content, rng), model
    how = rng.random()
    if content[:2] == b"PK" and how < 0.7:
        return kind, _damaged_archive(content, rng), model
    if content[:4] == b"\x89HDF" and how < 0.4:
        return kind, _damaged_structure(content, rng), model
    return kind, _damaged_bytes(content, rng), model


# ------------------------------------------------------------------------------------------ bytes and text


def _damaged_bytes(data, rng):
    # HDF5 says where things lie: shifted by a byte, nothing is found anymore.
    keep_places = data[:4] == b"\x89HDF" and rng.random() < 0.9
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        start, length = rng.randrange(max(1, len(data))), rng.choice((1, 1, 2, 4, 8, 64))
        what = rng.randrange(7)
        if what == 0:
            data[start : start + 1] = bytes([rng.randrange(256)])
        elif what == 1 and start < len(data):
            data[start] ^= 1 << rng.randrange(8)
        elif what == 2:
            odd = rng.choice(ODD_BYTES)
            data[start : start + len(odd)] = odd[: len(data) - start]
        elif what == 3 and not keep_places:
            del data[start : start + length]
        elif what == 4 and not keep_places:
            data[start:start] = data[start : start + length]
        elif what == 5:
            other = rng.randrange(max(1, len(data)))
            data[start : start + length] = data[other : other + length].ljust(length, b"\0")[: len(data) - start]
        elif rng.random() < 0.3 and not keep_places:
            del data[start:]
    return bytes(data)


def _damaged_text(kind, text, rng):
    if rng.random() < 0.25:
        return _damaged_bytes(text.encode(), rng).decode("utf-8", "replace")
    config = _tampered(json.loads(text) if kind == "json" else yaml.safe_load(text), rng)
    if kind == "json":
        return json.dumps(config)
    return yaml.safe_dump(config, allow_unicode=False)


def _places(value, found):
    """Every (container, key) in a configuration."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        found.append((value, key))
        if isinstance(item, (dict, list)):
            _places(item, found)
    return found


def _tampered(config, rng):
    """The configuration with one to four values changed, removed, doubled, renamed or exchanged."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = _places(config, [])
        if not places:
            break
        container, key = rng.choice(places)
        what = rng.randrange(6)
        if what <= 2:
            container[key] = copy.deepcopy(rng.choice(ODD_VALUES))  # as it may be changed in its turn
        elif what == 3:
            del container[key]
        elif what == 4:
            other, place = rng.choice(places)
            container[key] = json.loads(json.dumps(other[place]))
        elif isinstance(container, dict):
            container[str(rng.choice(ODD_VALUES))] = container.pop(key)
        else:
            container.insert(0, json.loads(json.dumps(container[key])))
    return config


# ------------------------------------------------------------------------------------------ containers


def _damaged_archive(data, rng):
    """A zip whose entries are damaged, not their packing."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    name = rng.choice(sorted(entries))
    if name.endswith(".h5"):
        damage = _damaged_structure if rng.random() < 0.5 else _damaged_bytes
        entries[name] = damage(entries[name], rng)
    elif rng.random() < 0.8:
        entries[name] = json.dumps(_tampered(json.loads(entries[name]), rng)).encode()
    else:
        entries[name] = _damaged_bytes(entries[name], rng)
    if rng.random() < 0.05:
        del entries[rng.choice(sorted(entries))]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return target.getvalue()


def _damaged_structure(data, rng):
    """A sound HDF5 file that holds something else: other attributes, groups for arrays, links, shapes, types."""
    target = io.BytesIO(data)
    with h5py.File(target, "r+") as file:
        for _ in range(rng.choice((1, 1, 2, 3))):
            names = ["/"]
            file.visit(names.append)
            _damage_one(file, rng.choice(names), rng)
    return target.getvalue()


def _damage_one(file, name, rng):
    thing = file[name]
    attributes = sorted(thing.attrs)
    if attributes and rng.random() < 0.6:
        key = rng.choice(attributes)
        value = thing.attrs[key]
        text = value.decode() if isinstance(value, bytes) else value
        if isinstance(text, str) and text[:1] == "{":
            thing.attrs[key] = json.dumps(_tampered(json.loads(text), rng)).encode()
        elif rng.random() < 0.3:
            del thing.attrs[key]
        else:
            thing.attrs[key] = rng.choice(
                (b"", "text", b"\xff\xfe", 7, -1.5, np.zeros(3), np.array([b"a", b"b"]), np.zeros((0,), "S1"), b"2.9.9")
            )
    elif name != "/":
        parent, _, last = name.rpartition("/")
        group = file[parent or "/"]
        old = group[last]
        shape = getattr(old, "shape", (2,))
        del group[last]
        what = rng.randrange(8)
        if what == 0:
            group.create_group(last)
        elif what == 1:
            group[last] = h5py.SoftLink(rng.choice(("/", "/nowhere", name)))
        elif what == 2:
            group[last] = h5py.ExternalLink("elsewhere.h5", "/")
        elif what == 3:
            group[last] = np.zeros(shape, rng.choice(("i8", "f8", "f2", "?", "u1", "S3", "c8")))
        elif what == 4:
            group[last] = np.zeros(rng.choice(((), (0,), (1,), (3, 3), (2,) * 20)), "f4")
        elif what == 5:
            group[last] = np.full(shape, rng.choice((np.nan, np.inf)), "f4")
        elif what == 6:
            group[last] = file["/"]  # a group that holds itself
