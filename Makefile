# make demo   enhance an example photo      make test    run the tests
# make check  format, lint, types, layers, tests          make bench  the figures of benchmarks/README.md

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := pyproject.toml setup.py constraints.txt src/scotopic/runtime/_curves.c

.PHONY: demo test check format bench clean

demo: $(VENV)/core
	@mkdir -p demo
	$(BIN)/scotopic enhance examples/lake.jpg --output demo/lake.jpg --compare --overwrite
	@echo "Look at demo/lake.jpg; demo/lake_scotopic_compare.jpg shows before and after side by side."

test: $(VENV)/dev
	$(BIN)/python -m pytest

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev
	$(BIN)/python benchmarks/apply.py
	$(BIN)/python benchmarks/files.py
	$(BIN)/python benchmarks/raw.py

$(VENV)/core: $(SOURCES)
	python3 -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/dev: $(VENV)/core
	$(PIP) --editable '.[train,heif,dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info src/*.egg-info
