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


LARGE_PAGES = """
from keras.runtimes import memory

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

memory.in_large_pages(1)  # of the run that has begun, and nothing is there
block = libc.malloc(100_000_000)
told = []
for run in range(2):
    memory.in_large_pages(block + 1000)
    told.append(asks_for_large_pages(block))
    step([])
print(told)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a call of Linux")
def test_a_large_block_of_a_run_gets_large_pages():
    done = subprocess.run([sys.executable, "-c", LARGE + LARGE_PAGES], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[False, True]"
