"""Draws a model's boxes as SVG or as an HTML page, without Graphviz."""

from html import escape

from ..saving.atomic import write_bytes
from .layered_layout import arrange
from .model_boxes import Group

FONT, CHARACTER, LINE = 12, 7.25, 17  # pixels; a fixed-width font, so that texts fit their boxes everywhere
PADDING, MARGIN = 10, 16

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ margin: 2em; font-family: sans-serif; }} div {{ overflow: auto; }}</style></head>
<body><h1>{title}</h1>
<div>{svg}</div></body></html>
"""

_STYLE = """
text { font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; font-size: 12px; fill: #222; }
.shape { fill: #667; }
.box { fill: #f4f4f6; stroke: #99a; }
.input { fill: #e7f3e4; stroke: #7a9c70; }
.weights { fill: #e6eefb; stroke: #7388b8; }
.frame { fill: none; stroke: #99a; stroke-dasharray: 5 4; }
.arrow { fill: none; stroke: #556; }
"""


def write(path, group, title, rankdir="TB", dpi=96):
    """Writes the picture of a `Group`: an HTML page if the path ends so, else SVG."""
    drawing = svg(group, rankdir, dpi)
    if path.lower().endswith(".html"):
        drawing = _PAGE.format(title=escape(title), svg=drawing)
    write_bytes(path, drawing.encode("utf-8"))


def svg(group, rankdir="TB", dpi=96):
    """The picture of a `Group` as SVG text."""
    rankdir = str(rankdir).upper()
    if rankdir not in ("TB", "BT", "LR", "RL"):
        raise ValueError(f"rankdir is where the arrows go: 'TB', 'LR', 'BT' or 'RL'. Got {rankdir!r}.")
    placed = _Placed(group, group.all_arrows(), rankdir)
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    scale = dpi / 96
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale:.0f}" height="{height * scale:.0f}" '
            f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}">',
            f"<style>{_STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M 0 1 L 9 5 L 0 9 z" fill="#556"/></marker></defs>',
            f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" fill="white"/>',
            *(_frame(*frame) for frame in placed.frames),
            *(_arrow(placed, arrow, passed, rankdir) for arrow, passed in placed.ways.items()),
            *(_drawn(box, *corner, *_size(box)) for box, corner in placed.boxes.values()),
            "</svg>\n",
        ]
    )


class _Placed:
    """A group with the place of everything in it, nested groups included.

    `boxes`: {key: (box, upper left corner)}; `frames`: (label, x, y, width, height) of the nested
    groups; `ways`: {arrow: the points it passes between its ends}.
    """

    def __init__(self, group, arrows, rankdir):
        inner = [_Placed(item, arrows, rankdir) if isinstance(item, Group) else None for item in group.items]
        sizes = [_size(item) if child is None else child.framed() for item, child in zip(group.items, inner)]
        owner = {
            key: i
            for i, (item, child) in enumerate(zip(group.items, inner))
            for key in ([item.key] if child is None else child.boxes)
        }
        here = {a: (owner[a[0]], owner[a[1]]) for a in arrows if a[0] in owner and a[1] in owner}
        here = {arrow: edge for arrow, edge in here.items() if edge[0] != edge[1]}
        corners, ways, (self.width, self.height) = arrange(sizes, list(here.values()), rankdir)
        self.label = group.label
        self.boxes, self.frames = {}, []
        self.ways = {arrow: ways[edge] for arrow, edge in here.items()}
        for item, child, (x, y), size in zip(group.items, inner, corners, sizes):
            if child is None:
                self.boxes[item.key] = item, (x, y)
            else:
                self.frames.append((child.label, x, y, *size))
                self._take(child, x + PADDING, y + PADDING + LINE)

    def framed(self):
        """Width and height with the frame and its label."""
        width = max(self.width, len(self.label) * CHARACTER)
        return width + 2 * PADDING, self.height + 2 * PADDING + LINE

    def _take(self, child, dx, dy):
        """Puts what is in a nested group at its place in this one."""
        self.boxes.update((key, (box, (x + dx, y + dy))) for key, (box, (x, y)) in child.boxes.items())
        self.frames += [(label, x + dx, y + dy, w, h) for label, x, y, w, h in child.frames]
        self.ways.update((arrow, [(x + dx, y + dy) for x, y in way]) for arrow, way in child.ways.items())

    def ends(self, key, rankdir):
        """The points of a box where arrows come in and go out."""
        box, (x, y) = self.boxes[key]
        width, height = _size(box)
        first, last = (x + width / 2, y), (x + width / 2, y + height)
        if rankdir in ("LR", "RL"):
            first, last = (x, y + height / 2), (x + width, y + height / 2)
        return (first, last) if rankdir in ("TB", "LR") else (last, first)


def _lines(box):
    return [box.label] + ([f" input: {box.shapes[0]}", f"output: {box.shapes[1]}"] if box.shapes else [])


def _size(box):
    lines = _lines(box)
    return max(map(len, lines)) * CHARACTER + 2 * PADDING, len(lines) * LINE + PADDING


def _drawn(box, x, y, width, height):
    parts = [f"<g><title>{escape(_told(box))}</title>", _rectangle(_kind(box.layer), x, y, width, height, 4)]
    for i, line in enumerate(_lines(box)):
        place = f'x="{x + width / 2:.1f}" text-anchor="middle"' if i == 0 else f'x="{x + PADDING:.1f}" class="shape"'
        base = y + PADDING / 2 + i * LINE + FONT
        parts.append(f'<text {place} y="{base:.1f}" xml:space="preserve">{escape(line)}</text>')
    return "".join([*parts, "</g>"])


def _kind(layer):
    if type(layer).__name__ == "InputLayer":
        return "input"
    return "weights" if layer.weights else "box"


def _told(box):
    """What is shown when the pointer rests on a box."""
    weights = f", {box.layer.count_params():,} weights" if box.layer.built else ""
    return f"{box.layer.name} ({type(box.layer).__name__}){weights}"


def _frame(label, x, y, width, height):
    text = f'<text x="{x + PADDING:.1f}" y="{y + FONT + 4:.1f}">{escape(label)}</text>'
    return _rectangle("frame", x, y, width, height, 6) + text


def _rectangle(kind, x, y, width, height, radius):
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius}"/>'
    )


def _arrow(placed, arrow, passed, rankdir):
    """A curve that leaves and meets boxes in the direction of the flow."""
    points = [placed.ends(arrow[0], rankdir)[1], *passed, placed.ends(arrow[1], rankdir)[0]]
    path = "M {:.1f} {:.1f}".format(*points[0])
    for (x, y), (to_x, to_y) in zip(points, points[1:]):
        if rankdir in ("TB", "BT"):
            bends = (x, (y + to_y) / 2, to_x, (y + to_y) / 2)
        else:
            bends = ((x + to_x) / 2, y, (x + to_x) / 2, to_y)
        path += " C {:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}".format(*bends, to_x, to_y)
    return f'<path class="arrow" d="{path}" marker-end="url(#head)"/>'
