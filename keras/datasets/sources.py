"""Where the data sets come from: the addresses of Keras 2, and the hash of each file."""

import posixpath
from collections import namedtuple

from ..utils.data_utils import get_file

Source = namedtuple("Source", "addresses hash")

_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_AMAZON = "https://s3.amazonaws.com/"
_MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"


def _mirrored(address, file_hash):
    """The hash makes it safe to take a file from elsewhere if its first address is gone."""
    return Source([address, _MIRROR + posixpath.basename(address)], file_hash)


SOURCES = {
    "boston_housing.npz": _mirrored(
        _AMAZON + "keras-datasets/boston_housing.npz",
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "cifar-10-batches-py": Source(
        [_TORONTO + "cifar-10-python.tar.gz"], "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    ),
    "cifar-100-python": Source(
        [_TORONTO + "cifar-100-python.tar.gz"], "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
    ),
    "imdb.npz": _mirrored(_AMAZON + "text-datasets/imdb.npz", "599dadb1135973df5b59232a0e9a887c"),
    "imdb_word_index.json": _mirrored(
        _AMAZON + "text-datasets/imdb_word_index.json", "bfafd718b763782e994055a2d397834f"
    ),
    "mnist.npz": _mirrored(_AMAZON + "img-datasets/mnist.npz", "8a61469f7ea1b51cbae51d4f78837e45"),
    "reuters.npz": _mirrored(_AMAZON + "text-datasets/reuters.npz", "87aedbeb0cb229e378797a632c1997b6"),
    "reuters_word_index.json": _mirrored(
        _AMAZON + "text-datasets/reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"
    ),
    "train-labels-idx1-ubyte.gz": _mirrored(
        _FASHION + "train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"
    ),
    "train-images-idx3-ubyte.gz": _mirrored(
        _FASHION + "train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"
    ),
    "t10k-labels-idx1-ubyte.gz": _mirrored(_FASHION + "t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    "t10k-images-idx3-ubyte.gz": _mirrored(_FASHION + "t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
}


def fetch(name, path=None, **arguments):
    """The path of a data set's file, which is downloaded if it is not in the cache.

    Args:
        name: of the file, as in SOURCES.
        path: its name in the cache; by default `name`.
        arguments: for `get_file`.

    Raises:
        OSError: if it can be had from none of its addresses.
    """
    source = SOURCES[name]
    *others, last = source.addresses
    for address in others:
        try:
            return get_file(path or name, address, file_hash=source.hash, **arguments)
        except OSError as error:
            print(f"{error} Trying another address.")
    return get_file(path or name, last, file_hash=source.hash, **arguments)
