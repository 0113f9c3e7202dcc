"""Pictures of models: boxes and arrows, Graphviz files, and drawings without Graphviz."""

import os
import re
import sys
import types
import xml.etree.ElementTree as ElementTree

import pytest

from keras.layers import LSTM, Bidirectional, Concatenate, Dense, Input, TimeDistributed, add
from keras.models import Model, Sequential
from keras.utils import layered_layout, model_to_dot, plot_model, vis_utils
from keras.utils.model_boxes import boxes_of

SVG = "{http://www.w3.org/2000/svg}"


def encoder():
    return Sequential([Dense(3, input_shape=(4,), name="first"), Dense(2, name="second")], name="encoder")


def siamese():
    """Two inputs through one encoder, joined; a shortcut past two layers."""
    inner = encoder()
    inputs = [Input((4,), name="left"), Input((4,), name="right")]
    joined = Concatenate(name="joined")([inner(x) for x in inputs])
    x = Dense(4, name="deep")(joined)
    outputs = add([joined, Dense(4, name="deeper")(x)], name="sum")
    return Model(inputs, outputs)


def named_arrows(group):
    """The arrows as pairs of layers' names."""
    names = {}

    def collect(items):
        for item in items:
            names[item.key] = item.label.split(":")[0]
            collect(getattr(item, "items", ()))

    collect(group.items)
    return {(names[source], names[target]) for source, target in group.all_arrows()}


def test_arrows_of_a_graph():
    assert named_arrows(boxes_of(siamese())) == {
        ("left", "encoder"), ("right", "encoder"), ("encoder", "joined"), ("joined", "deep"), ("deep", "deeper"),
        ("deeper", "sum"), ("joined", "sum"),
    }  # fmt: skip


def test_arrows_into_and_out_of_nested_models():
    group = boxes_of(siamese(), expand_nested=True)
    assert {("left", "first_input"), ("right", "first_input"), ("first_input", "first"), ("first", "second"),
            ("second", "joined")} < named_arrows(group)  # fmt: skip
    assert [g.label for g in group.items if hasattr(g, "items")] == ["encoder"]


def test_nested_model_with_two_inputs_and_outputs():
    a, b = Input((2,), name="a"), Input((3,), name="b")
    inner = Model([a, b], [Dense(2, name="of_b")(b), Dense(2, name="of_a")(a)], name="inner")
    x, y = Input((2,), name="x"), Input((3,), name="y")
    one, two = inner([x, y])
    model = Model([x, y], [Dense(1, name="one")(one), Dense(1, name="two")(two)])
    arrows = named_arrows(boxes_of(model, expand_nested=True))
    assert {("x", "a"), ("y", "b"), ("of_b", "one"), ("of_a", "two")} < arrows


def test_wrappers():
    model = Sequential([TimeDistributed(encoder(), input_shape=(5, 4)), Bidirectional(LSTM(2, name="memory"))])
    labels = [box.label for box in boxes_of(model, show_layer_names=False).items]
    assert labels == ["InputLayer", "TimeDistributed(Sequential)", "Bidirectional(LSTM)"]
    expanded = boxes_of(model, expand_nested=True)
    assert expanded.items[1].label == "encoder"
    assert ("second", "bidirectional_1(memory)") in named_arrows(expanded)


def test_models_without_a_graph():
    class Written(Model):
        def call(self, x):
            return x

    assert [box.label for box in boxes_of(Written(name="mine")).items] == ["mine"]
    unbuilt = boxes_of(Sequential([Dense(2, name="one"), Dense(3, name="two")]), show_shapes=True)
    assert named_arrows(unbuilt) == {("one", "two")}
    assert unbuilt.items[0].shapes == ("?", "?")


