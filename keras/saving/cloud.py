"""Google Cloud Storage paths (gs://...), which Keras 2 read and wrote through TensorFlow."""

import functools
import os

_ADVICE = (
    "Paths gs://... went through TensorFlow in Keras 2 and are not opened here. Copy the file with `gsutil"
    " cp`, or hand in a file object, e.g. gcsfs.GCSFileSystem().open(path, '{mode}')."
)


def _is_cloud(filepath):
    return isinstance(filepath, (str, os.PathLike)) and os.fspath(filepath).startswith("gs://")


def allow_read_from_gcs(load_function):
    """Decorator for functions whose first argument is a path (or the second, after the model): refuses gs://."""
    return _refusing(load_function, "rb")


def allow_write_to_gcs(save_function):
    """Decorator, see `allow_read_from_gcs`."""
    return _refusing(save_function, "wb")


def _refusing(function, mode):
    @functools.wraps(function)
    def checked(*args, **kwargs):
        for value in (*args[:2], kwargs.get("filepath")):
            if _is_cloud(value):
                raise ValueError(f"{os.fspath(value)!r}: " + _ADVICE.format(mode=mode))
        return function(*args, **kwargs)

    return checked
