"""A file's `Description` as text for the terminal.

Names in a file may be made to look like lines of ours (a line's end, then "Safe: ..."), or to steer the terminal. So
each text from the file stays in one line, with everything that is no visible character written out.
"""

# Longer names are cut: a table is as wide as its widest name.
_LONGEST_NAME, _LONGEST_TEXT = 80, 2000


def as_text(found):
    """Several lines: what the file is, its layers, and what to know before loading it."""
    lines = [f"{_shown(found.label)}: {_kind(found)}"]
    lines += _facts(found)
    if found.layers:
        lines += ["", *_table(found.layers)]
    lines += ["", *_verdict(found)]
    return "\n".join(lines)


def _shown(text, longest=_LONGEST_TEXT):
    text = text if len(text) <= longest else text[: longest - 3] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _kind(found):
    names = {"model": "a whole model", "weights": "weights alone", "architecture": "an architecture without weights"}
    return f"{names[found.kind]} ({found.format})"


def _facts(found):
    facts = []
    if found.written_by:
        facts.append(("written by", found.written_by))
    if found.size is not None:
        facts.append(("size", f"{found.size:,} bytes"))
    if found.parameters is not None:
        facts.append(("parameters", f"{found.parameters:,}"))
    if found.kind == "model":
        facts.append(("compiled", f"with {found.training}" if found.training else "no"))
    return [f"  {name:<11} {_shown(value)}" for name, value in facts]


def _table(rows):
    head = ("layer", "class", "parameters", "")
    cells = [
        ("  " * row.depth + _name(row.name), _name(row.class_name or ""), _number(row.parameters), _shown(row.detail))
        for row in rows
    ]
    widths = [max(len(cell[column]) for cell in [head, *cells]) for column in range(3)]
    return [
        f"  {name:<{widths[0]}}  {class_name:<{widths[1]}}  {number:>{widths[2]}}  {detail}".rstrip()
        for name, class_name, number, detail in [head, *cells]
    ]


def _name(text):
    return _shown(text, _LONGEST_NAME)


def _number(value):
    return "" if value is None else f"{value:,}"


def _verdict(found):
    lines = []
    if found.refused:
        lines += ["NOT SAFE: it holds what no model file has any business holding, and is not loaded:"]
        lines += [f"  - {_shown(text)}" for text in found.refused]
    if found.runs:
        lines += ["It holds code, which is run only with load_model(path, safe_mode=False):"]
        lines += [f"  - {_shown(text)}" for text in found.runs]
    if found.unknown:
        names = _shown(", ".join(f"{name!r}: {name}" for name in found.unknown))
        lines += [f"Its own classes have to be handed in: load_model(path, custom_objects={{{names}}})"]
    if found.problems:
        lines += ["It would not load as it is:"]
        lines += [f"  - {_shown(text)}" for text in found.problems]
    if found.safe:
        lines.append("Safe: nothing in it would run or reach outside the file.")
    return lines
