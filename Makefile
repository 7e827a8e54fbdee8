# The targets are explained by `make help`. What one of them does beyond cargo is in scripts/.

.DEFAULT_GOAL := help
.NOTPARALLEL:

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

.PHONY: build
build: ## build the filter: dist/mcp_mux.wasm
	@scripts/build

.PHONY: demo
demo: ## run it: Envoy with the filter in front of two MCP servers (scripts/demo --help)
	@scripts/demo

.PHONY: kind-up
kind-up: ## run it in Kubernetes on this machine: kind-cluster/README.md (scripts/kind --help)
	@scripts/kind up

.PHONY: kind-test
kind-test: ## only the checks of that, in the cluster of kind-up
	@scripts/kind test

.PHONY: kind-down
kind-down: ## delete that cluster
	@scripts/kind down

.PHONY: check
check: ## the quick checks: format, clippy, unit tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test -p mcp-mux-core -p mcp-mux-driver -p mcp-mux-bench
	cargo test -p mcp-mux-discovery --lib

.PHONY: test
test: install check bench-core build e2e ## everything: the checks, instruction counts, then the filter in a real Envoy

.PHONY: bench-core
bench-core: ## only the core's instructions, held to bench/core/bounds.txt (scripts/instructions --help)
	@scripts/instructions

.PHONY: e2e
e2e: install build ## only the tests in a real Envoy
	cargo test -p mcp-mux-tests
	cargo test -p mcp-mux-discovery --test e2e

.PHONY: bench
bench: ## measure it beside plain Envoy and Envoy's own filters: bench/report.md (minutes)
	@scripts/bench

.PHONY: bench-quick
bench-quick: ## the main rows of that, in under a minute, shown only
	@scripts/bench --quick

.PHONY: install
install: ## install what the build, the demo and the tests need into .tools/
	@scripts/install all

.PHONY: clean
clean: ## remove what was built
	cargo clean
	rm -rf dist

.PHONY: distclean
distclean: clean ## remove what was built and what was installed
	rm -rf .tools
