"""Doing with a record what its kind asks for, and comparing."""

from typing import NamedTuple

import numpy as np

# Records with these tags were trained by a reference whose training rules differ from those of Keras 2.3.1.
TRAINING_DIFFERS = {"activity_regularizer", "masked_loss", "frozen_bn"}
MOVING_STATISTICS_DIFFER = "bn_train"
MOVING = ("moving_mean", "moving_variance")


class Finding(NamedTuple):
    """One comparison that did not hold."""

    what: str  # 'y0', 'train', ...
    difference: float  # the largest |got - expected|
    text: str
    by_design: bool = False


def check(record):
    """All findings for a record: empty if everything holds. An exception while loading is the caller's."""
    model = load(record)
    findings = structure(record, model) + initial_weights(record, model) + predictions(record, model)
    if "train" in record.arrays:
        findings += training(record, model)
    return findings


def load(record, extension="h5"):
    """The model of a record, compiled if it can be trained."""
    from keras.models import load_model, model_from_json

    if record.kind in ("weights", "json"):
        model = model_from_json(record.text("json"))
        model.load_weights(record.path("h5"))
    else:
        model = load_model(
            record.path(extension), compile=record.kind != "model" and "train" in record.arrays
        )
    return model


# ------------------------------------------------------------------------------------------ comparing


def compare(what, got, expected, tolerance, allowance=None, by_design=False):
    """[] or [Finding]. allowance: what rtol multiplies, if not |expected|."""
    got, expected = np.asarray(got, "float64"), np.asarray(expected, "float64")
    if got.shape != expected.shape:
        return [
            Finding(what, float("inf"), f"{what}: shape {got.shape}, expected {expected.shape}", by_design)
        ]
    rtol, atol = tolerance
    difference = np.abs(got - expected)
    allowed = atol + rtol * np.abs(expected if allowance is None else allowance)
    same = (difference <= allowed) | (np.isnan(got) & np.isnan(expected)) | (got == expected)
    if same.all():
        return []
    largest = (
        float(np.nanmax(np.where(same, 0, difference)))
        if np.isfinite(difference[~same]).any()
        else float("inf")
    )
    return [
        Finding(
            what,
            largest,
            f"{what}: largest difference {largest:.3g} (expected up to {np.abs(expected).max():.3g}, allowed"
            f" {allowed.max():.2g}), {int((~same).sum())} of {same.size} values",
            by_design,
        )
    ]


def structure(record, model):
    """Layers, parameters and shapes."""
    fields, findings = record.fields, []
    expected = [layer["class_name"] for layer in fields.get("layers", ())]
    got = [type(layer).__name__ for layer in model.layers]
    if (
        record.kind != "old"
        and expected
        and len(expected) - expected.count("InputLayer") != (len(got) - got.count("InputLayer"))
    ):
        findings.append(Finding("layers", float("inf"), f"layers: {got}, expected {expected}"))
    for name in ("count_params",):
        if name in fields and fields[name] != model.count_params():
            findings.append(
                Finding(name, float("inf"), f"{name}: {model.count_params()}, expected {fields[name]}")
            )
    return findings


def initial_weights(record, model):
    return weights(record, model, "w_init")


def weights(record, model, which, by_design=False):
    """Sums of the weights. Order may differ in nested models with frozen or non-trainable weights: see `matched`."""
    if f"{which}_sum" not in record.arrays:
        return []
    sums, sizes = record.arrays[f"{which}_sum"], record.arrays[f"{which}_abs"]
    values = [np.asarray(value, "float64") for value in model.get_weights()]
    if record.fields["keras_version"].startswith("1.") and len(values) < len(sums):
        # Keras 1 kept the gates of an LSTM apart: only the totals can be compared.
        values, total = [np.concatenate([value.ravel() for value in values])], sizes.sum()
        return compare(which, values[0].sum(), sums.sum(), record.tolerance("weights"), total, by_design)
    if len(values) != len(sums):
        return [
            Finding(which, float("inf"), f"{which}: {len(values)} weights, expected {len(sums)}", by_design)
        ]
    got = np.array([[value.sum(), np.abs(value).sum()] for value in values]).reshape(-1, 2)
    order = matched(got, np.stack([sums, sizes], axis=1), record, values)
    rtol, atol = record.tolerance("weights")
    findings = []
    names = [weight["name"] for weight in record.fields.get("weights", ())] or [
        str(i) for i in range(len(sums))
    ]
    for index, name in enumerate(names):
        moving = (
            which == "w_after"
            and MOVING_STATISTICS_DIFFER in record.tags
            and any(part in name for part in MOVING)
        )
        for column, expected in ((0, sums[index]), (1, sizes[index])):
            findings += compare(
                f"{which} {name}",
                got[order[index], column],
                expected,
                (rtol, atol),
                sizes[index],
                by_design or moving,
            )
    return findings


