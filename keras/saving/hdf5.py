"""The one place where HDF5 is read and written.

A model file may come from a stranger, and HDF5 can do much more than hold arrays: links into other files,
data kept in other files, virtual datasets put together from other files, references, and a shape of 10^12
elements declared in a file of 2 KB. `SafeGroup` hands out only what a model needs (groups, plain numeric
arrays, short attributes) and refuses everything else *before* any memory is taken. Nothing else in this
package touches h5py's reading functions.

Reading: `with open_for_reading(source) as root: root.group("dense_1").array("dense_1/kernel:0").read()`.
Writing: `write_names`, `write_array` and `write_text` put things where Keras 2 looks for them.
"""

import contextlib
import io
import os

import numpy as np

from ..runtimes.interrupts import Whole
from ..utils.io_utils import HDF5_OBJECT_HEADER_LIMIT
from ..utils.lazy import LazyModule
from . import hdf5_chunks, hdf5_structure
from .file_errors import CorruptFileError, UnsafeFileError

h5py = LazyModule("h5py")

# Limits for reading. Deflate cannot do better than 1032:1; real weights compress by less than 2:1, freshly
# made ones (zeros) by up to the limit, so a file may ask for this many times its own size, plus a free allowance.
FREE_BYTES = 64 << 20
MAX_EXPANSION = 100
MAX_NAMES = 1_000_000
MAX_DEPTH = 64

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


# ---------------------------------------------------------------------------------------------------- reading


@contextlib.contextmanager
def open_for_reading(source):
    """Opens a model or weights file; yields its root as a `SafeGroup`.

    Args:
        source: a path (str or pathlib.Path), bytes, a file object (its `read()` gives bytes), or an open
            h5py.File or h5py.Group (which stays open).

    Raises:
        FileNotFoundError: if there is none.
        CorruptFileError: if it is not HDF5, or cut off.
        TypeError: for another `source`.
    """
    group = as_h5py_group(source)
    if group is not None:
        with _damage_as_errors("the HDF5 group"):
            size = group.file.id.get_filesize()
            content = _bytes_of(group.file)
            address = _address(group)
        with hdf5_structure.looking_at(content, "the HDF5 group") as structure:
            structure.check_object(address)
            yield SafeGroup(group, _OpenFile(size, structure), label=group.name or "/")
        return
    handle, size, label = _as_openable(source)
    with hdf5_structure.looking_at(handle if isinstance(handle, str) else handle.getvalue(), label) as structure:
        try:
            file = h5py.File(handle, "r")
        except (OSError, ValueError, RuntimeError, EOFError, OverflowError) as error:
            raise CorruptFileError(_why_not_hdf5(source, label, error)) from error
        with file:
            yield SafeGroup(file, _OpenFile(size, structure), label=label)


def _address(group):
    """Where an open h5py.Group lies in its file. (h5o.get_info would walk what is in it.)"""
    return h5py.h5g.get_objinfo(group.id).objno[0]


def _bytes_of(file):
    """The path, or the bytes, of an open h5py.File."""
    if file.mode != "r":
        file.flush()
    if isinstance(file.filename, str) and os.path.isfile(file.filename):
        return file.filename
    return file.id.get_file_image()


def as_h5py_group(source):
    """The h5py.Group inside `source` if it is one (or an H5Dict around one), else None."""
    if isinstance(source, h5py.Group):
        return source
    inner = getattr(source, "data", None)  # keras.utils.io_utils.H5Dict
    return inner if isinstance(inner, h5py.Group) else None


def _as_openable(source):
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return io.BytesIO(data), len(data), getattr(source, "label", "the given bytes")
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if not os.path.exists(path) and os.path.exists(f"{path}.index"):
            raise FileNotFoundError(
                f"{path!r} names a checkpoint of TensorFlow ({os.path.basename(path)}.index and .data-00000-of-00001),"
                " not an HDF5 file: load it in tf.keras and save it with model.save_weights('weights.h5')."
            )
        if not os.path.exists(path):
            raise FileNotFoundError(f"There is no file {path!r} (looked in {os.getcwd()!r}).")
        if os.path.isdir(path):
            raise IsADirectoryError(
                f"{path!r} is a folder, and a Keras 2 model is one HDF5 file. A folder with saved_model.pb in"
                " it is a TensorFlow SavedModel: open it in TensorFlow and save it with"
                " model.save('model.h5')."
            )
        if not os.path.isfile(path):
            raise OSError(f"{path!r} is a device or a pipe, which cannot be read to and fro. Give its bytes instead.")
        return path, os.path.getsize(path), repr(path)
    if hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, (bytes, bytearray)):
            raise TypeError(
                f"Reading from {source!r} gave {type(data).__name__}, not bytes: open the file with "
                "mode 'rb'."
            )
        return io.BytesIO(data), len(data), f"the file object {getattr(source, 'name', source)!r}"
    raise TypeError(
        f"Cannot read a model from {source!r}: give a path, bytes, a file object opened with 'rb', or "
        "an h5py.File or Group."
    )


