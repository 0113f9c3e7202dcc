"""Runs every case on every engine side by side and writes benchmarks/RESULTS.md, .json and .svg.

    python benchmarks/run.py [--quick] [--rounds 3] [--minutes 90] [--cases tiny_mlp lstm] [--engines ours k3_jax]
    python benchmarks/run.py --report benchmarks/RESULTS.json     # writes the tables anew, measures nothing

Each measurement is a process of its own. A round goes through all engines before the next begins, in another order
each time, so that a noisy machine hurts all alike; the tables show medians over the rounds. An engine that fails on a
case, or takes longer than --limit, is reported and left out. What is there so far is written after every case.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import chart
import raw
import report
from cases import CASES
from engines import LIMITS, TITLES, environment, python
from results import Results

HERE = Path(__file__).resolve().parent


def worker(engine, case, repeats, home, options):
    """(result, None) of one process, or (None, what went wrong)."""
    command = [python(engine), str(HERE / "worker.py"), engine, case, str(repeats)]
    command += ["--first"] if options.get("first_only") else []
    env = environment(engine, home, options["quick"])
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=options["limit"]
        )
    except subprocess.TimeoutExpired:
        return None, f"not finished in {options['limit']:g} s"
    except OSError as error:  # no environment with the peers
        return None, str(error)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[7:]), None
    said = [line for line in done.stderr.splitlines() if line.strip()] or [f"ended with status {done.returncode}"]
    return None, next((line for line in reversed(said) if "Error" in line), said[-1])


def measure(engine, case, repeats, options):
    """One engine on one case; on our own engine also the first step of a second process, with the cache warm."""
    with tempfile.TemporaryDirectory() as home:  # no engine finds programs compiled before
        result, wrong = worker(engine, case, repeats, home, options)
        if result and engine == "ours" and "first_step_s" in result:
            again, wrong = worker(engine, case, 1, home, {**options, "first_only": True})
            if again:
                result["warm_first_step_s"] = again["first_step_s"]
    return result, wrong


def takes_part(engine, case, round_number):
    if engine in LIMITS and case not in raw.CASES[engine]:
        return False
    return round_number == 0 or not CASES[case].heavy


def rotated(engines, by):
    by %= len(engines)
    return engines[by:] + engines[:by]


def run_case(case, engines, repeats, options, results):
    """All engines on one case, one after the other."""
    for engine in engines:
        result, wrong = measure(engine, case, repeats, options)
        if wrong:
            results.fail(case, engine, wrong)
            print(f"  {engine}: {wrong}", flush=True)
        if result:
            results.records.append(result)
            figures = ", ".join(f"{m} {min(v):.3g}" for m, v in result.items() if isinstance(v, list) and v)
            print(f"  {engine}: {figures}", flush=True)


def measure_memory(results, options):
    """Whether memory stays flat over many predicts and many models (our engine only)."""
    command = [sys.executable, str(HERE / "memory.py"), "--json"] + (["--quick"] if options["quick"] else [])
    with tempfile.TemporaryDirectory() as home:
        env = environment("ours", home, options["quick"])
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=4 * options["limit"])
            results.memory = json.loads(done.stdout.splitlines()[-1])
        except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
            print(f"memory.py gave no result: {error!r}", file=sys.stderr)


def write(results, output):
    """The JSON file, the chart and the tables."""
    results.write(output.with_suffix(".json"))
    drawn = chart.draw(results, output.with_suffix(".svg"))
    output.write_text(report.document(results, drawn), encoding="utf-8")


def new_results(arguments, rounds, repeats):
    return Results({
        "date": str(datetime.date.today()), "machine": report.machine(), "quick": arguments.quick, "rounds": rounds,
        "repeats": repeats, "load": f"{os.getloadavg()[0]:.1f}",
    })  # fmt: skip


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round, two repetitions, a fifth of the steps: rough")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="repetitions within a process")
    parser.add_argument("--minutes", type=float, help="begin no case after this time; the report says what ran")
    parser.add_argument("--limit", type=float, help="seconds for one process (default 600, quick 150)")
    parser.add_argument("--cases", nargs="+", choices=CASES)
    parser.add_argument("--engines", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--no-memory", action="store_true", help="leave out memory.py")
    parser.add_argument("--output", type=Path, help="default: benchmarks/RESULTS.md, or RESULTS-quick.md")
    parser.add_argument("--report", type=Path, metavar="JSON", help="only write the tables of these results anew")
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.report:
        write(Results.read(arguments.report), arguments.output or arguments.report.with_suffix(".md"))
        return
    rounds, repeats = (1, 2) if arguments.quick else (arguments.rounds, arguments.repeats)
    cases = arguments.cases or [name for name, case in CASES.items() if not (arguments.quick and case.heavy)]
    options = {"quick": arguments.quick, "limit": arguments.limit or (150 if arguments.quick else 600)}
    output = arguments.output or HERE / ("RESULTS-quick.md" if arguments.quick else "RESULTS.md")
    results = new_results(arguments, 0, repeats)
    end = time.monotonic() + 60 * (arguments.minutes or 1e9)
    for round_number in range(rounds):
        results.about["rounds"] = round_number + 1
        for case in cases:
            engines = [e for e in arguments.engines if takes_part(e, case, round_number)]
            if not engines or time.monotonic() > end:
                continue
            print(f"round {round_number + 1}, {case}", flush=True)
            run_case(case, rotated(engines, round_number), repeats, options, results)
            write(results, output)
        if round_number == 0 and not arguments.no_memory and "ours" in arguments.engines:
            measure_memory(results, options)
            write(results, output)
        if time.monotonic() > end:
            break
    print(f"Written to {output}")
    sys.exit(1 if results.failures else 0)


if __name__ == "__main__":
    main()
