"""RESULTS.svg: how many times our time the others take, for `fit` and for `predict` of one sample."""

from cases import CASES
from engines import TITLES

PANELS = {"fit_ms": "fit, or train_on_batch", "predict_one_ms": "predict of one sample, in a loop"}
COLOURS = {
    "k3_jax": "#4477aa", "k3_jax_tuned": "#66ccee", "k3_tensorflow": "#ee7733", "k3_torch": "#cc3311",
    "tf_keras": "#ccbb44", "raw_jax": "#999999", "raw_torch": "#333333",
}  # fmt: skip


def ratio(results, case, engine, measure):
    """Their median over ours, or None. A case without `fit` shows train_on_batch in its place."""
    if measure == "fit_ms" and results.median(case, "ours", measure) is None:
        measure = "train_on_batch_ms"
    ours, theirs = results.median(case, "ours", measure), results.median(case, engine, measure)
    return theirs / ours if ours and theirs else None


def draw(results, path):
    """Writes the chart; its file name, or None where there is nothing to draw or no matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    shown = {measure: [c for c in CASES if any(ratio(results, c, e, measure) for e in COLOURS)] for measure in PANELS}
    if not shown["fit_ms"]:
        return None
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 8}):
        figure, axes = plt.subplots(1, 2, figsize=(10, 1.2 + 0.42 * max(len(c) for c in shown.values())))
        for axis, (measure, title) in zip(axes, PANELS.items(), strict=True):
            panel(axis, results, shown[measure], measure)
            axis.set_title(title)
            axis.set_xlabel("times our time (log scale; right of 1: we are faster)")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncol=4, frameon=False)
        figure.tight_layout(rect=(0, 0.1, 1, 1))
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
    return path.name


def panel(axis, results, cases, measure):
    """A row per case with a dot per engine."""
    for engine, colour in COLOURS.items():
        points = [(ratio(results, case, engine, measure), row) for row, case in enumerate(cases)]
        points = [(x, row) for x, row in points if x]
        marker = "|" if engine.startswith("raw") else "o"
        axis.scatter(*zip(*points, strict=True) if points else ([], []), color=colour, s=45, marker=marker,
                     label=TITLES[engine])  # fmt: skip
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set_yticks(range(len(cases)), cases)
    axis.set_ylim(max(len(cases), 1) - 0.5, -0.5)
    axis.set_xscale("log")
    axis.grid(axis="x", alpha=0.3)
