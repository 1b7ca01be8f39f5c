# SPDX-License-Identifier: GPL-2.0-or-later
# Each target sets up what it needs: Python 3.11 or later and make are enough.

# What `make run` shows: a copy whose byte 77 lies on a page without access.
RUN ?= copy --length 96 --fault none@src+77

NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" $(NEW_ENOUGH) 2>/dev/null && echo "$$name" && exit; done; echo python3)

BIN := .venv/bin
GUEST := $(wildcard guest/kernel/* guest/umaccess/* guest/include/* emu/*/native/* emu/toolchain/*.py)

.DEFAULT_GOAL := help
ON_MACHINES := -m 'not sweep and not wine and not browser' tests/test_machine.py tests/memory tests/kernel tests/faults \
	tests/guest tests/conformance tests/checks

.PHONY: setup run test test-all test-traced coverage test-wine test-browser fuzz lint bench docs clean help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf 'make %-12s %s\n' "$$name" "$$text"; done

setup: .venv/stamp emu/_built/stamp ## create .venv with everything in it

.venv/stamp: pyproject.toml hatch_build.py
	@$(PYTHON) $(NEW_ENOUGH) || { \
		echo "umaccess-emu needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "$(PYTHON) cannot create virtual environments (no ensurepip; Debian and Ubuntu keep it in python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

emu/_built/stamp: $(GUEST) | .venv/stamp
	$(BIN)/python -m emu.toolchain
	@touch $@

run: setup ## copy from user memory, fail at byte 77, handle it
	$(BIN)/emu $(RUN) || [ $$? -eq 1 ] # status 1: the call raised, as this one is meant to

test: setup ## the tests, without the long sweeps
	$(BIN)/python -m pytest -n auto -m 'not sweep and not wine and not browser'

test-all: setup ## all tests, but for those under Wine and in a browser
	$(BIN)/python -m pytest -n auto

test-traced: setup ## the tests of the machine with every call traced and run again, and with every access counted
	$(BIN)/python -m pytest -n auto --emu-trace $(ON_MACHINES)
	$(BIN)/python -m pytest -n auto --emu-watch $(filter-out tests/faults,$(ON_MACHINES))

coverage: setup ## what the tests of guest code reach of the library and the kernel image, as build/guest.info
	@mkdir -p build
	$(BIN)/python -m pytest -n auto -m 'not sweep' tests/guest tests/kernel/exports \
		--emu-cov build/guest.info --emu-cov-module umaccess --emu-cov-module ntoskrnl

test-wine: setup ## the exception programs under Wine, which it installs from Debian
	@command -v wine64 >/dev/null || test -x /usr/lib/wine/wine64 || { \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update -qq && $$sudo apt-get install --yes --no-install-recommends wine64; }
	$(BIN)/python -m pytest -m wine -rP tests/conformance/seh/test_wine.py

test-browser: setup ## the pages in a headless Chromium, which it installs from Debian
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || { \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update -qq && $$sudo apt-get install --yes --no-install-recommends chromium chromium-driver; }
	$(BIN)/python -m pytest -m browser -rP tests/browser

fuzz: setup ## a million damaged images, tables, stacks and programs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz all --runs 1000000

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## the numbers that the README states
	$(BIN)/python -m benchmarks

docs: setup ## the manual, as docs/_build/html
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python -m docs.generate
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_build/html

clean: ## remove everything that make has made
	rm -rf .venv emu/_built docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
