# `make demo` shows adsplit at work, `make test` checks everything; `make help` lists the rest.
# Everything is installed inside the clone (.venv), from the locks in requirements/.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUTF8 := 1

# Every Python worth asking, best first. A name on the PATH may be a shim that refuses to run, and a
# system Python may lack ensurepip, so each one is tried before it is believed.
PYTHONS = python3 python3.13 python3.12 python3.14 python3.11 python \
	$$(for root in "$$(pyenv root 2>/dev/null)" "$$(dirname "$$(command -v pyenv)")/.."; do \
		ls -d "$$root"/versions/*/bin/python3 2>/dev/null | sort -rV; done)

# $(call find-python,CONDITION): the first of them that runs, can make a venv and meets the condition.
find-python = for python in $(PYTHONS); do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(not ($(1)))' >/dev/null 2>&1 \
	&& { echo "$$python"; break; }; done

ifndef PYTHON
PYTHON := $(shell $(call find-python,sys.version_info >= (3, 11)))
endif

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq

RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
PEERS := .venv-peers/.peers

PYTEST := $(BIN)/python -m pytest
# How many tests run at once, and which: make unit WORKERS=0 TESTS="tests/plan -k hill"
WORKERS ?= auto
TESTS ?=

.PHONY: help
help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------------
# Showing

.PHONY: demo
demo: $(RUNTIME)  ## Both built-in scenarios: the answer as a table, and a report to open in a browser
	@mkdir -p build
	$(BIN)/adsplit optimize b2b
	$(BIN)/adsplit optimize b2c
	$(BIN)/adsplit report b2b -o build/b2b.html
	$(BIN)/adsplit report b2c -o build/b2c.html
	@echo
	@echo "Two reports to open in a browser:"
	@echo "  $(CURDIR)/build/b2b.html"
	@echo "  $(CURDIR)/build/b2c.html"
	@echo "Next: $(BIN)/adsplit --help"

# ------------------------------------------------------------------------------------------------
# Checking, cheap things first

.PHONY: test
test: lint types contracts browser unit both-pulps  ## Everything that must hold before a change goes in
	@echo "All checks passed."

.PHONY: lint
lint: $(DEVELOPMENT)  ## Rules and formatting (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(DEVELOPMENT)  ## Types (mypy, strict)
	$(BIN)/mypy $(wildcard optimizer scenarios/*.py cli.py)

.PHONY: contracts
contracts: $(DEVELOPMENT)  ## Who may import whom (import-linter)
	@PYTHONPATH=. $(BIN)/lint-imports

.PHONY: browser
browser: $(DEVELOPMENT)  ## Find a headless Chromium for the report's tests, or install one
	@$(BIN)/python tests/browser/find_browser.py

.PHONY: unit
unit: $(DEVELOPMENT)  ## The tests, the documentation's examples among them (pytest)
	$(PYTEST) -n $(WORKERS) $(TESTS)

# PuLP 3 is the newest on Python 3.11, PuLP 4 needs 3.12. Where the machine has a Python on the
# other side of that line, the suite runs there too, without the browser.
.PHONY: both-pulps
both-pulps: $(DEVELOPMENT)  ## The tests again with the other major release of PuLP, given a Python for it
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then \
		pulp=3; other=$$($(call find-python,(3, 11) <= sys.version_info < (3, 12))); \
	else \
		pulp=4; other=$$($(call find-python,sys.version_info >= (3, 12))); \
	fi; \
	if [ -z "$$other" ]; then \
		echo "Skipped the tests with PuLP $$pulp: no Python for it on this machine."; \
	else \
		$(MAKE) --no-print-directory unit VENV=.venv-pulp$$pulp PYTHON="$$other" \
			TESTS="-m 'not browser' $(TESTS)"; \
	fi

# How many files each reader is tried on: make fuzz EXAMPLES=20000 TESTS="-k netcdf"
EXAMPLES ?= 2000

.PHONY: fuzz
fuzz: $(DEVELOPMENT)  ## Every reader on very many hurt files (tests/fuzzing)
	HYPOTHESIS_PROFILE=fuzz EXAMPLES=$(EXAMPLES) \
		$(PYTEST) -n $(WORKERS) --timeout 0 tests/fuzzing $(TESTS)

.PHONY: bench
bench: $(DEVELOPMENT)  ## Speed (tests/benchmarks), one at a time
	$(PYTEST) -n 0 --timeout 0 -s tests/benchmarks $(TESTS)

.PHONY: bench-peers
bench-peers: $(PEERS)  ## The same plans and histories in public packages, in a .venv-peers of their own
	.venv-peers/bin/python -m pytest -n 0 --timeout 0 -s tests/benchmarks/test_public_peers.py \
		tests/benchmarks/test_model_peers.py $(TESTS)

# ------------------------------------------------------------------------------------------------
# Working on it

.PHONY: format
format: $(DEVELOPMENT)  ## Mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: gallery
gallery: $(DEVELOPMENT) browser  ## Every chart as a picture (docs/gallery.md), and the readme's picture
	$(BIN)/python docs/gallery.py

.PHONY: wheel
wheel: $(DEVELOPMENT)  ## What is published, in dist/
	$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist .

# Locks hold for every supported Python and platform at once. A file made here keeps the releases it
# had where they still fit; `make lock UPGRADE=--upgrade` takes the newest.
.PHONY: lock
lock: need-python  ## Remake requirements/*.txt from pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install -qq uv
	UV_CACHE_DIR=build/lock/cache build/lock/bin/uv pip compile $(COMPILE) --group build \
		-o requirements/runtime.txt pyproject.toml
	UV_CACHE_DIR=build/lock/cache build/lock/bin/uv pip compile $(COMPILE) --group build --group dev \
		--all-extras -c requirements/runtime.txt -o requirements/development.txt pyproject.toml
	UV_CACHE_DIR=build/lock/cache build/lock/bin/uv pip compile $(COMPILE) --group peers \
		-c requirements/development.txt -o requirements/peers.txt pyproject.toml

COMPILE = --quiet --no-config --python build/lock/bin/python --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate $(UPGRADE)

.PHONY: clean
clean:  ## Remove everything that was made here, .venv too
	rm -rf .venv .venv-pulp3 .venv-pulp4 .venv-peers build dist test-results
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find optimizer scenarios tests . -maxdepth 4 -name __pycache__ -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------------------
# Installing

.PHONY: need-python
need-python:
	@test -n "$(PYTHON)" || { \
		echo "adsplit needs Python 3.11 or newer, with venv and ensurepip; none was found."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) does not run, is older than 3.11 or lacks ensurepip (Debian: python3-venv)."; \
		exit 1; } >&2

$(RUNTIME): requirements/runtime.txt pyproject.toml | need-python
	@echo "Installing adsplit in $(VENV) (a minute or so the first time)"
	@$(BIN)/python -c "" 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPMENT): requirements/development.txt pyproject.toml | need-python
	@echo "Installing adsplit and its development tools in $(VENV) (a minute or so the first time)"
	@$(BIN)/python -c "" 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements/development.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(PEERS): requirements/peers.txt requirements/development.txt pyproject.toml | need-python
	@$(MAKE) --no-print-directory VENV=.venv-peers .venv-peers/.development
	@.venv-peers/bin/python -m pip install -qq --require-hashes -r requirements/peers.txt
	@touch $@
