# `make run` and `make test` each work as the first command in a fresh checkout.
# PYTHON names another interpreter for a new environment: make run PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
UV ?= uv

.PHONY: help run test check bench guide pins clean setup setup-dev

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: setup ## set up what is missing, then open the window
	@$(BIN)/fireside

test: check ## lint, types and tests
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest

check: setup-dev ## lint, format and types alone
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy

bench: setup-dev ## run the benchmarks one by one
	@failed=; for bench in tests/bench/*.py; do \
		echo "== $$bench"; $(BIN)/python "$$bench" || failed="$$failed $$bench"; \
	done; test -z "$$failed" || { echo "Failed:$$failed"; exit 1; }

guide: setup-dev ## train the built-in guide again from its texts (80 minutes on two cores; PyTorch is fetched)
	$(BIN)/python -m pip install --quiet "torch>=2.9" "tokenizers>=0.20" "gguf>=0.17" "numpy>=1.26"
	$(BIN)/python packaging/guide/make.py

pins: ## choose the newest versions that fit pyproject.toml and pin them (needs uv)
	UV="$(UV)" sh packaging/pins.sh

clean: ## remove the environment and what the tools left; compiled wheels stay in the cache
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find app tests packaging -name __pycache__ -prune -exec rm -rf {} +

setup:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Python 3.11 or newer is missing. On Debian and Ubuntu: sudo apt-get install python3 python3-venv"; exit 2; }
	@$(PYTHON) packaging/bootstrap.py

setup-dev:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Python 3.11 or newer is missing. On Debian and Ubuntu: sudo apt-get install python3 python3-venv"; exit 2; }
	@$(PYTHON) packaging/bootstrap.py --dev
