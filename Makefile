# What people do with a checkout. Needs make and Python 3.11 or newer with venv; all else comes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Two test processes more than cores, each with servers of its own; which of them begin with tests that share fixtures.
# PYTEST_ARGS adds to it: make test PYTEST_ARGS="-k import"
PYTEST_ARGS ?=
# make bench BENCH_ARGS="--engine sqlite --json results.json"
BENCH_ARGS ?=
# make fleet FLEET_ARGS="--sizes 10000 100000 1000000 --engine postgresql"
FLEET_ARGS ?=
CODE := persistdb migrations tests benchmarks docs
# The script that draws the diagrams; docs/_tools/pages.py checks that it is the one that mermaid's authors published.
MERMAID := mermaidx==0.10.1

# The tests start the program thousands of times: without files of bytecode each start compiles all of it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick stress torture bench bench-quick bench-compare bench-baseline test-pythons fleet revision sql lint format docs clean

help:
	@echo 'make demo        see persistdb at work on a bundled sample'
	@echo 'make test        run the tests, with private PostgreSQL and MariaDB servers where they are installed'
	@echo 'make test-quick  the same in under a minute, without what needs a server or is slow'
	@echo 'make test-pythons  test with the oldest and the newest other Python of this machine'
	@echo 'make stress      run the tests of many writers, of killed processes and of killed watchers at full size'
	@echo 'make torture     attack at random for TORTURE_S=60 seconds: kills, cuts, full disks, hostile SQL'
	@echo 'make bench       measure persistdb beside the alternatives; make bench-quick takes under a minute'
	@echo 'make bench-compare   say what became slower since benchmarks/baseline.json, which make bench-baseline measures'
	@echo 'make fleet       fill a fleet, let agents write, kill a node of its cluster: the tables of docs/fleet.md'
	@echo 'make revision    NAME=add_labels: create the files of a new schema revision (docs/migrations.md)'
	@echo 'make sql         write the fixed statements to persistdb/store/sql, when what builds them has changed'
	@echo 'make lint        check the code with ruff, mypy and import-linter'
	@echo 'make format      let ruff rewrite the code'
	@echo 'make docs        build the documentation: site/index.html'
	@echo 'make clean       remove what the above made'

demo: $(VENV)/.runtime
	@$(BIN)/persistdb demo

test: $(VENV)/.test
	@$(BIN)/pytest -q -n auto --dist worksteal -rsx $(PYTEST_ARGS)

test-quick: $(VENV)/.test
	@$(BIN)/pytest -q -n auto --dist worksteal -rsx -m 'not servers and not slow' $(PYTEST_ARGS)

# make test-pythons PYTEST_ARGS=tests runs all that needs no server and is not slow.
test-pythons: $(VENV)/.lint
	@$(BIN)/python -m tests.pythons $(PYTEST_ARGS)

stress: $(VENV)/.test
	@PERSISTDB_STRESS=full $(BIN)/pytest -q -rsx tests/store/test_concurrency.py tests/cli/test_watch.py \
		-k 'no_change_is_lost or killed_processes or lifetimes'

torture: $(VENV)/.test
	@$(BIN)/python -m tests.torture

bench: $(VENV)/.bench
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

fleet: $(VENV)/.test
	@$(BIN)/python -m benchmarks.fleet $(FLEET_ARGS)

bench-quick: $(VENV)/.bench
	@$(BIN)/python -m benchmarks --quick $(BENCH_ARGS)

# make bench-compare BENCH_ARGS="--json results.json" compares a run that was made.
bench-compare: $(VENV)/.bench
	@$(BIN)/python -m benchmarks.compare $(BENCH_ARGS)

# On a quiet machine, at a release: a whole run of all engines. That a row misses its bound is no failure of it.
bench-baseline: $(VENV)/.bench
	@$(BIN)/python -m benchmarks.baseline

revision: $(VENV)/.test
	@test -n '$(NAME)' || { echo 'Which name? make revision NAME=add_labels' >&2; exit 2; }
	@$(BIN)/python -m migrations.new_revision '$(NAME)'
	@$(BIN)/python -m persistdb.store.write_sql  # statements that write name the revision

sql: $(VENV)/.test
	@$(BIN)/python -m persistdb.store.write_sql

lint: $(VENV)/.lint
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/python -m tests.docs.typed
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.lint
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

docs: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --clean
	@echo 'The documentation is in site/index.html'

clean:
	@rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
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
	@$(PIP) install -e '.[postgresql,mariadb,async,metrics,page]' --group test
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@$(PIP) install --group bench
	@touch $@

# mypy reads the tests' imports too.
$(VENV)/.lint: $(VENV)/.test
	@$(PIP) install --group lint
	@touch $@

# Only a file of mermaid's package is used: what it depends on is left out, and it stays out of the environment.
$(VENV)/.docs: $(VENV)/.runtime
	@$(PIP) install --group docs
	@$(PIP) install --no-deps --upgrade --target $(VENV)/mermaid $(MERMAID)
	@touch $@
