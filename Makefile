# make demo   train, save, load and draw: the main example
# make test   the whole test suite
# Both set themselves up in .venv first; they need Python 3.11 or newer and a package registry.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := benchmarks/.venv-peers
PEERS_READY := $(PEERS)/.ready
WORKERS ?= auto
# The first of these that starts and is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

# The other runtimes, each in an environment of its own.
ENGINES := torch tensorflow
# The package as it is installed, and examples on the default runtime: nothing that differs there.
NOT_THERE := --ignore=tests/project
# About half of the rest: what depends on the engine most.
CHOSEN := tests/differential tests/runtimes tests/graph tests/backend tests/functions tests/layers/test_table.py \
	tests/layers/test_gradients.py tests/layers/test_recurrent.py tests/layers/test_noise.py tests/saving/test_golden.py \
	tests/training/test_fit.py tests/training/test_weights.py tests/training/test_interrupts.py
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint fuzz test-runtimes $(ENGINES:%=test-%) differential bench bench-quick setup lock clean

help:
	@sed -n '1,3s/^# //p' Makefile
	@echo "also: make lint, fuzz, test-torch, test-tensorflow, test-runtimes, differential, bench, bench-quick, setup, lock, clean"

demo: $(READY)
	$(BIN)/python examples/digits_cnn.py

test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/mypy

# The whole suite on one of the other runtimes.
$(ENGINES:%=test-%): test-%: .venv-%/.ready
	KERAS_BACKEND=$* TF_CPP_MIN_LOG_LEVEL=3 .venv-$*/bin/python -m pytest -n $(WORKERS) $(NOT_THERE) $(ARGS)

# What is chosen of it, on all of them.
test-runtimes: $(ENGINES:%=.venv-%/.ready)
	for engine in $(ENGINES); do KERAS_BACKEND=$$engine TF_CPP_MIN_LOG_LEVEL=3 \
		.venv-$$engine/bin/python -m pytest -n $(WORKERS) $(CHOSEN) $(ARGS) || exit 1; done

# The same numbers on every runtime: measures, and writes the table of docs/runtimes.md.
differential: $(READY) $(ENGINES:%=.venv-%/.ready)
	$(BIN)/python -m tests.differential --environments --write

# Damaged model files by the thousand: each must load or be refused cleanly.
fuzz: $(READY)
	$(BIN)/python tests/safety/fuzz.py --cases 20000 $(ARGS)

bench: $(READY) $(PEERS_READY)
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-quick: $(READY) $(PEERS_READY)
	$(BIN)/python benchmarks/run.py --quick $(ARGS)

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found; install one or say make PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --no-deps -r requirements.lock
	$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	touch $@

# TensorFlow without the distribution `keras` that it names; PyTorch with whatever libraries its build names.
.venv-tensorflow/.ready: WITHOUT := --no-deps
.venv-%/.ready: requirements.lock requirements-%.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found; install one or say make PYTHON=..."; exit 1; }
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python $(PIP) --no-deps -r requirements.lock
	.venv-$*/bin/python $(PIP) $(WITHOUT) -r requirements-$*.lock
	.venv-$*/bin/python $(PIP) --no-deps --no-build-isolation -e .
	touch $@

# The engines to compare with. torch is named by its exact version: there a plain CPU build may answer.
$(PEERS_READY): benchmarks/requirements-peers.lock
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python $(PIP) --no-deps -r $<
	touch $@

# Writes requirements.lock anew: the newest versions that pyproject.toml allows.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python $(PIP) '.[dev]'
	{ sed -n '/^#/p' requirements.lock; \
	  build/lock/bin/python -m pip freeze --all --exclude pip --exclude keras-classic; } > build/requirements.lock
	mv build/requirements.lock requirements.lock
	rm -rf build

clean:
	rm -rf $(VENV) $(ENGINES:%=.venv-%) build dist demo-output examples-output *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find keras tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
