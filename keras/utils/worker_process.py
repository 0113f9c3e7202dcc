"""Preparing the batches of a `Sequence` in processes of their own.

A worker is a fresh interpreter, not a fork: a process in which JAX runs threads must not be forked. It
runs this file as a script, so it does not run the user's script again (which may have no
`if __name__ == "__main__"`), and it gets the sequence by value, classes of the script included.
Parent and worker talk over the worker's standard input and output; whichever of them dies, the
other reads the end of the file and stops.

The worker computes with the NumPy backend: it touches neither JAX nor an accelerator.
"""

import contextlib
import io
import itertools
import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import traceback

_ALIGNMENT = 64
_PART = 1 << 22


class WorkerTraceback(Exception):
    """What a worker process printed would have been; the cause of the error raised in its place."""

    def __str__(self):
        return f'\n"""\n{self.args[0]}"""'


# Messages: a pickle, followed by the contents of its arrays, which are thus not copied.


def _packed(message):
    buffers = []
    body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    return body, [b.raw() for b in buffers]


def _send(stream, body, buffers=()):
    pickle.dump((body, [len(b) for b in buffers]), stream)
    for buffer in buffers:
        stream.write(buffer)
    stream.flush()


def _receive(stream):
    """The next message. Raises EOFError when the other side is gone."""
    body, lengths = pickle.load(stream)
    buffers = [bytearray(length) for length in lengths]
    for buffer in buffers:
        if stream.readinto(buffer) != len(buffer):
            raise EOFError
    return pickle.loads(body, buffers=buffers)


# The parent's side.


class Parcel:
    """A sequence packed for the workers. Its arrays lie in a file that they map, so all share one copy.

    Args:
        before: the parcel that this one follows: arrays that have not changed since stay where they are.

    Raises:
        Exception: of any kind, if the sequence holds something that cannot be taken to another process.
    """

    def __init__(self, sequence, before=None):
        buffers = []
        self.body = _Pickler.dumps(sequence, buffers.append)
        known = before.places if before is not None else []
        self.places = []  # path, offset and length of each array
        handle, path = tempfile.mkstemp(prefix="keras-sequence-")
        try:
            with os.fdopen(handle, "wb") as file:
                for buffer, place in itertools.zip_longest((b.raw() for b in buffers), known[: len(buffers)]):
                    if place is None or not _holds(place, buffer):
                        file.write(bytes(-file.tell() % _ALIGNMENT))
                        place = path, file.tell(), len(buffer)
                        file.write(buffer)
                    self.places.append(place)
        except BaseException:
            _remove([path])
            raise
        _remove({path, *(p for p, _, _ in known)} - {p for p, _, _ in self.places})

    @property
    def content(self):
        """What a worker is sent."""
        return sys.path, self.body, self.places

    def remove(self):
        _remove({path for path, _, _ in self.places})


def _holds(place, buffer):
    """Whether a part of a file has the content of a buffer."""
    path, offset, length = place
    if length != len(buffer):
        return False
    with open(path, "rb") as file:
        file.seek(offset)
        parts = (buffer[at : at + _PART] for at in range(0, length, _PART))
        return all(file.read(len(part)) == bytes(part) for part in parts)


def _remove(paths):
    for path in paths:
        with contextlib.suppress(OSError):
            os.remove(path)


class _Pickler:
    """Takes classes and functions of the script by value; locks arrive open, generators not at all."""

    @staticmethod
    def dumps(value, buffer_callback):
        import cloudpickle

        class Pickler(cloudpickle.Pickler):
            def reducer_override(self, x):
                if isinstance(x, (_LOCK, _RLOCK)):
                    return (threading.Lock if isinstance(x, _LOCK) else threading.RLock), ()
                if isinstance(x, _GENERATOR):
                    return iter, ((),)
                return super().reducer_override(x)

        stream = io.BytesIO()
        Pickler(stream, protocol=5, buffer_callback=buffer_callback).dump(value)
        return stream.getvalue()


_LOCK, _RLOCK, _GENERATOR = type(threading.Lock()), type(threading.RLock()), type(x for x in ())


class WorkerProcess:
    """A process that prepares batches of the sequence it was last given."""

    def __init__(self):
        self._parcel = None
        environment = {**os.environ, "KERAS_BACKEND": "numpy", "JAX_PLATFORMS": "cpu"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", os.path.abspath(__file__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self.pid = self._process.pid

    def batch(self, parcel, index, seed):
        """Batch `index` of the sequence in `parcel`, made with random numbers of this seed.

        The seed is a list of integers; the last counts the batches since training began.

        Raises:
            Exception: whatever preparing it raised, with the worker's traceback as its cause.
            RuntimeError: the process is gone.
        """
        try:
            if parcel is not self._parcel:
                _send(self._process.stdin, *_packed(("load", parcel.content)))
                self._parcel = parcel
            _send(self._process.stdin, *_packed(("batch", (index, seed))))
            error, value = _receive(self._process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            raise RuntimeError(
                f"The worker process {self.pid} ended while it prepared batch {index} ({self._end()}). "
                "If the system runs out of memory, use fewer `workers` or a smaller `max_queue_size`."
            ) from None
        if error:
            raise _error(*value)
        return value

    def _end(self):
        code = self._process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def close(self):
        """Tells the process to end; one that waits for work does so at once."""
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.close()

    def join(self, timeout):
        """Waits for the end of the process; after `timeout` seconds it is killed."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _error(pickled, text):
    try:
        error = pickle.loads(pickled)
    except Exception:
        error = RuntimeError("A worker process failed: " + text.strip().splitlines()[-1])
    error.__cause__ = WorkerTraceback(text)
    return error


# The worker's side.


def _serve():
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What the user's code prints must not get between the messages.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    # Ctrl-C reaches all processes of a terminal: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = failure = None
    paths = set()
    while True:
        try:
            what, argument = _receive(requests)
        except EOFError:
            _remove(paths)  # the parent does so too, unless it was killed
            return
        if what == "load":
            paths = {path for path, _, _ in argument[-1]}
            source, failure = _attempt(_load, *argument)
        else:
            reply, error = (None, failure) if failure else _attempt(_reply, source, *argument)
            try:
                _send(replies, *(reply or _packed((True, error))))
            except BrokenPipeError:
                _remove(paths)
                return


def _attempt(call, *args):
    """The call's result and no error, or no result and what there is to say about the error."""
    try:
        return call(*args), None
    except BaseException as error:
        text = traceback.format_exc()
        try:
            pickled = pickle.dumps(error)
        except Exception:
            pickled = b""
        return None, (pickled, text)


def _load(search_path, body, places):
    sys.path[:] = search_path
    # Private: what a worker writes into an array stays with it.
    maps = {path: _mapped(path) for path, _, length in places if length}
    buffers = [maps[path][at : at + length] if length else bytearray() for path, at, length in places]
    with contextlib.redirect_stderr(io.StringIO()):  # "Using NumPy backend."
        return pickle.loads(body, buffers=buffers)


def _mapped(path):
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def _reply(source, index, seed):
    import random

    import numpy as np

    random.seed(str(seed))
    np.random.seed(seed)
    if hasattr(source, "total_batches_seen"):
        # Keras' iterators over images count their batches for their own seed; here each worker sees only some.
        source.total_batches_seen = seed[-1]
    return _packed((False, source[index]))


if __name__ == "__main__":
    _serve()
