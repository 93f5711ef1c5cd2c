# make help lists what there is to make.
#
# Behind a corporate proxy or mirror: make image CA=ca.pem PIP_CONF=pip.conf APT_SOURCES=sources.list

IMAGE ?= sagemaker-xgboost
VENV ?= .venv
# Environments of their own: the SDKs' requirements are not ours.
SDK_V2_VENV ?= .venv-sdk-v2
SDK_V3_VENV ?= .venv-sdk-v3
NOTEBOOKS_VENV ?= .venv-notebooks
PYTEST_ARGS ?=
BENCH_ARGS ?=
BUILD_ARGS ?=

BIN := $(VENV)/bin
SCRIPTS = $(shell git ls-files -- '*.sh' tools .ci local_test | xargs grep -lE '^#!.*\b(ba)?sh$$')
# A client that can build goes first on PATH where another one is found before it.
DOCKER := $(shell tools/find-docker 2>/dev/null)
ifneq ($(DOCKER),)
ifneq ($(DOCKER),$(shell command -v docker;))
export PATH := $(dir $(DOCKER)):$(PATH)
endif
ENGINE := $(shell $(DOCKER) info >/dev/null 2>&1 && echo yes)
endif
export DOCKER_BUILDKIT := 1

secret = $(if $(2),--secret id=$(1)$(comma)src=$(2))
comma := ,
BUILD = docker build $(call secret,ca,$(CA)) $(call secret,pip_conf,$(PIP_CONF)) $(call secret,apt_sources,$(APT_SOURCES)) \
	--build-arg VERSION="$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' container/__init__.py)" \
	--build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" $(BUILD_ARGS)

# Findings that do not concern this image: --ignore-vuln ID, each with the reason.
AUDIT_ARGS ?=

.PHONY: help venv sdk-v2 sdk-v3 notebooks-env lint audit image image-cpu test demo notebooks bench-serve bench-train soak docs lock clean docker-client
.DEFAULT_GOAL := help

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/core ## the development environment (needs Python >= 3.12)
sdk-v2: $(SDK_V2_VENV)/ready ## an environment with the SageMaker SDK v2, for the image tests
sdk-v3: $(SDK_V3_VENV)/ready ## the same with the SDK v3
notebooks-env: $(NOTEBOOKS_VENV)/ready ## the SDK v3 with what the notebooks of examples/ need

$(VENV)/ready: requirements/test.txt
$(SDK_V2_VENV)/ready: requirements/sdk-v2.txt
$(SDK_V3_VENV)/ready: requirements/sdk-v3.txt
$(NOTEBOOKS_VENV)/ready: requirements/notebooks.txt
$(VENV)/ready $(SDK_V2_VENV)/ready $(SDK_V3_VENV)/ready $(NOTEBOOKS_VENV)/ready:
	python=$$(tools/find-python) && "$$python" -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

# The one thing that is compiled: all works without it, slower.
$(VENV)/core: $(VENV)/ready $(wildcard native/*.* native/src/*)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation ./native || \
		echo "The compiled core of serving was not built: it takes g++ and Python's headers. Going on without." >&2
	touch $@

lint: venv ## style, types, import rules, Dockerfile and shell scripts
	$(BIN)/ruff check . train serve
	$(BIN)/ruff format --check . train serve
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck $(SCRIPTS)

audit: venv ## known vulnerabilities of the packages in the image; what could not be looked up is named
	$(BIN)/pip-audit --progress-spinner off --disable-pip --require-hashes -r requirements/gpu.txt -r requirements/cpu.txt $(AUDIT_ARGS)

docker-client:
	@tools/find-docker >/dev/null

image: docker-client ## the default image: trains on CPU and GPU
	$(BUILD) --tag $(IMAGE) .

image-cpu: docker-client ## the small image: CPU only
	$(BUILD) --build-arg XGBOOST=cpu --tag $(IMAGE):cpu .

test: lint $(if $(ENGINE),image image-cpu sdk-v2 sdk-v3 notebooks-env) ## lint and every test; those of the image where Docker answers
	IMAGE=$(IMAGE) SDK_V2_PYTHON=$(SDK_V2_VENV)/bin/python SDK_V3_PYTHON=$(SDK_V3_VENV)/bin/python \
		NOTEBOOKS_PYTHON=$(NOTEBOOKS_VENV)/bin/python $(BIN)/python -m pytest $(PYTEST_ARGS)

demo: ## train on Ames house sales, serve, and predict held-out prices
	local_test/demo.sh

notebooks: image-cpu notebooks-env ## run the notebooks of examples/ again, and keep their outputs
	IMAGE=$(IMAGE) $(NOTEBOOKS_VENV)/bin/python examples/render.py

bench-serve: venv ## our server beside others, under wrk; in environments of their own
	$(BIN)/python bench/serving.py $(BENCH_ARGS)

soak: venv ## 200,000 requests, and whether memory stays flat
	$(BIN)/python bench/soak.py

bench-train: venv ## train beside its floor and beside a plain script, and by the number of rows
	$(BIN)/python bench/training.py $(BENCH_ARGS)

docs: venv ## the generated pages of docs/
	$(BIN)/python docs/generate.py

# Each lock follows the one named after it, so that all hold the same versions.
lock: venv ## the newest versions that requirements/*.in allow, with hashes
	$(call compile,gpu,3.13)
	$(call compile,cpu,3.13,gpu)
	$(call compile,local,3.12,cpu)
	$(call compile,test,3.12,cpu)
	$(call compile,sdk-v2,3.12)
	$(call compile,sdk-v3,3.12)
	$(call compile,notebooks,3.12,sdk-v3)
compile = $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --annotation-style line \
	--custom-compile-command 'make lock' --python-version $(2) \
	$(if $(3),--constraints requirements/$(3).txt) requirements/$(1).in --output-file requirements/$(1).txt

clean: ## remove the environments, caches and build/ with its SBOMs
	rm -rf $(VENV) $(SDK_V2_VENV) $(SDK_V3_VENV) $(NOTEBOOKS_VENV) bench/.venvs build .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
