"""Rows on what rearranges, joins, cuts, pads and indexes, and on what makes new tensors."""

import numpy as np
from function_table import Case, normal, some

from keras import backend as K


def _arranged():
    x, y = normal(2, 3, 4), normal(2, 3, 4)
    matrix, square = normal(2, 3), normal(3, 1, 2)
    return [
        Case("reshape", lambda v: K.reshape(v, (4, 6)), [x], lambda v: v.reshape(4, 6)),
        Case("reshape", lambda v: K.reshape(v, [-1, 12]), [x], lambda v: v.reshape(-1, 12), "rest"),
        Case("reshape", lambda v: K.reshape(v, (K.shape(v)[0], -1)), [x], lambda v: v.reshape(2, 12), "symbolic"),
        Case("reshape", lambda v: K.reshape(v, K.shape(v)[::-1]), [x], lambda v: v.reshape(4, 3, 2), "vector"),
        Case("permute_dimensions", lambda v: K.permute_dimensions(v, (2, 0, 1)), [x], lambda v: v.transpose(2, 0, 1)),
        Case("permute_dimensions", lambda v: K.permute_dimensions(v, (0, -1, 1)), [x], lambda v: v.swapaxes(1, 2), "-"),
        Case("transpose", K.transpose, [matrix], np.transpose),
        Case("transpose", K.transpose, [x], np.transpose, "3D"),
        Case("expand_dims", K.expand_dims, [matrix], lambda v: v[..., None]),
        Case("expand_dims", lambda v: K.expand_dims(v, 1), [matrix], lambda v: v[:, None], "1"),
        Case("squeeze", lambda v: K.squeeze(v, 1), [square], lambda v: v[:, 0]),
        Case("squeeze", lambda v: K.squeeze(v, -2), [square], lambda v: v[:, 0], "-2"),
        Case("flatten", K.flatten, [x], np.ravel),
        Case("batch_flatten", K.batch_flatten, [x], lambda v: v.reshape(2, 12)),
        Case("concatenate", lambda a, b: K.concatenate([a, b]), [x, y], lambda a, b: np.concatenate([a, b], -1)),
        Case("concatenate", lambda a, b: K.concatenate([a, b, a], axis=1), [x, y], lambda a, b: np.hstack([a, b, a])),
        Case("stack", lambda a, b: K.stack([a, b]), [x, y], lambda a, b: np.stack([a, b])),
        Case("stack", lambda a, b: K.stack([a, b], axis=-1), [x, y], lambda a, b: np.stack([a, b], -1), "-1"),
        Case("stack", lambda a, b: K.stack([a, b], axis=1), [x, y], lambda a, b: np.stack([a, b], 1), "1"),
        Case("repeat_elements", lambda v: K.repeat_elements(v, 3, 1), [x], lambda v: v.repeat(3, 1)),
        Case("repeat_elements", lambda v: K.repeat_elements(v, 2, -1), [x], lambda v: v.repeat(2, -1), "-1"),
        Case("repeat", lambda v: K.repeat(v, 4), [matrix], lambda v: np.stack([v] * 4, 1)),
        Case("tile", lambda v: K.tile(v, (2, 1, 3)), [x], lambda v: np.tile(v, (2, 1, 3))),
        Case("tile", lambda v: K.tile(v, 2), [some(3)], lambda v: np.tile(v, 2), "vector"),
        Case("reverse", lambda v: K.reverse(v, 1), [x], lambda v: v[:, ::-1]),
        Case("reverse", lambda v: K.reverse(v, [0, -1]), [x], lambda v: v[::-1, :, ::-1], "axes"),
        Case("slice", lambda v: K.slice(v, (0, 1, 1), (2, 1, 2)), [x], lambda v: v[:2, 1:2, 1:3]),
        Case("slice", lambda v: K.slice(v, [0, 1, 0], [-1, -1, 3]), [x], lambda v: v[:, 1:, :3], "rest"),
        Case("slice", lambda v: K.slice(v, [K.shape(v)[0] - 1, 0, 0], [1, 3, 4]), [x], lambda v: v[1:], "symbolic"),
        Case("slice", lambda v, i: K.slice(v, [0, i, i + 1], [-1, 2, 1]), [x, np.array(1, "int32")],
             lambda v, i: v[:, i : i + 2, i + 1 : i + 2], "computed"),
        Case("slice", lambda v, i: K.slice(v, i, [1, 2, 2]), [x, np.array([1, 0, 2], "int32")],
             lambda v, i: v[1:, :2, 2:], "vector"),
    ]  # fmt: skip


