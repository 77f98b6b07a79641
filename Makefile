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
lint: setup
	ruff check tracekeep tests
	ruff format --check tracekeep tests

.PHONY: test
test: lint
	.venv/bin/python -m pytest
