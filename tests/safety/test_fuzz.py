"""A few hundred damaged files of every kind; `make fuzz` opens 20,000."""

import io

import fuzz
import mutations
import pytest

from keras.models import load_model, model_from_json, model_from_yaml

READERS = {"model": load_model, "json": model_from_json, "yaml": model_from_yaml}


@pytest.mark.filterwarnings("ignore")
def test_undamaged_they_load():
    for kind, content, model in mutations.seeds():
        if kind == "weights":
            mutations.models()[model].load_weights(io.BytesIO(content))
        else:
            found = READERS[kind](content)
            assert model is None or found.count_params() == mutations.models()[model].count_params()
    assert {kind for kind, _, _ in mutations.seeds()} == {"model", "weights", "json", "yaml"}


def test_a_number_always_means_the_same_case():
    assert mutations.case(17) == mutations.case(17) != mutations.case(18)


def test_damaged_files_end_in_clean_errors():
    ends = fuzz.run(300)
    assert sum(map(len, ends.values())) == 300
    assert not fuzz.failures(ends)
    assert len(ends["loaded"]) > 40 and len(ends["refused"]) > 100
