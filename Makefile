# Every target makes what it needs: `make test` works on a fresh checkout. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := haproxy_py frontends backends balancers
SOURCES = $(shell find $(PACKAGES) -name '*.pyx' -o -name '*.pxd')
STAMP := $(VENV)/.installed
BUILT := build/.built
PYTEST := $(BIN)/python -m pytest

define NEEDS
import tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)
groups = project["project"]["optional-dependencies"].values()
print(*project["build-system"]["requires"], *project["project"]["dependencies"], *[need for group in groups for need in group], sep="\n")
endef
export NEEDS

.DEFAULT_GOAL := help
.PHONY: help build debug test scenarios lint types fuzz bench docs run wheel e2e install-haproxy-name clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' Makefile

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("pyhaproxy: Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || \
	  { rm -rf $(VENV); echo "pyhaproxy: cannot make a virtual environment; run: apt-get install python3-venv" >&2; exit 1; }
	@mkdir -p build && $(BIN)/python -c "$$NEEDS" >build/needs.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r build/needs.txt
	@touch $@

$(BUILT): $(STAMP) setup.py $(SOURCES)
	$(BIN)/python setup.py --quiet build_ext --inplace
	@mkdir -p build && touch $@

build: $(BUILT) ## build the Cython part in place

debug: $(STAMP) ## build with assertions and leak counters
	PYHAPROXY_DEBUG=1 $(BIN)/python setup.py --quiet build_ext --inplace --force
	@rm -f $(BUILT)

test: build ## run every test; a few that fail are tried once more, alone
	$(PYTEST) tests || $(BIN)/python -m tests.harness.again $$?

scenarios: build ## run the whole-proxy tests only
	$(PYTEST) tests/scenarios tests/adversity tests/oracle

e2e: build ## run the S3, WebSocket and curl tests in front of real servers
	$(PYTEST) tests/e2e

lint: $(STAMP) ## check the style
	$(BIN)/ruff check $(PACKAGES) tests bench setup.py

types: $(STAMP) ## check the types
	$(BIN)/mypy $(PACKAGES)

fuzz: build ## run the property tests for longer (FUZZ_EXAMPLES=20000)
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-20000} $(PYTEST) tests/fuzz --timeout 3600

bench: build ## measure beside haproxy and nginx (BENCH_ARGS="--rounds 5")
	$(BIN)/python -m bench.run $(BENCH_ARGS)

docs: $(STAMP) ## check that the documents' links and paths exist
	$(BIN)/python -m pytest tests/unit/test_docs.py

run: build ## run etc/quickstart.cfg in front of two demo servers, port 8080 (PORT=n)
	@echo "try: curl localhost:$${PORT:-8080}    (Ctrl-C ends everything)"
	@exec $(BIN)/python -m haproxy_py.demo $(BIN)/python -m haproxy_py -f etc/quickstart.cfg -db

wheel: $(STAMP) ## build a wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

PREFIX ?= /usr/local
install-haproxy-name: ## install the command `haproxy` as another name of pyhaproxy (PREFIX=/usr/local)
	@target=$$(command -v pyhaproxy) || { echo "pyhaproxy: not installed; run: pip install ." >&2; exit 1; }; \
	  test ! -e $(PREFIX)/sbin/haproxy -o -L $(PREFIX)/sbin/haproxy || { echo "pyhaproxy: $(PREFIX)/sbin/haproxy is another program, left alone" >&2; exit 1; }; \
	  mkdir -p $(PREFIX)/sbin && ln -sfn "$$target" $(PREFIX)/sbin/haproxy && echo "$(PREFIX)/sbin/haproxy -> $$target"

clean: ## remove what was built (not .venv)
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find $(PACKAGES) bench tests -name __pycache__ -prune -exec rm -rf {} +
	find $(PACKAGES) -name '*.so' -delete
	for f in $$(find $(PACKAGES) -name '*.pyx'); do rm -f "$${f%.pyx}.c"; done
