"""Runs every case on every engine side by side and writes benchmarks/RESULTS.md.

    python benchmarks/run.py [--quick] [--rounds 3] [--cases tiny_mlp lstm] [--engines ours k3_jax]

Each measurement is a process of its own. A round goes through all engines before the next
begins, so that a noisy machine hurts all alike; the table shows medians over the rounds.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from cases import CASES
from raw_jax import CASES as RAW_CASES
from worker import ENGINES

HERE = Path(__file__).resolve().parent
PEERS = HERE / ".venv-peers" / "bin" / "python"
TITLES = {
    "ours": "Keras Classic (JAX)", "ours_torch": "Keras Classic, PyTorch",
    "ours_tensorflow": "Keras Classic, TensorFlow", "k3_jax": "Keras 3, JAX",
    "k3_jax_tuned": "Keras 3, JAX, steps_per_execution=32, jit_compile", "k3_tensorflow": "Keras 3, TensorFlow",
    "k3_torch": "Keras 3, PyTorch", "tf_keras": "tf.keras (Keras 2)", "raw_jax": "JAX by hand, a call per step",
}  # fmt: skip
PEER_ENGINES = ("k3_jax", "k3_tensorflow", "k3_torch", "tf_keras")  # with their defaults
MEASURES = {
    "fit_ms": "fit, ms/step", "predict_ms": "predict, ms/batch", "predict_one_ms": "predict of one sample, ms",
    "first_step_s": "compile to first step, s", "import_s": "import, s",
}  # fmt: skip
# Dropout draws differ between engines, so the losses agree only so far.
LOSS_TOLERANCE = {"tiny_mlp": 0.01, "mlp": 0.1, "mnist_cnn": 0.15, "lstm": 0.01}


def run_one(engine, case, repeats, quick=False):
    """One worker's result, or None where it failed (what it said is printed)."""
    with tempfile.TemporaryDirectory() as home:  # no engine finds programs compiled before
        environment = dict(os.environ, KERAS_HOME=home, TF_CPP_MIN_LOG_LEVEL="3", PYTHONPATH="")
        environment.pop("KERAS_BACKEND", None)
        environment.pop("TF_USE_LEGACY_KERAS", None)
        environment.pop("KERAS_BENCH_QUICK", None)
        if quick:
            environment["KERAS_BENCH_QUICK"] = "1"
        if engine.startswith("ours"):
            environment["PYTHONPATH"] = str(HERE.parent)
            environment["KERAS_BACKEND"] = engine.partition("_")[2] or "jax"
        elif engine.startswith("k3_"):
            environment["KERAS_BACKEND"] = engine.split("_")[1]
        elif engine == "tf_keras":
            environment["TF_USE_LEGACY_KERAS"] = "1"
        python = sys.executable if engine in ("ours", "raw_jax") else str(PEERS)
        command = [python, str(HERE / "worker.py"), engine, case, str(repeats)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[7:])
    print(f"{engine} failed on {case}:\n{done.stdout[-500:]}\n{done.stderr[-1500:]}", file=sys.stderr)
    return None


def machine():
    """Processor and cores, as Linux names them."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def table(case, results, engines):
    """The Markdown table of one case: medians, and how many times slower than ours."""
    medians = {
        engine: {m: statistics.median(v for r in results[case, engine] for v in r[m]) for m in MEASURES}
        for engine in engines if results[case, engine]
    }  # fmt: skip
    lines = [f"## {CASES[case].title}", "", "| engine | " + " | ".join(MEASURES.values()) + " | loss, epoch 1 |",
             "|---" * (len(MEASURES) + 2) + "|"]  # fmt: skip
    ours = medians.get("ours")
    for engine, found in medians.items():
        cells = []
        for measure in MEASURES:
            ratio = f" ({found[measure] / ours[measure]:.2f}x)" if ours and engine != "ours" else ""
            cells.append(f"{found[measure]:.3g}{ratio}")
        losses = [r["loss"] for r in results[case, engine]]
        lines.append(f"| {TITLES[engine]} | {' | '.join(cells)} | {statistics.median(losses):.4f} |")
    peers = [e for e in PEER_ENGINES if e in medians]
    if ours and peers:
        said = []
        for measure, title in MEASURES.items():
            best = min(peers, key=lambda e: medians[e][measure])
            said.append(f"{title}: {medians[best][measure] / ours[measure]:.2f}x ({TITLES[best]})")
        lines += ["", "The fastest peer's time over ours: " + "; ".join(said) + "."]
    lines += disagreements(case, results, engines)
    return [*lines, ""]


def disagreements(case, results, engines):
    """A line for each engine whose loss after the first epoch is not the others'."""
    losses = {e: statistics.median(r["loss"] for r in results[case, e]) for e in engines if results[case, e]}
    if not losses:
        return ["", "**Nothing ran.**"]
    middle = statistics.median(losses.values())
    limit = LOSS_TOLERANCE[case]
    return [f"\n**{TITLES[e]} computed something else: loss {loss:.4f}, the others' median {middle:.4f}.**"
            for e, loss in losses.items() if not abs(loss - middle) <= limit * middle]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round, two repetitions: minutes, and rough")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="repetitions within a process")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--output", help="default: benchmarks/RESULTS.md, or RESULTS-quick.md")
    arguments = parser.parse_args()
    rounds, repeats = (1, 2) if arguments.quick else (arguments.rounds, arguments.repeats)

    results, failed = defaultdict(list), 0
    for round_number in range(rounds):
        for case in arguments.cases:
            for engine in arguments.engines:
                if engine == "raw_jax" and case not in RAW_CASES:
                    continue
                result = run_one(engine, case, repeats, arguments.quick)
                if result is None:
                    failed += 1
                    continue
                results[case, engine].append(result)
                fit = statistics.median(result["fit_ms"])
                print(f"round {round_number + 1}: {case}, {engine}: {fit:.3g} ms/step", flush=True)

    versions = sorted({f"{TITLES[e]}: " + " ".join(f"{k} {v}" for k, v in r["versions"].items())
                       for (_, e), found in results.items() for r in found})  # fmt: skip
    kind = "`make bench-quick`: rough" if arguments.quick else "`make bench`"
    lines = [
        "# Benchmarks", "",
        f"{datetime.date.today()}, {kind}; {machine()}. Medians of {rounds} rounds with {repeats} repetitions each; "
        "in brackets: how many times ours. Above 1x we are faster.", "",
        *[f"- {line}" for line in versions], "",
    ]  # fmt: skip
    for case in arguments.cases:
        lines += table(case, results, arguments.engines)
    output = Path(arguments.output or HERE / ("RESULTS-quick.md" if arguments.quick else "RESULTS.md"))
    output.write_text("\n".join(lines), encoding="utf-8")
    print(f"Written to {output}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
