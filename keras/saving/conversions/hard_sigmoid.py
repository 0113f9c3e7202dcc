"""hard_sigmoid is clip(x / 5 + 1/2, 0, 1) in Keras 1 and 2, and clip(x / 6 + 1/2, 0, 1) in Keras 3.

Where it follows right after an affine map, as in a Dense layer or the gates of an LSTM, one is the other with
the weights of that map times 6/5 (or 5/6): the model then predicts the same numbers. (Training goes on a little
differently: the same step changes scaled weights by another share.) Everywhere else it is refused.
"""


import numpy as np

from ...utils.user_warnings import warn_user
from .refusal import Untranslatable

TO_KERAS3 = 6 / 5
FROM_KERAS3 = 5 / 6

# Layers whose `activation` follows right after the map, and those arrays that make up the map.
_AFFINE = {
    "Dense": slice(None),
    "Conv1D": slice(None),
    "Conv2D": slice(None),
    "Conv3D": slice(None),
    "Conv2DTranspose": slice(None),
    "Conv3DTranspose": slice(None),
    "DepthwiseConv2D": slice(None),
    "SeparableConv1D": slice(1, None),
    "SeparableConv2D": slice(1, None),
}
# Which gates `recurrent_activation` belongs to, in the order in which the arrays hold them.
_GATES = {
    "LSTM": (True, True, False, True),
    "ConvLSTM2D": (True, True, False, True),
    "GRU": (True, True, False),
}


def refuse_unless_scalable(class_name, config):
    """Raises Untranslatable for a layer whose hard_sigmoid cannot be replaced by scaling its weights."""
    if config.get("activation") == "hard_sigmoid" and class_name not in _AFFINE:
        raise Untranslatable(_reason("activation"))
    if config.get("recurrent_activation") == "hard_sigmoid" and class_name.removesuffix("Cell") not in _GATES:
        raise Untranslatable(_reason("recurrent_activation"))


def _reason(argument):
    return (
        f"{argument}='hard_sigmoid' is relu6(x + 3) / 6 in Keras 3 and clip(0.2 * x + 0.5, 0, 1) in Keras 2: the"
        " model would predict other numbers"
    )


def rescale(layer, arrays, factor):
    """The arrays of `layer` such that its hard_sigmoid becomes the other one's; others come back as they are."""
    class_name = type(layer).__name__.removesuffix("Cell")
    if class_name in _AFFINE and _is_hard(layer, "activation"):
        return _scaled_map(arrays, factor, _AFFINE[class_name])
    if class_name in _GATES and _is_hard(layer, "recurrent_activation"):
        return [_scaled_gates(array, factor, _GATES[class_name]) for array in arrays]
    return arrays


def _is_hard(layer, argument):
    return getattr(getattr(layer, argument, None), "__name__", None) == "hard_sigmoid"


def _scaled_map(arrays, factor, which):
    arrays = [np.asarray(array) for array in arrays]
    arrays[which] = [(array * factor).astype(array.dtype) for array in arrays[which]]
    return arrays


def _scaled_gates(array, factor, gates):
    array = np.asarray(array)
    factors = np.repeat([factor if gate else 1.0 for gate in gates], array.shape[-1] // len(gates))
    return (array * factors).astype(array.dtype)


def warn(places):
    """Tells the user whose weights were scaled on loading. places: (path, layer), parents before children."""
    found = {}
    for path, layer in places:
        hard = _is_hard(layer, "activation") or _is_hard(layer, "recurrent_activation")
        if hard and path.rpartition("/")[0] not in found:  # a cell goes with its layer
            found[path] = layer.name
    if found:
        warn_user(
            f"The layers {list(found.values())} use hard_sigmoid, which is relu6(x + 3) / 6 in Keras 3, where this"
            " file comes from, and clip(0.2 * x + 0.5, 0, 1) here. Their weights were multiplied by 5/6, so that"
            " predictions are the same; further training takes slightly different steps.",
        )
