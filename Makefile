# Everything a fresh machine needs is Python 3.11 to 3.13 and make.  `make help` lists the targets.
#
#   PYTHON=python3.12         another Python for .venv (the first suitable one is found by itself)
#   PIP_ARGS="..."            passed on to pip, for example the index of another build of torch
#   SNAKEMAKE_ARGS="..."      passed on to snakemake by `make demo`
#   PYTEST_ARGS="..."         passed on to pytest by `make test` and `make test-all`; "-n 0" is one process
#   RESULTS=results PORT=5000 the results folder and the port of `make ui`; RESULTS for `make screenshots` as well

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-from-lock
RESULTS ?= results
PORT ?= 5000
# A process a core, each with about 1.2 GB, what its tests start included; more than four were not tried.
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile
# Keep in step with requires-python in pyproject.toml.
PYTHON_FITS := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# CUDA libraries belong to the build of torch that a user chose, which asks for them itself.
CUDA_PACKAGES := nvidia-|cuda-|triton
BOTH_PLATFORMS := sys_platform == 'darwin' or sys_platform == 'linux'

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Packages of another Python must not shadow the locked ones.
unexport PYTHONPATH
unexport PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check format docs ui lock clean screenshots
.DELETE_ON_ERROR:

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

$(STAMP): requirements.lock pyproject.toml
	@python=; \
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python); do \
	    if "$$candidate" -c '$(PYTHON_FITS)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "make: $(if $(PYTHON),PYTHON=$(PYTHON) is not,found no) Python 3.11 to 3.13 with the venv and ensurepip modules$(if $(PYTHON),,; choose one with PYTHON=...)" >&2; \
	    exit 1; \
	fi; \
	if ! $(BIN)/python -c '$(PYTHON_FITS)' >/dev/null 2>&1; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "Installing requirements.lock into $(VENV) (the first time downloads take minutes)"
	@$(BIN)/python -m pip install $(PIP_ARGS) -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP)  ## make .venv with the locked dependencies and this package

demo: $(STAMP)  ## run the default experiment and print its summary
	@$(BIN)/snakemake $(SNAKEMAKE_ARGS)

test: $(STAMP)  ## run the tests, the slow ones left out
	@$(PYTEST) $(PYTEST_ARGS)

test-all: $(STAMP)  ## run all tests
	@$(PYTEST) -m '' $(PYTEST_ARGS)

check: $(STAMP)  ## style and form: ruff, snakefmt, snakemake --lint, snakemake -n
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflows
	$(BIN)/snakemake --lint
	$(BIN)/snakemake -n --quiet rules

format: $(STAMP)  ## rewrite the sources in the form that `make check` wants
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflows

docs: $(STAMP)  ## write the tables of docs/ anew from the schemas in the source
	$(BIN)/python docs/generate.py

ui: $(STAMP)  ## look at the results in MLflow (RESULTS, PORT)
	@exec $(BIN)/lossjumps ui "$(RESULTS)" --port $(PORT)

screenshots: $(STAMP)  ## make the pictures of docs/mlflow.md anew from RESULTS, and check MLflow's pages on the way
	@$(BIN)/python -m pytest -m '' tests/test_mlflow_ui.py --screenshots "$(RESULTS)" $(PYTEST_ARGS)

# uv solves for all Pythons and platforms at once and keeps the versions that are there already;
# `make lock LOCK_ARGS=--upgrade` renews them, LOCK_ARGS="--upgrade-package NAME" one of them.
lock:  ## solve requirements.lock anew from pyproject.toml
	@[ -x build/uv/bin/uv ] || { $(or $(PYTHON),python3) -m venv build/uv && build/uv/bin/python -m pip install --quiet uv; }
	@cp requirements.lock build/requirements.lock 2>/dev/null || true
	@build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --extra pipeline --extra dev --extra slurm \
	    --annotation-style line --no-emit-index-url --custom-compile-command "make lock" $(LOCK_ARGS) \
	    --output-file build/requirements.lock pyproject.toml
	@grep -vE '^($(CUDA_PACKAGES))' build/requirements.lock \
	    | sed -e "s/ ; $(BOTH_PLATFORMS)  #/  #/" -e "s/ and ($(BOTH_PLATFORMS))  #/  #/" > build/requirements.lock.new
	@mv build/requirements.lock.new requirements.lock
	@echo "requirements.lock pins $$(grep -c == requirements.lock) packages"

clean:  ## remove .venv and what tools cached; results stay
	rm -rf $(VENV) build .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
