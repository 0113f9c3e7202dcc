"""Compiled programs kept between processes.

JAX's own cache saves XLA's work, but finds a program by what tracing and lowering have made of it, which takes longer
than all the rest of a start. Here a program is found by the text of its graph, and what is loaded is the executable.
A wrong find would be a wrong result, so that the name under which one is kept holds everything that decides what is
compiled (see `_circumstances`), and programs whose graph can't be told for sure are left to JAX's cache.

Loading an executable runs what is in the file. As with JAX's cache the folder is the user's own; files that others
could have written are not read.
"""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import platform
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jaxlib.version
from jax.experimental import serialize_executable

from ... import __version__
from ..._ownership import is_own
from ..._processors import usable
from ...graph import dtypes
from ..memory import give_back
from ..onednn.library import identity as onednn_identity
from . import native
from .device import on_cpu
from .sharing import is_gone

Array = Any

# What is compiled faster than this is not worth a file.
_WORTH_SECONDS = 0.1
_MOST_BYTES = 1 << 30
_SUFFIX = ".program"
# Settings of the environment that change what is compiled.
_DECISIVE = ("JAX_", "XLA_", "TF_XLA", "KERAS_", "CUDA_", "NVIDIA_", "ROCM_", "HIP_", "TPU_", "LIBTPU_", "NPROC")
_PROCESSOR = ("vendor", "cpu family", "model", "flags", "Features", "CPU")  # lines of /proc/cpuinfo
_INDECISIVE = ("KERAS_HOME", "JAX_COMPILATION_CACHE", "JAX_PERSISTENT_CACHE")


class Executables:
    """A jitted function whose executables come from the cache, where it has them.

    Args:
        function: what `jax.jit` gave.
        text: gives what `function` computes, but for its arguments' shapes; None: never to be kept.
        runtime: counts the programs, and names the folder.
        devices: those for which they are, if not JAX's default one.
    """

    def __init__(
        self, function: Any, text: Callable[[], str | None], runtime: Any, devices: Sequence[Any] = ()
    ) -> None:  # fmt: skip
        self._function = function
        self._text = text
        self._runtime = runtime
        self._devices = list(devices)
        self._ready: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, shapes: Hashable, *arguments: Any) -> Any:
        """Calls the function; `shapes` are those of the arguments that differ from call to call."""
        ready = self.found(shapes, *arguments)
        try:
            return ready(*arguments)
        except (TypeError, ValueError) as error:
            if ready is self._function or is_gone(error):
                raise
            # Before anything is run: arguments lie on another device, or a variable has changed its shape.
            self._ready[shapes, _settings_of_thread()] = self._function
            return self._function(*arguments)

    def found(self, shapes: Hashable, *arguments: Any) -> Callable[..., Any]:
        """What is called for such arguments."""
        key = shapes, _settings_of_thread()
        ready = self._ready.get(key)
        if ready is None:
            ready = self._ready[key] = self._made(arguments)
        return ready

    def _made(self, arguments: Sequence[Any]) -> Callable[..., Any]:
        _check_fork()
        folder = self._runtime.folder
        text = self._text() if folder is not None and _usable() else None
        if text is None:
            return self._function  # type: ignore[no-any-return]
        path = folder / (_digest(text, arguments) + _SUFFIX)
        finish_writing(path)
        found = _loaded(path, self._devices)
        if found is not None:
            self._runtime.compiled += 1
            return found
        started, reads = time.perf_counter(), _reads.count
        with native.recorded() as operations, _not_kept_by_jax():
            compiled = self._function.lower(*arguments).compile()
        # XLA can't write an executable that it has itself read: the second copy lacks its functions.
        if time.perf_counter() - started >= _WORTH_SECONDS and _reads.count == reads:
            _keep_meanwhile(path, compiled, operations)
        return compiled  # type: ignore[no-any-return]


_forked = False  # from a process in which JAX was at work

try:
    from jax._src.xla_bridge import backends_are_initialized as _at_work
except ImportError:

    def _at_work() -> bool:
        return False


def _note_fork() -> None:
    global _forked
    _forked = _forked or _at_work()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def _check_fork() -> None:
    """Raises what would otherwise be a wait without end: a forked process lacks the threads that compile and load."""
    if _forked:
        raise RuntimeError(
            "JAX cannot compile in this process: it was forked from one in which JAX was at work already, and threads "
            "do not live on in a fork. Start processes with multiprocessing.get_context('spawn'), or fork before "
            "the first model is loaded or run."
        )


@contextmanager
def _not_kept_by_jax() -> Iterator[None]:
    """What we keep JAX's cache need not keep too."""
    setting = "jax_persistent_cache_min_compile_time_secs"
    usual = getattr(jax.config, setting)
    if usual == math.inf:  # another thread is at it
        yield
        return
    jax.config.update(setting, math.inf)
    try:
        yield
    finally:
        jax.config.update(setting, usual)


class _Reads(threading.local):
    """How many executables JAX's cache has given a thread."""

    count = 0


def _listen(event: str, **_: Any) -> None:
    _reads.count += event == "/jax/compilation_cache/cache_hits"


_reads = _Reads()
jax.monitoring.register_event_listener(_listen)


