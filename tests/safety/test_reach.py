"""Nothing in a stranger's file reaches outside of it: no other file is read, none is written.

Weaknesses published for other loaders: CVE-2026-1669 (HDF5 links and external data), CVE-2025-12058 (a layer's
vocabulary is a path), CVE-2026-1462 (a layer names another model's folder), CVE-2026-12479 (names of layers as
paths), CVE-2024-55459, CVE-2025-12060 and -12638 (archives that leave their folder).
"""

import io
import json
import os
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from strangers import archive, h5, layer, sequential

from keras.layers import Dense
from keras.models import Sequential, load_model, model_from_json
from keras.saving import CorruptFileError, UnsafeFileError
from keras.saving.describe import describe
from keras.utils import get_file

SECRET = np.arange(6, dtype="float32").reshape(3, 2) + 1000


@pytest.fixture
def secret(tmp_path):
    """Another HDF5 file of the user's, and raw numbers, that a model's file might want to read."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = SECRET
        file.create_group("layer")["kernel:0"] = SECRET
    (tmp_path / "secret.bin").write_bytes(SECRET.tobytes())
    return str(path)


def external_link(group, name, secret):
    group[name] = h5py.ExternalLink(secret, "/kernel")


def external_link_without_folders(group, name, secret):
    group[name] = h5py.ExternalLink(os.path.relpath(secret), "/kernel")


def soft_link(group, name, secret):
    group.file["real"] = SECRET
    group[name] = h5py.SoftLink("/real")


def link_to_a_link(group, name, secret):
    group.file["hop"] = h5py.ExternalLink(secret, "/kernel")
    group[name] = h5py.SoftLink("/hop")


def external_storage(group, name, secret):
    raw = secret.replace(".h5", ".bin")
    group.create_dataset(name, shape=(3, 2), dtype="f4", external=[(raw, 0, h5py.h5f.UNLIMITED)])


def virtual_dataset(group, name, secret):
    layout = h5py.VirtualLayout(shape=(3, 2), dtype="f4")
    layout[:] = h5py.VirtualSource(secret, "kernel", shape=(3, 2))
    group.create_virtual_dataset(name, layout)


def object_reference(group, name, secret):
    group.file["real"] = SECRET
    group.create_dataset(name, data=np.array([[group.file["real"].ref] * 2] * 3), dtype=h5py.ref_dtype)


def region_reference(group, name, secret):
    real = group.file.create_dataset("real", data=SECRET)
    group.create_dataset(name, data=np.array([[real.regionref[:]] * 2] * 3), dtype=h5py.regionref_dtype)


def committed_type(group, name, secret):
    group[name] = np.dtype("f4")


ATTACKS = [
    external_link,
    external_link_without_folders,
    soft_link,
    link_to_a_link,
    external_storage,
    virtual_dataset,
    object_reference,
    region_reference,
    committed_type,
]


def refusal(attack):
    return CorruptFileError if attack is committed_type else UnsafeFileError


MODEL = sequential(layer("Dense", name="d", units=2))
TRAINING = {"optimizer_config": layer("Adam"), "loss": "mse", "metrics": [], "loss_weights": None}


def weights_with(attack, secret):
    """What fills a file of Keras 2's layout, the kernel being another file's."""

    def fill(file):
        group = file["model_weights"]
        group.attrs["layer_names"] = np.array([b"first", b"d"])
        group.create_group("first").attrs["weight_names"] = np.zeros((0,), "S1")
        inner = group.create_group("d")
        inner.attrs["weight_names"] = np.array([b"kernel:0", b"bias:0"])
        attack(inner, "kernel:0", secret)
        inner["bias:0"] = np.zeros(2, "f4")

    return fill


def keras3_weights_with(attack, secret):
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        group = file.create_group("layers/dense/vars")
        attack(group, "0", secret)
        group["1"] = np.zeros(2, "f4")
        file.create_group("layers/activation/vars")
    return target.getvalue()


def model():
    return Sequential([Dense(2, input_shape=(3,), name="d")])


def honest(group, name, secret):
    group[name] = SECRET


@pytest.mark.filterwarnings("ignore:No training configuration")
def test_the_same_files_load_where_they_hold_their_own_data(tmp_path, secret):
    (tmp_path / "w.h5").write_bytes(h5(None, fill=weights_with(honest, secret)))
    (tmp_path / "m.weights.h5").write_bytes(keras3_weights_with(honest, secret))
    whole = load_model(h5(MODEL, fill=weights_with(honest, secret)))
    archived = load_model(archive(MODEL, keras3_weights_with(honest, secret)))
    loaded, tree = model(), model()
    loaded.load_weights(tmp_path / "w.h5", by_name=True)
    tree.load_weights(tmp_path / "m.weights.h5")
    for one in (whole, archived, loaded, tree):
        np.testing.assert_array_equal(one.get_weights()[0], SECRET)


@pytest.mark.parametrize("attack", ATTACKS)
def test_whole_models(tmp_path, secret, attack):
    data = h5(MODEL, fill=weights_with(attack, secret))
    (tmp_path / "m.h5").write_bytes(data)
    for source in (tmp_path / "m.h5", data, io.BytesIO(data)):
        with pytest.raises(refusal(attack)):
            load_model(source)
    assert attack is committed_type or not describe(data).safe


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("by_name", [False, True])
def test_weights(tmp_path, secret, attack, by_name):
    path = tmp_path / "w.h5"
    path.write_bytes(h5(None, fill=weights_with(attack, secret)))
    victim = model()
    before = victim.get_weights()
    with pytest.raises(refusal(attack)):
        victim.load_weights(path, by_name=by_name)
    with h5py.File(path, "r") as file, pytest.raises(refusal(attack)):
        victim.load_weights(file, by_name=by_name)
    for old, new in zip(before, victim.get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("attack", ATTACKS)
def test_archives_and_their_weights(tmp_path, secret, attack):
    weights = keras3_weights_with(attack, secret)
    with pytest.raises(refusal(attack)):
        load_model(archive(MODEL, weights))
    (tmp_path / "m.weights.h5").write_bytes(weights)
    with pytest.raises(refusal(attack)):
        model().load_weights(tmp_path / "m.weights.h5")


@pytest.mark.parametrize("what", ["model_weights", "model_weights/d", "optimizer_weights", "layers", "layers/dense"])
@pytest.mark.parametrize("kind", [h5py.ExternalLink, h5py.SoftLink])
def test_groups_that_lie_elsewhere(secret, what, kind):
    """Every step of the way is looked at, not only the last."""
    where = (secret, "/layer") if kind is h5py.ExternalLink else ("/elsewhere",)

    is_keras3 = "layers" in what
    data = keras3_weights_with(honest, secret) if is_keras3 else h5(MODEL, TRAINING, weights_with(honest, secret))
    target = io.BytesIO(data)
    with h5py.File(target, "r+") as file:
        file.create_group("elsewhere")
        if what in file:
            del file[what]
        file[what] = kind(*where)
    with pytest.raises(UnsafeFileError, match="not followed"):
        load_model(archive(MODEL, target.getvalue()) if is_keras3 else target.getvalue())


# ------------------------------------------------------------------------------------------ names and paths


@pytest.mark.parametrize(
    "argument", ["vocabulary", "filepath", "file", "weights", "url", "mask_value", "input_tensor", "path"]
)
def test_arguments_that_are_paths_or_addresses(tmp_path, argument):
    secret = tmp_path / "words.txt"
    secret.write_text("secret\n")
    for name in ("StringLookup", "TextVectorization", "TFSMLayer", "Dense", "Embedding"):
        for value in (str(secret), secret.as_uri(), "http://127.0.0.1:9/x"):
            config = {"name": "x", "units": 2, "input_dim": 3, "output_dim": 2, argument: value}
            with pytest.raises((ValueError, OSError)) as caught:
                model_from_json(json.dumps(sequential({"class_name": name, "config": config})))
            assert "secret\n" not in str(caught.value)


NAMES = ["../../escaped", "/escaped", "..\\..\\escaped", "C:\\escaped", "a/../../../escaped", "~/escaped", "escaped\0"]


def _tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extension", ["h5", "keras", "weights.h5", "safetensors"])
def test_names_of_layers_are_no_paths(tmp_path, monkeypatch, name, extension):
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    evil = model_from_json(json.dumps(sequential(layer("Dense", name=name, units=2))))
    path = folder / f"m.{extension}"
    before = _tree(tmp_path)
    try:
        if extension in ("h5", "keras"):
            evil.save(path)
            load_model(path, compile=False)
        else:
            evil.save_weights(path)
            evil.load_weights(path)
    except (ValueError, OSError, RuntimeError):
        pass  # a name that a format cannot hold may be refused
    assert set(_tree(tmp_path)) <= {*before, f"a/b/c/m.{extension}"}


# ------------------------------------------------------------------------------------------ archives


def _tar(path, *members):
    with tarfile.open(path, "w") as file:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, 4 if kind == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(b"evil") if kind == tarfile.REGTYPE else None)
    return path


REGULAR, SYMBOLIC, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    "members",
    [
        [("../escaped", REGULAR, "")],
        [("good/../../escaped", REGULAR, "")],
        [("..\\escaped", REGULAR, "")],
        [("/tmp/escaped", REGULAR, "")],
        [("out", SYMBOLIC, ".."), ("out/escaped", REGULAR, "")],
        [("out", SYMBOLIC, "/"), ("out/tmp/escaped", REGULAR, "")],
        [("a", SYMBOLIC, "b"), ("b", SYMBOLIC, ".."), ("a/escaped", REGULAR, "")],
        [("out", HARD, "../victim"), ("out", REGULAR, "")],
        [("out", SYMBOLIC, "../victim"), ("out", REGULAR, "")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("device", tarfile.CHRTYPE, "")],
    ],
)
def test_get_file_keeps_archives_in_their_folder(tmp_path, monkeypatch, members):
    cache = tmp_path / "cache"
    monkeypatch.chdir(tmp_path)  # whoever compares with the folder of the process lets some of these through
    (tmp_path / "victim").write_text("mine")
    (cache / "datasets").mkdir(parents=True)
    (cache / "victim").write_text("mine")
    source = _tar(tmp_path / "evil.tar", *members)
    with pytest.raises(ValueError, match="not unpacked"):
        get_file("evil.tar", source.as_uri(), extract=True, cache_dir=str(cache))
    assert not list(tmp_path.rglob("escaped"))
    assert (tmp_path / "victim").read_text() == (cache / "victim").read_text() == "mine"


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "..\\escaped", "a/../../escaped"])
def test_entries_of_a_keras_archive(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    data = archive(MODEL, entries=[(zipfile.ZipInfo(name), b"evil")])
    with pytest.raises(ValueError, match="leads out of the archive"):
        load_model(data)
    with pytest.raises(ValueError, match="leads out of the archive"):
        describe(data)
    assert not list(tmp_path.rglob("escaped"))
