# Seawall: `make run` shows it, `make test` tests it, `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
export SEAWALL_HOME ?= $(CURDIR)/var
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-peers test-kill check format bench train lock clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Play the demonstration and serve it on http://127.0.0.1:8000 (ARGS=--once stops after the table)
	@$(BIN)/seawall demo $(ARGS)

test: $(VENV)/.dev ## Set up what is needed, then check and test everything
	@BIN="$(CURDIR)/$(BIN)" sh tools/test.sh

test-peers: $(VENV)/.dev ## Test against real software of others: Ozone, Synapse, an ActivityPub server (see docs/reference/channels)
	@$(BIN)/python -m pytest -m peer tests/peers $(ARGS)

test-kill: $(VENV)/.dev ## Kill the hub's processes 100 times at random moments; the ordinary test does it 10 times (KILLS=100)
	@SEAWALL_TEST_KILLS=$(or $(KILLS),100) $(BIN)/python -m pytest tests/hub/referrals/test_kill.py $(ARGS)

check: $(VENV)/.dev ## Style, types and the house's import contracts only
	@BIN="$(CURDIR)/$(BIN)" sh tools/check.sh

format: $(VENV)/.dev ## Put the code into the house's style
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: $(VENV)/.dev ## Measure scan, detector, ingest, ledger and referrals against their thresholds
	@set -e; for program in scan detect ingest ledger referrals texts; do $(BIN)/python benchmarks/$$program.py; done

train: $(VENV)/.dev ## Train the detector (needs the extra `train`): make train ARGS=FOLDER_OF_DATA_SETS
	@$(BIN)/python tools/train.py $(ARGS)

lock: ## Lock the dependencies anew, with hashes and without addresses (needs uv)
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes --upgrade \
		pyproject.toml requirements/build.in -o requirements/run.lock
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes \
		--constraint requirements/run.lock pyproject.toml requirements/build.in requirements/dev.in -o requirements/dev.lock

clean: ## Remove the environment and the demonstration's data
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .coverage build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Seawall needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name a newer one: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { echo "The environment could not be made. On Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements/run.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Seawall needs (a minute or two, once) ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements/run.lock
	@$(BIN)/pip install --quiet --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what testing needs (a minute or two, once) ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements/dev.lock
	@$(BIN)/pip install --quiet --no-build-isolation --no-deps -e .
	@touch $@ $(VENV)/.run
