# `make setup`, `make run` and `make test` are all that is needed; README.md tells what they show.
SHELL := /bin/bash
PYTHON ?= python3.11
export PYTHON
export TRACEKEEP_LAKE := $(abspath $(or $(TRACEKEEP_LAKE),.lake))
export PATH := $(CURDIR)/.venv/bin:$(PATH)
tracekeep := .venv/bin/python -m tracekeep

.PHONY: setup
setup: .venv/.ready

.venv/.ready: requirements.lock jars.sha256 scripts/setup.sh
	@scripts/setup.sh

.PHONY: lint
lint: setup target/.sqlfluff
	ruff check
	ruff format --check
	yamllint --strict .
	dbt --quiet parse --warn-error --no-partial-parse

# Parsing all SQL takes half a minute, so this lints what has changed since all was clean last; a
# macro or a rule changes everything. Python's warnings are about sqlfluff's own worker processes.
sql_folders := $(wildcard models macros tests analyses)
sql := $(shell find $(sql_folders) -name '*.sql')
sql_rules := .sqlfluff macros/.sqlfluff scripts/dbt_context/__init__.py dbt_project.yml

target/.sqlfluff: $(sql) $(sql_rules) | setup
	PYTHONWARNINGS=ignore::UserWarning sqlfluff lint \
		$(if $(filter macros/% $(sql_rules),$?),$(sql_folders),$?)
	@mkdir -p target && touch $@

.PHONY: test
test: lint
	.venv/bin/python -m pytest
