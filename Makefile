# make demo           from a checkout to verdicts, a checked address, a cleaned list and an explanation
# make demo-dashboard the dashboard over a simulated sender, with an outage and a block of its mail
# make screens        each page of the dashboard in Debian's chromium: screenshots in build/screens, and faults that axe-core finds
# make screens-cli    docs/images/cli-*.svg: the main screens, from real output, at 60, 80 and 200 columns
# make test           the tests, and make check
# make check          formatting, lint and types
# make train          the model for replies that no rule knows, from lab/replies and the examples of the rules
# make coverage       the tests, and whether they reach enough of the code and of its pure parts
# make spark          the tests of Spark in local mode; downloads half a gigabyte and needs Java 17
# make corpus         verdicts and reports compared with labelled replies, messages and foreign inputs in CORPUS=FOLDER (not part of the repository)
# make lab            the official cases of SPF; bounces produced by the mail servers that are installed, read and compared; the HTTP API under schemathesis; as root
# make docs           the documentation as a site, in build/site/site; broken links end it
# make man            manual pages in build/man; make package puts them into the wheel
# make fuzz           every reader under a coverage-guided fuzzer, for SECONDS=120
# make soak           read and ingest on damaged fixtures, for SECONDS=3600; failures are kept in build/soak
# make kills          commands killed at random moments, started again, and compared with those that nothing ended
# make harm           the service killed and its ledger locked under load, and its memory
# make world          policies compared in a simulated world
# make bench          speed, with the figures of comparable programs or lower bounds
# make package        source distribution and wheel, built, tested and checked
# make release-check  whether this commit can be released (docs/releasing.md), and make package
# make clean          removes everything that the other targets made

PYTHON ?= python3
VENV ?= .venv
SECONDS ?= 120
CORPUS ?= ../shared/corpus
BIN = $(VENV)/bin

PURE = src/bouncewise/times.py,src/bouncewise/model/*,src/bouncewise/text/*,src/bouncewise/rfc/*,src/bouncewise/classifier/*,src/bouncewise/policy/*,src/bouncewise/rules/*

.PHONY: demo demo-dashboard screens screens-cli docs man train test check coverage spark corpus bench world lab fuzz soak kills harm package release-check clean

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "bouncewise needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

demo-dashboard: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m bench.world.shown

screens: $(VENV)/.installed
	$(BIN)/pip install --quiet playwright
	$(BIN)/python -m lab.screens

test: check
	$(BIN)/pytest -n 2

check: $(VENV)/.installed
	$(BIN)/ruff format --check src tests bench lab fuzz
	$(BIN)/ruff check src tests bench lab fuzz
	$(BIN)/mypy

train: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[train]'
	$(BIN)/python -m lab.train

coverage: $(VENV)/.installed
	$(BIN)/pytest -n 2 --cov=bouncewise --cov-branch --cov-report=
	$(BIN)/coverage report --skip-covered --fail-under=92
	$(BIN)/coverage report --skip-covered --fail-under=98 --include="$(PURE)"

spark: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[spark]'
	$(BIN)/pytest tests/bulk/test_spark.py

corpus: $(VENV)/.installed
	$(BIN)/python bench/replies.py $(CORPUS)
	$(BIN)/python bench/messages.py $(CORPUS)
	$(BIN)/python bench/genuine.py $(CORPUS)/messages
	$(BIN)/python bench/foreign.py $(CORPUS)

world: $(VENV)/.installed
	$(BIN)/python -m bench.world

bench: $(VENV)/.installed
	$(BIN)/pip install --quiet duckdb aiodns --editable '.[spark]'
	$(BIN)/python bench/speed.py $(CORPUS)
	POLARS_MAX_THREADS=1 $(BIN)/python bench/columns.py
	$(BIN)/python bench/index.py --names 100000000
	$(BIN)/python bench/ingest.py
	$(BIN)/python bench/resolver.py
	$(BIN)/python bench/validate.py
	$(BIN)/python bench/gate.py
	$(BIN)/python bench/dashboard.py
	$(BIN)/python bench/service.py
	$(BIN)/python bench/drain.py
	$(BIN)/python bench/batch.py --rows 10000000
	$(BIN)/python bench/mailbox.py --megabytes 200 --rounds 1
	PYSPARK_PYTHON=$(CURDIR)/$(BIN)/python $(BIN)/python bench/spark.py

lab: $(VENV)/.installed
	$(BIN)/pip install --quiet pyyaml schemathesis
	$(BIN)/python -m lab.spf
	$(BIN)/python -m lab.run
	$(BIN)/python -m lab.verp
	$(BIN)/python -m lab.service
	$(BIN)/python -m lab.tables
	$(BIN)/python -m lab.schema

screens-cli: $(VENV)/.installed
	$(BIN)/python -m lab.screens_cli

docs: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[docs]'
	$(BIN)/python -m lab.site build/site
	cd build/site && $(CURDIR)/$(BIN)/zensical build --strict --clean

man: $(VENV)/.installed
	$(BIN)/python -m lab.man build/man

fuzz: $(VENV)/.installed
	$(BIN)/pip install --quiet atheris
	mkdir -p build/seeds && cp tests/fixtures/messages/*.eml tests/fixtures/logs/* build/seeds
	$(BIN)/python fuzz/readers.py -max_total_time=$(SECONDS) -timeout=10 build/seeds

soak: SECONDS = 3600
soak: $(VENV)/.installed
	$(BIN)/python fuzz/soak.py $(SECONDS)

kills: $(VENV)/.installed
	$(BIN)/python fuzz/kills.py

harm: $(VENV)/.installed
	$(BIN)/python -m fuzz.service

package: man
	$(BIN)/pip install --quiet build twine
	rm -rf dist build/sdist build/wheel
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	mkdir -p build/sdist && tar -xzf dist/*.tar.gz -C build/sdist --strip-components=1
	$(MAKE) -C build/sdist test VENV=.venv
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install --quiet --disable-pip-version-check dist/*.whl
	echo "550 5.1.1 User unknown" | build/wheel/bin/bouncewise classify

release-check: $(VENV)/.installed
	@version=$$($(BIN)/python -c 'import bouncewise; print(bouncewise.__version__)'); \
	fail() { echo "release-check: $$*"; exit 1; }; \
	grep -Eq "^## $$version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$$" CHANGELOG.md || fail "CHANGELOG.md has no heading ## $$version (YYYY-MM-DD)"; \
	test -z "$$(git status --porcelain)" || fail "there are uncommitted changes"; \
	test -z "$$(git tag --list "v$$version")" || fail "v$$version is tagged already"
	$(MAKE) package

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
