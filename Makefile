# make demo    from nothing to verdicts, a checked address, a cleaned list and an explanation
# make test    the tests, style, types and shape
# make check   style, types and shape alone
# make spark   the tests on Spark in local mode: half a gigabyte, and Java 17
# make corpus  measure against labelled collections, where the folder is there
# make lab     genuine bounces of the mail servers that are installed (as root), read and compared
# make fuzz    every reader under a coverage-guided fuzzer, SECONDS=120
# make world   policies against each other in a simulated world
# make bench   figures beside their peers and floors

PYTHON ?= python3
VENV ?= .venv
SECONDS ?= 120
CORPUS ?= ../shared/corpus
BIN = $(VENV)/bin

.PHONY: demo test check spark corpus bench world lab fuzz clean

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "bouncewise needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: check
	$(BIN)/pytest

check: $(VENV)/.installed
	$(BIN)/ruff format --check src tests bench lab fuzz
	$(BIN)/ruff check src tests bench lab fuzz
	$(BIN)/mypy

spark: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[spark]'
	$(BIN)/pytest tests/test_spark.py

corpus: $(VENV)/.installed
	$(BIN)/python bench/replies.py $(CORPUS)
	$(BIN)/python bench/messages.py $(CORPUS)

world: $(VENV)/.installed
	$(BIN)/python -m bench.world

bench: $(VENV)/.installed
	$(BIN)/pip install --quiet duckdb --editable '.[spark]'
	$(BIN)/python bench/speed.py $(CORPUS)
	POLARS_MAX_THREADS=1 $(BIN)/python bench/columns.py
	$(BIN)/python bench/index.py --names 100000000
	$(BIN)/python bench/ingest.py
	$(BIN)/python bench/batch.py --rows 10000000
	$(BIN)/python bench/mailbox.py --megabytes 200 --rounds 1
	PYSPARK_PYTHON=$(CURDIR)/$(BIN)/python $(BIN)/python bench/spark.py

lab: $(VENV)/.installed
	$(BIN)/python -m lab.run

fuzz: $(VENV)/.installed
	$(BIN)/pip install --quiet atheris
	mkdir -p build/seeds && cp tests/fixtures/messages/*.eml tests/fixtures/logs/* build/seeds
	$(BIN)/python fuzz/readers.py -max_total_time=$(SECONDS) -timeout=10 build/seeds

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
