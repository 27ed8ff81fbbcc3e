# Everything here works on a bare machine with Python 3.11 or newer and a package index; uv is used when it is there.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo up check test bench bench-sinks lock clean

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv and install SDG into it, with what its tests and checks need

$(INSTALLED): pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

demo: setup ## make a million orders below sdg-data/out and look at them
	@$(BIN)/sdg demo

up: setup ## serve API, admin and workers on http://127.0.0.1:50032, until Ctrl-C
	@$(BIN)/sdg up

check: setup ## formatting, lint, types, import contracts, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run

test: setup ## all tests
	$(BIN)/pytest

bench: setup ## records per second of every field type and format, beside Faker
	$(BIN)/python -m tests.bench

bench-sinks: setup ## records per second to each destination with a server, beside the server itself
	$(BIN)/python -m tests.bench --part sinks

lock: ## pin all dependencies again, with hashes
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --all-extras pyproject.toml -o requirements.lock

clean: ## remove the environment and what SDG has made here
	rm -rf $(VENV) sdg-data build dist *.egg-info
