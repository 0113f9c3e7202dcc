"""Images per second of ImageDataGenerator, ours and that of the archived Keras-Preprocessing 1.1.0.

    python benchmarks/augmentation.py [--seconds 2] [--only TEXT] [--write]

Both run in one process and take turns, with the same options; what counts is each one's best turn. Ours uses
threads for decoding, the peer has none: so the times less of processor time say what is left of it on a machine whose
other cores are busy. The peer is the package Keras-Preprocessing==1.1.0 of benchmarks/.venv-peers.
The bound is what takes turns with them too: the part of the work that no package on NumPy can leave out, and nothing
else, in one thread or in as many as there are cores, whichever is faster. `--write` puts the table in
RESULTS-augmentation.md.
"""

import argparse
import collections
import contextlib
import io
import math
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS-augmentation.md"
BATCH = 32
_GEOMETRY = dict(
    rotation_range=20, width_shift_range=0.2, height_shift_range=0.2, shear_range=10, zoom_range=0.2,
    horizontal_flip=True, rescale=1 / 255,
)  # fmt: skip
OPTIONS = {
    "horizontal flip": dict(horizontal_flip=True),
    "vertical flip": dict(vertical_flip=True),
    "flip, rescale": dict(horizontal_flip=True, rescale=1 / 255),
    "rescale": dict(rescale=1 / 255),
    "shift, flip": dict(width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True),
    "shift by whole pixels": dict(width_shift_range=4, height_shift_range=4),
    "rotation": dict(rotation_range=20),
    "shear": dict(shear_range=10),
    "zoom": dict(zoom_range=0.2),
    "rotation, shift, shear, zoom, flip, rescale": _GEOMETRY,
    "the same, filled with a constant": dict(_GEOMETRY, fill_mode="constant"),
    "the same, reflected": dict(_GEOMETRY, fill_mode="reflect"),
    "the same, wrapped": dict(_GEOMETRY, fill_mode="wrap"),
    "the same, splines of order 3": dict(_GEOMETRY, interpolation_order=3),
    "the same, brightness, channel shift": dict(_GEOMETRY, brightness_range=(0.5, 1.5), channel_shift_range=20.0),
    "channel shift": dict(channel_shift_range=20.0),
    "brightness": dict(brightness_range=(0.5, 1.5)),
    "samplewise mean": dict(samplewise_center=True),
    "samplewise mean and deviation": dict(samplewise_center=True, samplewise_std_normalization=True),
    "featurewise mean and deviation": dict(featurewise_center=True, featurewise_std_normalization=True),
    "a function": dict(preprocessing_function=lambda image: image / 127.5 - 1),
}  # fmt: skip
SIZES = {32: 1024, 64: 512, 150: 128, 224: 96}
FILES = {
    "rescale": dict(rescale=1 / 255),
    "shear, zoom, flip, rescale": dict(shear_range=0.2, zoom_range=0.2, horizontal_flip=True, rescale=1 / 255),
    "rotation, shift, shear, zoom, flip, rescale": _GEOMETRY,
}
PICTURES = [("JPEG", 500, 375, 150), ("JPEG", 224, 224, 224), ("PNG", 500, 375, 150), ("PNG", 32, 32, 32)]


