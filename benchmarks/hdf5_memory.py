"""How much memory training on an HDF5 file takes: by default 4 GB of data.

    python benchmarks/hdf5_memory.py [--gigabytes 4] [--shuffle batch] [--written]

The file is written chunk by chunk with `--written`; otherwise its chunks do not exist on disk and read as
zeros, so that it takes neither space nor time to make. The process' memory (resident, without pages of
files) is looked at after every batch.
"""

import argparse
import os
import tempfile
import time

import h5py
import numpy as np

COLUMNS, BATCH = 1024, 64


def resident():
    """MB of memory that this process holds for itself."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024


def write(path, gigabytes, written):
    rows = int(gigabytes * 2**30 / 4 / COLUMNS)
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (rows, COLUMNS), "float32", chunks=(BATCH, COLUMNS))
        file.create_dataset("y", (rows, 1), "float32", chunks=(4096, 1))
        if written:
            block = np.random.RandomState(0).rand(BATCH, COLUMNS).astype("float32")
            for start in range(0, rows, BATCH):
                x[start : start + BATCH] = block[: rows - start]


def measure(path, shuffle):
    """Resident memory after the imports and at most while training, in MB, and the seconds it took."""
    from keras.callbacks import LambdaCallback
    from keras.layers import Dense
    from keras.models import Sequential

    after_import = resident()
    most = [after_import]
    model = Sequential([Dense(16, activation="relu", input_shape=(COLUMNS,)), Dense(1)])
    model.compile("adam", "mse")
    look = LambdaCallback(on_batch_end=lambda batch, logs: most.append(resident()))
    start = time.perf_counter()
    with h5py.File(path, "r") as file:
        model.fit(
            file["x"], file["y"], batch_size=BATCH, shuffle=shuffle, validation_split=0.1, verbose=0, callbacks=[look]
        )
    return after_import, max(most), time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--shuffle", choices=["batch", "rows", "no"], default="batch")
    parser.add_argument("--written", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.h5")
        write(path, arguments.gigabytes, arguments.written)
        shuffle = {"batch": "batch", "rows": True, "no": False}[arguments.shuffle]
        before, most, seconds = measure(path, shuffle)
    print(
        f"{arguments.gigabytes:g} GB, shuffle={shuffle}: {before:.0f} MB after the imports, at most {most:.0f} MB "
        f"({most - before:+.0f} MB) while training, {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
