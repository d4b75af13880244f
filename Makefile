# The one door. Plain `make` lists what is behind it.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:

PYTHON3 ?= python3
PYTHON := .venv/bin/python
READY := .venv/.ready
UV := .venv-uv/bin/uv
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/manualdial
ENGINE ?= simulator
ROUNDS ?= 100
DATABASE ?= sqlite
comma := ,

# Compiling for every platform and Python at once keeps the pins the same wherever `make lock` is run.
# `--no-config` and the cleared variables keep a machine's own index settings out of the files.
LOCK := env -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL -u PIP_FIND_LINKS -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_FIND_LINKS \
	$(UV) pip compile --no-config --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# The steps of `make check`, the longest first.
CHECKS := contract-tests unit-tests types format-check lint imports drift

.PHONY: help
help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Set-up is a file: it is made again only when what it was made from has changed.
$(READY): pyproject.toml requirements/development.txt requirements/uv.txt scripts/environment
	@PYTHON3="$(PYTHON3)" scripts/environment
	@touch $@

.PHONY: setup
setup: $(READY)  ## Make the virtual environment .venv from the pins in requirements/

.PHONY: demo
demo: $(READY)  ## Start the service, dial the sample number, show every message and some verdicts (ONCE=1: then end)
	@$(PYTHON) -m manualdial demo $(if $(filter-out 0,$(ONCE)),--once)

.PHONY: run
run: $(READY)  ## Serve with the settings of manualdial.toml or CONFIG=FILE, and of the environment
	@$(PYTHON) -m manualdial serve $(if $(CONFIG),--config "$(CONFIG)")

# Compiled modules are kept even where the shell asks for none: to compile all of it anew takes seconds of each step.
.PHONY: check
check: export PYTHONDONTWRITEBYTECODE :=
check: $(READY)  ## Everything that must hold and is known within a minute: format, lint, types, imports, drift, fast tests
	@$(MAKE) --jobs=3 --output-sync=target --keep-going $(CHECKS)

# None stands on another: three run at a time on two cores, since the first of them waits for much of its time.
# Each is told of as a whole when it is done, and one that fails stops none of the others.
# The tests among them are quick: no server but those inside the test's own process.
.PHONY: $(CHECKS)
contract-tests:
	$(PYTHON) -m pytest -q tests/contract tests/faults -m "not postgresql"
unit-tests:
	$(PYTHON) -m pytest -q tests/unit
types:
	$(PYTHON) -m mypy
format-check:
	$(PYTHON) -m ruff format --check
lint:
	$(PYTHON) -m ruff check
imports:
	.venv/bin/lint-imports
drift:
	$(PYTHON) -m scripts.generate --check

# Both halves run even if the first fails, so that one run tells all.
.PHONY: test
test: $(READY) telephony-tools  ## Everything that tests, against real servers too
	@status=0; \
	$(PYTHON) -m pytest tests --ignore tests/telephony || status=1; \
	$(MAKE) telephony || status=1; \
	exit $$status

.PHONY: telephony
telephony: $(READY) telephony-tools  ## The tests against a real Asterisk and SIPp, in a network namespace of their own
	scripts/in_namespace $(PYTHON) -m pytest tests/telephony

.PHONY: telephony-tools
telephony-tools:
	@tests/telephony/install.sh "$(CACHE)" \
	|| echo "Asterisk or SIPp could not be had; the tests that need them are skipped and say so."

.PHONY: coverage
coverage: $(READY)  ## The tests without the telephony ones, and which lines and branches they leave out
	$(PYTHON) -m coverage run -m pytest tests --ignore tests/telephony
	$(PYTHON) -m coverage report

.PHONY: faults
faults: $(READY) telephony-tools  ## Break everything while agents press, and count (ROUNDS=, DATABASE=, SEED=, WRITE=1)
	scripts/in_namespace $(PYTHON) -m tests.faults --rounds $(ROUNDS) --database $(DATABASE) \
		$(if $(SEED),--seed $(SEED)) $(if $(WRITE),--write)

.PHONY: bench
bench: $(READY) telephony-tools  ## Measure what the service costs, as ratios, and print the table of docs/benchmarks.md
	scripts/in_namespace $(PYTHON) -m bench $(subst $(comma), ,$(ONLY)) $(if $(WRITE),--write)

.PHONY: conformance
conformance: $(READY) $(if $(filter asterisk,$(ENGINE)),telephony-tools)  ## Run CHECK=PROGRAM against a fresh server (ONLY=AREAS, ENGINE=simulator|asterisk)
	@test -n "$(CHECK)" || { echo "Say which program: make conformance CHECK=PROGRAM [ONLY=AREAS]" >&2; exit 2; }
	@$(if $(filter asterisk,$(ENGINE)),scripts/in_namespace) \
		$(PYTHON) -m scripts.conformance "$(CHECK)" --only "$(ONLY)" --engine "$(ENGINE)"

.PHONY: schemas
schemas: $(READY)  ## Write schemas/ from the messages and the routes
	$(PYTHON) -m scripts.generate schemas

.PHONY: docs
docs: $(READY)  ## Write docs/configuration.md from the options and docs/policies.md from the policies
	$(PYTHON) -m scripts.generate configuration policies

.PHONY: lock
lock: $(READY)  ## Renew the exact pins in requirements/ from what pyproject.toml asks for
	$(LOCK) --output-file requirements/uv.txt --group pyproject.toml:installer
	$(LOCK) --output-file requirements/runtime.txt --extra otlp pyproject.toml
	$(LOCK) --output-file requirements/development.txt --extra otlp --group development \
		--constraints requirements/runtime.txt pyproject.toml

.PHONY: format
format: $(READY)  ## Put the code in order
	$(PYTHON) -m ruff format
	$(PYTHON) -m ruff check --fix

.PHONY: clean
clean:  ## Remove what was made here; the cache outside the checkout stays
	rm -rf .venv .venv-uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .import_linter_cache dist
	find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +
