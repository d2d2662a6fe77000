# make demo   from digits to a report: writes, trains twice, evaluates; about 5 minutes on two cores
# make test   all tests but the heavy grids (those: .venv/bin/python -m pytest -m slow)
# make lint   ruff and pyright
# make bench  the CPU benchmarks, and the README's tables from their results; about 20 minutes on two quiet cores
#             (PICTURES=imagenet-sample, a folder of class folders, profiles the loaders on 20,000 pictures made of it)
# All install what is missing first.

PYTHON := .venv/bin/python
DEMO := runs/demo

.PHONY: demo test lint bench setup
.NOTPARALLEL:

setup:
	@scripts/setup.sh

demo: setup
	@scripts/demo.sh $(DEMO)

test: setup
	$(PYTHON) -m pytest

lint: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m pyright

bench: setup
	@scripts/setup.sh bench
	OMP_NUM_THREADS=1 .venv-bench/bin/python -m benchmarks.engine --plot docs/engine.png
	$(PYTHON) -m benchmarks.loader --plot docs/loader.png
	$(PYTHON) -m benchmarks.writer
	$(PYTHON) -m benchmarks.start
	$(PYTHON) -m benchmarks.corruptions
	$(PYTHON) -m benchmarks.evaluation_rate
	$(PYTHON) -m benchmarks.profiles $(if $(PICTURES),--root $(PICTURES) --count 20000 --plots docs)
	$(PYTHON) -m benchmarks.scale
	$(PYTHON) -m benchmarks.readme
