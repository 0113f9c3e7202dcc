"""Small files that would take all memory or all time, each as {name: (what opens it, bytes or text)}.

Run as a program it opens them one after the other under a limit of memory and time, and tells how each ended.
"""

import io
import json
import struct
import sys
import zipfile
import zlib

import h5py
import numpy as np
from strangers import archive, h5, layer, sequential

DENSE = sequential(layer("Dense", name="d", units=2))
GIB = 1 << 30


def weights(fill):
    """A weights file of Keras 2's layout whose kernel `fill(group, name)` makes."""

    def make(file):
        group = file["model_weights"]
        group.attrs["layer_names"] = np.array([b"d"])
        inner = group.create_group("d")
        inner.attrs["weight_names"] = np.array([b"kernel:0", b"bias:0"])
        fill(inner, "kernel:0")
        inner["bias:0"] = np.zeros(2, "f4")

    return h5(DENSE, fill=make)


def zeros(size):
    """`size` zero bytes (whole mebibytes), deflated: one piece that is repeated, and the checksum of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\xda" + piece * (size >> 20) + b"\x03\0" + struct.pack(">I", size % 65521 << 16 | 1)


def chunked(shape, chunk, data=b"", filters=("deflate",)):
    """A dataset with one chunk that holds `data` as it is."""

    def fill(group, name):
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk(chunk)
        for one in filters:
            if one == "deflate":
                plist.set_deflate(9)
            else:
                plist.set_filter(32000, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(shape, (h5py.h5s.UNLIMITED,) * len(shape))
        dataset = h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, plist)
        if data:
            dataset.write_direct_chunk((0,) * len(shape), data)

    return fill


def plain(shape, **options):
    return lambda group, name: group.create_dataset(name, shape=shape, dtype="f4", **options)


def one_text_named_often(count, size):
    """`count` names of variable length that all stand for one text of `size` letters."""

    def fill(group, name):
        names = np.array(["x" * size] + ["y"] * (count - 1), dtype=object)
        group.attrs.create("weight_names", names, dtype=h5py.string_dtype())

    data = bytearray(weights(fill))
    start = data.find(struct.pack("<I", size))
    while data[start + 16 : start + 20] != struct.pack("<I", 1):
        start = data.find(struct.pack("<I", size), start + 1)
    data[start : start + 16 * count] = bytes(data[start : start + 16]) * count
    return bytes(data)


def lzf_of_any_size():
    """A chunk for which the filter's settings ask for 2 GiB. (16,384 bytes is what HDF5 puts there itself.)"""
    data = weights(chunked((3, 2), (64, 64), bytes(64), ["lzf"]))
    place = data.index(struct.pack("<I", 64 * 64 * 4), data.index(b"lzf"))
    return data[:place] + struct.pack("<I", 0x7FFFFFFF) + data[place + 4 :]


def hdf5_bombs():
    gigabyte = zeros(GIB)
    yield "shape", weights(plain((1 << 20, 1 << 20)))
    yield "shape of zero bytes each way", weights(plain((1 << 62, 2, 1 << 40)))
    yield "shape in chunks", weights(plain((1 << 20, 1 << 20), chunks=(64, 64)))
    yield "shape, compressed", weights(chunked((1 << 20, 1 << 10), (64, 64), zlib.compress(bytes(64 * 64 * 4))))
    yield "huge chunk", weights(chunked((3, 2), (1 << 14, 1 << 14)))
    yield "huge chunk, compressed", weights(chunked((3, 2), (1 << 14, 1 << 14), gigabyte))
    yield "chunk larger than itself", weights(chunked((3, 2), (64, 64), zeros(4 << 20)))
    yield "compressed twice", weights(chunked((3, 2), (64, 64), zlib.compress(gigabyte), ["deflate"] * 2))
    yield "lzf of any size", lzf_of_any_size()
    yield "one text named often", one_text_named_often(3000, 1 << 20)


def zip_of(entries):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, data in entries:
            with file.open(name, "w") as stream:
                for piece in data:
                    stream.write(piece)
    return target.getvalue()


