# Every task of the project. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test run install install-dev bench bench-report check chaos fuzz interop format screenshots

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: install ## watch the whole way against an independent SCIM server, then click around
	$(BIN)/python manage.py demo

run: install ## the empty product: first operator, one-time password, http://127.0.0.1:8000
	$(BIN)/python manage.py setup
	$(BIN)/python manage.py serve

test: install-dev ## all tests, and those that use the database once more on PostgreSQL
	$(BIN)/python -m pytest -q -n auto --ignore tests/chaos
	GATEHOUSE_TEST_ON=postgresql $(BIN)/python -m pytest -q -n auto -rs
	$(BIN)/python -m pytest -q tests/chaos # alone: it measures who is late

check: install-dev ## what CI runs: format, lint, types, imports, Django's checks, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(MAKE) test

KILLS ?= 60
PAUSES ?= 20
DB ?= sqlite
DRIVER ?= embedded
chaos: install-dev ## kill, freeze and mislead the workers, then check that nothing was lost
	$(BIN)/python -m tests.chaos --kills $(KILLS) --pauses $(PAUSES) --db $(DB) --driver $(DRIVER) \
	  $(if $(SEED),--seed $(SEED)) --mutant=$(MUTANT)

EXAMPLES ?= 300
fuzz: install-dev ## ask every operation of the API with what its description allows and forbids (EXAMPLES)
	GATEHOUSE_TEST_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q -n auto --timeout 3600 \
	  tests/provisioning/api/test_schemathesis.py

bench: install-dev ## measure what the product costs, as ratios in one run (SIZE, ONLY); writes bench.json
	$(BIN)/python -m tests.bench $(if $(SIZE),--size $(SIZE)) $(if $(ONLY),--only $(ONLY))

bench-report: install-dev ## measure the report with 1 and 10 million events (DB=sqlite or postgres, EVENTS)
	$(BIN)/python -m tests.bench_report --db $(DB) $(if $(EVENTS),--events $(EVENTS))

interop: install-dev ## one scenario against SCIM services that nobody here wrote, as a matrix (ONLY)
	$(BIN)/python -m tests.interop $(if $(ONLY),--only $(ONLY)) --mutant=$(MUTANT)

format: install-dev ## format the code and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: install-dev ## click through the guide and renew the pictures in docs/guides
	SCREENSHOTS=docs/guides/images $(BIN)/python -m pytest -q tests/browser

install: .venv/runtime ## the virtual environment that runs the product

install-dev: .venv/development ## the same with the tools for tests and checks

# Some systems ship Python without ensurepip; virtualenv from pip then makes the environment.
.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gatehouse needs Python 3.11 or newer.")'
	$(PYTHON) -m venv .venv || { rm -rf .venv && $(PYTHON) -m pip install -q --target .boot virtualenv \
	  && PYTHONPATH=.boot $(PYTHON) -m virtualenv -q .venv; }

.venv/runtime: requirements.lock | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/development: requirements-dev.lock | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ .venv/runtime
