"""`Model.compile` as a function: from the user's choices to targets, weights, metrics and one total loss.

Nothing is written to the model here. Whatever is wrong with the arguments shows while the plan is
made, and the model stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import backend as K
from .. import metrics as metrics_module
from ..mixed_precision import widened
from ..utils.generic_utils import to_list
from .training_losses import (
    call_metric_function,
    check_length,
    check_names,
    collect_per_output_metric_info,
    combine_mask_and_weights,
    prepare_loss_functions,
    prepare_loss_weights,
    prepare_sample_weights,
)


class Plan:
    """Everything about training one model that follows from `compile`, one list entry per output.

    Attributes:
        loss_functions: `Loss` or `None`.
        skip_target_indices: outputs without a loss.
        targets, sample_weights: the tensors (`None` where skipped).
        feed: the outputs whose targets the user feeds.
        per_output_metrics: list of `(unweighted, weighted)` lists of metrics.
        metric_functions: all of them, in the order in which they are reported.
        output_loss_metrics: means of each output's loss, where there are several outputs.
        metric_updates: how the metrics' variables change with a batch.
        total_loss: the scalar that is minimised.
    """

    def __init__(
        self, model, loss, metrics, loss_weights, sample_weight_mode, weighted_metrics, target_tensors
    ):
        self.outputs = list(model.outputs)
        self.output_names = list(model.output_names)
        self.output_shapes = [K.int_shape(o) for o in self.outputs]
        self.masks = _output_masks(model)

        self.loss_functions = prepare_loss_functions(loss, self.output_names)
        self.skip_target_indices = [i for i, fn in enumerate(self.loss_functions) if fn is None]
        self.loss_weights_list = prepare_loss_weights(self.output_names, loss_weights)
        self._make_targets(target_tensors)
        skipped = [i for i in range(len(self.outputs)) if i not in self.feed]
        self.sample_weights, self.sample_weight_modes = prepare_sample_weights(
            self.output_names, sample_weight_mode, skipped
        )
        self._choose_metrics(metrics, weighted_metrics)
        self.metric_updates = []
        with K.name_scope("loss"):
            self.total_loss = self._make_total_loss(model)
        with K.name_scope("metrics"):
            self._apply_metrics()

    def _make_targets(self, target_tensors):
        given = _target_tensors_by_output(target_tensors, self.output_names)
        self.targets, self.feed = [], []
        for i, (output, name) in enumerate(zip(self.outputs, self.output_names, strict=True)):
            target = None
            if i not in self.skip_target_indices:
                target = given[i]
                if target is None:
                    rank = len(self.output_shapes[i])
                    target = K.placeholder(ndim=rank, name=name + "_target", dtype=K.dtype(widened(output)))
                if K.is_placeholder(target):
                    self.feed.append(i)
            self.targets.append(target)

    def _choose_metrics(self, metrics, weighted_metrics):
        args = (self.output_names, self.output_shapes, self.loss_functions)
        plain = collect_per_output_metric_info(metrics, *args)
        weighted = collect_per_output_metric_info(weighted_metrics, *args, is_weighted=True)
        several = len(self.outputs) > 1
        self.output_loss_metrics = []
        names = ["loss"]
        if several:
            names += [
                f"{n}_loss" for i, n in enumerate(self.output_names) if i not in self.skip_target_indices
            ]
            self.output_loss_metrics = [metrics_module.Mean(name=f"{n}_loss") for n in self.output_names]
        self.per_output_metrics, self.metric_functions, self.metric_names = [], [], []
        for i, output_name in enumerate(self.output_names):
            pair = ([], [])
            if i not in self.skip_target_indices:
                for chosen, of_output in zip(pair, (plain[i], weighted[i]), strict=True):
                    for name, metric in of_output.items():
                        name = _unique(f"{output_name}_{name}" if several else name, names)
                        names.append(name)
                        self.metric_names.append(name)
                        self.metric_functions.append(metric)
                        chosen.append(metric)
            self.per_output_metrics.append(pair)

    def _make_total_loss(self, model):
        total = None
        for i, (loss_fn, name) in enumerate(zip(self.loss_functions, self.output_names, strict=True)):
            if loss_fn is None:
                continue
            weights = combine_mask_and_weights(self.outputs[i], self.sample_weights[i], self.masks[i])
            with K.name_scope(name + "_loss"):
                loss = loss_fn(self.targets[i], self.outputs[i], sample_weight=weights)
            if self.output_loss_metrics:
                # Each batch counts by its size, so that an odd last batch weighs what it holds.
                size = K.cast(K.shape(self.outputs[i])[0], K.dtype(loss))
                self._track(
                    self.output_loss_metrics[i], lambda m, loss=loss, size=size: m(loss, sample_weight=size)
                )
            weighted = self.loss_weights_list[i] * loss
            total = weighted if total is None else total + weighted
        extra = list(model.losses)
        if total is None and not extra:
            raise ValueError(
                "The model cannot be compiled because it has no loss to optimize. Pass `loss=...` to `compile`, or add "
                "one to the model with `model.add_loss(tensor)` first."
            )
        for loss in extra:
            loss = K.mean(loss) if K.is_tensor(loss) and K.ndim(loss) else loss
            total = loss if total is None else total + loss
        return K.mean(total)

    def _apply_metrics(self):
        for i, (plain, weighted) in enumerate(self.per_output_metrics):
            for metrics, weights in ((plain, None), (weighted, self.sample_weights[i])):
                for metric in metrics:
                    self._track(
                        metric,
                        lambda m, i=i, w=weights: call_metric_function(
                            m, self.targets[i], self.outputs[i], weights=w, mask=self.masks[i]
                        ),
                    )

    def _track(self, metric, apply):
        """Applies a metric and notes the updates of *this* application.

        A metric object may have been compiled before, into another model or an earlier compile:
        those updates read placeholders that nobody feeds here.
        """
        before = {id(u) for u in metric.updates}
        metric._call_result = apply(metric)
        self.metric_updates += [u for u in metric.updates if id(u) not in before]

    def attributes(self):
        """What a model has of it, by the names of Keras 2."""
        return {
            "loss_functions": self.loss_functions,
            "loss_weights_list": self.loss_weights_list,
            "skip_target_indices": self.skip_target_indices,
            "targets": self.targets,
            "sample_weights": self.sample_weights,
            "sample_weight_modes": self.sample_weight_modes,
            "total_loss": self.total_loss,
            "_feed_targets": self._fed(self.targets),
            "_feed_sample_weights": self._fed(self.sample_weights),
            "_feed_sample_weight_modes": self._fed(self.sample_weight_modes),
            "_feed_outputs": self._fed(self.outputs),
            "_feed_output_names": self._fed(self.output_names),
            "_feed_output_shapes": self._fed(self.output_shapes),
            "_feed_loss_fns": self._fed(self.loss_functions),
            "_compile_metric_functions": self.metric_functions,
            "_output_loss_metrics": self.output_loss_metrics,
            "_compiled_metric_updates": self.metric_updates,
            "_compiled_metric_tensors": self._metrics_tensors(),
        }

    def _fed(self, values):
        """Of values, one per output, those of the outputs whose targets the user feeds."""
        return [values[i] for i in self.feed]

    def _metrics_tensors(self):
        """The outputs' losses and all metrics after a batch, in the order in which they are reported."""
        metrics = [m for i, m in enumerate(self.output_loss_metrics) if i not in self.skip_target_indices]
        return [m._call_result for m in metrics + self.metric_functions]


