"""Folders of pictures that are damaged, and that lead back to themselves."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras.preprocessing.image import ImageDataGenerator, load_img


def png(width, height, data):
    """The bytes of a PNG that declares a size."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((20, 20, 3), "uint8")).save(tmp_path / name / "good.jpg")
    return tmp_path


def flow(folder, **options):
    return ImageDataGenerator().flow_from_directory(str(folder), (8, 8), batch_size=100, **options)


def cut_jpeg(folder):
    whole = (folder / "a" / "good.jpg").read_bytes()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    "content, message",
    [
        (lambda folder: b"", "cannot identify"),
        (lambda folder: b"<html>", "cannot identify"),
        (cut_jpeg, "damaged"),
        (lambda folder: png(8, 8, b"\0" * 9), "damaged"),
        (lambda folder: png(8, 8, b"")[:-20], "damaged"),
        (lambda folder: png(100_000, 100_000, b""), "bomb"),
    ],
    ids=["empty", "web page", "cut JPEG", "short PNG", "cut PNG", "10^10 pixels"],
)
def test_the_error_names_the_picture(folder, content, message):
    path = folder / "b" / "bad.jpg"
    path.write_bytes(content(folder))
    with pytest.raises((OSError, Image.DecompressionBombError), match=message) as caught:
        next(flow(folder))
    assert str(path) in str(caught.value)
    with open(path, "rb") as file, pytest.raises((OSError, Image.DecompressionBombError), match=message) as caught:
        load_img(file)
    assert str(path) in str(caught.value)


def test_links_that_lead_back(folder):
    """Each way through them would be endless, or 2^40 ways long."""
    (folder / "a" / "inner").mkdir()
    (folder / "a" / "inner" / "deep.jpg").write_bytes((folder / "a" / "good.jpg").read_bytes())
    os.symlink("..", folder / "a" / "inner" / "up")
    os.symlink(".", folder / "a" / "itself")
    os.symlink("../b", folder / "a" / "other")
    os.symlink("../a", folder / "b" / "back")
    assert flow(folder).filenames == ["a/good.jpg", "a/inner/deep.jpg", "b/good.jpg"]
    assert flow(folder, follow_links=True).filenames == [
        "a/good.jpg", "a/inner/deep.jpg", "a/other/good.jpg", "b/good.jpg", "b/back/good.jpg", "b/back/inner/deep.jpg",
    ]  # fmt: skip


def test_a_link_to_pictures_elsewhere(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "one.jpg").write_bytes((folder / "a" / "good.jpg").read_bytes())
    for name in ("first", "second"):
        os.symlink(elsewhere, folder / "a" / name)
    found = flow(folder, follow_links=True)
    assert found.filenames == ["a/good.jpg", "a/first/one.jpg", "a/second/one.jpg", "b/good.jpg"]
    assert next(found)[0].shape == (4, 8, 8, 3)
