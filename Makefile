# The two commands of the README: `make demo` and `make test`. Each makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
# When .venv was brought up to date: with what the toolkit needs, and with what working on it needs.
INSTALLED := .venv/.installed
DEVELOPING := .venv/.developing
WORKERS ?= auto

.PHONY: demo test quick mutants lint types clean

demo: $(INSTALLED)
	$(BIN)/sampt demo --output demo

test: $(DEVELOPING) lint types
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -q

# While working: everything but whole commands, the page, recorded outputs, and what is marked slow.
quick: $(DEVELOPING)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -q -m "not slow" tests/sampt tests/trackers tests/benchmarks

# Do the tests notice small mistakes? Some 10 minutes; MUTANTS="--count 5 benchmarks/metrics/davis.py" tries fewer.
mutants: $(DEVELOPING)
	$(BIN)/python tools/mutants.py $(MUTANTS)

lint: $(DEVELOPING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy cannot follow the package-dir mapping inside the tree, so it checks the package as it is installed.
types: $(DEVELOPING)
	rm -rf build/typecheck
	$(BIN)/python -m pip install --quiet --no-deps --target build/typecheck .
	cd build && MYPYPATH=typecheck ../$(BIN)/mypy --config-file ../pyproject.toml -p sampt

$(INSTALLED): pyproject.toml setup.cfg
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(DEVELOPING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@

clean:
	rm -rf build demo .venv .mypy_cache .pytest_cache .ruff_cache