def matched(got, expected, record, values):
    """For each expected weight the index of ours: the same place, or for nested models the nearest of its shape."""
    order = list(range(len(expected)))
    nested = {"Functional", "Sequential", "Model", "TimeDistributed", "Bidirectional"}
    if not any(layer["class_name"] in nested for layer in record.fields.get("layers", ())):
        return order
    shapes = [tuple(weight["shape"]) for weight in record.fields.get("weights", ())]
    free = set(order)
    for index in range(len(expected)):
        same = [other for other in free if not shapes or values[other].shape == shapes[index]]
        if same:
            order[index] = min(same, key=lambda other: np.abs(got[other] - expected[index]).max())
            free.discard(order[index])
    return order


# ------------------------------------------------------------------------------------------ predicting


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def alone(values):
    return values[0] if len(values) == 1 else values


def predictions(record, model):
    findings = []
    if record.calls > 1:
        model.reset_states()
        for call in range(record.calls):
            inputs = record.numbered("x", f"_call{call}")
            outputs = as_list(model.predict(alone(inputs), batch_size=len(inputs[0])))
            for number, expected in enumerate(record.numbered("y", f"_call{call}")):
                findings += compare(f"y{number}_call{call}", outputs[number], expected, record.tolerance("y"))
        return findings
    return outputs_match(record, model, record.numbered("y"), "y", "")


def outputs_match(record, model, expected, what, suffix, by_design=False):
    inputs = record.inputs
    outputs = as_list(model.predict(alone(inputs), batch_size=len(inputs[0])))
    if len(outputs) != len(expected):
        return [
            Finding(
                what, float("inf"), f"{what}: {len(outputs)} outputs, expected {len(expected)}", by_design
            )
        ]
    return [
        finding
        for number, array in enumerate(expected)
        for finding in compare(
            f"y{number}{suffix}", outputs[number], array, record.tolerance(what), by_design=by_design
        )
    ]


# ------------------------------------------------------------------------------------------ training


def compile_as_told(record, model):
    """For kinds whose files hold no training configuration."""
    from keras import metrics, optimizers

    told = record.fields["compile"]

    def metric(value):
        if isinstance(value, dict) and "class_name" in value:
            return metrics.deserialize(value)
        if isinstance(value, dict):
            return {name: metric(item) for name, item in value.items()}
        return [metric(item) for item in value] if isinstance(value, list) else value

    model.compile(
        optimizer=optimizers.deserialize(told["optimizer"]),
        loss=told["loss"],
        metrics=metric(told.get("metrics")),
        weighted_metrics=metric(told.get("weighted_metrics")),
        loss_weights=told.get("loss_weights"),
        sample_weight_mode=told.get("sample_weight_mode"),
    )


def training(record, model):
    by_design = bool(TRAINING_DIFFERS & record.tags)
    if record.kind in ("model", "weights", "json"):
        compile_as_told(record, model)
    if model.optimizer is None:
        return [Finding("compile", float("inf"), "the model was not compiled on loading")]
    if getattr(model, "stateful", False):
        model.reset_states()
    findings = metric_names(record, model)
    inputs, targets = alone(record.inputs), alone(record.numbered("t"))
    sample_weight = record.sample_weights and alone(record.sample_weights)
    if "eval" in record.arrays:
        got = model.evaluate(inputs, targets, batch_size=4, sample_weight=sample_weight, verbose=0)
        findings += compare(
            "eval",
            as_list(got),
            np.ravel(record.arrays["eval"]),
            record.tolerance("eval"),
            by_design=by_design,
        )
    model.reset_metrics()  # what was evaluated does not count
    expected = record.arrays["train"]
    expected = expected.reshape(len(expected), -1)
    rows = []
    for _ in range(len(expected)):
        row = as_list(
            model.train_on_batch(
                inputs, targets, sample_weight=sample_weight, class_weight=record.class_weight
            )
        )
        rows.append(row[: expected.shape[1]])
    findings += compare("train", rows, expected, record.tolerance("train"), by_design=by_design)
    findings += weights(record, model, "w_after", by_design)
    if getattr(model, "stateful", False):
        model.reset_states()
    after = record.numbered("y", "_after")
    if after:
        moving = MOVING_STATISTICS_DIFFER in record.tags
        findings += outputs_match(record, model, after, "y_after", "_after", by_design or moving)
    return findings


def metric_names(record, model):
    expected = record.fields.get("metrics_names")
    if record.kind in ("old", "keras3") or not expected or expected == model.metrics_names:
        return []
    # Keras 2.3.1 names outputs after their layers, several of one layer alike; tf.keras numbers those.
    by_design = len(set(model.output_names)) < len(model.output_names)
    text = f"metrics_names: {model.metrics_names}, expected {expected}"
    return [Finding("metrics_names", float("inf"), text, by_design)]
