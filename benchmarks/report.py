"""RESULTS.md: what ran where, the goals, and a table for every case."""

import os
import platform
from pathlib import Path

import goals
from cases import CASES
from engines import LIMITS, PEERS, TITLES
from measures import MEASURES


def machine():
    """Processor and cores, as Linux names them."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{name}, {cores} cores, {memory:.0f} GB, Python {platform.python_version()}"


def short(reason):
    """What fits in a cell: one line without bars."""
    line = " ".join(reason.split()).replace("|", "/")
    return line if len(line) <= 160 else line[:157] + "..."


def case_table(name, results):
    """The table of one case: medians, and how many times ours."""
    ran = [e for e in TITLES if any(r["case"] == name and r["engine"] == e for r in results.records)]
    failed = {e: why for e, why in results.failures.get(name, {}).items() if e not in ran}
    if not ran and not failed:
        return []
    shown = [m for m in MEASURES if any(results.median(name, e, m) is not None for e in ran)]
    titles = ["engine", *(MEASURES[m] for m in shown), "loss, epoch 1"]
    lines = [f"## {CASES[name].title}", "", "| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for engine in ran:
        cells = [cell(name, engine, measure, results) for measure in shown]
        loss = results.median(name, engine, "loss")
        lines.append(f"| {TITLES[engine]} | {' | '.join(cells)} | {'' if loss is None else f'{loss:.4f}'} |")
    for engine, why in failed.items():
        lines.append(f"| {TITLES[engine]} | cannot run it: {short(why)} |" + " |" * len(shown))
    lines += summary(name, shown, results) + disagreements(name, ran, results)
    partly = [f"{TITLES[e]}: {short(why)}" for e, why in results.failures.get(name, {}).items() if e in ran]
    if partly:
        lines += ["", "Failed in some rounds: " + "; ".join(partly) + "."]
    return [*lines, ""]


def cell(name, engine, measure, results):
    value, ours = results.median(name, engine, measure), results.median(name, "ours", measure)
    if value is None:
        return ""
    ratio = f" ({value / ours:.2f}x)" if ours and engine != "ours" else ""
    return f"{value:.0f}{ratio}" if measure == "peak_mb" else f"{value:.3g}{ratio}"


def summary(name, shown, results):
    """One line each: the fastest peer and the limit over ours."""
    lines = []
    for engines, title in ((PEERS, "The fastest peer's figure over ours"), (LIMITS, "The limit's over ours")):
        said = []
        for measure in shown:
            ours = results.median(name, "ours", measure)
            best, value = results.fastest(name, engines, measure)
            if ours and best and (engines is PEERS or measure.endswith("_ms")):
                said.append(f"{MEASURES[measure]}: {value / ours:.2f}x ({TITLES[best]})")
        if said:
            lines += ["", f"{title}: " + "; ".join(said) + "."]
    return lines


def disagreements(name, ran, results):
    """A line for each engine whose loss after the first epoch is not the others'."""
    return [f"\n**{TITLES[e]} computed something else, so that nothing is measured by it: "
            f"loss {results.median(name, e, 'loss'):.4f}, the median of all {results.middle_loss(name):.4f}.**"
            for e in ran if results.computed_something_else(name, e)]  # fmt: skip


INTRODUCTION = """\
{date}, {command}; {machine}. Medians of {rounds} rounds (each engine in a process of its own, all engines in turn \
within a round; large networks in the first round only) with {repeats} repetitions each; load of the machine when it \
began: {load}. In brackets: how many times ours; above 1x we are faster.

A figure of `fit`, `predict` and so on is the time per batch. The first step is counted from `compile`, with an empty \
cache of compiled programs; "cache warm" is a new process that finds our programs of the one before. Memory is the \
most that the process held, with its data.
"""


def document(results, chart=None):
    """The whole of RESULTS.md."""
    about, versions = results.about, results.versions()
    command = "`make bench-quick`: rough" if about["quick"] else "`make bench`"
    lines = ["# Benchmarks", "", INTRODUCTION.format(command=command, **about)]
    for engine in TITLES:
        if engine in versions:
            lines.append(f"- {TITLES[engine]}: " + ", ".join(f"{k} {v}" for k, v in versions[engine].items()))
    lines.append("")
    if chart:
        lines += [f"![How many times our time the others take]({chart})", ""]
    lines += goals.table(results)
    for name in CASES:
        lines += case_table(name, results)
    return "\n".join(lines)
