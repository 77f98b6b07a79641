# `make setup`, `make run` and `make test` are all that is needed; README.md tells what they show.
SHELL := /bin/bash
PYTHON ?= python3.11
export PYTHON
lake := $(or $(TRACEKEEP_LAKE),.lake)
export TRACEKEEP_LAKE := $(if $(findstring ://,$(lake)),$(lake),$(abspath $(lake)))
export PATH := $(CURDIR)/.venv/bin:$(PATH)
tracekeep := .venv/bin/python -m tracekeep
oracle := .venv/bin/python -m oracle

.PHONY: setup
setup: .venv/.ready

.venv/.ready: requirements.lock jars.sha256 scripts/setup.sh
	@scripts/setup.sh

# For a lake on S3 (docs/operations.md).
.PHONY: setup-s3
setup-s3: setup
	@scripts/setup.sh s3

# A Spark cluster on this machine over the lake (docs/operations.md).
.PHONY: cluster cluster-stop
cluster: setup
	@scripts/setup.sh cluster
	@PYTHONPATH=. .venv/bin/python scripts/cluster.py start

cluster-stop:
	@PYTHONPATH=. .venv/bin/python scripts/cluster.py stop

# INPUT: a file or folder of your own; without it, a generated day of a payments platform.
INPUT ?=
EVENTS ?= 200000
day := $(or $(TRACEKEEP_STATE),$(TRACEKEEP_LAKE))/input

.PHONY: run
run: setup
ifeq ($(INPUT),)
	@[ -e "$(day)/truth/manifest.json" ] || \
		$(tracekeep) generate "$(day)" --events $(EVENTS) --seed 1 --force
	@$(tracekeep) run "$(day)"
else
	@$(tracekeep) run "$(INPUT)"
endif

# One page with every table, column and test, and how rows flow: target/static_index.html.
.PHONY: docs
docs: setup
	@dbt --quiet docs generate --static
	@printf 'docs: %s\n' "$(CURDIR)/target/static_index.html"

# Silver and Gold again from all of Bronze; refuses once a layer below has forgotten rows.
.PHONY: rebuild
rebuild: setup
	@$(tracekeep) rebuild

.PHONY: lint
lint: setup target/.sqlfluff
	ruff check
	ruff format --check
	yamllint --strict .
	dbt --quiet parse --warn-error --no-partial-parse
	.venv/bin/python -m pytest tests/python/test_yaml.py

# Parsing all SQL takes half a minute, so this lints what has changed since all was clean last; a
# macro or a rule changes everything. Python's warnings are about sqlfluff's own worker processes.
sql_folders := $(wildcard models macros tests analyses)
sql := $(shell find $(sql_folders) -name '*.sql')
sql_rules := .sqlfluff macros/.sqlfluff scripts/dbt_context/__init__.py dbt_project.yml

target/.sqlfluff: $(sql) $(sql_rules) | setup
	PYTHONWARNINGS=ignore::UserWarning sqlfluff lint \
		$(if $(filter macros/% $(sql_rules),$?),$(sql_folders),$?)
	@mkdir -p target && touch $@

# lint has run test_yaml.py. TARGET: `cluster` runs all Spark work on that of `make cluster`.
TARGET ?= local
.PHONY: test
test: lint
	$(if $(filter cluster,$(TARGET)),. .cluster/env &&) .venv/bin/python -m pytest --ignore=tests/python/test_yaml.py --durations=25

# SET: a folder of raw files. Compares the lake that was built from it, or builds one for the
# comparison, with an independent reading of the files.
.PHONY: test-real
test-real: setup
	@[ -n "$(SET)" ] || { echo "test-real: name the raw files, as in: make test-real SET=FOLDER" >&2; exit 2; }
	@$(oracle) compare "$(SET)" --build

# DIR: a folder of samples in any input format. Ingests them into a lake of their own and compares
# its Bronze rows with an independent reading. The default folder's table is kept in docs/results.
samples := ../shared/data/formats
DIR ?= $(samples)
.PHONY: test-formats
test-formats: setup
	@[ -d "$(DIR)" ] || { echo "test-formats: no samples in $(DIR); pass a folder, as in: make test-formats DIR=FOLDER" >&2; exit 2; }
	@$(oracle) formats "$(DIR)" $(if $(filter $(samples),$(DIR)),--out docs/results/formats.md)

# DIR: a folder of cases after users' reports, EXPECT: what is expected of them, a line each; all are
# built in a lake of their own.
reports := ../shared/data/reports
EXPECT ?= tests/reports.jsonl
.PHONY: test-reports
test-reports: DIR = $(reports)
test-reports: setup
	@[ -d "$(DIR)" ] || { echo "test-reports: no cases in $(DIR); pass a folder, as in: make test-reports DIR=FOLDER" >&2; exit 2; }
	@$(oracle) reports "$(DIR)" --expect "$(EXPECT)"

# What the layers are worth, on cases with a known culprit. SET: a folder of raw files, whose lake is
# built first, and CASES: its cases (scripts/cases.py makes them of labels); without them a generated
# day and its incidents. OUT: the folder for the results.
CASES ?=
OUT ?= docs/results/evidence
kinds := root-cause anomalies novelty sampling changes forecast paths
.PHONY: evidence
evidence: setup
ifeq ($(SET),)
	@$(MAKE) --no-print-directory run
	@.venv/bin/python scripts/cases.py "$(day)/truth/incidents.json" > "$(TRACEKEEP_LAKE)/cases.csv"
	@$(tracekeep) evidence $(kinds) --cases "$(TRACEKEEP_LAKE)/cases.csv" --out "$(OUT)"
else
	@[ -f "$(CASES)" ] || { echo "evidence: name the cases of the set, as in: make evidence SET=FOLDER CASES=FILE" >&2; exit 2; }
	@$(tracekeep) run "$(SET)"
	@$(tracekeep) evidence $(kinds) --cases "$(CASES)" --out "$(OUT)"
endif

# Questions asked of raw files, Bronze, Silver and Gold, by DuckDB and Spark, and of two other stores,
# in turn, and their bytes; EVENTS of a generated day, in a lake of its own. OUT: the folder for the
# results.
bench: OUT = docs/results
bench: ROUNDS ?= 5
.PHONY: bench
bench: setup .bench/.ready
	@$(MAKE) --no-print-directory run
	@PYTHONPATH=.:.bench .venv/bin/python scripts/bench.py --out "$(OUT)" --rounds $(ROUNDS)

.bench/.ready: requirements-bench.lock | setup
	rm -rf .bench
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		--target .bench --requirement $<
	@touch $@

# The long proofs, each at most an hour on two cores, or resumable.
.PHONY: prove
prove: prove-order prove-follow prove-copy prove-news prove-silver prove-layouts prove-gold-layouts \
	prove-storage prove-growth prove-retention prove-erasure prove-year prove-readers prove-faults \
	prove-sizes prove-speed prove-kafka prove-page prove-protobuf prove-s3 prove-cluster prove-soak \
	prove-templates prove-readme prove-hostile prove-serve

# Any order, split, repetition and crash gives the same rows (R5), on 200,000 events and 30 copies of
# the oddities, each in an order of its own.
.PHONY: prove-order
prove-order: setup
	TRACEKEEP_PROVE_EVENTS=200000 TRACEKEEP_PROVE_COPIES=30 TRACEKEEP_JAVA_OPTIONS= \
		TRACEKEEP_KILLED_AT="silver.spans gold.error_events" \
		.venv/bin/python -m pytest tests/python/test_pipeline_order.py --durations=0

# Their lakes are large, so both of Java's compilers pay (profiles.yml).
pytest := .venv/bin/python -m pytest --durations=0 -s
proofs := TRACEKEEP_JAVA_OPTIONS= $(pytest)

# `run --follow` as a process: two rounds, an end in order.
.PHONY: prove-follow
prove-follow: setup
	$(proofs) tests/proofs/test_follow_process.py

# A lake that is copied and built on: the original keeps every byte; plain dbt touches neither.
.PHONY: prove-copy
prove-copy: setup
	$(proofs) tests/proofs/test_copied_lake.py

# A run of Silver costs what its news cost, however long the history (R7); writes
# docs/results/news_cost.md.
.PHONY: prove-news
prove-news: setup
	$(proofs) tests/proofs/test_news.py

# silver.spans: bytes a span, CPU against DuckDB; writes docs/results/silver_spans.md. SET: a folder
# of raw files whose spans are weighed too.
.PHONY: prove-silver
prove-silver: setup
	TRACEKEEP_PROVE_SET="$(SET)" $(proofs) tests/proofs/test_silver.py

# One trace by its id in each layout of Silver; writes docs/results/layouts.md.
.PHONY: prove-layouts
prove-layouts: setup
	$(proofs) tests/proofs/test_layouts.py

# Windows in each layout of Gold; writes docs/results/gold_layouts.md.
.PHONY: prove-gold-layouts
prove-gold-layouts: setup
	$(proofs) tests/proofs/test_gold_layouts.py

# Gold against Bronze by share of errors, window and volume; writes docs/results/storage.md. What is
# done stays in TRACEKEEP_PROVE_FOLDER, so that it can be cut short.
.PHONY: prove-storage
prove-storage: setup
	$(proofs) tests/proofs/test_storage.py

# CPU, memory, bytes and files by the events of a day; writes docs/results/growth.md. What is done
# stays in TRACEKEEP_PROVE_FOLDER; TRACEKEEP_PROVE_SIZES="300000 1000000" names other sizes.
.PHONY: prove-growth
prove-growth: setup
	$(proofs) tests/proofs/test_growth.py

# A generated day gives the same Silver as JSON and as protobuf.
.PHONY: prove-protobuf
prove-protobuf: setup
	$(proofs) tests/proofs/test_protobuf_day.py

# README as a new user follows it, each command in a fresh clone; writes docs/results/readme.md.
.PHONY: prove-readme
prove-readme: setup
	$(pytest) tests/proofs/test_readme.py

# One trace by its id, asked of `tracekeep serve`; writes docs/results/serve.md. TRACEKEEP_SERVE_LAKE
# names a lake, else a day of TRACEKEEP_PROVE_EVENTS is built.
.PHONY: prove-serve
prove-serve: setup
	$(proofs) tests/proofs/test_serve_times.py

# Hostile texts from raw files to pages, the API, the terminal, alerts and tools of an assistant.
.PHONY: prove-hostile
prove-hostile: setup
	$(pytest) tests/proofs/test_hostile.py

# Error templates on public logs, Loghub-2k; writes docs/results/templates.md. SET: their folder.
.PHONY: prove-templates
prove-templates: setup
	TRACEKEEP_PROVE_SET="$(SET)" $(proofs) tests/proofs/test_templates.py

# Any bytes are parsed or rejected (R1): 10,000 files and 100,000 messages through the real readers.
.PHONY: prove-readers
prove-readers: setup
	$(proofs) tests/proofs/test_any_bytes.py

# Ten kills, two ingests at once and a full disk give the Silver of an undisturbed run (R5). Mounts
# a small file system, so it asks for root.
.PHONY: prove-faults
prove-faults: setup
	$(proofs) tests/proofs/test_faults.py

# A million events, one file of 2 GiB and 100,000 files in bounded memory.
.PHONY: prove-sizes
prove-sizes: setup
	$(proofs) tests/proofs/test_sizes.py

# CPU of ingest against DuckDB; writes docs/results/ingest_speed.md.
.PHONY: prove-speed
prove-speed: setup
	$(proofs) tests/proofs/test_speed.py

# Kafka topics of a real broker, which is fetched for it.
.PHONY: prove-kafka
prove-kafka: setup
	$(proofs) tests/proofs/test_kafka.py

# A lake in an object store holds the same rows as one on disk, also if ingest and dbt write to it at
# once and are killed. Builds a server, which needs Go.
.PHONY: prove-s3
prove-s3: setup-s3
	$(pytest) tests/proofs/test_object_store.py

# A cluster on this machine makes the same rows, on a shared folder and in an object store.
.PHONY: prove-cluster
prove-cluster: setup-s3
	@scripts/setup.sh cluster
	$(pytest) tests/proofs/test_cluster.py

# 20 minutes of 1,000 events a second on the cluster, of which processes die; writes
# docs/results/soak.md.
.PHONY: prove-soak
prove-soak: setup
	@scripts/setup.sh cluster
	$(pytest) tests/proofs/test_soak.py

# What expires goes from disk, what arrives for it later is counted, no error is lost (R6, R12).
.PHONY: prove-retention
prove-retention: setup
	$(proofs) tests/proofs/test_retention.py

# What is erased leaves every file, and all counts stay (R12); writes docs/results/erasure.md.
.PHONY: prove-erasure
prove-erasure: setup
	$(proofs) tests/proofs/test_erased_lake.py

# A simulated year of 2,000 events a day with an incident a week: each incident is told at every age,
# and the layers stay small (R11, R12); writes docs/results/retention.md. Needs faketime (Debian).
# Each tick that is done stays in TRACEKEEP_PROVE_FOLDER, so that it can be cut short;
# TRACEKEEP_PROVE_TICKS="0-9,31" names other days than all, TRACEKEEP_PROVE_EVENTS events a day.
.PHONY: prove-year
prove-year: setup
	$(pytest) tests/proofs/test_year.py

# The page of an incident and the dashboard in a real browser, headless Chromium, which has to be
# there, and pictures of dbt's docs; writes docs/incident.png, incident_trace.png and dashboard.png.
.PHONY: prove-page
prove-page: setup
	$(proofs) tests/proofs/test_page.py
