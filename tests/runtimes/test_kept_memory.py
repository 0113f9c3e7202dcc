"""Memory given back is kept for the next step, unless the environment settles how malloc works."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, resource, threading
from keras import backend as K
K.eval(K.variable(1.0))

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

def use():
    for _ in range(20):
        block = ctypes.c_void_p(libc.malloc(40_000_000))
        libc.memset(block, 1, 40_000_000)
        libc.free(block)

use()
before = faults()
use()
thread = threading.Thread(target=use)
thread.start()
thread.join()
print(faults() - before)
"""
PAGES = 40 * 40_000_000 // 4096  # what 40 new blocks take


def pages_taken(**settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**environment, **settings}, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of Linux's C library")
def test_large_arrays_take_the_memory_of_those_before_them_in_any_thread():
    assert pages_taken() < PAGES / 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of Linux's C library")
def test_settings_of_the_user_for_malloc_are_left_alone():
    assert pages_taken(MALLOC_MMAP_THRESHOLD_="1000000") > PAGES / 2


LARGE = """
import ctypes
from keras import backend as K
from keras.runtimes import memory
K.eval(K.variable(1.0))
memory.most = memory.MOST  # on every engine
step = K.function([], [K.variable(1.0) + 1.0])
step([])
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
block = ctypes.c_void_p(libc.malloc(1_200_000_000))
libc.memset(block, 1, 1_200_000_000)
libc.free(block)

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

before = held()
step([])
print(before - held())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of Linux's C library")
def test_a_large_heap_gives_back_what_is_free():
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 1_000_000_000


GAPS = (
    LARGE.replace("libc.free(block)", "libc.malloc(1000)\nlibc.free(block)", 1)
    .replace("print(before - held())", "print(block.value < libc.sbrk(0), libc.malloc(500_000_000) > libc.sbrk(0))")
    .replace("libc = ctypes.CDLL(None)", "libc = ctypes.CDLL(None)\nlibc.sbrk.restype = ctypes.c_void_p")
)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of Linux's C library")
def test_large_blocks_of_a_large_heap_are_no_longer_in_it():
    done = subprocess.run([sys.executable, "-c", GAPS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True True"


BLOCKS = """
import resource

def asks_for_large_pages(address):
    with open("/proc/self/smaps") as maps:
        inside = False
        for line in maps:
            word, *rest = line.split()
            if not word.endswith(":"):
                first, end = (int(number, 16) for number in word.split("-"))
                inside = first <= address < end
            elif inside and word == "VmFlags:":
                return "hg" in rest

def run(program, size, tells=True):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    memory.run_begins(9)
    program.run_begins()
    block = libc.malloc(size)
    if tells:
        memory.block_is_at(block + size // 2)
    large = asks_for_large_pages(block)
    libc.memset(ctypes.c_void_p(block), 1, size)
    libc.free(ctypes.c_void_p(block))
    return large, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

one, other, silent = memory.Block(), memory.Block(), memory.Block()
base = held()
"""
BLOCKS_OF_ONE = "print(run(one, 300_000_000)[0], run(one, 300_000_000)[1] < 1000, held() - base > 290_000_000)"
BLOCKS_OF_TWO = """
run(one, 300_000_000)
run(other, 500_000_000)
print(held() - base < 600_000_000, run(other, 500_000_000)[1] < 1000)
"""
BLOCKS_NOT_TOLD = """
run(silent, 300_000_000, tells=False)
memory.run_begins(4)
libc.malloc_trim(0)
run(silent, 300_000_000, tells=False)
print(held() - base < 100_000_000)
"""
BLOCKS_CLEARED = """
run(one, 300_000_000)
K.clear_session()
print(held() - base < 100_000_000)
"""
TOO_LARGE = "memory.MOST_KEPT = 200_000_000; run(one, 300_000_000); print(held() - base < 100_000_000)"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="settings of Linux's C library")
@pytest.mark.parametrize("program", [BLOCKS_OF_ONE, BLOCKS_OF_TWO, BLOCKS_NOT_TOLD, BLOCKS_CLEARED, TOO_LARGE])
def test_one_block_of_a_large_heap_stays_for_the_next_run(program):
    done = subprocess.run([sys.executable, "-c", LARGE + BLOCKS + program], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) == {"True"}
