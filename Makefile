# Needs Python >= 3.10, a Rust toolchain and a C compiler; everything else is installed into .venv here.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
# One interpreter for cargo and maturin, or they rebuild each other's work.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python

# Tests share the processors; each keeps to one thread, so that they do not wait for one another.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

SOURCES := pyproject.toml Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.DEFAULT_GOAL := help
.PHONY: help demo test quick develop lint clippy rust walls python parity bench wheel clean

help: ## these lines
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

demo: .venv/fast ## the main job, on the docstrings of the packages in .venv
	$(BIN)/foolsgold demo --output demo

test: ## everything: lints, types, walls, Rust, Python, peers
	$(MAKE) --jobs=2 --output-sync .venv/debug rust clippy lint walls
	$(MAKE) python
	$(MAKE) parity

quick: .venv/debug ## the developer's loop: no peers, no training
	cargo test --quiet
	$(PYTEST) -m "not slow and not training and not parity and not gpu"

develop: .venv/debug ## the extension, with overflow checks, built into .venv

lint: .venv/debug clippy ## formats, lints, types, stubs
	cargo fmt --check
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest foolsgold._core

clippy: | .venv/bin/maturin
	MAKEFLAGS= cargo clippy --quiet --workspace --all-targets -- -D warnings

walls: .venv/debug ## who may import whom
	$(BIN)/lint-imports
	@cargo tree -p foolsgold-core -e normal --prefix none | grep '^foolsgold-core' > /dev/null
	@! cargo tree -p foolsgold-core -e normal --prefix none | grep -E '^(pyo3|numpy|log|tracing|indicatif)' \
		|| { echo 'the core must know no Python, no logger and no progress bar' >&2; exit 1; }

# With the bindings named, features are those of the extension's build, which is then not built again.
rust: | .venv/bin/maturin ## the core's tests
	MAKEFLAGS= FOOLSGOLD_MUTATIONS=5000 cargo test --quiet -p foolsgold-core -p foolsgold-bindings

python: .venv/debug ## the Python tests, training included
	$(PYTEST) -m "not parity and not gpu"

parity: .venv/peers ## the numbers beside the peers'
	$(PYTEST) -m "parity and not gpu"

bench: .venv/peers .venv/fast ## ours beside the peers', one after another
	for script in benches/python/bench_*.py; do $(BIN)/python $$script || exit 1; done

wheel: .venv/bin/maturin ## the wheel as users get it, in dist/
	$(BIN)/maturin build --quiet --release --out dist

clean: ## forget what was built; .venv stays
	cargo clean
	rm -rf dist demo .venv/fast .venv/debug

.venv/bin/maturin:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip maturin

# The two builds take each other's place in the source tree.
.venv/debug: $(SOURCES) | .venv/bin/maturin
	$(BIN)/maturin develop --quiet --extras dev
	@touch $@ && rm -f .venv/fast

.venv/fast: $(SOURCES) | .venv/bin/maturin
	$(BIN)/maturin develop --quiet --profile fast
	@touch $@ && rm -f .venv/debug

.venv/peers: pyproject.toml .venv/debug
	$(BIN)/maturin develop --quiet --extras dev,peers
	@touch $@
