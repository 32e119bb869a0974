# The two commands of the README: `make demo` and `make test`. Each target makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
# When .venv was brought up to date with what the toolkit needs, what working on it needs, and what its pages need.
INSTALLED := .venv/.installed
DEVELOPING := .venv/.developing
DOCUMENTING := .venv/.documenting
WORKERS ?= auto

.PHONY: demo test quick mutants lint types docs dist clean

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

# mkdocstrings reads the package as it is installed, for the same reason as mypy.
docs: $(DOCUMENTING)
	rm -rf build/packages
	$(BIN)/python -m pip install --quiet --no-deps --target build/packages .
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# The wheel is made from the source distribution, and runs in an environment of its own, in an empty folder. What it
# depends on is .venv's: a folder in a .pth file is searched, but its own .pth files, the checkout's among them, are not.
dist: $(DEVELOPING)
	rm -rf build/dist build/clean build/empty
	mkdir -p build/empty
	$(BIN)/python -m build --no-isolation --outdir build/dist . >build/dist.log 2>&1 || (cat build/dist.log; exit 1)
	$(BIN)/python -m twine check --strict build/dist/*
	$(BIN)/python -m venv --without-pip build/clean
	$(BIN)/python -m pip --python build/clean/bin/python install --quiet --no-deps build/dist/*.whl
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >$$(echo build/clean/lib/python*/site-packages)/dependencies.pth
	cd build/empty && ../clean/bin/sampt --help >help.txt
	cd build/empty && ../clean/bin/sampt datasets miniature --dataset davis2017 --frames 4 --output mini
	cd build/empty && ../clean/bin/sampt vos --dataset davis2017 --root mini --output run

$(INSTALLED): pyproject.toml setup.cfg
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(DEVELOPING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@

$(DOCUMENTING): $(DEVELOPING)
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	touch $@

clean:
	rm -rf build demo .venv .mypy_cache .pytest_cache .ruff_cache
