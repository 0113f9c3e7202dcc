"""Memory that one training step gives back is kept for the next.

The C library returns large blocks to the system as soon as they are free, and the next step gets them back page by
page, each cleared first: 10 to 35 % of the processor time of a convolutional net (a small CNN on PyTorch: 0.26 instead
of 0.43 s a step). Once the heap is larger than `most`, large blocks are returned after all: one kept may be cut a
little for something small, and then a second one be needed beside it, which should not be gigabytes. The block that
a step works in is an exception, where its program tells us its place (`Block`): it is asked for in pages of 2 MB,
cleared in one go each, and stays for the next step (MobileNet 0.42 s a step instead of 0.53, ResNet50 1.65 instead of
2.0: JAX, batches of 16 at 224 x 224, 4 cores, the least of 3 and 2 processes in turn, peaks alike).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import time

MOST = 1 << 30  # bytes, of engines that say nothing else
MOST_KEPT = 4 << 30  # of one block

# Of malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NEVER = -1
# No blocks mapped one by one (those always go back), and nothing of the heap's end goes back.
_FROM_THE_HEAP = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER))
_LARGE_BLOCK = 32 << 20  # the most that glibc takes for it
_MAPPED = ((_MMAP_THRESHOLD, _LARGE_BLOCK), (_MMAP_MAX, 65536))
_GIVING_BACK = (*_MAPPED, (_TRIM_THRESHOLD, 64 << 20))
# Whoever set one of these has settled the matter.
_SETTLED = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")

_PAGE, _LARGE_PAGE = mmap.PAGESIZE, 2 << 20

most = MOST
_libc: ctypes.CDLL | None = None
_giving_back = False
_fresh = False  # whether a run has begun whose memory hasn't been looked at
_gaps: list[int] = []  # parts of the heap, see `_take_gaps`
_running: Block | None = None  # of the run that has begun
_block_is_free = 0  # with fewer bytes of the heap in use the block of the run before is free


class _Usage(ctypes.Structure):
    """What mallinfo2 tells."""

    _fields_ = [("heap", ctypes.c_size_t), ("other", ctypes.c_size_t * 6), ("used", ctypes.c_size_t),
                ("rest", ctypes.c_size_t * 2)]  # fmt: skip


def keep_freed_memory(most_kept: int) -> bool:
    """Tells glibc's malloc so, before an engine starts its threads; whether it was told.

    Each thread has a heap of its own, as ever, though only the first thread's keeps blocks of more than 64 MB. In one
    for all, threads that ask for memory all the time wait for each other: XLA compiles a Transformer's step in 1.7 s
    instead of 0.85, a GAN's in 0.52 instead of 0.25 (4 cores), and its steps take up to a tenth more processor time.

    Nothing is done with another C library or where the environment holds settings for malloc, such as MALLOC_ARENA_MAX.

    Args:
        most_kept: bytes of the heap; of a larger one large blocks are returned.
    """
    global _libc, most
    most = most_kept
    if not sys.platform.startswith("linux") or any(name.startswith(_SETTLED) for name in os.environ):
        return False
    try:
        libc = ctypes.CDLL(None)
        libc.mallinfo2.restype = _Usage
        libc.malloc_trim.argtypes = [ctypes.c_size_t]
        libc.sbrk.argtypes, libc.sbrk.restype = [ctypes.c_ssize_t], ctypes.c_void_p
        libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
        libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
        libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        told = all(libc.mallopt(option, value) == 1 for option, value in _FROM_THE_HEAP)
    except (OSError, AttributeError):
        return False
    _libc = libc if told else None
    return told


def run_begins(number: int) -> None:
    """To be told before each run of a program: how many it has made."""
    global _fresh, _running
    if _running is not None:
        _used_without_the_block_before()
    if number < 4:
        _give_back_if_much()  # of what the first runs took
    elif _running is not None:
        _set(_MAPPED)
    _fresh, _running = _giving_back, None


def is_much() -> bool:
    """Whether runs take so much that there should not be two at a time."""
    return _giving_back


def give_back() -> None:
    """Returns what is free: the block of the last run with it, which the next one fills anew."""
    if _libc is not None:
        _libc.malloc_trim(0)


def _set(options: tuple[tuple[int, int], ...]) -> None:
    assert _libc is not None
    for option, value in options:
        _libc.mallopt(option, value)


def _give_back_if_much() -> None:
    """Returns what is free, and large blocks from now on, if the heap is larger than `most`."""
    global _giving_back
    if _libc is not None and _libc.mallinfo2().heap > most:
        _set(_GIVING_BACK)
        while _gaps:
            _libc.free(_gaps.pop())
        _libc.malloc_trim(0)
        size = most
        while size >= _LARGE_BLOCK:
            _take_gaps(_libc, size)
            size //= 2
        _giving_back = True


def _take_gaps(libc: ctypes.CDLL, size: int) -> None:
    """Takes so much of each free part of the heap that has it, and never writes there.

    Large blocks would get there, and their pages stay when they are free; the `Block` would go there and back, between
    two runs something small taking its place. The parts are free again while the next look is taken, so that a process
    with many programs does not lose more and more of its addresses.
    """
    end = libc.sbrk(0)
    while (block := libc.malloc(size)) is not None and block < end:
        _gaps.append(block)
    libc.free(block)  # mapped, above the heap


class Block:
    """The block in which the runs of a program work: XLA takes one for all that a run computes on the way.

    Of a large heap it is a part, while other large blocks are not, so that its pages are there in the next run. There
    is never more than one: when a run's block is in another place, all that is free goes back to the system.
    """

    def __init__(self) -> None:
        self._place = 0
        self._runs = self._seen = 0
        self._used = 0

    def run_begins(self) -> None:
        """To be told after `memory.run_begins`, when the run before is over."""
        global _running
        if not _giving_back or self._runs > self._seen:
            return  # of a program that doesn't tell where it works, nothing is kept
        self._used = _used_without_the_block_before()
        self._runs += 1
        _running = self
        _set(_FROM_THE_HEAP)

    def is_at(self, address: int) -> None:
        """To be told where the run writes first."""
        global _block_is_free
        assert _libc is not None
        _set(_MAPPED)
        self._seen += 1
        moved, self._place = abs(address - self._place) > _LARGE_BLOCK, address
        used = int(_libc.mallinfo2().used)
        size = used - self._used
        if size > _LARGE_BLOCK:
            _block_is_free = self._used + size // 2
        if size > MOST_KEPT:
            self._seen -= 1  # from now on it is given back
            _set(_GIVING_BACK)
        elif moved or not _is_filled(address):
            _libc.malloc_trim(0)
            _ask_for_large_pages(address)
            _take_gaps(_libc, max(size * 11 // 20, _LARGE_BLOCK))


def place_is_wanted() -> bool:
    """Whether nothing has told yet where the run that has begun writes."""
    return _fresh


def block_is_at(address: int) -> None:
    """To be told of places in which runs are about to write; the first one of a run is enough."""
    global _fresh
    if _fresh:
        _fresh = False
        running = _running  # of this thread or another
        if running is not None:
            running.is_at(address)
        elif _libc is not None and address > _libc.sbrk(0):  # mapped for this run alone
            _ask_for_large_pages(address)


def _ask_for_large_pages(address: int) -> None:
    """For the memory around an address: a mapped block, or the heap."""
    assert _libc is not None
    first, end = _around(address)
    if end - first >= 16 * _LARGE_PAGE:
        _libc.madvise(first, end - first, mmap.MADV_HUGEPAGE)


def _used_without_the_block_before() -> int:
    """The heap's bytes in use; the block of the run before becomes free a little after its results are there."""
    assert _libc is not None
    for _ in range(100):
        used = int(_libc.mallinfo2().used)
        if used < _block_is_free:
            break
        time.sleep(0.0002)
    return used


def _is_filled(address: int) -> bool:
    """Whether the page at an address is in memory."""
    assert _libc is not None
    told = ctypes.c_ubyte(0)
    return _libc.mincore(address // _PAGE * _PAGE, 1, ctypes.byref(told)) == 0 and bool(told.value & 1)


def _around(address: int) -> tuple[int, int]:
    """Where the mapped memory around an address begins and ends."""
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            first, end = (int(number, 16) for number in line.split(b" ", 1)[0].split(b"-"))
            if first <= address < end:
                return first, end
    return 0, 0
