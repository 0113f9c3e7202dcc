"""Damaged files by the thousand: `make fuzz`, or `python tests/safety/fuzz.py --cases 20000 --workers 4`.

Each must load or be refused by a ValueError or OSError that has a message, within 20 seconds and a gibibyte. They are
opened in processes of their own, as the HDF5 library itself may crash on damaged bytes; such crashes are counted apart.
`--case 123` opens one here, with its traceback.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings

SECONDS = 20
GIB = 1 << 30
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def open_case(number):
    """Load what case `number` holds, and describe it."""
    import mutations

    from keras import backend as K
    from keras.models import load_model, model_from_json, model_from_yaml
    from keras.saving.describe import describe

    kind, content, model = mutations.case(number)
    errors = []
    readers = {"json": model_from_json, "yaml": model_from_yaml, "model": load_model}
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    for read in (
        lambda: readers[kind](content) if kind in readers else mutations.models()[model].load_weights(data),
        lambda: str(describe(data)),
    ):
        try:
            read()
        except (ValueError, OSError) as error:
            if not str(error):
                raise
            errors.append(error)
    K.reset_uids()
    return errors


def work(start, stop, step):
    """In a process of its own: open cases one after the other, saying before and after how it goes."""
    import faulthandler

    import mutations

    faulthandler.enable()
    warnings.simplefilter("ignore")
    mutations.seeds()
    _limit_memory()
    for number in range(start, stop, step):
        print(json.dumps([number, "begun"]), flush=True)
        signal.alarm(SECONDS)
        try:
            end = "refused" if open_case(number) else "loaded"
        except BaseException as error:
            end = f"FAILED {type(error).__name__}: {error}"[:300] + f" at {_place(error)}"
        signal.alarm(0)
        print(json.dumps([number, end]), flush=True)


def _limit_memory():
    import resource

    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + GIB, now + GIB))


def _place(error):
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(last.filename)}:{last.lineno}"


def run(cases, workers=1, start=0):
    """{end: [numbers]} for the cases start ... start + cases - 1; ends: loaded, refused, HDF5 crashed, FAILED ..."""
    ends = collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda own: _run_part(start + own, start + cases, workers), range(workers))
        for number, end in (pair for part in parts for pair in part):
            ends[end].append(number)
    return dict(ends)


def _run_part(start, stop, step):
    found = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, HERE]), "KERAS_BACKEND": "numpy"}
    while start < stop:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            command = [sys.executable, __file__, "--work", str(start), str(stop), str(step)]
            code = subprocess.call(command, stdout=out, stderr=err, env=environment)
            out.seek(0)
            err.seek(0)
            lines = [json.loads(line) for line in out.read().decode().splitlines()]
            report = err.read().decode(errors="replace")
        found += [(number, end) for number, end in lines if end != "begun"]
        if code == 0:
            break
        if not lines or lines[-1][1] != "begun":
            raise RuntimeError(f"The worker itself failed:\n{report[-3000:]}")
        number = lines[-1][0]
        found.append((number, _why_it_died(code, report)))
        start = number + step
    return found


def _why_it_died(code, report):
    if code == -signal.SIGALRM:
        return f"FAILED no end after {SECONDS} seconds"
    frames = [line for line in report.splitlines() if line.strip().startswith("File ")]
    if frames and "h5py" in frames[0]:
        return "HDF5 crashed"
    return f"FAILED the process died ({code}): {report[-300:]}"


def failures(ends):
    """What ought not to be among the ends."""
    return {end: numbers for end, numbers in ends.items() if end.startswith("FAILED")}


def main():
    parser = argparse.ArgumentParser(description="Open damaged model files by the thousand.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--case", type=int, help="open this one here")
    parser.add_argument("--work", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(*options.work)
    if options.case is not None:
        sys.path[:0] = [ROOT, HERE]
        return print(open_case(options.case) or "loaded")
    print(f"{options.cases:,} damaged files; one of {options.workers} processes opens 1,000 in a minute.", flush=True)
    ends = run(options.cases, options.workers, options.start)
    for end, numbers in sorted(ends.items(), key=lambda item: -len(item[1])):
        print(f"{len(numbers):7,}  {end}  (cases {', '.join(map(str, numbers[:5]))}{', ...' * (len(numbers) > 5)})")
    return 1 if failures(ends) else 0


if __name__ == "__main__":
    sys.exit(main())