def _output_masks(model):
    masks = model.compute_mask(model.inputs, mask=None)
    if masks is None:
        return [None for _ in model.outputs]
    return to_list(masks, allow_tuple=True)


def _unique(name, taken):
    candidate, count = name, 1
    while candidate in taken:
        candidate = f"{name}_{count}"
        count += 1
    return candidate


def _target_tensors_by_output(target_tensors, output_names):
    if target_tensors is None or (isinstance(target_tensors, (list, tuple)) and not target_tensors):
        return [None for _ in output_names]
    if isinstance(target_tensors, Mapping):
        check_names("target_tensors", target_tensors, output_names)
        return [target_tensors.get(name) for name in output_names]
    if K.is_tensor(target_tensors):
        if len(output_names) != 1:
            raise ValueError(
                f"The model has {len(output_names)} outputs, but you passed a single tensor as `target_tensors`. "
                f"Expected a list or a dict of tensors, for {', '.join(output_names)}."
            )
        target_tensors = [target_tensors]
    if not isinstance(target_tensors, (list, tuple)):
        raise TypeError(
            "Expected `target_tensors` to be a tensor, a list of tensors or a dictionary by output name, but got: "
            f"{target_tensors!r:.80}."
        )
    check_length("target_tensors", target_tensors, output_names)
    return list(target_tensors)
