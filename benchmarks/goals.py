"""The goals, and whether a run reached them.

Every goal is a ratio, the other's time (or memory) over ours: 2 means that we take half. "At most 1.1x the limit"
is therefore a ratio of at least 1 / 1.1.
"""

from dataclasses import dataclass

from engines import TITLES

SMALL_FIT = ("mlp", "transformer", "conv1d")
RECURRENT = ("lstm", "bidirectional", "stateful")
LARGE = ("resnet50", "mobilenet")
FED = ("generator", "sequence", "hdf5")


@dataclass(frozen=True)
class Goal:
    """`against` is "peer" or "limit" (the fastest of them), an engine, or "arrays" (our own fit from arrays)."""

    cases: tuple
    measure: str
    against: str
    wanted: float
    what: str

    def other(self, results, case):
        """Whom we are compared with on a case, and its figure."""
        if self.against == "peer":
            return results.fastest_peer(case, self.measure)
        if self.against == "limit":
            return results.limit(case, self.measure)
        if self.against == "arrays":
            return "arrays", results.median(case, "ours", "arrays_ms")
        measure = "first_step_s" if self.measure == "warm_first_step_s" else self.measure
        return self.against, results.median(case, self.against, measure)

    def outcomes(self, results):
        """(case, whom, ratio) for each case that both ran."""
        found = []
        for case in self.cases:
            mine = results.median(case, "ours", self.measure)
            whom, other = self.other(results, case)
            if mine and other:
                found.append((case, whom, other / mine))
        return found


ALL = ("tiny_mlp", "mlp", "mnist_cnn", "cifar_cnn", "conv1d", "lstm", "bidirectional", "stateful", "char_lstm",
       "transformer", "gan", *LARGE)  # fmt: skip
SINGLES = ("tiny_mlp", "mlp")
GOALS = [
    Goal(("tiny_mlp",), "fit_ms", "peer", 8, "tiny MLP `fit`: 8x faster than the fastest peer"),
    Goal(("tiny_mlp",), "fit_ms", "k3_jax_tuned", 2, "tiny MLP `fit`: 2x faster than Keras 3 on JAX, tuned"),
    Goal(SMALL_FIT, "fit_ms", "peer", 1.3, "MLP, Transformer, 1D CNN `fit`: 1.3x faster than the fastest peer"),
    Goal(SMALL_FIT, "fit_ms", "limit", 1 / 1.1, "MLP, Transformer, 1D CNN `fit`: at most 1.1x the limit"),
    Goal(("mnist_cnn", "cifar_cnn"), "fit_ms", "peer", 1.2, "CNN `fit`: 1.2x faster than the fastest peer"),
    Goal(RECURRENT, "fit_ms", "peer", 2, "LSTM, bidirectional, stateful `fit`: 2x faster than the fastest peer"),
    Goal(RECURRENT, "fit_ms", "limit", 1, "LSTM, bidirectional, stateful `fit`: not slower than the limit"),
    Goal(LARGE, "fit_ms", "peer", 1, "ResNet50, MobileNet training: not slower than the fastest peer"),
    Goal(LARGE, "fit_ms", "limit", 1, "ResNet50, MobileNet training: not slower than the limit"),
    Goal(LARGE, "predict_ms", "peer", 1, "ResNet50, MobileNet prediction: not slower than the fastest peer"),
    Goal(LARGE, "predict_ms", "limit", 1, "ResNet50, MobileNet prediction: not slower than the limit"),
    Goal(SINGLES, "predict_one_ms", "tf_keras", 100, "`predict` of one sample: 100x faster than tf.keras"),
    Goal(SINGLES, "predict_one_ms", "k3_jax", 5, "`predict` of one sample: 5x faster than Keras 3 on JAX"),
    Goal(SINGLES, "predict_one_ms", "raw_jax", 1 / 4, "`predict` of one sample: at most 4x a raw compiled call"),
    Goal(SINGLES, "train_on_batch_ms", "k3_jax", 3, "`train_on_batch` in a loop: 3x faster than Keras 3 on JAX"),
    Goal(FED, "fit_ms", "arrays", 1 / 1.15, "`fit` from generator, `Sequence`, HDF5: at most 1.15x that from arrays"),
    Goal(ALL, "first_step_s", "k3_jax", 1, "first step, cold: not slower than Keras 3 on JAX"),
    Goal(ALL, "warm_first_step_s", "k3_jax", 3, "first step, cache warm: 3x faster than Keras 3 on JAX, cold"),
    Goal(ALL, "import_s", "k3_jax", 2.5, "`import keras`: 2.5x faster than Keras 3 on JAX"),
    Goal(("tiny_mlp",), "fit_ms", "raw_jax", 1, "our `fit` on a small net: faster than a JAX loop by hand"),
    Goal(ALL[1:], "fit_ms", "raw_jax", 1 / 1.05, "our `fit` on larger nets: at most 1.05x a JAX loop by hand"),
    Goal(ALL, "peak_mb", "k3_jax", 1, "memory: not more than Keras 3 on JAX"),
]


def verdict(goal, results):
    """(reached, not reached or not measured; the figures in words)."""
    outcomes = goal.outcomes(results)
    if not outcomes:
        return "not measured", ""
    reached = all(ratio >= goal.wanted for _, _, ratio in outcomes)
    named = goal.against in ("peer", "limit")
    said = [f"{case} {ratio:.2f}x" + (f" ({TITLES[whom]})" if named else "") for case, whom, ratio in outcomes]
    missing = [case for case in goal.cases if case not in {case for case, _, _ in outcomes}]
    if missing and goal.against not in ("raw_jax", "limit"):
        said.append("not measured: " + ", ".join(missing))
    return ("reached" if reached else "**not reached**"), "; ".join(said)


def memory_verdict(memory):
    """The same for the flatness of memory."""
    if not memory:
        return "not measured", ""
    reached = all(part["flat"] for part in memory.values())
    said = [f"{name}: {part['grown_mb']:+.1f} MB over {part['rounds']}" for name, part in memory.items()]
    return ("reached" if reached else "**not reached**"), "; ".join(said)


def table(results):
    """The goal table in Markdown."""
    lines = ["## Goals", "", "Ratios are the other's time over ours: above 1x we are faster.", "",
             "| goal | wanted | | found |", "|---|---|---|---|"]  # fmt: skip
    for goal in GOALS:
        outcome, figures = verdict(goal, results)
        lines.append(f"| {goal.what} | {goal.wanted:.3g}x | {outcome} | {figures} |")
    outcome, figures = memory_verdict(results.memory)
    lines.append(f"| memory is flat over 3,000 predicts and 40 rounds of build, fit, clear_session | | {outcome} "
                 f"| {figures} |")  # fmt: skip
    lines.append(
        "| an odd last batch, changing batch sizes: no more than one program more | | counted in the tests | |"
    )
    return [*lines, ""]
