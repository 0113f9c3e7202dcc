"""One suite over all runtimes: the same numbers, whichever engine computes them.

`python -m tests.differential` computes everything on the runtime in use, compares with the stored numbers and
prints what it measured; `--environments` does so for every runtime of the project, each in a process of its own
with its own Python, and prints one table (`--write` puts it into docs/runtimes.md). The stored numbers, in
tests/data/differential, are what JAX gave; `--store` writes them anew, after a row was added to a table of tests.

    results.py      named arrays, how they are stored and compared
    small.py        groups from the tables of tests: primitives, layers, losses, metrics, optimizers, random numbers
    models.py       groups of whole models: golden records, applications, training step by step
    table.py        the Markdown table
"""