def test_model_to_dot():
    dot = model_to_dot(siamese(), show_shapes=True, rankdir="LR", expand_nested=True, dpi=120)
    text = dot.to_string()
    assert "rankdir=LR" in text and "dpi=120" in text and "shape=record" in text
    assert len(dot.get_nodes()) == 1 + 6  # the defaults, and what is not in the encoder
    (cluster,) = dot.get_subgraphs()
    assert cluster.get_label() in ("encoder", '"encoder"') and len(cluster.get_nodes()) == 3
    assert len(dot.get_edges()) == 9
    assert r"deep: Dense\n|{input:|output:}|{{(None, 4)}|{(None, 4)}}" in text


def test_model_to_dot_as_part_of_another():
    import pydot

    assert isinstance(model_to_dot(encoder(), subgraph=True), pydot.Cluster)


def test_signs_of_records_in_names():
    model = Sequential([Dense(1, input_shape=(2,), name="a|b")])
    assert r"a\|b: Dense" in model_to_dot(model).to_string()


# Files.


@pytest.fixture
def without_graphviz(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.fixture
def with_graphviz(tmp_path, monkeypatch):
    """Stands for Graphviz's program: it writes the format asked for and what it was given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1], open(sys.argv[-1]).read())\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.skipif(os.name == "nt", reason="the program that stands for Graphviz is a script")
@pytest.mark.parametrize("given, written", [("m", "m.png"), ("m.pdf", "m.pdf"), ("m.svg", "m.svg")])
def test_graphviz_is_asked(given, written, tmp_path, with_graphviz):
    assert plot_model(encoder(), to_file=str(tmp_path / given)) is None
    text = (tmp_path / written).read_text()
    assert text.startswith(f"-T{written[-3:]}") and "first: Dense" in text


def test_message_without_graphviz(tmp_path, without_graphviz):
    with pytest.raises(OSError, match=r"failed to call GraphViz.*install GraphViz.*model\.svg"):
        plot_model(encoder(), to_file=str(tmp_path / "m.png"))
    assert not list(tmp_path.iterdir())


def test_message_without_pydot(monkeypatch, tmp_path):
    monkeypatch.setattr(vis_utils, "pydot", None)
    with pytest.raises(ImportError, match="pip install pydot"):
        plot_model(encoder(), to_file=str(tmp_path / "m.png"))
    with pytest.raises(ImportError, match="pip install pydot"):
        model_to_dot(encoder())
    plot_model(encoder(), to_file=str(tmp_path / "m.svg"))
    assert (tmp_path / "m.svg").exists()


def test_something_else_than_a_model():
    with pytest.raises(TypeError, match="Expected a model"):
        plot_model(Dense(3), to_file="never.svg")


def rectangles(root, *kinds):
    sides = ("x", "y", "width", "height")
    return [[float(r.get(s)) for s in sides] for r in root.iter(SVG + "rect") if r.get("class") in kinds]


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
@pytest.mark.parametrize("expand", [False, True])
def test_svg(rankdir, expand, tmp_path, without_graphviz):
    """Boxes do not overlap, lie in the picture, and follow one another in the direction asked for."""
    path = str(tmp_path / "m.svg")
    plot_model(siamese(), to_file=path, show_shapes=True, rankdir=rankdir, expand_nested=expand)
    root = ElementTree.parse(path).getroot()
    boxes = rectangles(root, "box", "input", "weights")
    assert len(boxes) == (9 if expand else 7)
    left, top, width, height = map(float, root.get("viewBox").split())
    for i, (x, y, w, h) in enumerate(boxes):
        assert left <= x and x + w <= left + width and top <= y and y + h <= top + height
        for other in boxes[i + 1 :]:
            assert x + w <= other[0] or other[0] + other[2] <= x or y + h <= other[1] or other[1] + other[3] <= y
    axis = 1 if rankdir in ("TB", "BT") else 0
    first, last = boxes[0][axis], boxes[-1][axis]
    assert first < last if rankdir in ("TB", "LR") else first > last
    arrows = [p for p in root.iter(SVG + "path") if p.get("class") == "arrow"]
    assert len(arrows) == (9 if expand else 7)
    assert len(rectangles(root, "frame")) == (1 if expand else 0)


def test_frames_hold_their_boxes(tmp_path, without_graphviz):
    inner = Sequential([encoder(), Dense(3, name="third")], name="a name longer than the boxes in the frame are wide")
    model = Sequential([inner, Dense(1)])
    path = str(tmp_path / "m.svg")
    plot_model(model, to_file=path, expand_nested=True)
    root = ElementTree.parse(path).getroot()
    frames = sorted(rectangles(root, "frame"), key=lambda frame: frame[3])
    boxes = rectangles(root, "box", "input", "weights")

    def inside(outer):
        x, y, w, h = outer
        return sum(x < b[0] and y < b[1] and b[0] + b[2] < x + w and b[1] + b[3] < y + h for b in boxes)

    assert [inside(frame) for frame in frames] == [3, 5]


def test_html_and_texts(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,), name="a<b")], name="x & y")
    path = tmp_path / "m.html"
    plot_model(model, to_file=str(path), dpi=192)
    text = path.read_text()
    assert text.startswith("<!DOCTYPE html>") and "<h1>x &amp; y</h1>" in text
    assert "a&lt;b: Dense" in text and "a&lt;b (Dense), 8 weights" in text
    width, shown = re.search(r'width="(\d+)".*viewBox="-16 -16 (\d+)', text).groups()
    assert int(width) == pytest.approx(2 * int(shown), abs=2)


@pytest.mark.parametrize("name, wanted", [("m.png", "Image"), ("m.svg", "SVG"), ("m.html", "HTML"), ("m.pdf", None)])
def test_notebooks_get_the_picture(name, wanted, tmp_path, monkeypatch, with_graphviz):
    shown = {kind: lambda filename, kind=kind: (kind, filename) for kind in ("Image", "SVG", "HTML")}
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=types.SimpleNamespace(**shown)))
    path = tmp_path / name
    assert plot_model(encoder(), to_file=path) == (wanted and (wanted, str(path)))


def test_a_model_in_two_frames(tmp_path):
    shared = encoder()
    halves = [Sequential([shared, Dense(2)], name=name) for name in ("half", "other")]
    x = Input((4,))
    model = Model(x, add([half(x) for half in halves]))
    plot_model(model, to_file=tmp_path / "m.html", expand_nested=True)
    assert (tmp_path / "m.html").read_text().count("<g><title>first ") == 1


def test_unknown_direction(tmp_path):
    with pytest.raises(ValueError, match="'TB', 'LR'"):
        plot_model(encoder(), to_file=str(tmp_path / "m.html"), rankdir="up")
    assert not list(tmp_path.iterdir())


def test_an_empty_model(tmp_path):
    plot_model(Sequential(), to_file=str(tmp_path / "m.html"))
    assert "<svg" in (tmp_path / "m.html").read_text()


def test_layout_of_long_arrows():
    """An arrow that skips a row passes beside the box there; one against the flow shapes nothing."""
    corners, ways, (width, _) = layered_layout.arrange([(10, 10)] * 3, [(0, 1), (1, 2), (0, 2), (2, 1)])
    assert [y for _, y in corners] == [0, 42, 84]
    assert ways[0, 1] == ways[1, 2] == []
    (x, y), (x2, y2) = ways[0, 2]
    assert x == x2 and (y, y2) == (42, 52)
    assert not corners[1][0] <= x <= corners[1][0] + 10 and 0 <= x <= width


def test_sources_stand_before_what_they_lead_to():
    corners, _, _ = layered_layout.arrange([(10, 10)] * 4, [(0, 1), (1, 3), (2, 3)])
    assert corners[2][1] == corners[1][1]


def test_old_ways_in():
    import keras

    assert keras.utils.vis_utils.plot_model is keras.utils.plot_model is plot_model
    assert keras.utils.vis_utils.is_wrapped_model(TimeDistributed(encoder()))
    assert not keras.utils.vis_utils.is_model(Dense(1))
    namespace = {}
    exec("from keras.utils import *", namespace)
    assert namespace["plot_model"] is plot_model
