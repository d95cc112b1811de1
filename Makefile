# What people do with a checkout. Needs make and Python 3.11 or newer with venv; all else comes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# As many test processes as cores, each with servers of its own. PYTEST_ARGS adds to it: make test PYTEST_ARGS="-k import"
PYTEST_ARGS ?=
# make bench BENCH_ARGS="--engine sqlite --json results.json"
BENCH_ARGS ?=
CODE := persistdb migrations tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-quick stress lint format clean

help:
	@echo 'make demo    see persistdb at work on a bundled sample'
	@echo 'make test    run the tests, with private PostgreSQL and MariaDB servers where they are installed'
	@echo 'make stress  8 processes on 10 sandboxes, and processes killed at any moment, at full size'
	@echo 'make bench   measure it beside what people would use instead; make bench-quick shows in a minute that this works'
	@echo 'make lint    ruff, mypy and import-linter'
	@echo 'make format  let ruff rewrite the code'
	@echo 'make clean   remove what the above made'

demo: $(VENV)/.runtime
	@$(BIN)/persistdb demo

test: $(VENV)/.test
	@$(BIN)/pytest -q -n auto -rsx $(PYTEST_ARGS)

stress: $(VENV)/.test
	@PERSISTDB_STRESS=full $(BIN)/pytest -q -rsx tests/store/test_concurrency.py -k 'no_change_is_lost or killed_processes'

bench: $(VENV)/.bench
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

bench-quick: $(VENV)/.bench
	@$(BIN)/python -m benchmarks --quick $(BENCH_ARGS)

lint: $(VENV)/.lint
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.lint
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

clean:
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find $(CODE) -type d -name __pycache__ -prune -exec rm -rf {} +

# --- the environment, made once and again when pyproject.toml changes -------------------------------------------------

$(VENV)/.runtime: pyproject.toml
	@echo 'Making $(VENV) …'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "persistdb needs Python 3.11 or newer: make PYTHON=…")'
	@$(PYTHON) -m venv $(VENV) || { echo 'Python lacks venv; on Debian: apt install python3-venv' >&2; exit 1; }
	@$(PIP) install 'pip>=25.1'  # knows dependency groups
	@$(PIP) install -e .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	@$(PIP) install -e '.[postgresql,mariadb]' --group test
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@$(PIP) install --group bench
	@touch $@

# mypy reads the tests' imports too.
$(VENV)/.lint: $(VENV)/.test
	@$(PIP) install --group lint
	@touch $@
