# `make help` lists the targets.
PYTHON ?= python3
PORT ?= 8000
# Two installations side by side keep their data apart.
DATA ?= .data$(if $(filter 8000,$(PORT)),,-$(PORT))
BIN := .venv/bin
# Files of the shift-scheduling benchmark; looked for next to the checkout.
INSTANCES ?= $(firstword $(wildcard ../*/rostering/instances))
# A version of Python that was asked for is insisted on; otherwise an environment that works is kept.
EXACT := $(if $(filter file,$(origin PYTHON)),,--exact)

# Where this is set, each of an installation's processes compiles all of the source anew.
unexport PYTHONDONTWRITEBYTECODE

# OR-tools 9.15 corrupts memory in a process that loaded certain other native libraries before, as one that imports all
# tests does; the product runs the solver in a process of its own, and so do the tests.
SOLVER_TESTS := services/scheduling/rostering tests/bench/test_roster.py

# The journeys that need nothing but the platform; others bring phones, tills, Stripe's pages or processes that they kill.
JOURNEYS := $(patsubst %,tests/e2e/test_%_journey.py,identity scheduling timeclock pos inventory operator)

.DEFAULT_GOAL := help
.PHONY: help env protos run test images compose-test lint bench bench-roster bench-sockets bench-stock profile routes openapi asyncapi format lock clean-data clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  variables: PYTHON=python3.13 (3.11 to 3.13), PORT=8000, DATA=.data, ARGS=... (for pytest, the bench, the profiler)"

env: ## make .venv from requirements.lock; done again only when something changed
	@$(PYTHON) -I tools/env.py $(EXACT)

protos: env ## generate code and the descriptor set from protos/ into build/gen
	@$(BIN)/python -m tools.protos

run: protos ## boot the servers, migrate, seed the demo and start everything on PORT with data in DATA
	@exec $(BIN)/python -m tools.dev --port $(PORT) --data $(DATA)

test: protos ## run every test on three workers, which wait as much as they work (ARGS="-k staff" narrows)
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(addprefix --ignore=,$(SOLVER_TESTS)) $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m pytest -n 2 $(SOLVER_TESTS))

images: protos ## build the container images, one after the other (BASE, TAG, BUILD_FLAGS; ARGS="pos gateway" narrows)
	@$(BIN)/python -m tools.images $(ARGS)

compose-test: protos ## try the images: everything in containers, journeys, replacing under load, backup and restore
	@TEST_SITE=compose $(BIN)/python -m pytest -p no:xdist tests/compose $(JOURNEYS) $(ARGS)

lint: protos ## ruff, mypy, import-linter, buf lint, buf breaking, migration drift
	@$(BIN)/python -m tools.lint

bench: protos ## measure requests against bare controls of the same run (ARGS="me login" narrows)
	@$(BIN)/python -m tools.bench $(ARGS)

bench-roster: env ## measure the optimizer: INSTANCES=DIR of benchmark files, ARGS="--seconds 60"
	@$(BIN)/python -m tests.bench.roster $(INSTANCES) $(ARGS)

bench-sockets: protos ## measure WebSockets: ARGS="--connections 10000 --controls"
	@$(BIN)/python -m tests.bench.sockets $(ARGS)

bench-stock: protos ## measure a stock of 5,000 items with 1,000,000 movements: ARGS="--items 500"
	@$(BIN)/python -m tests.bench.stock $(ARGS)

profile: protos ## show where time goes in one scenario of the bench (ARGS="staff_list --native")
	@$(BIN)/python -m tools.profile $(ARGS)

routes: protos ## list every route: method, path, RPC, permission
	@$(BIN)/python -m gateway.routes

openapi: protos ## write the OpenAPI document to build/openapi.json
	@$(BIN)/python -m gateway.openapi build/openapi.json

asyncapi: protos ## write the AsyncAPI document of the integrators' events to build/asyncapi.yaml
	@$(BIN)/python -m gateway.asyncapi build/asyncapi.yaml

format: env ## let ruff format and fix what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: env ## resolve requirements*.in again into requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		requirements.in requirements-dev.in -o requirements.lock

clean-data: env ## drop the databases, streams and files of `make run`
	@$(BIN)/python -m tools.dev --drop-data --data $(DATA)

clean: ## drop everything that was generated, and the environment
	rm -rf .venv build