def _packages():
    """The modules of images, ours and the peer's."""
    sys.path.insert(0, str(HERE.parent))
    sys.path.append(str(HERE / ".venv-peers" / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"))
    from keras_preprocessing import image as peer

    from keras.preprocessing import image as ours

    return ours, peer


def cases(packages, folder):
    """Yields (name, number of images, a flow of each package and the bounds)."""
    for size, number in SIZES.items():
        x = _new_batch((size, size, 3), number)  # no package copies them at a disadvantage
        x[...] = np.random.RandomState(0).randint(0, 256, x.shape)
        for name, options in OPTIONS.items():
            generators = [package.ImageDataGenerator(**options) for package in packages]
            for generator in generators:
                generator.fit(x[:64])
            flows = [generator.flow(x, np.zeros(number), batch_size=BATCH) for generator in generators]
            yield f"{size} x {size}: {name}", number, flows + _bounds_in_memory(name, x)
    for kind, width, height, target in PICTURES:
        where = os.path.join(folder, f"{kind}{width}")
        _write_pictures(where, kind, width, height)
        for name, options in FILES.items():
            with contextlib.redirect_stdout(io.StringIO()):
                flows = [
                    package.ImageDataGenerator(**options).flow_from_directory(
                        where, target_size=(target, target), batch_size=BATCH
                    )
                    for package in packages
                ]
            bounds = _bounds(_bare_reading(flows[1].filepaths, target), BATCH, (target, target, 3))
            yield f"{kind} {width} x {height} to {target} x {target}: {name}", BATCH, flows + bounds


def _new_batch(shape, number=BATCH):
    """Memory for images which others are copied to without delay."""
    from keras.preprocessing.image.threads import empty

    return empty((number, *shape), "float32")


class _Bare:
    """Batches for whose images nothing is done but `work(image number, place in the batch)`."""

    def __init__(self, work, number, shape, threads):
        self.work, self.number, self.shape = work, number, shape
        self.map = map if threads == 1 else ThreadPoolExecutor(threads).map

    def __next__(self):
        batch = _new_batch(self.shape)
        for _ in self.map(self.work, np.random.permutation(self.number), batch):
            pass
        return batch, None


class _BareTogether:
    """The same for images in memory, all at once: the best way for small ones, which fit the processor's cache."""

    def __init__(self, changes, x):
        self.changes, self.x = changes, x

    def __next__(self):
        batch = _new_batch(self.x.shape[1:])
        self.x.take(np.random.permutation(len(self.x))[:BATCH], axis=0, out=batch, mode="clip")
        for change, part in zip(self.changes, np.split(batch, len(self.changes))):
            if change is not np.copyto:
                change(part, part)
        return batch, None


def _bounds(work, number, shape):
    return [_Bare(work, number, shape, threads) for threads in (1, len(os.sched_getaffinity(0)))]


def _bounds_in_memory(name, x):
    """What a case cannot do without: for most no more than to bring the images from there to here."""
    changes = _BARE.get(name, [np.copyto])
    together = [_BareTogether(changes, x)] if x.shape[1] <= 64 else []
    return _bounds(lambda n, out: changes[n % len(changes)](out, x[n]), len(x), x.shape[1:]) + together


def _mirrored(out, images, factor=None):
    images = images.copy() if factor is None else images * factor
    for channel in range(images.shape[-1]):  # NumPy is faster so than with all at once
        out[..., channel] = images[..., ::-1, channel]


def _upside_down(out, images):
    out[...] = images[..., ::-1, :, :]


def _rescaled(out, images):
    np.multiply(images, np.float32(1 / 255), out=out)


def _means(images, factors):
    lines = images.reshape(*images.shape[:-2], -1)
    factors = np.ones(lines.shape[-1], images.dtype) if factors is None else factors.reshape(lines.shape)
    sums = np.vecdot(lines, factors).sum(axis=-1)  # NumPy's fastest sum: BLAS
    return (sums / np.float32(math.prod(images.shape[-3:])))[..., None, None, None]


def _centred(out, images):
    np.subtract(images, _means(images, None), out=out)


def _standardised(out, images):
    _centred(out, images)
    np.multiply(out, _means(out, out) ** -0.5, out=out)


def _splines(out, images):
    from scipy import ndimage

    bells = ndimage.spline_filter1d(images, 3, axis=-3)
    out[...] = ndimage.spline_filter1d(bells, 3, axis=-2)


def _function(out, images):
    for into, image in zip(out, images) if images.ndim == 4 else [(out, images.copy())]:
        into[...] = OPTIONS["a function"]["preprocessing_function"](image)


# With two changes half of the images have each.
_BARE = {
    "horizontal flip": [np.copyto, _mirrored],
    "vertical flip": [np.copyto, _upside_down],
    "flip, rescale": [_rescaled, lambda out, images: _mirrored(out, images, np.float32(1 / 255))],
    "rescale": [_rescaled],
    "samplewise mean": [_centred],
    "samplewise mean and deviation": [_standardised],
    "the same, splines of order 3": [_splines],
    "a function": [_function],
}


def _bare_reading(paths, target):
    from PIL import Image

    def read(n, out):
        with Image.open(paths[n]) as image:
            out[...] = image.resize((target, target), Image.Resampling.NEAREST)

    return read


def _write_pictures(folder, kind, width, height):
    from PIL import Image

    os.makedirs(os.path.join(folder, "class"))
    rows, columns = np.mgrid[:height, :width]
    random = np.random.RandomState(0)
    for n in range(BATCH):
        waves = [np.sin(rows / (7 + n) + phase) * np.cos(columns / (9 + n)) for phase in range(3)]
        pixels = np.stack(waves, -1) * 100 + 128 + random.randn(height, width, 3) * 5
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(os.path.join(folder, "class", f"{n}.{kind.lower()}"))


def measure(flows, number, seconds):
    """Seconds, and seconds of processor time, per image: of the best turn of each flow."""
    for flow in flows:
        next(flow)
    best = [[np.inf, np.inf] for _ in flows]
    turns, end = 0, time.perf_counter() + seconds
    while turns < 3 or time.perf_counter() < end:
        for flow, figures in zip(flows, best):
            start, start_processor = time.perf_counter(), time.process_time()
            images = 0
            while images < number:
                images += len(next(flow)[0])
            figures[0] = min(figures[0], (time.perf_counter() - start) / images)
            figures[1] = min(figures[1], (time.process_time() - start_processor) / images)
        turns += 1
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2, help="per case")
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = [
        "| case | images/s | Keras-Preprocessing | times faster | times less processor time | bound | of the bound |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    load = os.getloadavg()[0]
    found, ratios = collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for name, number, flows in cases(_packages(), folder):
            if arguments.only in name:
                (ours, processor), (peer, peer_processor), *bare = measure(flows, number, arguments.seconds)
                bound = min(bare)[0]
                ratios.append(peer / ours)
                found["fast" if peer / ours >= 3 else "bounded" if bound / ours >= 0.8 else "other"] += 1
                lines.append(
                    f"| {name} | {1 / ours:.0f} | {1 / peer:.0f} | {peer / ours:.1f} "
                    f"| {peer_processor / processor:.1f} | {1 / bound:.0f} | {bound / ours:.2f} |"
                )
                print(lines[-1], flush=True)
    if arguments.write:
        RESULTS.write_text(_header(load, found, ratios) + "\n".join(lines) + "\n")


_BOUNDS = (
    "The bound, in images/s, is what no package on NumPy can leave out, alone, image by image, in one thread or in "
    "all, or small images all at once: to copy the images to a new batch, mirrored, multiplied or standardised by as "
    "few of NumPy's calls as can do it; to call a user's function on a copy; for splines of order 3 SciPy's filter; "
    "for files to open, decode and resize with Pillow. The images in memory begin at a page, so that no package copies "
    "them slowly by chance. A case whose bound is less than three times Keras-Preprocessing "
    "cannot be three times as fast as that.\n\n"
)


def _header(load, found, ratios):
    return (
        "# Augmentation\n\n"
        f"{time.strftime('%Y-%m-%d')}, `python benchmarks/augmentation.py --write`; {len(os.sched_getaffinity(0))} "
        f"cores, {platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}. Load of the machine "
        f"by other programs when it began: {load:.1f} (where it is above 0, threads bring less than they can). Batches "
        "of 32 images of three channels of float32, from one thread of the user; both packages take turns in one "
        f"process; each one's best turn.\n\n{_BOUNDS}"
        f"Of {found.total()} cases {found['fast']} are at least three times as fast; of the others {found['bounded']} "
        "reach 0.8 of their bound. "
        f"The geometric mean of all is {statistics.geometric_mean(ratios):.1f} times as fast, the median "
        f"{statistics.median(ratios):.1f}.\n\n"
    )


if __name__ == "__main__":
    main()