def _why_not_hdf5(source, label, error):
    """What to tell somebody whose file h5py would not open."""
    head = b""
    with contextlib.suppress(Exception):
        if isinstance(source, (bytes, bytearray, memoryview)):
            head = bytes(source[:8])
        elif isinstance(source, (str, os.PathLike)):
            with open(source, "rb") as handle:
                head = handle.read(8)
    if head.startswith(HDF5_SIGNATURE):
        return (
            f"{label} begins as an HDF5 file but is truncated or damaged ({error}). Copy or download it "
            "again, and compare its size with the original's."
        )
    if head.startswith(b"PK\x03\x04"):
        return f"{label} is a zip archive (perhaps a Keras 3 .keras file), not an HDF5 file."
    if not head:
        return f"{label} is empty or too short to be an HDF5 file."
    return (
        f"{label} is not an HDF5 file: it begins with {head!r}. (A web page saved under this name? A text "
        "pointer left by git-lfs?)"
    )


@contextlib.contextmanager
def _damage_as_errors(what):
    """h5py reports damage with whatever exception is at hand; turn them all into one."""
    try:
        yield
    except (UnsafeFileError, CorruptFileError):
        raise
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        UnicodeDecodeError,
        OverflowError,
    ) as error:
        raise CorruptFileError(f"{what} cannot be read: the file is damaged ({error}).") from error


class _OpenFile:
    """The file being read: how it is put together, and how many bytes reading it may take."""

    def __init__(self, file_size, structure):
        self.structure = structure
        self.limit = FREE_BYTES + MAX_EXPANSION * file_size
        self.file_size = file_size
        self.used = 0

    def take(self, count, label):
        self.check(count, label)
        self.used += count

    def check(self, count, label):
        if self.used + count > self.limit:
            raise UnsafeFileError(
                f"{label}: reading it would take the total to {self.used + count:,} bytes, from a file of "
                f"{self.file_size:,} bytes (limit {self.limit:,}). Such a file is made to exhaust memory."
            )


class StoredArray:
    """A dataset that has been checked but not read: shape and dtype are known, `read()` gives the numbers."""

    def __init__(self, dataset, file, label):
        self._dataset = dataset
        self._file = file
        self.label = label
        self.shape = tuple(dataset.shape)
        self.dtype = dataset.dtype

    def read(self):
        """The array. Raises CorruptFileError, or UnsafeFileError if the file asks for too much in all."""
        count = int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize
        with _damage_as_errors(self.label):
            plist = self._dataset.id.get_create_plist()
            compressed = plist.get_nfilters() > 0
            if compressed:  # chunks are unpacked whole
                count = max(count, int(np.prod(plist.get_chunk(), dtype=object)) * self.dtype.itemsize)
            self._file.take(count, self.label)
            if compressed:
                hdf5_chunks.check_chunks(self._dataset, self.label)
            return np.asarray(self._dataset[()])

    def __array__(self, dtype=None, copy=None):
        value = self.read()
        return value if dtype is None else value.astype(dtype)