_settings_of_thread: Callable[[], Hashable]
try:  # by these `jax.jit` itself knows that it must trace anew
    from jax._src.config import trace_context as _settings_of_thread
except ImportError:

    def _settings_of_thread() -> Hashable:
        return None


def _usable() -> bool:
    """On one CPU, where it is tried; for other devices there is JAX's cache, which the same setting switches off."""
    switched_on = getattr(jax.config, "jax_enable_compilation_cache", True)
    return switched_on and on_cpu() and jax.device_count() == 1 and hasattr(jax.config, "values")


# The name of a program.


def _digest(text: str, arguments: Sequence[Any]) -> str:
    leaves, structure = jax.tree.flatten(arguments)
    kinds = [(leaf.shape, str(leaf.dtype), str(getattr(leaf, "sharding", None))) for leaf in leaves]
    whole = "\n".join((text, str(structure), repr(kinds), _circumstances(), _settings()))
    return hashlib.sha256(whole.encode()).hexdigest()


def _settings() -> str:
    """What may change while a process runs: JAX's settings, in this thread too, and our default float type."""
    values = jax.config.values
    names = [n for n in sorted(values) if not n.upper().startswith(_INDECISIVE)]
    return repr([dtypes.default_float, [(n, values[n], getattr(jax.config, n, None)) for n in names]])


@lru_cache(None)
def _circumstances() -> str:
    """What stays as it is while a process runs, and decides what is compiled."""
    devices = jax.devices()
    return repr([
        __version__, jax.__version__, jaxlib.version.__version__, _sources(), platform.python_version(),
        [(d.platform, d.device_kind) for d in devices], devices[0].client.platform_version, _processor(),
        sorted(p for p in os.environ.items() if p[0].startswith(_DECISIVE) and not p[0].startswith(_INDECISIVE)),
        onednn_identity(),
    ])  # fmt: skip


def _sources() -> list[tuple[str, int, int]]:
    """The files that decide how a graph becomes a program of XLA: names, times and sizes."""
    package = Path(__file__).parents[2]
    files = [p for part in ("graph", "runtimes") for p in (package / part).rglob("*.py")]
    files.append(package / "layers" / "recurrent_formulas.py")
    return sorted((p.relative_to(package).as_posix(), p.stat().st_mtime_ns, p.stat().st_size) for p in files)


def _processor() -> tuple[Any, ...]:
    """Machine code is made for one kind of processor, and for a number of threads."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read(1 << 14).split("\n\n")[0].splitlines()
        kind = [line for line in first if line.startswith(_PROCESSOR)]
    except OSError:
        kind = [platform.processor(), platform.node()]
    return platform.machine(), os.cpu_count(), usable(), kind


# Files.


def _loaded(path: Path, devices: list[Any]) -> Callable[..., Any] | None:
    """The executable of a file; None if there is none, or none that can be used."""
    try:
        with open(path, "rb") as file:
            if not is_own(os.fstat(file.fileno())):
                return None
            operations, program = pickle.loads(zlib.decompress(file.read()))
        if any(native.operation(*operation) is None for operation in operations):
            return None
        serialized, takes, gives = program
        client = devices[0].client if devices else None
        loaded = serialize_executable.deserialize_and_load(serialized, takes, gives, client, devices or None)
        os.utime(path)  # used lately: the last to be removed
    except FileNotFoundError:
        return None
    except Exception:  # cut off, or written by another version: made anew
        return None
    return loaded  # type: ignore[no-any-return]


_writers: dict[Path, threading.Thread] = {}


def _keep_meanwhile(path: Path, compiled: Any, operations: list[native.Made]) -> None:
    """Writes an executable while it runs for the first time: 0.03 s for a small program, 0.15 for a long one.

    The thread is no daemon: a process that ends waits for it.
    """

    def write() -> None:
        try:
            _keep(path, compiled, operations)
            give_back()  # the compiler's memory: 10 MB and more in the heap of each thread
        finally:
            _writers.pop(path, None)

    writer = _writers[path] = threading.Thread(target=write, name="keras-keeps-a-program")
    try:
        writer.start()
    except RuntimeError:  # the interpreter is ending
        write()


def finish_writing(path: Path | None = None) -> None:
    """Waits until a file that is being written is there, or all of them."""
    for each in [path] if path else list(_writers):
        writer = _writers.get(each)
        if writer is not None and writer.is_alive():
            writer.join()


def _keep(path: Path, compiled: Any, operations: list[native.Made]) -> None:
    """Writes an executable; what can't be written (callbacks, a folder that is full) is not kept."""
    with suppress(Exception):
        data = zlib.compress(pickle.dumps((operations, serialize_executable.serialize(compiled))), 1)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
        try:
            with open(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        _make_room(path.parent)


@lru_cache(None)
def _make_room(folder: Path) -> None:
    """Removes what was used longest ago, if there is too much; once in a process."""
    files = sorted(((entry.stat(), entry.path) for entry in os.scandir(folder)), key=lambda f: -f[0].st_mtime)
    size = 0
    for status, path in files:
        size += status.st_size
        if size > _MOST_BYTES:
            os.unlink(path)
