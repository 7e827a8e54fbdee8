# The targets are explained by `make help`. What one of them does beyond cargo is in scripts/.

.DEFAULT_GOAL := help

# Most of the tests in a real Envoy wait most of the time.
e2e-gateway e2e-module e2e-discovery e2e-cli: export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(nproc))))

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

.PHONY: build
build: ## build the filter for both hosts: dist/mcp_mux.wasm, dist/libmcp_mux.so
	@scripts/build

.PHONY: release
release: ## a tarball of all that is needed to run it, with sums and bills of material (scripts/release --help)
	@scripts/release

.PHONY: reproducible
reproducible: ## build what is shipped twice, in two folders, and compare the bytes (minutes)
	@scripts/reproducible

.PHONY: cli
cli: ## build the command-line program, and the filter: dist/mcp-mux (dist/mcp-mux run --help)
	@scripts/build module wasm cli

.PHONY: demo
demo: ## run it: Envoy with the filter in front of two MCP servers; MCP_MUX_HOST=module: natively
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
check: format unit clippy deny ## the quick checks: format, clippy, unit tests, dependencies

.PHONY: deny
deny: ## what dependencies may be, by deny.toml: licences, sources, versions, known faults
	@scripts/deny

.PHONY: fuzz
fuzz: ## look for inputs that break a promise, a minute for each target (scripts/fuzz --help)
	@scripts/fuzz

.PHONY: memcheck
memcheck: ## the native host in a real Envoy under valgrind's memcheck, a bit of everything (minutes)
	@scripts/memcheck

.PHONY: test
test: ## everything: the checks, instruction counts, then the filter in a real Envoy
	@$(MAKE) --no-print-directory --jobs=4 --output-sync=target e2e bench-core check

.PHONY: bench-core
bench-core: ## only the core's instructions, held to bench/core/bounds.txt (scripts/instructions --help)
	@scripts/instructions

.PHONY: e2e
e2e: e2e-gateway e2e-module e2e-discovery e2e-cli ## only the tests in a real Envoy, in both hosts

# Cargo chooses the features of a dependency for all packages that it is asked for. It is always asked for
# the workspace here, so that nothing is compiled twice. What is compiled is linted right away, which takes a
# third of what `cargo clippy` takes beside it.
.PHONY: format clippy unit e2e-gateway e2e-module e2e-discovery e2e-cli
# Not exported: a target's variables are its prerequisites' too, and `build` lints nothing.
linted := RUSTC_WORKSPACE_WRAPPER="$(CURDIR)/scripts/lint" cargo

format:
	cargo fmt --all --check

clippy:
	$(linted) build --workspace --all-targets

unit: clippy
	$(linted) test --workspace --lib --bins --test simulated --test host
	$(linted) test --workspace --doc

e2e-gateway: clippy build install ## the same tests in one host: WebAssembly
	MCP_MUX_HOST=wasm $(linted) test --workspace --test e2e

# Where both are wanted, one after the other: each keeps the cores busy.
e2e-module: clippy build install $(if $(filter e2e,$(MAKECMDGOALS)),e2e-gateway) ## and in the other: a native module
	MCP_MUX_HOST=module $(linted) test --workspace --test e2e

# In the native host those tests alone that look at what Envoy makes of the files.
e2e-discovery: clippy build install
	MCP_MUX_HOST=wasm $(linted) test --workspace --test discovery
	MCP_MUX_HOST=module $(linted) test --workspace --test discovery -- gateway:: joining:: chaos::

# The same. One run of servers is in both.
e2e-cli: clippy build install
	MCP_MUX_HOST=wasm $(linted) test --workspace --test cli -- config:: the_servers_of_a_file
	MCP_MUX_HOST=module $(linted) test --workspace --test cli

# A part of the tests: the module's interface to Envoy, and all that Envoy decides by itself.
older_envoys := 1.38 1.39
smoke := smoke:: call recovery:: large_calls restarts:: session:: list initialize::
.PHONY: e2e-older
e2e-older: clippy build install ## the native host in older Envoys: installs those (100 MB each), runs a part of its tests
	scripts/install $(older_envoys:%=envoy-%)
	for version in $(older_envoys); do \
	  MCP_MUX_HOST=module MCP_MUX_ENVOY="$(CURDIR)/.tools/bin/envoy-$$version" \
	    $(linted) test --workspace --test e2e -- $(smoke) || exit; \
	done

.PHONY: soak
soak: export MCP_MUX_SOAK_CALLS ?= 1000000
soak: export MCP_MUX_SOAK_SESSIONS ?= 1000000
soak: export MCP_MUX_SOAK_STREAMS ?= 2000
soak: clippy build install e2e-older ## the tests in a real Envoy that are too long for `make test`, in both hosts
	for host in wasm module; do \
	  MCP_MUX_HOST=$$host $(linted) test --workspace --test e2e -- --nocapture soak || exit; \
	  MCP_MUX_HOST=$$host $(linted) test --workspace --test e2e -- --ignored || exit; \
	done

.PHONY: chaos
chaos: export MCP_MUX_CHAOS_SECONDS ?= 600
chaos: clippy build install ## ten minutes of servers and clients that do what they should not, in both hosts
	for host in wasm module; do \
	  MCP_MUX_HOST=$$host $(linted) test --workspace --test e2e -- --nocapture chaos || exit; \
	  MCP_MUX_HOST=$$host $(linted) test --workspace --test discovery -- --nocapture chaos || exit; \
	done

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
