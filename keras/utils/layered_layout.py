"""Where boxes and arrows of a graph go: in rows, with arrows from row to row and few crossings.

The way of Sugiyama, Tagawa and Toda (1981): a row for each step from the sources, places kept free
where an arrow passes a row, an order in each row by the mean of the neighbours' places, and then
positions as close to the neighbours' as the order allows.
"""

from collections import defaultdict

import numpy as np
from scipy.optimize import isotonic_regression

ROW_GAP, BOX_GAP = 32, 24
SWEEPS = 8


def arrange(sizes, edges, rankdir="TB"):
    """Places boxes.

    Args:
        sizes: (width, height) of each box.
        edges: pairs of box numbers. Boxes are expected in the order of the flow; an edge that runs
            against it is drawn, but does not shape the rows.
        rankdir: 'TB', 'BT', 'LR' or 'RL': where the flow goes.

    Returns:
        Upper left corners of the boxes; for each edge the points it passes between its ends; and
        the (width, height) of the whole.
    """
    vertical = rankdir in ("TB", "BT")
    # From here on: `across` is along a row, `along` is the way of the flow.
    across, along = np.array(sizes, dtype="float64").reshape(-1, 2).T[:: 1 if vertical else -1]
    steps = sorted({(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]})
    rank = _ranks(len(sizes), steps)
    rows, links, chains = _rows(rank, steps)
    widths = defaultdict(float, enumerate(across))
    _sort(rows, links)
    centres = _centres(rows, links, widths)
    heights = [max((along[box] for box in row if box < len(sizes)), default=0) for row in rows]
    starts = np.cumsum([0, *(height + ROW_GAP for height in heights)])
    length = max(starts[-1] - ROW_GAP, 0)
    breadth = max((centres[i] + widths[i] / 2 for row in rows for i in row), default=0)

    def point(x, y):
        y = length - y if rankdir in ("BT", "RL") else y
        return (float(x), float(y)) if vertical else (float(y), float(x))

    corners = []
    for i, (width, height) in enumerate(sizes):
        x, y = point(centres[i], starts[rank[i]] + heights[rank[i]] / 2)
        corners.append((x - width / 2, y - height / 2))
    ways = {}
    for (low, high), chain in chains.items():
        passed = []
        for row, place in enumerate(chain, rank[low] + 1):
            passed += [point(centres[place], starts[row]), point(centres[place], starts[row] + heights[row])]
        ways[low, high], ways[high, low] = passed, passed[::-1]
    whole = (breadth, length) if vertical else (length, breadth)
    return corners, {edge: ways.get(edge, []) for edge in edges}, whole


def _ranks(count, steps):
    """The row of each box: after all that lead to it; a source right before the first it leads to."""
    rank = [0] * count
    for low, high in steps:  # sorted, so what leads to `low` has been seen
        rank[high] = max(rank[high], rank[low] + 1)
    targets = {high for _, high in steps}
    for box in range(count):
        followers = [rank[high] for low, high in steps if low == box]
        if box not in targets and followers:
            rank[box] = min(followers) - 1
    return rank


def _rows(rank, steps):
    """Rows of places, links between places of neighbouring rows, and the places each long edge passes.

    Places beyond the boxes' numbers are those kept free for edges.
    """
    rows = [[] for _ in range(max(rank, default=-1) + 1)]
    for box, row in enumerate(rank):
        rows[row].append(box)
    links, chains, fresh = defaultdict(list), {}, len(rank)
    for low, high in steps:
        between = range(rank[low] + 1, rank[high])
        chain = list(range(fresh, fresh + len(between)))
        fresh += len(chain)
        for row, place in zip(between, chain):
            rows[row].append(place)
        for upper, lower in zip([low, *chain], [*chain, high]):
            links["down", lower].append(upper)
            links["up", upper].append(lower)
        chains[low, high] = chain
    return rows, links, chains


def _sweeps(rows):
    """Rows to look at, one after the other: down and up again, with the direction of the neighbours."""
    for _ in range(SWEEPS):
        yield from (("down", row) for row in rows[1:])
        yield from (("up", row) for row in rows[-2::-1])


def _sort(rows, links):
    """Orders each row by where its neighbours stand, in place."""
    at = {place: i / len(row) for row in rows for i, place in enumerate(row)}
    for direction, row in _sweeps(rows):
        row.sort(key=lambda place: _mean(at, links[direction, place], at[place]))
        at.update((place, i / len(row)) for i, place in enumerate(row))


def _centres(rows, links, widths):
    """The middle of each place: near its neighbours', in the row's order, with gaps; the smallest edge is 0."""
    centres = {}
    for row in rows:
        ends = np.cumsum([widths[place] + BOX_GAP for place in row])
        centres.update((place, end - widths[place] / 2 - ends[-1] / 2) for place, end in zip(row, ends))
    for direction, row in _sweeps(rows):
        wanted = np.array([_mean(centres, links[direction, place], centres[place]) for place in row])
        half = np.array([widths[place] / 2 for place in row])
        least = np.cumsum([0, *(half[:-1] + half[1:] + BOX_GAP)])
        centres.update(zip(row, isotonic_regression(wanted - least).x + least))
    left = min((centre - widths[place] / 2 for place, centre in centres.items()), default=0)
    return {place: centre - left for place, centre in centres.items()}


def _mean(values, places, otherwise):
    return sum(values[place] for place in places) / len(places) if places else otherwise
