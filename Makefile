# `make app` and `make test` need only python3 (3.11 or newer, with venv) and make: they put what
# else they need into .venv, and are quick the second time. pip's own environment variables hold.

PYTHON ?= python3
PORT ?= 5006
PYTEST_ARGS ?=
GPU_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
# What was installed, and when: made again when the packages asked for change.
INSTALLED := $(VENV)/.installed
INSTALLED_TEST := $(VENV)/.installed-test
INSTALLED_DEV := $(VENV)/.installed-dev

# The page's default: a mock sky of the published catalog's size, through the demo model.
STARS ?= 502311
MOCK := data/build/mock/xp_apogee_mock.h5
CATALOG := data/build/catalog.parquet

# What the GPU's tests need where nothing can be downloaded and little but PyTorch is installed.
WHEELS := .wheels
GPU_WHEELS := gaiaxpy aenum fastavro astropy pyerfa astropy-iers-data astropy-healpix shapely pytest
GPU_WHEELS_BUILT := hdfs
PLATFORMS := $(foreach n,17 24 27 28,--platform manylinux_2_$(n)_x86_64) --platform manylinux2014_x86_64

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help app test testall fast cover bench bench-train attack gpu gpu-wheels lint types format hooks chromium clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

app: $(INSTALLED) $(CATALOG)  ## serve the page at http://localhost:5006/app (PORT=... for another port)
	@echo "http://localhost:$(PORT)/app"
	@exec $(BIN)/panel serve app --port $(PORT) --warm

# Made once; what is there is kept, whatever made it.
$(CATALOG): | $(INSTALLED) $(MOCK)
	@echo "Encoding the mock sky into $(CATALOG)"
	@$(BIN)/xpmodel build $(MOCK) --model data/demo_model --out $(CATALOG)

$(MOCK): | $(INSTALLED)
	@echo "Making a mock sky of $(STARS) stars: $(MOCK) (1 kB a star)"
	@$(BIN)/xpmodel mock --stars $(STARS) --seed 0 --out data/build/mock

# Browsers are watched one at a time, the other tests share the cores.
test: $(INSTALLED_TEST) chromium lint types  ## check format, lint, imports and types, and run the tests
	$(BIN)/python -m pytest -n 2 --ignore tests/browser $(PYTEST_ARGS)
	$(BIN)/python -m pytest -m "not slow" tests/browser $(PYTEST_ARGS)

testall: $(INSTALLED_TEST) chromium lint types  ## the same, with the long tests in the browser
	$(BIN)/python -m pytest -n 2 --ignore tests/browser $(PYTEST_ARGS)
	$(BIN)/python -m pytest tests/browser $(PYTEST_ARGS)

fast: $(INSTALLED_TEST)  ## the quick tests, without a browser: about a minute
	$(BIN)/python -m pytest -q -n auto -m "not slow" --ignore tests/browser $(PYTEST_ARGS)

cover: $(INSTALLED_TEST) chromium  ## all tests, and how much of each file of the product they run
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n 2 --ignore tests/browser $(PYTEST_ARGS)
	$(BIN)/coverage run -m pytest tests/browser $(PYTEST_ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: $(INSTALLED_TEST) $(CATALOG)  ## time what a visitor waits for
	$(BIN)/python -m tests.bench

bench-train: $(INSTALLED_TEST)  ## time an epoch of training, on a GPU where there is one
	$(BIN)/python -m tests.bench.train

attack: $(INSTALLED_TEST) chromium  ## malformed files, kills, many visitors, random gestures: an hour
	$(BIN)/python -m tests.attack all

gpu:  ## on a GPU: its tests and benchmarks, in minutes, with the packages of PYTHON=python3
	$(PYTHON) -m tests.bench.gpu $(GPU_ARGS)

# For Python 3.12 on Linux, whatever runs here; some come as source only, without a compiled part.
gpu-wheels:  ## bring what `make gpu` needs on a machine without network into .wheels
	rm -rf $(WHEELS)
	$(PYTHON) -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 \
		--implementation cp $(PLATFORMS) -c constraints.txt -d $(WHEELS) $(GPU_WHEELS)
	$(PYTHON) -m pip wheel -q --no-deps -c constraints.txt -w $(WHEELS) $(GPU_WHEELS_BUILT)

lint: $(INSTALLED_TEST)  ## check the format, lint, check who imports whom and the spelling
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	PYTHONPATH=app $(BIN)/lint-imports --no-logo
	$(BIN)/oxlint app
	$(BIN)/codespell xpmodel app tests docs data/README.md README.md CHANGELOG.md CONTRIBUTING.md CITATION.cff Makefile pyproject.toml

types: $(INSTALLED_TEST)  ## check the types of both packages
	$(BIN)/mypy

format: $(INSTALLED_TEST)  ## format the code and fix what ruff can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

hooks: $(INSTALLED_DEV)  ## run the checks before every git commit from now on
	$(BIN)/pre-commit install

# The browser tests look in the same places.
chromium:
	@if [ -n "$$CHROMIUM" ]; then \
		command -v "$$CHROMIUM" >/dev/null && exit 0; \
		echo "CHROMIUM is $$CHROMIUM, which is not a program that can be run" >&2; exit 1; \
	fi; \
	found() { \
		command -v chromium || command -v chromium-browser || command -v google-chrome; \
	}; \
	found >/dev/null && exit 0; \
	if command -v apt-get >/dev/null; then \
		if [ "$$(id -u)" = 0 ]; then root=env; \
		elif sudo -n true 2>/dev/null; then root="sudo -n env"; \
		else root=; fi; \
		if [ -n "$$root" ]; then \
			echo "Installing Chromium for the browser tests (apt-get)"; \
			$$root apt-get -qq update; \
			$$root DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium >/dev/null; \
		fi; \
	fi; \
	found >/dev/null && exit 0; \
	echo "The browser tests need Chromium or Chrome, and none is on the PATH. Install one" >&2; \
	echo "(Debian: sudo apt-get install chromium; Ubuntu: sudo snap install chromium;" >&2; \
	echo "Fedora: sudo dnf install chromium; macOS: brew install --cask google-chrome)," >&2; \
	echo "or name one that is elsewhere: make test CHROMIUM=/path/to/chrome" >&2; \
	exit 1

clean:  ## remove caches and leftovers of builds (.venv and data/build stay)
	rm -rf build dist xpmodel.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

# pip comes last into a new environment: one without it was not finished.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) on the PATH" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "xpmodel needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
			"Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) could not make $(VENV)" \
			"(Debian and Ubuntu: sudo apt-get install python3-venv)" >&2; exit 1; }

$(INSTALLED): pyproject.toml setup.py constraints.txt | $(BIN)/pip
	@echo "Installing xpmodel and what it needs into $(VENV) (minutes, the first time)"
	@$(PIP_INSTALL) -e '.[app]'
	@touch $@

$(INSTALLED_TEST): pyproject.toml setup.py constraints.txt | $(BIN)/pip
	@echo "Installing xpmodel, what it needs and what its tests need into $(VENV) (minutes, the first time)"
	@$(PIP_INSTALL) -e '.[app,test]'
	@touch $@ $(INSTALLED)

$(INSTALLED_DEV): pyproject.toml setup.py constraints.txt | $(BIN)/pip
	@echo "Installing xpmodel and what its developers need into $(VENV) (minutes, the first time)"
	@$(PIP_INSTALL) -e '.[app,test,dev]'
	@touch $@ $(INSTALLED) $(INSTALLED_TEST)
