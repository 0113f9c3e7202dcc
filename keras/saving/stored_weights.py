"""Which weights a file holds: names and shapes, without reading a number and without a model."""

import math

from . import variable_tree, weights_file
from .hdf5 import CorruptFileError, SafeGroup, UnsafeFileError

MAX_MEMBERS = 200_000
_MAX_REFUSALS = 20


class Weights:
    """How many numbers the layers in a file hold.

    Args:
        counts: {layer's name: number}, as far as the file names layers.
        total: of all.
    """

    def __init__(self):
        self.counts = {}
        self.total = 0
        self._names = {}  # layer -> [(weight's name, number)]
        self._places = {}  # Keras 3's place -> number

    def add(self, layer, name, shape):
        """Count one weight of a layer."""
        number = math.prod(shape)
        self.total += number
        self.counts[layer] = self.counts.get(layer, 0) + number
        self._names.setdefault(layer, []).append((name, number))

    def add_layer(self, layer):
        """Note a layer that has no weights."""
        self.counts.setdefault(layer, 0)

    def add_place(self, place, shape):
        """Count one weight in Keras 3's layout, at 'layers/dense'."""
        number = math.prod(shape)
        self.total += number
        self._places[place] = self._places.get(place, 0) + number
        top = "/".join(place.split("/")[:2])
        self.counts[top] = self.counts.get(top, 0) + number

    def of(self, row):
        """How many numbers the layer of an architecture's row holds, or None where the file does not tell."""
        if self._places:
            inside = row.place + "/"
            return sum(number for place, number in self._places.items() if (place + "/").startswith(inside))
        top = row.path[0]
        if len(row.path) == 1:
            return self.counts.get(top)
        return sum(number for name, number in self._names.get(top, ()) if row.path[-1] in name.split("/")) or None


def in_hdf5(root):
    """(the `Weights` in a `SafeGroup`, or None; [what the file holds and ought not to]; what is damaged, or None)."""
    refused = []
    _scan(root, refused, set())
    try:
        return _in_tree(root) if variable_tree.is_one(root) else _in_layers(root), refused, None
    except UnsafeFileError as error:
        return None, refused if str(error) in refused else [*refused, str(error)], None
    except CorruptFileError as error:
        return None, refused, str(error) if variable_tree.is_one(root) or looks_like_weights(root) else None


def origin(root):
    """Who wrote the weights, or None where the file does not say."""
    if variable_tree.is_one(root):
        return variable_tree.origin(root)
    return weights_file.find_weights(root)[1] if looks_like_weights(root) else None


def looks_like_weights(root):
    """Whether there are marks of Keras 2's layout in an HDF5 file."""
    return "model_weights" in root or root.has_attribute("layer_names") or root.has_attribute("layer_names0")


def _in_layers(root):
    group, _ = weights_file.find_weights(root)
    found = Weights()
    for layer in group.names("layer_names"):
        inner = group.group(layer)
        found.add_layer(layer)
        for name in inner.names("weight_names"):
            found.add(layer, name, inner.array(name).shape)
    return found


def _in_tree(root):
    found, seen = Weights(), set()
    for name in root.keys():
        if name not in ("optimizer", "vars"):
            _add_places(root.group(name), name, found, seen)
    return found


def _add_places(group, place, found, seen):
    if group.address() in seen:
        return
    seen.add(group.address())
    for name in group.keys():
        inner = group.group(name)
        if name == "vars":
            for array in variable_tree.numbered(inner):
                found.add_place(place, array.shape)
        else:
            _add_places(inner, f"{place}/{name}", found, seen)


def _scan(group, refused, seen):
    """Looks at every member of the file and notes what is refused. `seen`: addresses, as a group can hold itself."""
    address = group.address()
    if address in seen or len(seen) > MAX_MEMBERS or len(refused) >= _MAX_REFUSALS:
        return
    seen.add(address)
    for name in group.keys():
        try:
            member = group.member(name)
            if isinstance(member, SafeGroup):
                _scan(member, refused, seen)
        except UnsafeFileError as error:
            refused.append(str(error))
        except CorruptFileError:
            pass  # told where it is needed
        if len(refused) >= _MAX_REFUSALS:
            return
