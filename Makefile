# Everything a developer runs, by name. `make` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

install:  ## editable, with everything the tests need
	$(PYTHON) -m pip install -e '.[test]'

test:  ## the whole suite
	$(PYTHON) -m pytest

quick:  ## the suite without what takes long
	$(PYTHON) -m pytest -m 'not slow'

check:  ## lint, format, types, import order
	ruff check . && ruff format --check . && mypy && lint-imports

format:  ## format and mend what can be mended
	ruff format . && ruff check --fix .

golden:  ## rewrite the golden renderings; read the difference
	$(PYTHON) -m pytest tests/tables --golden

benchmarks:  ## speed against the peers; rewrites benchmarks/README.md
	$(PYTHON) benchmarks/speed.py --write

reports:  ## regenerate reports/
	$(PYTHON) tools/reports.py

.PHONY: help install test quick check format golden benchmarks reports
