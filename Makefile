# make demo   explain two real models, one of them with pictures, and write four reports
# make test   the whole test suite
# Both build .venv first, with everything in it; the second call starts at once.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
AETIA  := $(BIN)/aetia

DEMO_ITEMS ?= 24
DEMO_OUT   ?= runs

# glibc returns large freed blocks to the kernel and faults them in again for every layer: keep them.
# Idle OpenMP threads spin by default, which starves the other core.
export MALLOC_MMAP_THRESHOLD_ := 4000000000
export MALLOC_TRIM_THRESHOLD_ := 20000000000
export OMP_WAIT_POLICY        := PASSIVE

.PHONY: help demo test lint format bench docs constraints clean install

help:
	@sed -n '1,3p' Makefile
	@echo "# make lint | format | bench | docs | constraints | clean"

install: $(STAMP)

# torch goes first and alone, so that its large wheel is chosen by the pin and by nothing else.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "aetia needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 3; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "python venv is missing; on Debian and Ubuntu: apt install python3-venv"; exit 3; }
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[models,dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(AETIA) trace --model smollm2-135m --contrasts capitals --items $(DEMO_ITEMS) --out $(DEMO_OUT)/capitals
	$(AETIA) trace --model smollm2-135m --contrasts ioi --items $(DEMO_ITEMS) --out $(DEMO_OUT)/ioi
	$(AETIA) trace --model toy-llava --scenes edited:shape --items $(DEMO_ITEMS) --positions spans \
	  --sites resid_post,attn_out,mlp_out --outcome probability --out $(DEMO_OUT)/seen
	$(AETIA) map --model toy-llava --scenes edited:shape --items 12 --maps all --out $(DEMO_OUT)/maps

# What measures seconds runs by itself, after the rest; 5 says that no such test was asked for.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone" $(ARGS)
	$(BIN)/python -m pytest -m alone $(ARGS) || test $$? -eq 5

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench:
	benchmarks/patching/setup.sh
	OMP_NUM_THREADS=1 .venv-bench/bin/python benchmarks/patching/run.py $(ARGS)
	.venv-bench/bin/python benchmarks/patching/table.py

docs: $(STAMP)
	$(BIN)/python tools/write_docs.py

constraints: $(STAMP)
	$(BIN)/python tools/write_constraints.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
