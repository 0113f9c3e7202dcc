"""When Python code that is stored in a model file may run.

A `Lambda` layer's function is stored as byte code. Running what a stranger's file holds gives him the
machine, so it does not happen by itself. Code may be loaded back when

- this very process wrote it (so `clone_model`, `Model.from_config(model.get_config())`, or saving and loading in
  one session go on working: the code is known), or
- the caller said so: `load_model(path, safe_mode=False)`, which is `with allow_stored_code(): ...`.

In every other case `check` raises. `keras.utils.generic_utils.func_load` asks here before it unmarshals anything.
"""

import contextlib
import contextvars
import hashlib
import json

_allowed = contextvars.ContextVar("keras_stored_code_allowed", default=False)
_written_here = set()


class StoredCodeRefused(ValueError):
    """A file holds code and nobody said that it may run."""


HOW_TO_GO_ON = (
    "Ways on: (1) hand the function in, by the layer's name: load_model(path,"
    " custom_objects={'the_layer_name': my_function}); (2) if you trust whoever made the file as much as a"
    " program of theirs: load_model(path, safe_mode=False)."
)


@contextlib.contextmanager
def allow_stored_code():
    """Inside this block, code stored in model files is run. Only for files from people you trust."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def remember(dump):
    """Note that this process wrote `dump`, the (code, defaults, closure) that `func_dump` made."""
    _written_here.add(_digest(dump))


def may_run(dump):
    """Whether `dump` was written by this process, or the caller has allowed stored code."""
    return _allowed.get() or _digest(dump) in _written_here


def check(dump, where="A stored function"):
    """Raises StoredCodeRefused unless `dump` may run."""
    if not may_run(dump):
        raise StoredCodeRefused(
            f"{where} holds Python byte code, which was not run: a model file can do anything to "
            f"this computer through it. {HOW_TO_GO_ON}"
        )


def _digest(dump):
    if isinstance(dump, str):
        dump = (dump, None, None)
    text = json.dumps(list(dump), default=repr)  # tuples and lists alike, as JSON turns one into the other
    return hashlib.sha256(text.encode("utf-8")).digest()
