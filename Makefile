# `make demo` and `make test` set everything up on a fresh machine that has Python 3.11 and make.

PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= auto

.PHONY: demo test lint bench bench-quick clean

demo: $(READY)
	$(BIN)/python examples/digits_cnn.py

test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench bench-quick: $(READY)
	$(MAKE) -C benchmarks $@

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf .venv build dist *.egg-info demo-output .pytest_cache .mypy_cache .ruff_cache
