"""Operations of oneDNN, Intel's library of kernels for CPUs, where it is installed.

`library` finds it and calls it through ctypes, `operation` is one operation on arrays in memory, the other modules
describe which. Nothing here knows an engine: pointers go in.
"""
