# Everything a contributor types. Targets that need the environment make it first.

PYTHON ?= python3
BIN := .venv/bin
LOCK := requirements/lock.txt
SYNCED := .venv/.synced
SCRATCH := $(CURDIR)/build/tests
CLIENTS := $(patsubst tests/clients/%/package-lock.json,build/clients/%/node_modules,$(wildcard tests/clients/*/package-lock.json))

SCHEMATHESIS := build/schemathesis/bin/schemathesis
MAILCHIMP := build/mailchimp/.installed

# The lock must not depend on who makes it: no addresses, no notes, every platform.
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

# Nobody's runs are reported to anybody.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export GX_ANALYTICS_ENABLED := false

# Tests talk to loopback only, to no Prefect server of the developer's, and leave their
# home alone; a proxy in the environment would send loopback requests elsewhere.
IN_A_CLEAN_ROOM := env -u PREFECT_API_URL -u PREFECT_API_KEY -u PREFECT_PROFILE -u SYNCLINE_STATE_URL \
	HOME=$(SCRATCH)/home PREFECT_HOME=$(SCRATCH)/prefect SYNCLINE_HOME=$(SCRATCH)/syncline \
	PREFECT_LOGGING_TO_API_ENABLED=false NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost TZ=UTC

.DEFAULT_GOAL := help
.PHONY: help setup demo test postgresql scenarios contract check fuzz lab bench bench-large ui docs lock clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

setup: $(SYNCED)  ## the environment in .venv, exactly as locked; again only when the lock changed

# Compiled at once: every run is a process of its own, and where Python may not write its
# caches each would compile Prefect and Great Expectations anew. uv reads neither pip's configuration nor its mirrors: where it reaches no index, pip may.
# The lock is complete (--no-deps); resolving it again, older pips stumble over extras.
$(SYNCED): $(LOCK) requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Syncline needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(LOCK) \
		|| $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(SYNCED)  ## sandbox, Prefect server and a sync on this machine, and what they changed
	$(BIN)/python -m deployments.demo

# The vendors' own clients, as locked. Without Node or an index their tests are skipped and say so.
build/clients/%/node_modules: tests/clients/%/package-lock.json tests/clients/%/package.json
	@mkdir -p $(@D) && cp $^ $(@D)
	@command -v npm >/dev/null || { echo "no npm here: the client of $* is not tried"; exit 0; }; \
		(cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent --fetch-retries=1 && touch node_modules) \
		|| echo "the client of $* could not be installed: it is not tried"

# A tool of its own in an environment of its own. Without an index its test is skipped and says so.
$(SCHEMATHESIS): requirements/schemathesis.txt $(SYNCED)
	@$(PYTHON) -m venv --clear build/schemathesis && { \
		$(BIN)/uv pip sync --quiet --python $(@D)/python --require-hashes $< 2>/dev/null \
		|| $(@D)/python -m pip install --quiet --no-deps --require-hashes -r $<; } && touch $@ \
		|| { rm -rf build/schemathesis; echo "schemathesis could not be installed: the sandbox is not tried with it"; }

# Mailchimp's own client for Python, the same way.
$(MAILCHIMP): requirements/mailchimp.txt $(SYNCED)
	@$(PYTHON) -m venv --clear build/mailchimp && { \
		$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes $< 2>/dev/null \
		|| $(@D)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<; } && touch $@ \
		|| { rm -rf build/mailchimp; echo "Mailchimp's client for Python could not be installed: it is not tried"; }

TWO_AT_A_TIME := -n 2 --dist loadfile --no-loadscope-reorder
PYTEST := $(IN_A_CLEAN_ROOM) $(BIN)/python -m pytest $(TWO_AT_A_TIME)
ON_POSTGRESQL := $(IN_A_CLEAN_ROOM) $(BIN)/python -m tests.on_postgresql $(TWO_AT_A_TIME) -m "not slow and not sqlite"

test: $(SYNCED) $(CLIENTS) $(SCHEMATHESIS) $(MAILCHIMP)  ## every test that is not slow, two at a time; each exchange held against the vendors' contracts
	@mkdir -p $(SCRATCH)/home
	$(PYTEST) -m "not slow"
	$(ON_POSTGRESQL) tests/state

postgresql: $(SYNCED)  ## the tests of everything that keeps a state again, with the state on PostgreSQL; a quarter of an hour
	@mkdir -p $(SCRATCH)/home
	$(ON_POSTGRESQL) tests/state tests/pipelines tests/deployments tests/transforms tests/web tests/system tests/oracle

scenarios: $(SYNCED)  ## the slow tests: scenarios judged by the oracle, servers, storms; a quarter of an hour
	@mkdir -p $(SCRATCH)/home
	$(PYTEST) -m slow

contract: $(SYNCED)  ## the demo's exchanges held against the vendors' contracts; two minutes
	rm -rf build/contract/demo
	SANDBOX_EXCHANGES=$(CURDIR)/build/contract/demo $(BIN)/python -m deployments.demo
	$(BIN)/python -m tests.contract build/contract/demo

check: $(SYNCED)  ## format, lint, types, floors, SQL and house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar transforms
	$(BIN)/python -m pytest tests/house

fuzz: $(SYNCED)  ## broken answers at every reader of a vendor's bytes; MINUTES=2
	$(BIN)/python -m tests.connectors.fuzz --minutes $(or $(MINUTES),2)

lab: $(SYNCED)  ## kill at every boundary, simulate faults, miss each protection, peers beside us; two to three hours
	$(BIN)/python -m tests.lab

# A proxy in the environment would get what is meant for the loopback.
bench bench-large: export NO_PROXY := 127.0.0.1,localhost
bench bench-large: export no_proxy := 127.0.0.1,localhost

# One after another, whichever fails; each alone: python -m bench.<name> --help.
bench: $(SYNCED)  ## every benchmark, beside peers where there are some; needs an index for them, and some hours
	$(BIN)/python -m bench

bench-large: $(SYNCED)  ## whole runs with a million persons, once each; takes many hours and 16 GB of free memory
	$(BIN)/python -m bench.whole_runs --people 1000000 --repeat 1

ui: $(SYNCED)  ## a Prefect server on http://127.0.0.1:4200: the demo's after a demo, else your own
	PREFECT_HOME=$(or $(wildcard $(CURDIR)/.demo/prefect),$(CURDIR)/.syncline/prefect) \
		$(BIN)/prefect server start --host 127.0.0.1 --port 4200

docs: $(SYNCED)  ## write the generated pages of docs/ again
	$(BIN)/python docs/write_tables.py
	$(BIN)/python docs/write_index.py

lock: $(SYNCED)  ## resolve the pins of pyproject.toml again; then run make setup
	$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
	$(COMPILE) requirements/schemathesis.in --output-file requirements/schemathesis.txt
	$(COMPILE) requirements/mailchimp.in --output-file requirements/mailchimp.txt
	$(COMPILE) --group dev pyproject.toml --output-file $(LOCK)

clean:  ## remove the environment and all caches; keeps .syncline, which holds state
	rm -rf .venv build .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
