"""One engine, one case, in a process of its own: prints one JSON line.

    python benchmarks/worker.py ENGINE CASE REPEATS [--first]

With --first only until the end of the first step: how long that takes with the programs of an earlier process.
"""

import gc
import json
import os
import sys
import time

import engines
from measures import CALLS, peak_mb, seconds, timed


def start(engine, library, case):
    """The session of an engine on a case."""
    if engine == "raw_jax":
        from raw.jax_loop import JaxSession

        return JaxSession(case)
    if engine == "raw_torch":
        from raw.torch_loop import TorchSession

        return TorchSession(case)
    return case.session(case, library, engines.OPTIONS.get(engine, {}))


def first_step(session):
    """Seconds from `compile` to the end of the first step."""

    def run():
        session.compile()
        session.first_step()

    return seconds(run)


def measure(engine, name, repeats, first_only):
    library, imported = engines.load(engine)
    from cases import CASES  # after the engine: the import of NumPy is part of the engine's

    case = CASES[name]()
    started = time.perf_counter()
    session = start(engine, library, case)
    built = time.perf_counter() - started
    result = {"engine": engine, "case": name, "versions": engines.versions(engine), "import_s": [imported]}
    trained = hasattr(session, "first_step")
    if trained:
        result["first_step_s"] = [first_step(session)]
        result["start_s"] = [imported + built + result["first_step_s"][0]]
        if first_only:
            return result
        result["loss"] = session.fit(shuffle=False)  # warms up, and is compared
    else:
        result["loss"] = getattr(session, "loss", None)
    for wanted in case.measures:
        method, units = CALLS[wanted]
        if not hasattr(session, method) or not units(case):
            continue
        call = getattr(session, method)
        if trained and method != "fit":
            call()  # compiles
        gc.collect()
        result[wanted] = timed(call, repeats, units(case))
    result["peak_mb"] = [peak_mb()]
    return result


def main():
    engine, name, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    result = measure(engine, name, repeats, "--first" in sys.argv)
    print("\nRESULT " + json.dumps(result), flush=True)
    os._exit(0)  # the engines' own exit takes seconds, which is not measured


if __name__ == "__main__":
    main()
