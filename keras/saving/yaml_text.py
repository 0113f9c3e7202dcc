"""YAML that a stranger may have written: plain values only, and no more of them than a model has."""

import yaml

# A configuration of this many values is no model's (YAML can say "nine times nine times ..." in one line).
MAX_VALUES = 2_000_000


def read(text):
    """The plain value that the YAML `text` says. Raises ValueError for anything else."""
    try:
        value = yaml.load(text, Loader=_PlainLoader)
        _count(value, {}, ())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(
            f"This is not the YAML text of a model: {error}. (Tags that name Python objects are never "
            "followed.)"
        ) from error
    return value


class _PlainLoader(yaml.SafeLoader):
    """Mappings, lists and scalars, and the marks for tuples and strings that old Keras files carry."""

    def flatten_mapping(self, node):
        """Merge keys ('<<: *other') are refused: no model has them, and twelve lines of them fill the memory."""
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.YAMLError("merge keys (<<) have no place in a model's configuration")


def _sequence(loader, node):
    return loader.construct_sequence(node, deep=True)


def _text(loader, node):
    return loader.construct_scalar(node)


for _tag, _construct in (("tuple", _sequence), ("list", _sequence), ("unicode", _text), ("str", _text)):
    _PlainLoader.add_constructor(f"tag:yaml.org,2002:python/{_tag}", _construct)


def _count(value, known, parents):
    """How many values `value` holds, written out. Raises YAMLError for too many, or for one that holds itself."""
    if not isinstance(value, (dict, list, tuple)):
        if value is None or isinstance(value, (str, int, float, bool)):
            return 1
        raise yaml.YAMLError(f"a {type(value).__name__} has no place in a model's configuration")
    if id(value) in known:
        return known[id(value)]
    if id(value) in parents:
        raise yaml.YAMLError("a part of it contains itself")
    inner = value.values() if isinstance(value, dict) else value
    total = 1 + sum(_count(item, known, (*parents, id(value))) for item in inner)
    if total > MAX_VALUES:
        raise yaml.YAMLError(f"written out it has more than {MAX_VALUES:,} values")
    known[id(value)] = total
    return total
