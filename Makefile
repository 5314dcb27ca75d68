# Poise: make demo, make test. Needs python3 (3.11+) with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
KERNELS := $(VENV)/kernels
PEERS := $(VENV)/peers/ready

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long check format bench lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Poise needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Poise needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The planning kernels are compiled once, here, so that no first plan waits for a compiler.
$(KERNELS): $(READY) $(shell find src/poise/planning -name '*.py')
	@echo "Compiling the planning kernels ..."
	@$(BIN)/python -m poise.planning.warm
	@touch $@

install: $(KERNELS) ## install into .venv, hashes checked, kernels compiled

demo: install ## open the desk on the sample company
	@$(BIN)/poise demo --out demo

# A file's tests run in one process and in their order: some share a served desk or a Ray.
test: install ## run the tests (what needs a browser says so where there is none)
	$(BIN)/pytest -n $${POISE_TEST_WORKERS:-2} --dist loadfile --no-loadscope-reorder

test-long: install ## fuzz, fault and load runs
	$(BIN)/pytest -m "long or story" --timeout 3600

check: $(READY) ## format, lint, types, import rules, lock without addresses
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@! grep -nE 'https?://|--(extra-)?index-url' requirements*.txt

format: $(READY) ## write the format that check wants
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: install $(PEERS) ## measure speed and memory as ratios; see docs/performance.md
	$(BIN)/python bench/scans.py
	$(BIN)/python bench/planning.py --seeds 1 --seconds 5 --no-peer --frontiers S M
	$(BIN)/python bench/start.py
	$(BIN)/python bench/scaling.py
	$(BIN)/python bench/peers.py --sizes S M --seeds 1 2 3 --memory-gb 16
	$(BIN)/python bench/peers.py --sizes L XL --seeds 1 --seconds 60 --memory-gb 8 --json bench-out/peers-large.json
	$(BIN)/python bench/replan.py
	$(BIN)/python bench/limits.py
	$(BIN)/python bench/table.py
	$(BIN)/python bench/gate.py
	$(BIN)/python bench/incidents.py

# Peers live apart from Poise: two copies of one solver's library in a process do not get along.
$(PEERS): requirements-bench.txt
	@$(PYTHON) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

lock: $(READY) ## renew requirements.txt and requirements-bench.txt
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile -q pyproject.toml --group dev --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" -o requirements.txt
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile -q --group pyproject.toml:bench --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" -o requirements-bench.txt

clean: ## remove what make made
	rm -rf $(VENV) demo out bench-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
