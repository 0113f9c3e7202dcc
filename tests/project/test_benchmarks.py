"""The benchmarks' cases build and train on our engine, and the report says what was reached."""

import sys
from pathlib import Path

import numpy as np
import pytest

import keras

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TRAINED = ("tiny_mlp", "conv1d", "stateful", "transformer", "gan")  # one of a kind: each costs a compilation
BUILT = ("mnist_cnn", "cifar_augmented", "lstm", "bidirectional", "char_lstm")
FED = ("generator", "sequence", "hdf5")


@pytest.fixture(scope="module", autouse=True)
def benchmarks():
    """The scripts' folder is on the path, as when they run; their modules are gone afterwards."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def case_of(name, batch=4, steps=2):
    from cases import CASES

    case = CASES[name]()
    case.batch, case.steps, case.singles = batch, steps, 1
    return case


# Keras 2's warning about the discriminator, whose `trainable` is meant to change after `compile`.
@pytest.mark.filterwarnings("ignore:Discrepancy between trainable weights")
@pytest.mark.parametrize("name", TRAINED)
def test_a_step(name):
    case = case_of(name)
    session = case.session(case, keras, {})
    session.compile()
    session.first_step()
    model = session.combined if name == "gan" else session.model
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize("name", FED)
def test_fit_from_elsewhere(name):
    case = case_of(name)
    session = case.session(case, keras, {})
    session.compile()
    assert np.isfinite(session.fit(shuffle=False))


@pytest.mark.parametrize("name", BUILT)
def test_building(name):
    case = case_of(name)
    session = case.session(case, keras, {})
    session.compile()
    assert session.model.output_shape[1:] == session.y.shape[1:]


def test_applications_build():
    from cases import CASES
    from cases.base import set_common_weights

    assert CASES["resnet50"].heavy and CASES["nasnet_build"].heavy
    case = case_of("mobilenet", batch=1, steps=1)
    case.size, case.classes = 32, 10
    set_common_weights(case.build(keras))
    assert case.data()[0].shape == (1, 32, 32, 3)


def test_every_case_has_what_is_measured():
    """Whatever a case lists, its session can do."""
    from cases import CASES
    from engines import LIMITS
    from measures import CALLS, MEASURES
    from raw import CASES as RAW_CASES

    for name, case in CASES.items():
        assert case.name == name and case.title and case.batch and case.steps
        for measure in case.measures:
            assert measure in MEASURES
            assert hasattr(case.session, CALLS[measure][0]), (name, measure)
    assert set(RAW_CASES) == set(LIMITS)
    assert {case for found in RAW_CASES.values() for case in found} <= set(CASES)


def test_common_weights_do_not_depend_on_the_order_of_other_shapes():
    from cases.base import Initializer

    one, other = Initializer(), Initializer()
    first = [one.glorot((3, 4)), one.glorot((5, 4)), one.glorot((3, 4))]
    second = [other.glorot((5, 4)), other.glorot((3, 4)), other.glorot((3, 4))]
    np.testing.assert_array_equal(first[0], second[1])
    np.testing.assert_array_equal(first[1], second[0])
    np.testing.assert_array_equal(first[2], second[2])
    assert (first[0] != first[2]).any()
    assert abs(first[1]).max() <= np.sqrt(6 / 9)


def invented(**times):
    """Results in which engines took these milliseconds per step of the tiny MLP."""
    from results import Results

    about = {
        "date": "2026-01-01", "machine": "a machine", "quick": True, "rounds": 1, "repeats": 2, "load": "0.0",
    }  # fmt: skip
    records = [
        {"engine": e, "case": "tiny_mlp", "versions": {"x": "1"}, "import_s": [1.0], "fit_ms": [t, t], "loss": 0.5}
        for e, t in times.items()
    ]
    return Results(about, records)


def test_goals_are_judged_by_the_fastest_peer():
    import goals

    goal = goals.GOALS[0]
    assert goal.wanted == 8
    assert goals.verdict(goal, invented(ours=1, k3_jax=9, tf_keras=8.5))[0] == "reached"
    outcome, figures = goals.verdict(goal, invented(ours=1, k3_jax=9, tf_keras=7))
    assert outcome == "**not reached**" and figures == "tiny_mlp 7.00x (tf.keras (Keras 2))"
    assert goals.verdict(goal, invented(k3_jax=9))[0] == "not measured"


def test_the_report(tmp_path):
    import report
    from results import Results

    results = invented(ours=1, k3_jax=7, tf_keras=9, raw_jax=3)
    results.records[1]["loss"] = 0.7  # what computes something else may be as fast as it likes
    results.fail("tiny_mlp", "k3_torch", "RuntimeError: a | b\nmore")
    results.write(tmp_path / "r.json")
    assert Results.read(tmp_path / "r.json") == results
    text = report.document(results)
    assert "| Keras 3, JAX | 7 (7.00x) | 1 (1.00x) | 0.7000 |" in text
    assert "Keras 3, JAX computed something else, so that nothing is measured by it: loss 0.7000" in text
    assert "| Keras 3, PyTorch | cannot run it: RuntimeError: a / b more |" in text
    assert "tiny MLP `fit`: 8x faster than the fastest peer | 8x | reached |" in text


def test_the_chart(tmp_path):
    import chart

    assert chart.draw(invented(), tmp_path / "empty.svg") is None
    assert chart.draw(invented(ours=1, k3_jax=9), tmp_path / "c.svg") == "c.svg"
    assert "tiny_mlp" in (tmp_path / "c.svg").read_text()