def archive_bombs():
    metadata = ("metadata.json", [json.dumps({"keras_version": "3.8.0"}).encode()])
    megabyte = b" " * (1 << 20)
    yield "zip: config", zip_of([metadata, ("config.json", [megabyte] * 320)])
    yield "zip: weights", zip_of([metadata, ("config.json", [b"{}"]), ("model.weights.h5", [megabyte] * 320)])
    yield "zip: another entry", zip_of([metadata, ("config.json", [b"{}"]), ("x", [megabyte] * 320)])
    yield "zip: many entries", zip_of([metadata] + [(f"e{number}", []) for number in range(20_000)])
    data = bytearray(archive(DENSE))
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 0xFFFFFFF0)  # what the last entry declares
    yield "zip: a lie about the size", bytes(data)
    yield "zip: weights that are a bomb", archive(DENSE, h5(None, fill=lambda file: plain((1 << 20, 1 << 20))(
        file.create_group("layers/dense/vars"), "0")))  # fmt: skip


def twice_within_itself(depth):
    """A model that calls twice a model that calls twice a model that ..."""
    first = {**layer("InputLayer", name="i", batch_input_shape=[None, 2]), "name": "i", "inbound_nodes": []}
    inner = {**layer("Activation", name="m0", activation="linear"), "name": "m0"}
    shift = 0
    for level in range(1, depth + 1):
        name = inner["name"]
        inner["inbound_nodes"] = [[["i", 0, 0, {}]], [[name, shift, 0, {}]]]
        ends = {"input_layers": [["i", 0, 0]], "output_layers": [[name, shift + 1, 0]]}
        inner = {**layer("Model", name=f"m{level}", layers=[first, inner], **ends), "name": f"m{level}"}
        shift = 1
    return inner


def text_bombs():
    def of(*layers):
        return "json", json.dumps(sequential(*layers))

    def recurrent(**more):
        return layer("LSTM", name="r", units=1, batch_input_shape=[None, 10**9, 1], **more)

    yield "json: nesting", ("json", "[" * 1_000_000)
    yield "json: nesting in the model", ("json", '{"class_name": "Sequential", "config": ' + '{"a":' * 50_000)
    yield "json: long number", ("json", '{"class_name": "Sequential", "config": ' + "9" * 1_000_000 + "}")
    yield "wide layer", of(layer("Dense", name="d", units=10**15))
    yield "wide recurrent layer", of(layer("RepeatVector", n=2), layer("LSTM", units=20_000))
    yield "wide, both ways", of(
        layer("RepeatVector", n=2), layer("Bidirectional", layer=layer("LSTM", name="l", units=20_000))
    )
    yield "large bias", of(layer("Reshape", target_shape=[3, 1]), layer("ZeroPadding1D", padding=[0, 2**30]), *LOCAL)
    yield "large identity", of(layer("Dense", units=10**6, kernel_initializer="identity"), layer("Dense", units=10**6,
                               kernel_initializer="identity"))  # fmt: skip
    yield "unrolled", ("json", json.dumps(layer("Sequential", layers=[recurrent(unroll=True)])))
    yield "twice within itself", ("json", json.dumps(twice_within_itself(22)))
    lists = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    merges = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    yield "yaml: nine times nine", ("yaml", "\n".join(lists))
    yield "yaml: merged nine times", ("yaml", "\n".join(merges))
    yield "yaml: nesting", ("yaml", "[" * 100_000)


LOCAL = [layer("LocallyConnected1D", filters=1, kernel_size=1)]


def all_bombs():
    """Yields (name, kind, content)."""
    for name, data in [*hdf5_bombs(), *archive_bombs()]:
        yield name, "file", data
    for name, (kind, text) in text_bombs():
        yield name, kind, text


def open_it(kind, content):
    from keras.models import load_model, model_from_json, model_from_yaml

    return {"file": load_model, "json": model_from_json, "yaml": model_from_yaml}[kind](content)


def limit_memory(more):
    """Let this process take `more` bytes beyond what it has."""
    import resource

    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))


def main():
    """Print a line of JSON for each bomb: its name and how it ended."""
    import warnings

    warnings.simplefilter("ignore")
    from keras.saving import config

    config.MOST_OPERATIONS //= 10  # to be quicker
    bombs = list(all_bombs())
    open_it("json", json.dumps(DENSE))  # everything is imported
    limit_memory(GIB)
    for name, kind, content in bombs:
        try:
            open_it(kind, content)
            ended = "loaded"
        except Exception as error:
            ended = f"{type(error).__name__}: {error}"[:600]
        print(json.dumps([name, len(content), ended]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
