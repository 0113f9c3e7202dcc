"""Images per second of ImageDataGenerator, ours and that of the archived Keras-Preprocessing 1.1.0.

    python benchmarks/augmentation.py [--quick] [--rounds 5]

The two take turns, each in a process of its own, at the same options; the table shows medians over the rounds.
On a busy machine look at the processor's time for an image: ours uses all cores, the peer uses one.
The peer is run by benchmarks/.venv-peers, which needs the package Keras-Preprocessing==1.1.0.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PEER = HERE / ".venv-peers" / "bin" / "python"
BATCH = 32
_GEOMETRY = dict(
    rotation_range=20, width_shift_range=0.2, height_shift_range=0.2, shear_range=10, zoom_range=0.2,
    horizontal_flip=True, rescale=1 / 255,
)  # fmt: skip
OPTIONS = {
    "flip": dict(horizontal_flip=True),
    "shift, flip": dict(width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True),
    "rotation, shift, shear, zoom, flip, rescale": _GEOMETRY,
    "the same, filled with a constant": dict(_GEOMETRY, fill_mode="constant"),
    "the same, brightness, channel shift": dict(_GEOMETRY, brightness_range=(0.5, 1.5), channel_shift_range=20.0),
    "rotation, samplewise mean and deviation": dict(
        rotation_range=20, samplewise_center=True, samplewise_std_normalization=True
    ),
    "rotation, a function": dict(rotation_range=20, preprocessing_function=lambda image: image / 127.5 - 1),
}  # fmt: skip
SIZES = {32: 1024, 224: 96}


def measure(package, quick):
    """Runs in the worker: {case: (images per second, ms of processor time per image)}."""
    warnings.simplefilter("ignore")
    if package == "ours":
        from keras.preprocessing import image
    else:
        from keras_preprocessing import image
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for size, number in SIZES.items():
            x = np.random.RandomState(0).rand(number, size, size, 3).astype("float32") * 255
            for name, options in OPTIONS.items():
                flow = image.ImageDataGenerator(**options).flow(x, np.zeros(number), batch_size=BATCH)
                results[f"{size} x {size}: {name}"] = _rate(flow, number, quick)
        _write_pictures(image, folder)
        generator = image.ImageDataGenerator(**_GEOMETRY)
        flow = generator.flow_from_directory(folder, target_size=(224, 224), batch_size=BATCH)
        results["JPEG files 320 x 240 to 224 x 224: all of the geometry"] = _rate(flow, 64, quick)
    return results


def _rate(flow, number, quick):
    next(flow)
    rates, processor = [], []
    for _ in range(1 if quick else 3):
        start, start_processor = time.perf_counter(), time.process_time()
        images = sum(len(next(flow)[0]) for _ in range(max(1, number // BATCH)))
        rates.append(images / (time.perf_counter() - start))
        processor.append((time.process_time() - start_processor) / images * 1e3)
    return max(rates), min(processor)


def _write_pictures(image, folder):
    os.mkdir(os.path.join(folder, "class"))
    rows, columns = np.mgrid[:240, :320]
    for n in range(64):
        waves = [np.sin(rows / (7 + n) + phase) * np.cos(columns / (9 + n)) for phase in range(3)]
        picture = image.array_to_img(np.stack(waves, -1), "channels_last")
        picture.save(os.path.join(folder, "class", f"{n}.jpg"))


def _run(package, quick):
    python, path = (sys.executable, str(HERE.parent)) if package == "ours" else (str(PEER), "")
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [python, __file__, "--worker", package] + ["--quick"] * quick, capture_output=True, text=True, cwd=home,
            env=dict(os.environ, PYTHONPATH=path, KERAS_HOME=home, TF_CPP_MIN_LOG_LEVEL="3"),
        )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[7:])
    sys.exit(f"{package} failed:\n{done.stdout[-500:]}\n{done.stderr[-1500:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", choices=["ours", "peer"])
    arguments = parser.parse_args()
    if arguments.worker:
        print("RESULT " + json.dumps(measure(arguments.worker, arguments.quick)))
        return
    rounds = [(_run("ours", arguments.quick), _run("peer", arguments.quick)) for _ in range(arguments.rounds)]
    print("| case | images/s | peer | times faster | ms of processor time | peer | times less |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for case in rounds[0][0]:
        (rate, processor), (peer_rate, peer_processor) = (
            [statistics.median(one[side][case][measure] for one in rounds) for measure in (0, 1)] for side in (0, 1)
        )
        print(
            f"| {case} | {rate:.0f} | {peer_rate:.0f} | {rate / peer_rate:.1f} "
            f"| {processor:.3f} | {peer_processor:.3f} | {peer_processor / processor:.1f} |"
        )


if __name__ == "__main__":
    main()
