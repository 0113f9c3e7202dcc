"""Connectionist temporal classification: labels for sequences whose segmentation is unknown.

Graves et al., "Connectionist Temporal Classification", 2006. The last class is the blank. As in Keras 2,
predictions are probabilities; K.epsilon() is added before their logarithm is taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..graph import ops
from ..graph.ops import elementwise, reduction
from ..graph.tensor import Tensor, as_tensor
from .config import epsilon
from .math import cast
from .shapes import concatenate, expand_dims, gather, permute_dimensions, reshape, reverse, size_along, stack
from .sparse import SparseTensor
from .variables import zeros_like

_NEVER = -1e30  # the logarithm of a probability of 0, small enough and still good for sums


def _checked(name: str, y_pred: Any, **lengths: Any) -> tuple[Tensor, list[Tensor]]:
    """log(predictions), time first, and the lengths as vectors."""
    y_pred = as_tensor(y_pred)
    if y_pred.ndim != 3:
        raise ValueError(f"{name}: y_pred must be (samples, time, classes), got shape {tuple(y_pred.shape)}.")
    vectors = []
    for argument, length in lengths.items():
        length = cast(length, "int32")
        if length.ndim not in (1, 2) or (length.ndim == 2 and length.shape[1] not in (1, None)):
            raise ValueError(f"{name}: {argument} must be (samples, 1), got shape {tuple(length.shape)}.")
        vectors.append(reshape(length, (-1,)))
    if y_pred.dtype == "float16":
        y_pred = cast(y_pred, "float32")
    return elementwise.log(permute_dimensions(y_pred, (1, 0, 2)) + epsilon()), vectors


def _numbers(count: Any) -> Tensor:
    return ops.arange(as_tensor(0), as_tensor(count), as_tensor(1), dtype="int32")  # type: ignore[no-any-return]


def _taken(x: Tensor, places: Tensor) -> Tensor:
    """For each sample, the items of axis 1 at its own places: (samples, n, ...), (samples, k) -> (samples, k, ...)."""
    rows = reshape(x, [-1, *(size_along(x, a) for a in range(2, x.ndim))])
    return gather(rows, places + expand_dims(_numbers(size_along(x, 0)) * size_along(x, 1)))


def _logadd(*terms: Tensor) -> Tensor:
    """log(e ** a + e ** b + ...)."""
    return reduction.logsumexp(stack(terms), axes=(0,))


# The loss.


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Tensor:
    """-log of the probability that predictions give the labels, over all alignments.

    Args:
        y_true: (samples, most labels) the labels, 0 ... classes - 2; what follows a sample's last is ignored.
        y_pred: (samples, time, classes) probabilities; the last class is the blank.
        input_length: (samples, 1) how many time steps of each sample count.
        label_length: (samples, 1) how many labels each sample has.

    Returns:
        (samples, 1); infinite, with a gradient of 0, where the labels need more time steps than there are.

    Raises:
        ValueError: for other numbers of axes.
    """
    logs, (frames, count) = _checked("K.ctc_batch_cost", y_pred, input_length=input_length, label_length=label_length)
    labels = cast(y_true, "int32")
    if labels.ndim != 2:
        raise ValueError(f"K.ctc_batch_cost: y_true must be (samples, labels), got shape {tuple(labels.shape)}.")
    logs = reduction.log_softmax(logs, axis=2)
    blank = size_along(logs, 2) - 1
    path = _with_blanks(labels, count, blank)
    emitted = _emitted(logs, path)
    total = _ends(_alpha(emitted, path, blank, frames), count)
    cost = elementwise.where(total <= _NEVER / 2, float("inf"), -total)
    return expand_dims(cast(cost, as_tensor(y_pred).dtype))


def _with_blanks(labels: Tensor, count: Tensor, blank: Any) -> Tensor:
    """The labels with blanks around and between: (samples, 2 * labels + 1)."""
    used = _numbers(size_along(labels, 1)) < expand_dims(count)
    labels = elementwise.where(used, labels, blank)
    blanks = zeros_like(labels) + blank
    between = reshape(stack([blanks, labels], axis=2), (size_along(labels, 0), 2 * size_along(labels, 1)))
    return concatenate([between, expand_dims(zeros_like(count) + blank)], axis=1)


def _emitted(logs: Tensor, path: Tensor) -> Tensor:
    """log p of each place of the path at each time: (time, samples, places)."""
    classes = size_along(logs, 2)
    allowed = (path >= 0) & (path < classes)
    by_class = permute_dimensions(logs, (1, 2, 0))
    found = _taken(by_class, elementwise.where(allowed, path, 0))
    found = elementwise.where(expand_dims(allowed), found, float("nan"))  # a label that is no class
    return permute_dimensions(found, (2, 0, 1))


def _alpha(emitted: Tensor, path: Tensor, blank: Any, frames: Tensor) -> Tensor:
    """log of the probability to stand at each place after the last time step: (samples, places)."""
    two_before = ((0, 0), (2, 0))
    # A label may follow another directly, unless they are the same.
    before = ops.pad(path, pads=two_before, value=-1)[:, :-2]
    follows = elementwise.not_equal(path, blank) & elementwise.not_equal(path, before)
    no_skip = elementwise.where(follows, 0.0, cast(_NEVER, emitted.dtype))
    at_start = elementwise.equal(_numbers(size_along(path, 1)), 0)
    start = elementwise.where(at_start, zeros_like(emitted[0]), _NEVER)
    running = expand_dims(_numbers(size_along(emitted, 0))) < frames

    def step(items: list[Tensor], carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        (logs, runs), (alpha,) = items, carried
        moved = ops.pad(alpha, pads=two_before, value=_NEVER)
        reached = _logadd(alpha, moved[:, 1:-1], moved[:, :-2] + no_skip) + logs
        return [], [elementwise.where(expand_dims(runs), reached, alpha)]

    _, (last,) = ops.scan(step, [emitted, running], [start])
    return last


def _ends(alpha: Tensor, count: Tensor) -> Tensor:
    """log of the probability to end at the last label or the blank after it."""
    place, end = _numbers(size_along(alpha, 1)), expand_dims(2 * count)
    ends = elementwise.equal(place, end) | elementwise.equal(place, end - 1)
    return reduction.logsumexp(elementwise.where(ends, alpha, _NEVER), axes=(1,))


def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> SparseTensor:
    """Labels (samples, most labels) as a sparse tensor that holds the first `label_lengths` of each row."""
    labels, count = as_tensor(labels), reshape(cast(label_lengths, "int32"), (-1,))
    if labels.ndim != 2:
        raise ValueError(
            f"K.ctc_label_dense_to_sparse: labels must be (samples, labels), got shape {tuple(labels.shape)}."
        )
    width = size_along(labels, 1)
    used = _numbers(width) < expand_dims(count)
    size = size_along(labels, 0) * width
    places, held = expand_dims(_numbers(size), 0), reshape(used, (1, -1))
    order = _kept(places, held)[0]  # the places in use, then -1
    empty = order < 0
    values = elementwise.where(empty, -1, gather(reshape(labels, (-1,)), elementwise.maximum(order, 0)))
    indices = stack([elementwise.where(empty, -1, order // width), elementwise.where(empty, -1, order % width)], 1)
    return SparseTensor(
        _cut_on_host(cast(indices, "int64"), lambda found: found[(found >= 0).all(axis=1)]),
        _cut_on_host(values, lambda found: found[: int((found != -1).sum())]),
        cast(ops.shape(labels), "int64"),
        elementwise.where(used, labels, 0),
    )


# Decoding.


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1,
    merge_repeated: bool = False,
) -> tuple[list[Tensor], Tensor]:  # fmt: skip
    """The labels that predictions stand for.

    Args:
        y_pred: (samples, time, classes) probabilities; the last class is the blank.
        input_length: (samples,) how many time steps of each sample count.
        greedy: takes the likeliest class at each time; else searches with `beam_width` candidates.
        top_paths: how many of the likeliest label sequences to give (search only; else one).
        merge_repeated: makes equal neighbours in a result of the search one (search only).

    Returns:
        a list of tensors (samples, labels), filled up with -1, one for each path; and
        (samples, paths): the logarithms of their probabilities; with `greedy`, minus the sum of the logarithms
        of the largest probabilities. A result that a function gives is as wide as the longest label sequence;
        inside a program it has a place for each time step.

    Raises:
        ValueError: for other numbers of axes, or more paths than candidates.
    """
    logs, (frames,) = _checked("K.ctc_decode", y_pred, input_length=input_length)
    if greedy:
        labels, score = _greedy(logs, frames)
        found = [labels]
    else:
        if not 1 <= top_paths <= beam_width:
            raise ValueError(f"K.ctc_decode: top_paths must be 1 ... beam_width ({beam_width}), got {top_paths}.")
        found, score = _beam_search(reduction.log_softmax(logs, axis=2), frames, int(beam_width), int(top_paths))
        if merge_repeated:
            found = [_kept(labels, _differs_from_previous(labels)) for labels in found]
    return [_cut_on_host(cast(labels, "int64"), _without_empty_columns) for labels in found], score


def _cut_on_host(x: Tensor, cut: Any) -> Tensor:
    """x, whose size depends on its values: functions give it cut to that size (`Function.__call__`)."""
    x._cut_on_host = cut
    return x


def _without_empty_columns(labels: np.ndarray) -> np.ndarray:
    return labels[:, : int((labels >= 0).sum(axis=1).max(initial=0))]


def _differs_from_previous(labels: Tensor) -> Tensor:
    return elementwise.not_equal(labels, ops.pad(labels, pads=((0, 0), (1, 0)), value=-1)[:, :-1])


def _kept(labels: Tensor, keep: Tensor) -> Tensor:
    """The labels (samples, time) to keep moved to the front, then -1."""
    time = size_along(labels, 1)
    order = reverse(_numbers(time), 0)  # early ones first
    places = reduction.top_k(order + elementwise.where(keep, time, 0), as_tensor(time))
    return elementwise.where(_taken(keep, places), _taken(labels, places), -1)


def _greedy(logs: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    running = _numbers(size_along(logs, 0)) < expand_dims(frames)
    best = permute_dimensions(cast(reduction.argmax(logs, axis=2), "int32"), (1, 0))
    highest = permute_dimensions(reduction.reduce_max(logs, axes=(2,)), (1, 0))
    keep = running & _differs_from_previous(best) & elementwise.not_equal(best, size_along(logs, 2) - 1)
    score = -reduction.reduce_sum(elementwise.where(running, highest, 0.0), axes=(1,), keepdims=True)
    return _kept(best, keep), score


class _Beam(NamedTuple):
    """The candidates after some time steps; (samples, candidates), the likeliest first.

    `blank` and `label` are log of the probability of the alignments that end with a blank and
    with the last label. Two candidates are the same labels if length and both hashes agree.
    """

    labels: Tensor  # (samples, candidates, time), filled up with -1
    length: Tensor
    last: Tensor
    hash1: Tensor
    hash2: Tensor
    blank: Tensor
    label: Tensor


_HASHES = (1000003, 69069)  # odd multipliers: the hash of a label sequence is a polynomial modulo 2 ** 32


def _beam_search(logs: Tensor, frames: Tensor, width: int, top_paths: int) -> tuple[list[Tensor], Tensor]:
    """Prefix beam search (Hannun et al., 2014); labels and scores of the best candidates."""
    samples, time = size_along(logs, 1), size_along(logs, 0)
    numbers = _numbers(time)
    running = expand_dims(numbers) < frames
    empty = ops.broadcast_to(as_tensor(0), ops.shape_vector((samples, width)))
    never = ops.broadcast_to(as_tensor(_NEVER, logs), ops.shape_vector((samples, width)))
    labels = ops.broadcast_to(as_tensor(-1), ops.shape_vector((samples, width, time)))
    first = elementwise.equal(_numbers(width), 0)
    start = _Beam(labels, empty, empty - 1, empty, empty, elementwise.where(first, 0.0, never), never)

    def step(items: list[Tensor], carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        (emitted, runs), beam = items, _Beam(*carried)
        after = _extended(beam, emitted, width)
        kept = []
        for new, old in zip(after, beam, strict=True):
            kept.append(elementwise.where(reshape(runs, (-1, *[1] * (old.ndim - 1))), new, old))
        return [], kept

    _, last = ops.scan(step, [logs, running], list(start))
    beam = _Beam(*last)
    total = _logadd(beam.blank, beam.label)
    return [beam.labels[:, i] for i in range(top_paths)], total[:, :top_paths]


def _extended(beam: _Beam, emitted: Tensor, width: int) -> _Beam:
    """The beam after one more time step; emitted: (samples, classes)."""
    classes = size_along(emitted, 1) - 1  # without the blank
    total = _logadd(beam.blank, beam.label)
    by_label, by_blank = emitted[:, :-1], emitted[:, -1:]
    last = elementwise.maximum(beam.last, 0)
    again = elementwise.where(beam.last >= 0, _taken(by_label, last), _NEVER)

    # A candidate with one more label, which may be a candidate already: then that one gets the probability.
    own = elementwise.equal(expand_dims(beam.last), _numbers(classes))
    longer = expand_dims(by_label, 1) + elementwise.where(own, expand_dims(beam.blank), expand_dims(total))
    parent = _parents(beam, total)  # (samples, longer one, shorter one)
    doubled = elementwise.equal(expand_dims(beam.last, 1), expand_dims(beam.last))
    of_parent = elementwise.where(doubled, expand_dims(beam.blank, 1), expand_dims(total, 1)) + expand_dims(again)
    from_parent = reduction.logsumexp(elementwise.where(parent, of_parent, _NEVER), axes=(2,))
    known = ops.dot_general(
        cast(parent, emitted.dtype), cast(own, emitted.dtype), contract=((1,), (1,)), batch=((0,), (0,))
    )
    longer = elementwise.where(known > 0, _NEVER, longer)

    stay_blank, stay_label = total + by_blank, _logadd(beam.label + again, from_parent)
    scores = concatenate([_logadd(stay_blank, stay_label), reshape(longer, (-1, width * classes))], axis=1)
    chosen = reduction.top_k(scores, as_tensor(width))
    grown = chosen >= width
    source = elementwise.where(grown, (chosen - width) // classes, chosen)
    added = (chosen - width) % classes
    old = _Beam(*(_taken(x, source) for x in beam))
    here = expand_dims(grown) & elementwise.equal(_numbers(size_along(beam.labels, 2)), expand_dims(old.length))
    return _Beam(
        elementwise.where(here, expand_dims(added), old.labels),
        old.length + cast(grown, "int32"),
        elementwise.where(grown, added, old.last),
        *(elementwise.where(grown, _hashed(h, added, m), h) for h, m in zip(old[3:5], _HASHES, strict=True)),
        elementwise.where(grown, _NEVER, _taken(stay_blank, source)),
        elementwise.where(grown, _taken(scores, chosen), _taken(stay_label, source)),
    )


def _hashed(before: Tensor, label: Tensor, multiplier: int) -> Tensor:
    return before * multiplier + (label + 1)


def _parents(beam: _Beam, total: Tensor) -> Tensor:
    """Whether the second of two candidates is the first without its last label: (samples, first, second)."""
    alive = total > _NEVER / 2
    same = elementwise.equal(expand_dims(beam.length), expand_dims(beam.length, 1) + 1)
    same = same & expand_dims(alive) & expand_dims(alive, 1)
    for hashes, multiplier in zip((beam.hash1, beam.hash2), _HASHES, strict=True):
        continued = _hashed(expand_dims(hashes, 1), expand_dims(beam.last), multiplier)
        same = same & elementwise.equal(expand_dims(hashes), continued)
    return same
