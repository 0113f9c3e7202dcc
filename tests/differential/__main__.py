"""`python -m tests.differential`: see the package's description."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORED = ROOT / "tests" / "data" / "differential" / "jax.npz"
ENVIRONMENTS = {"jax": ".venv", "numpy": ".venv", "torch": ".venv-torch", "tensorflow": ".venv-tensorflow"}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("groups", nargs="*", help="names of groups (default: all)")
    parser.add_argument("--store", action="store_true", help="store the numbers of the runtime in use (JAX)")
    parser.add_argument("--report", metavar="FILE", help="write what was measured as JSON")
    parser.add_argument("--environments", action="store_true", help="every runtime, each with its own Python")
    parser.add_argument("--write", action="store_true", help="with --environments: the table into docs/runtimes.md")
    options = parser.parse_args(arguments)
    if options.environments:
        return everywhere(options)
    return here(options)


def here(options):
    """Computes and compares on the runtime in use. Gives the exit status."""
    from . import groups, results, table

    names = options.groups or list(groups.GROUPS)
    if options.store:
        stored = results.read(STORED) if STORED.exists() else {}
        stored.update({name: timed(name)[0] for name in names})
        STORED.parent.mkdir(exist_ok=True)
        results.write(STORED, {name: stored[name] for name in groups.GROUPS if name in stored})
        return 0
    stored = results.read(STORED)
    report = {"runtime": groups.runtime().title, "groups": {}}
    for name in names:
        found, seconds = timed(name)
        if found is None:
            continue
        differences = results.differences(found, stored[name], groups.runtime().differentiates)
        tolerance = groups.GROUPS[name].tolerance
        worst = max(differences, key=differences.get)
        report["groups"][name] = {"largest": differences[worst], "count": len(differences), "worst": worst}
        wrong = {item: value for item, value in differences.items() if value > tolerance}
        for item in sorted(wrong, key=wrong.get, reverse=True)[:20]:
            print(f"  {name}: {item}: {wrong[item]:.2g}")
        print(f"{name}: {len(differences)} compared, {len(wrong)} too far, largest {differences[worst]:.2g}"
              f" ({worst}), {seconds:.0f} s", flush=True)  # fmt: skip
    if options.report:
        Path(options.report).write_text(json.dumps(report))
    return table.status([report])


def timed(name):
    from . import groups

    start = time.monotonic()
    return groups.computed(name), time.monotonic() - start


def everywhere(options):
    """Runs `here` in a process of each runtime and prints the table. Gives the exit status."""
    from . import table

    folder = ROOT / "build" / "differential"
    folder.mkdir(parents=True, exist_ok=True)
    reports = []
    for runtime, environment in ENVIRONMENTS.items():
        path = folder / f"{runtime}.json"
        path.unlink(missing_ok=True)
        command = [str(ROOT / environment / "bin" / "python"), "-m", "tests.differential", "--report", str(path)]
        own = {"KERAS_BACKEND": runtime, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_HOME": str(folder / "home")}
        print(f"\n{runtime}", flush=True)
        subprocess.run([*command, *options.groups], cwd=ROOT, env={**os.environ, **own}, check=False)
        reports.append(json.loads(path.read_text()) if path.exists() else {"runtime": runtime, "groups": {}})
    print("\n" + table.markdown(reports))
    if options.write:
        table.write(ROOT / "docs" / "runtimes.md", reports)
    return table.status(reports)


if __name__ == "__main__":
    sys.exit(main())
