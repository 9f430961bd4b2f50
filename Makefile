# Everything a developer runs, by name. `make` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

install:  ## editable, with everything the tests need
	$(PYTHON) -m pip install -c .ci/constraints.txt -e '.[test]'

test:  ## the whole suite
	$(PYTHON) -m pytest

quick:  ## the suite without what takes long
	$(PYTHON) -m pytest -m 'not slow'

check:  ## lint, format, types, import order
	ruff check . && ruff format --check . && mypy && lint-imports

format:  ## format and mend what can be mended
	ruff format . && ruff check --fix .

torch-floor:  ## the oldest torch and onnx that pyproject allows, in an environment of its own
	$(PYTHON) -m venv build/floor && build/floor/bin/pip install -q . torch==2.13.0 onnx==1.16.0 'numpy<2' fvcore pytest hypothesis
	build/floor/bin/python -m pytest -q -W default -o addopts= --import-mode=importlib tests/measure/test_twin.py tests/importers/test_modules.py

release:  ## wheel and sdist in dist/, the same bytes every time, checked; publishes nothing
	$(PYTHON) -m venv build/release && build/release/bin/pip install -q build==1.6.1 hatchling==1.33.0 twine==7.0.0
	build/release/bin/python tools/release.py

golden:  ## rewrite the golden renderings; read the difference
	$(PYTHON) -m pytest tests/tables --golden

benchmarks:  ## speed against the peers; rewrites benchmarks/README.md
	$(PYTHON) benchmarks/speed.py --write

docs:  ## the manual as a site in build/site; warnings are errors
	$(PYTHON) tools/docs.py

reports:  ## regenerate reports/
	$(PYTHON) tools/reports.py

.PHONY: editor help install test quick check format torch-floor release golden benchmarks docs reports

editor:  ## CodeMirror for the live page, from its npm packages (needs npm), with their licences
	cd tools/editor && npm ci --no-audit --no-fund && npm run build
