# Targets of the project; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/bin/uv
UV_VERSION := 0.13.9
READY := $(VENV)/ready
SAMPLE_DAY := 2025-02-03

.DEFAULT_GOAL := help
.PHONY: help setup run test test-spark test-long cases check format lock bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## make the environment from requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	touch $@

run: $(READY) ## run one day of the main job on the sample retailer
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/quanyu sample
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/quanyu run --day $(SAMPLE_DAY) --train churn

test: $(READY) ## run the suite, which needs Python alone
	$(BIN)/python -m pytest -n 2 -m "not long and not spark" --durations=60

test-spark: $(READY) ## run what needs Java 17: Apache Spark beside the embedded engine
	$(BIN)/python -m pytest -n 2 -m "spark and not long" --durations=20

test-long: $(READY) ## run everything: also every seeded kill, on both engines, and more examples
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=thorough

cases: $(READY) ## run the cases of ../shared/cases (or QUANYU_CASES), and compare each with the expected answer
	$(BIN)/python tests/cases

check: $(READY) ## ruff and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## put the code into the house's form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(READY) ## resolve requirements.lock anew
	$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes -q -o requirements.lock --custom-compile-command "make lock"

bench: $(READY) ## measure the figures of benchmarks/README.md
	$(BIN)/python benchmarks/spine.py
	$(BIN)/python -m benchmarks.identity fake_1000 febrl_1 febrl_2 febrl_3 sample
	$(BIN)/python -m benchmarks.identity persons splink --records 1000000 --days 1
	$(BIN)/python -m benchmarks.identity persons splink --records 50000 --days 30
	$(BIN)/python -m benchmarks.scale

clean: ## remove the environment and the default home
	rm -rf $(VENV) .quanyu
