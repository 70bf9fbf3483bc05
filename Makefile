# Set-up, checks and examples. `make demo` and `make test` need Python 3.11, pip, make and gcc, nothing else.
PYTHON ?= python3.11
VENV   ?= .venv
ROOT   ?= runs
DATA   ?= ../shared/data
BIN    := $(VENV)/bin

.PHONY: install demo micro-ten multimodal-question-micro multimodal-question effects test lint types unit \
        test-slow test-cluster test-services torture bench-sharing bench-orchestration calibrate \
        calibrate-micro \
        real-small real-targets real-intermediates clean

# The stamp is newer than what it was made from, so a second call installs nothing.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[train,dev]"
	touch $@

install: $(VENV)/installed

# A real search on the micro-world: under 150 s on 2 cores once installed.
demo: install
	$(BIN)/transfer-search start examples/demo.toml --root $(ROOT)

# All ten targets of the micro-world.
micro-ten: install
	$(BIN)/transfer-search start examples/micro-ten.toml --root $(ROOT)

# Initialisation by language of the intermediate rows, three sets of seeds: some ten minutes.
multimodal-question-micro: install
	$(BIN)/transfer-search start examples/multimodal-question-micro.toml --root $(ROOT)

# The same on real rows, from four small encoders that are pretrained first: under two hours.
multimodal-question: install
	@if [ -d "$(DATA)" ]; then \
	  $(BIN)/transfer-search start examples/multimodal-question.toml --data "$(DATA)" --root $(ROOT); \
	else echo "skipped: $(DATA) is absent; call make multimodal-question DATA=<folder in the hub's schemas>"; fi

# What the micro-world plants, over five seeds: about an hour.
effects: install
	$(BIN)/python -m benchmarks.micro_effects --root $(ROOT)/effects > $(ROOT)-effects.md
	@echo "written: $(ROOT)-effects.md"

test: install lint types unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install
	$(BIN)/mypy

# Two files at a time: on two cores a file that waits for Ray leaves one idle.
unit: install
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# Kills drivers, actors and phases again and again; minutes long.
test-slow: install
	$(BIN)/python -m pytest -m slow --timeout 1500

# Several Ray nodes on this machine; nodes, workers and drivers are killed.
test-cluster: install
	$(BIN)/python -m pytest -m cluster --timeout 1500

# Servers of PostgreSQL and of S3 objects that the tests start and stop on loopback.
test-services: install
	$(BIN)/python -m pytest -m services --timeout 600

# Sixty trials through fifty kills, torn journals, damaged artifacts, a jumping clock and a full disk.
torture: install
	$(BIN)/python -m benchmarks.torture

# What sharing phases saves over ten targets of the micro-world, five seeds: alone on two cores.
bench-sharing: install
	$(BIN)/python -W ignore -m benchmarks.sharing

# What a trial costs beyond its training, against stock Ray Tune, up to 10,000 trials.
bench-orchestration: install
	$(BIN)/python -m benchmarks.orchestration --output docs/benchmarks.md

# Simulated studies with a known truth through the project's estimators; fails where a promise is broken.
calibrate: install
	mkdir -p $(ROOT)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.calibrate > $(ROOT)/calibration.md
	@echo "written: $(ROOT)/calibration.md"

# What the miniature plants, under ten sets of fresh seeds: over half an hour on two cores.
calibrate-micro: install
	$(BIN)/transfer-search start benchmarks/calibration/micro.toml --root $(ROOT)
	$(BIN)/python -m benchmarks.calibration.micro --root $(ROOT)

# Real checkpoint, real rows. DATA is a folder in the hub's schemas.
real-small: install
	@if [ -d "$(DATA)" ]; then \
	  $(BIN)/transfer-search start examples/real-small.toml --data "$(DATA)" --root $(ROOT); \
	else echo "skipped: $(DATA) is absent; call make real-small DATA=<folder in the hub's schemas>"; fi

# All targets that have rows in DATA, searched and then confirmed on test rows: some 35 minutes.
real-targets: install
	@if [ -d "$(DATA)" ]; then \
	  $(BIN)/transfer-search start examples/real-targets.toml --data "$(DATA)" --root $(ROOT) && \
	  $(BIN)/transfer-search confirm real-targets --top 2 --seeds 1 --root $(ROOT) && \
	  $(BIN)/python -m benchmarks.real_targets --root $(ROOT) > $(ROOT)-targets.md && \
	  echo "written: $(ROOT)-targets.md"; \
	else echo "skipped: $(DATA) is absent; call make real-targets DATA=<folder in the hub's schemas>"; fi

# Ten chains of intermediate tasks before three targets: under an hour.
real-intermediates: install
	@if [ -d "$(DATA)" ]; then \
	  $(BIN)/transfer-search start examples/real-intermediates.toml --data "$(DATA)" --root $(ROOT) && \
	  $(BIN)/python -m benchmarks.real_intermediates --root $(ROOT) > $(ROOT)-intermediates.md && \
	  echo "written: $(ROOT)-intermediates.md"; \
	else echo "skipped: $(DATA) is absent; call make real-intermediates DATA=<folder in the hub's schemas>"; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
