# Everything needed to try, test and change the service. `make` alone lists the targets.
# The environment in .venv is made from the lock files when a target needs it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed
SUITE := $(foreach apart,core pending samba clients,--ignore tests/$(apart))
CLIENTS := .venv-clients
SAMBA := .venv-samba
SAMBA_PACKAGES := samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools \
	libnss-wrapper faketime gcc libkrb5-dev python3-dev
# Extras stay in the locks: pip holds `coverage[toml]` to no pin of `coverage` once a newer one is out.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-core test-coverage test-clients test-collect test-pending test-properties test-samba lint format serve worker openapi bench-enroll bench-cpu bench-policy bench-start lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN) ## Issue a certificate with everything started here, then stay up (ONCE=1: end)
	@$(BIN)/scm-api demo $(if $(filter-out 0,$(ONCE)),--once) $(if $(PORT),--port $(PORT)) \
		$(if $(SANDBOX_PORT),--sandbox-port $(SANDBOX_PORT))

# Half of the time tests wait, for leases above all: six at a time keep two cores busy.
test: ## Every gate and the whole suite, on a PostgreSQL it starts itself
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),-O) \
		lint test-coverage test-clients test-collect
	$(BIN)/pytest -n 6 --dist loadgroup $(SUITE)

test-core: $(DEV) ## The decisions alone: seconds, without I/O
	$(BIN)/pytest tests/core -p no:logging

test-coverage: $(DEV) ## The decisions alone, with the proof that every branch is covered
	HYPOTHESIS_PROFILE=usual $(BIN)/pytest tests/core -p no:logging --cov scm_api.core --cov-branch \
		--cov-fail-under 100 --cov-report term-missing:skip-covered

test-collect: $(DEV) ## Every test can be collected; compiles them, which six processes would do each
	@$(BIN)/pytest --collect-only -q -q $(SUITE) >/dev/null || $(BIN)/pytest --collect-only -q -q $(SUITE)

test-clients: $(DEV) $(CLIENTS)/.installed ## The simulators, driven by clients that know nothing of us
	$(BIN)/pytest tests/clients

test-pending: $(DEV) ## 2,000 pending DigiCert orders, followed for two minutes
	$(BIN)/pytest tests/pending -s

test-properties: $(DEV) ## The decisions, with forty times as many made-up cases as usual
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest tests/core -n 2

test-samba: $(SAMBA)/.installed ## The AD CS driver against Samba's Active Directory, with Kerberos (Debian, as root)
	@LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_HOSTS=$(CURDIR)/tests/samba/hosts \
		KRB5_CONFIG=$(CURDIR)/tests/samba/krb5.conf $(SAMBA)/bin/python -m pytest tests/samba

lint: $(DEV) ## Style, types and the rules between layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Rewrite the code in the agreed style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

serve: $(RUN) ## The API alone, on the embedded database
	@SCM_LOG_FORMAT=console $(BIN)/scm-api serve

worker: $(RUN) ## A worker beside `make serve`
	@SCM_LOG_FORMAT=console $(BIN)/scm-api worker

openapi: $(RUN) ## Write openapi/openapi.yaml from the code
	@$(BIN)/scm-api openapi --write

bench-enroll: $(DEV) ## Workloads W0, W1 and W2: floors, accept, accept to issued
	@$(BIN)/python -m benchmarks.enroll

bench-cpu: $(DEV) ## CPU and statements of one accept and one certificate: a minute, for comparing changes
	@$(BIN)/python -m benchmarks.cpu

bench-policy: $(DEV) ## Workload W11: judging the names of a CSR, with 1, 10 and 100 of them
	@$(BIN)/python -m benchmarks.policy

bench-start: $(DEV) ## Workload W12: import and ready
	@$(BIN)/python -m benchmarks.start

lock: ## Resolve the lock files anew (needs uv)
	$(COMPILE) pyproject.toml -o requirements-image.lock
	$(COMPILE) --extra embedded pyproject.toml -c requirements-image.lock -o requirements.lock
	$(COMPILE) --extra embedded --extra dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --extra kerberos pyproject.toml -c requirements-dev.lock -o requirements-kerberos.lock
	$(COMPILE) tests/clients/requirements.in -o tests/clients/requirements.lock

clean: ## Remove the environment, caches and the demo's data
	rm -rf $(VENV) $(CLIENTS) $(SAMBA) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .scm-api demo

# $(call install,LOCK,UV COMMAND): uv where it is there and reaches an index, else pip; both check
# the hashes and compile bytecode.
define install
	@echo "Installing $(1) into $(VENV) ..."
	@{ command -v uv >/dev/null && VIRTUAL_ENV=$(VENV) uv pip $(2) --quiet --require-hashes \
		--compile-bytecode $(if $(filter install,$(2)),-r) $(1) 2>/dev/null; } \
	|| { test -x $(BIN)/pip && $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r $(1); } \
	|| { echo "The packages of $(1) could not be installed; the message above says which one." \
		"Without a network, set PIP_INDEX_URL to a package index you reach, then run this again." >&2; \
		exit 1; }
	@echo "$(CURDIR)/src" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/scm_api.pth"
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m scm_api "$$@"\n' > $(BIN)/scm-api
	@chmod 755 $(BIN)/scm-api
	@$(BIN)/python -m compileall -q src || :
endef

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed and $(PYTHON) is not that." \
		"Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	|| { command -v uv >/dev/null && uv venv --quiet --clear --python $(PYTHON) $(VENV); } \
	|| { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment." \
		"On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(RUN): $(VENV)/pyvenv.cfg requirements.lock
	$(call install,requirements.lock,install)
	@touch $@

$(DEV): $(VENV)/pyvenv.cfg requirements-dev.lock
	$(call install,requirements-dev.lock,sync)
	@touch $(RUN) $@

# Clients of other people have an environment of their own: nothing of theirs is imported by us.
$(CLIENTS)/.installed: $(VENV)/pyvenv.cfg tests/clients/requirements.lock
	@rm -rf $(CLIENTS)
	@$(PYTHON) -m venv $(CLIENTS) >/dev/null 2>&1 || uv venv --quiet --clear --python $(PYTHON) $(CLIENTS)
	@{ command -v uv >/dev/null && VIRTUAL_ENV=$(CLIENTS) uv pip sync --quiet --require-hashes \
		tests/clients/requirements.lock 2>/dev/null; } \
	|| $(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r tests/clients/requirements.lock
	@touch $@

# Kerberos is compiled here. The environment stands on that of the tests and adds the extra alone.
$(SAMBA)/.installed: $(DEV) requirements-kerberos.lock
	@test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { \
		echo "These tests start a domain controller and need its ports (88, 135, 445, 636)," \
			"so they run as root, on Debian or Ubuntu." >&2; exit 1; }
	@dpkg-query -W $(SAMBA_PACKAGES) >/dev/null 2>&1 || { echo "Installing $(SAMBA_PACKAGES) ..." \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $(SAMBA_PACKAGES) >/dev/null; } || { \
		echo "Debian's packages could not be installed; the message above says why." >&2; exit 1; }
	@rm -rf $(SAMBA)
	@$(BIN)/python -m venv $(SAMBA) >/dev/null
	@for each in $(VENV) $(SAMBA); do $$each/bin/python -c \
		'import sysconfig; print(sysconfig.get_path("purelib"))'; done | { read theirs; read ours; \
		echo "$$theirs" > "$$ours/tests.pth"; \
		echo "$(CURDIR)/src" > "$$ours/scm_api.pth"; }
	@$(SAMBA)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements-kerberos.lock
	@touch $@