class SafeGroup:
    """A group of an HDF5 file through which only harmless things can be reached."""

    def __init__(self, group, file, label, depth=0):
        self._group = group
        self._file = file
        self.label = label
        self._depth = depth

    # members

    def keys(self):
        """Names of the members (whatever they are: looking at one is what is checked)."""
        with _damage_as_errors(self.label):
            # Names that are no text come as bytes.
            return [
                name if isinstance(name, str) else name.decode("utf-8", "replace") for name in self._group.keys()
            ]

    def __contains__(self, name):
        return name in self.keys()

    def group(self, path):
        """The group at `path` below this one. Raises CorruptFileError (missing), UnsafeFileError."""
        found = self._walk(path)
        if not isinstance(found, h5py.Group):
            raise CorruptFileError(
                f"{self.label}: {path!r} ought to be a group and is {type(found).__name__}."
            )
        return SafeGroup(found, self._file, f"{self.label} > {path}", self._depth + 1)

    def array(self, path):
        """The dataset at `path` below this group, checked, as a `StoredArray`."""
        found = self._walk(path)
        label = f"{self.label} > {path}"
        if not isinstance(found, h5py.Dataset):
            raise CorruptFileError(f"{label} ought to be a dataset and is {type(found).__name__}.")
        with _damage_as_errors(label):
            _check_dataset(found, label)
        return StoredArray(found, self._file, label)

    def member(self, name):
        """The member of this name, whichever it is: a `SafeGroup` or a `StoredArray`."""
        return self.group(name) if isinstance(self._walk(name), h5py.Group) else self.array(name)

    def address(self):
        """Where the group lies in the file: two names of one group have the same."""
        with _damage_as_errors(self.label):
            return _address(self._group)

    def _walk(self, path):
        """Go down segment by segment; every link on the way must be a plain one."""
        segments = [segment for segment in path.split("/") if segment not in ("", ".")]
        if len(segments) + self._depth > MAX_DEPTH:
            raise UnsafeFileError(f"{self.label}: {path!r} is nested more than {MAX_DEPTH} deep.")
        here = self._group
        for segment in segments:
            here = _step(here, segment, self._file.structure, f"{self.label} > {path}")
        return here

    # attributes

    def has_attribute(self, name):
        with _damage_as_errors(self.label):
            return name in self._group.attrs

    def attribute(self, name, default=None):
        """Value of an attribute (text as str, numbers as NumPy's), or `default` if there is none."""
        if not self.has_attribute(name):
            return default
        label = f"{self.label}: attribute {name!r}"
        with _damage_as_errors(label):
            _check_attribute(self._group, name, label, self._file)
            value = _plain(self._group.attrs[name])
            self._file.take(_length(value), label)
            return value

    def text(self, name, default=None):
        """A text attribute (bytes and str alike, as different writers store either)."""
        value = self.attribute(name, default)
        if value is default or isinstance(value, str):
            return value
        raise CorruptFileError(
            f"{self.label}: attribute {name!r} ought to be text and is {type(value).__name__}."
        )

    def names(self, name):
        """A list of names, such as `layer_names`; long ones are stored in pieces `layer_names0`, `layer_names1`..."""
        pieces = []
        if self.has_attribute(name):
            pieces.append(self.attribute(name))
        else:
            while self.has_attribute(f"{name}{len(pieces)}"):
                pieces.append(self.attribute(f"{name}{len(pieces)}"))
            if not pieces:
                raise CorruptFileError(
                    f"{self.label}: there is no attribute {name!r}. Is this a Keras weights file?"
                )
        found = []
        for piece in pieces:
            found.extend(str(item) for item in np.atleast_1d(np.asarray(piece, dtype=object)).ravel())
            if len(found) > MAX_NAMES:
                raise UnsafeFileError(f"{self.label}: {name!r} holds more than {MAX_NAMES:,} names.")
        return found


def _step(group, segment, structure, label):
    if not isinstance(group, h5py.Group):
        raise CorruptFileError(f"{label}: a part of this path is a dataset, not a group.")
    with _damage_as_errors(label):
        name = segment.encode("utf-8")
        # `segment in group` would follow a link to see whether something is there; this only looks for its name.
        if not group.id.links.exists(name):
            raise CorruptFileError(
                f"{label}: there is no {segment!r} in {group.name!r}. The file is incomplete, or "
                "is not a file of this kind."
            )
        link = group.id.links.get_info(name)
        if link.type != h5py.h5l.TYPE_HARD:
            kind = {h5py.h5l.TYPE_SOFT: "SoftLink", h5py.h5l.TYPE_EXTERNAL: "ExternalLink"}.get(link.type)
            raise UnsafeFileError(
                f"{label}: {segment!r} is a {kind or 'user-defined link'}. Links (to other places or other files) are "
                "not followed: a model file holds its own data."
            )
        structure.check_object(link.u)
        return group[segment]


def _check_dataset(dataset, label):
    """Refuses data kept elsewhere, unknown kinds of data, and shapes that the stored bytes cannot fill."""
    plist = dataset.id.get_create_plist()
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        raise UnsafeFileError(
            f"{label} is a virtual dataset, put together from other files. It was not opened."
        )
    if plist.get_external_count():
        raise UnsafeFileError(
            f"{label} keeps its data in an external file ({plist.get_external(0)[0]!r}). It was not opened."
        )
    if dataset.shape is None:
        raise CorruptFileError(f"{label} holds no data.")
    if dataset.dtype.kind not in "fiub" or dataset.dtype.metadata or dataset.dtype.itemsize > 16:
        raise UnsafeFileError(
            f"{label} has the type {dataset.dtype}; weights are plain numbers. (References and "
            "variable-length data are refused.)"
        )
    filters = hdf5_chunks.filters_of(plist, label)
    _check_size(dataset, plist, filters, label)


def _check_size(dataset, plist, filters, label):
    declared = int(np.prod(dataset.shape, dtype=object)) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if not filters and declared > stored:
        raise UnsafeFileError(
            f"{label} declares the shape {dataset.shape} ({declared:,} bytes) but only {stored:,} bytes are"
            " stored. The file is incomplete, or made to exhaust memory."
        )
    if filters and declared > FREE_BYTES and declared > MAX_EXPANSION * stored:
        raise UnsafeFileError(
            f"{label} declares the shape {dataset.shape} ({declared:,} bytes) and stores {stored:,}"
            f" compressed bytes, more than {MAX_EXPANSION} times less. Such a file is made to exhaust memory."
        )
    if plist.get_layout() == h5py.h5d.CHUNKED:
        chunk = int(np.prod(plist.get_chunk(), dtype=object)) * dataset.dtype.itemsize
        if chunk > FREE_BYTES and chunk > 2 * declared:
            raise UnsafeFileError(f"{label} has chunks of {chunk:,} bytes for {declared:,} bytes of data.")


def _check_attribute(group, name, label, file):
    attribute = h5py.h5a.open(group.id, name.encode("utf-8"))
    kind = attribute.get_type().get_class()
    if kind not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
        raise UnsafeFileError(
            f"{label} is neither text nor a number (references and compound data are refused)."
        )
    space = attribute.get_space()
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return
    elements = int(np.prod(attribute.shape, dtype=object))
    # Texts of any length lie elsewhere in the file, and many names may stand for one of them.
    if kind == h5py.h5t.STRING and attribute.get_type().is_variable_str() and elements > 1:
        file.check(file.structure.most_text(elements), label)
    count = elements * attribute.get_type().get_size()
    if count and count > attribute.get_storage_size():
        raise UnsafeFileError(
            f"{label} declares {count:,} bytes and stores {attribute.get_storage_size():,}."
        )
    file.take(count, label)


def _plain(value):
    """Text as str, whichever way it was stored."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, np.ndarray) and value.dtype.kind in "SO":
        flat = [item.decode("utf-8") if isinstance(item, bytes) else item for item in value.ravel()]
        return np.array(flat, dtype=object).reshape(value.shape) if value.shape else flat[0]
    return value


def _length(value):
    """The length of a text, or of all texts in an array."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return sum(len(item) for item in value.ravel())
    return len(value) if isinstance(value, str) else 0


# ---------------------------------------------------------------------------------------------------- writing


def write_text(group, name, text):
    """Stores `text` as an attribute of any length (kept outside the object header)."""
    group.attrs[name] = text.encode("utf-8")


def write_names(group, name, names):
    """Stores a list of names as Keras 2 does: one attribute, or pieces `name0`, `name1`... if it exceeds 64 KB.

    Raises:
        RuntimeError: if one name alone is too long for an HDF5 attribute.
    """
    encoded = [item.encode("utf-8") if isinstance(item, str) else bytes(item) for item in names]
    too_long = [item for item in encoded if len(item) > HDF5_OBJECT_HEADER_LIMIT]
    if too_long:
        raise RuntimeError(
            f"The name {too_long[0][:60]!r}... has {len(too_long[0])} bytes; an HDF5 attribute holds "
            f"{HDF5_OBJECT_HEADER_LIMIT}. Give the layer a shorter name."
        )
    array = np.array(encoded) if encoded else np.zeros((0,), "S1")
    if array.nbytes <= HDF5_OBJECT_HEADER_LIMIT:
        group.attrs[name] = array
        return
    per_piece = HDF5_OBJECT_HEADER_LIMIT // array.itemsize
    for number, start in enumerate(range(0, len(array), per_piece)):
        group.attrs[f"{name}{number}"] = array[start : start + per_piece]


def write_array(group, name, value):
    """Stores one array as a plain, contiguous dataset; bfloat16, which HDF5 has not, as float32."""
    value = np.asarray(value)
    group.create_dataset(name, data=value.astype("float32") if value.dtype.name == "bfloat16" else value)


class _Output(io.FileIO):
    """A new file that never tells HDF5 of a full disk, as HDF5 crashes the process when its closing fails.

    Whoever has closed the HDF5 file finds the first error in `error`.
    """

    error = None

    def write(self, data):
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left:
                left = left[super().write(left) :]
        except OSError as error:
            self.error = self.error or error
        return size

    def truncate(self, size=None):
        try:
            super().truncate(size)
        except OSError as error:
            self.error = self.error or error


@contextlib.contextmanager
def new_file(path):
    """Creates the HDF5 file `path`; yields its root group. For a name that nobody reads yet (see `atomic`).

    Ctrl-C waits until it is closed: an interrupt in the middle of a write would be an error for HDF5 too.
    """
    with Whole(), _Output(path, "w+") as output:
        with h5py.File(output, "w") as file:
            yield file
        if output.error is not None:
            raise output.error


@contextlib.contextmanager
def held_in_memory(fill):
    """A new HDF5 file that exists in memory only, after `fill(group)` has been called on its root."""
    with h5py.File("in-memory", "w", driver="core", backing_store=False) as file:
        fill(file)
        file.flush()
        yield file


def file_as_bytes(fill):
    """The bytes of a new HDF5 file that `fill(group)` has filled."""
    with held_in_memory(fill) as file:
        return file.id.get_file_image()