def _indexed():
    x = normal(4, 3, 5)
    keys = {
        "int": 1, "negative": -1, "slice": slice(1, 3), "steps": slice(None, None, 2), "last": slice(-2, None),
        "backwards": slice(None, None, -1), "several": (slice(None), 1, slice(1, None)), "new axis": (None, 0, None),
        "ellipsis": (..., 2), "middle": (0, ..., slice(0, 2)), "back steps": (slice(3, 0, -2), slice(None), -1),
        "list": [2, 0, 2], "list behind": (slice(None), [0, 2]),
    }  # fmt: skip
    cases = [Case("indexing", lambda v, k=k: v[k], [x], lambda v, k=k: v[k], name) for name, k in keys.items()]
    places = np.array([[3, 0], [1, 1]], "int32")
    return cases + [
        Case("indexing", lambda v, i: v[i], [x, places], lambda v, i: v[i], "tensor"),
        Case("indexing", lambda v: v[K.shape(v)[0] - 2], [x], lambda v: v[2], "symbolic"),
        Case("indexing", lambda v: v[:, : K.shape(v)[1] - 1], [x], lambda v: v[:, :2], "symbolic slice"),
        Case("gather", K.gather, [x, places], lambda v, i: v[i]),
        Case("gather", K.gather, [x[:, 0, 0], np.array(2, "int32")], lambda v, i: v[i], "a number"),
        Case("gather", K.gather, [x, np.array([1.0, 3.0])], lambda v, i: v[i.astype(int)], "float indices"),
        Case("one_hot", lambda i: K.one_hot(i, 4), [places], lambda i: np.eye(4)[i]),
        Case("one_hot", lambda i: K.one_hot(i, K.shape(i)[0] * 2), [places], lambda i: np.eye(4)[i], "symbolic"),
        Case("one_hot", lambda i: K.one_hot(K.cast(i, "uint8"), 300), [places], lambda i: np.eye(300)[i], "bytes"),
        Case("one_hot", lambda i: K.one_hot(i, 2), [np.array([0, 1, 2, -1], "int32")], np.eye(4)[:, :2] * [[1], [1], [0], [0]], "outside"),  # noqa: E501
    ]


def _padded():
    volume = normal(1, 2, 3, 2, 2)
    image = volume[:, :, :, 0]

    def zeros(*pairs):
        return lambda v: np.pad(v, pairs)

    none = (0, 0)
    both = ((1, 2), (0, 3))
    three = ((0, 1), (2, 0), (1, 1))
    first, last = "channels_first", "channels_last"
    call2 = lambda f: lambda v: K.spatial_2d_padding(v, both, f)  # noqa: E731
    call3 = lambda f: lambda v: K.spatial_3d_padding(v, three, f)  # noqa: E731
    return [
        Case("temporal_padding", K.temporal_padding, [image[0]], zeros(none, (1, 1), none)),
        Case("temporal_padding", lambda v: K.temporal_padding(v, (0, 3)), [image[0]], zeros(none, (0, 3), none), "end"),
        Case("spatial_2d_padding", K.spatial_2d_padding, [image], zeros(none, (1, 1), (1, 1), none)),
        Case("spatial_2d_padding", call2(last), [image], zeros(none, *both, none), last),
        Case("spatial_2d_padding", call2(first), [image], zeros(none, none, *both), first),
        Case("spatial_3d_padding", K.spatial_3d_padding, [volume], zeros(none, (1, 1), (1, 1), (1, 1), none)),
        Case("spatial_3d_padding", call3(last), [volume], zeros(none, *three, none), last),
        Case("spatial_3d_padding", call3(first), [volume], zeros(none, none, *three), first),
    ]


def _made():
    x = normal(2, 3)
    return [
        Case("shape", K.shape, [x], np.array([2, 3], "int32")),
        Case("size", K.size, [x], np.int32(6)),
        Case("arange", lambda: K.arange(4), [], np.arange(4, dtype="int32")),
        Case("arange", lambda: K.arange(-4), [], np.zeros(0, "int32"), "below 0"),
        Case("arange", lambda: K.arange(7, 1, -2), [], np.arange(7, 1, -2), "backwards"),
        Case("arange", lambda: K.arange(0, 2, 0.5, "float64"), [], np.arange(0, 2, 0.5), "floats"),
        Case("arange", lambda v: K.arange(K.shape(v)[1]), [x], np.arange(3, dtype="int32"), "symbolic"),
        Case("eye", lambda: K.eye(3), [], np.eye(3)),
        Case("eye", lambda: K.eye((2, 3), dtype="int32"), [], np.eye(2, 3, dtype="int32"), "oblong"),
        Case("zeros", lambda: K.zeros((2, 1)), [], np.zeros((2, 1))),
        Case("zeros", lambda v: K.zeros((K.shape(v)[0], 2), "int32"), [x], np.zeros((2, 2), "int32"), "symbolic"),
        Case("ones", lambda: K.ones((2,), dtype="bool"), [], np.ones(2, bool)),
        Case("constant", lambda: K.constant([[1, 2.5]]), [], np.array([[1, 2.5]])),
        Case("constant", lambda: K.constant(3, "int32", (2, 2)), [], np.full((2, 2), 3, "int32"), "filled"),
        Case("constant", lambda: K.constant([1, 2, 3, 4], shape=(2, 2)), [], np.array([[1.0, 2], [3, 4]]), "shaped"),
    ]


CASES = [*_arranged(), *_indexed(), *_padded(), *_made()]
