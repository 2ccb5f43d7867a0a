# Targets of kubectl chain; plain `make` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SUFFIXES:

# Where `make install` puts the plugin: BINDIR must be on PATH for kubectl to find it.
PREFIX ?= $(HOME)/.local
BINDIR ?= $(PREFIX)/bin

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Where build.rs looks for the plugins to embed.
BUILTINS := $(or $(CHAIN_BUILTINS),target/builtins)
# Every crate under plugins/ that can become a component.
PLUGINS = $(shell grep -lE '^crate-type.*"cdylib"' plugins/*/*/Cargo.toml 2>/dev/null)
SCRIPTS := setup .ci/run $(wildcard tests/controlplane/build tests/controlplane/run tests/demo/run tests/bench/run)

# Which features a dependency has depends on the packages that one run of cargo chooses; with another choice cargo compiles
# it, and all that stands on it, a second time. So what is linted and tested is always the whole workspace. The release
# binary alone is made of the host's own packages, so that no guest adds to it.
# `--examples`, of which there are none, makes cargo count what tests ask for, too.
CARGO_DEV := cargo build --workspace --examples
CARGO_RELEASE := cargo build -p kubectl-chain -p chain-plugin-toolchain --release
# Tests run a build that can be stopped at each write: src/crash.rs.
CRASHING := --features kubectl-chain/crash-points

# $(call embed,PROFILE): builds the plugins, and takes away what an older tree or toolchain left.
define embed
	@mkdir -p $(BUILTINS)
	@for wasm in $(BUILTINS)/*.wasm; do \
		name=$$(basename "$$wasm" .wasm); \
		compgen -G "plugins/*/$$name/Cargo.toml" >/dev/null || rm -f "$$wasm" "$${wasm%.wasm}.cwasm"; \
	done
	@find $(BUILTINS) -name '*.cwasm' ! -newer $(TARGET)/$(1)/chain-plugin -delete
	@$(if $(PLUGINS),$(TARGET)/$(1)/chain-plugin $(BUILTINS) $(PLUGINS),echo 'no plugins to build under plugins/')
endef

## help         list these targets
.PHONY: help
help:
	@echo 'kubectl chain: make TARGET'
	@sed -n 's/^## /  /p' $(firstword $(MAKEFILE_LIST))

## demo         see a chain created on a local control plane; needs no cluster
.PHONY: demo
demo: setup-quietly
	@tests/demo/run

## test         run all tests, on a real control plane that is built once
.PHONY: test
test: plugins
ifndef CHAIN_TEST_KUBECONFIG
	@tests/controlplane/build >/dev/null
endif
	@status=0; \
	run() { echo "$$*"; "$$@" 2>&1 | tee -a $(TARGET)/test.log || status=1; }; \
	: > $(TARGET)/test.log; \
	run cargo test --workspace $(CRASHING) --no-fail-fast; \
	[[ ! -e sample-plugins/Cargo.toml ]] || \
		run cargo test --manifest-path sample-plugins/Cargo.toml --workspace --no-fail-fast; \
	awk '/^test result:/ { programs++; passed += $$4; failed += $$6; ignored += $$8 } \
		END { printf "make test: %d passed, %d failed, %d ignored, in %d programs\n", \
			passed, failed, ignored, programs }' $(TARGET)/test.log; \
	exit $$status

## lint         formatting, clippy and shellcheck; warnings are errors
.PHONY: lint
lint: setup-quietly
	cargo fmt --all --check
	cargo clippy --workspace $(CRASHING) --all-targets -- -D warnings
	@if [[ -e sample-plugins/Cargo.toml ]]; then \
		set -x; cargo fmt --manifest-path sample-plugins/Cargo.toml --all --check; fi
	@if command -v gofmt >/dev/null; then \
		unformatted=$$(gofmt -l tests); \
		[[ -z $$unformatted ]] || { echo "gofmt would change: $$unformatted"; exit 1; }; fi
	bash -n $(SCRIPTS)
	@if command -v shellcheck >/dev/null; then set -x; shellcheck --severity=warning $(SCRIPTS) $(wildcard src/manifest/*.sh plugins/*/*/src/*.sh); \
		else echo 'shellcheck is not installed: skipped'; fi
	@echo 'make lint: clean'

## build        the release binary, with the plugins embedded
.PHONY: build
build: plugins-release
	@$(CARGO_RELEASE) --bin kubectl-chain
	@ls -l $(TARGET)/release/kubectl-chain | awk '{ printf "%s, %.1f MB\n", $$NF, $$5 / 1e6 }'

## install      put the release binary into BINDIR (~/.local/bin)
.PHONY: install
install: build
	@mkdir -p "$(BINDIR)"
	@install -m 0755 $(TARGET)/release/kubectl-chain "$(BINDIR)/kubectl-chain"
	@echo "installed $(BINDIR)/kubectl-chain"
	@case ":$$PATH:" in *":$(BINDIR):"*) echo 'now: kubectl chain --help';; \
		*) echo "$(BINDIR) is not on PATH, so kubectl does not find it yet;"; \
		   echo "add to your shell's profile: export PATH=\"$(BINDIR):\$$PATH\"";; esac

## bench        measure against the limits: start, growth, memory, apply, size
.PHONY: bench
bench: build
	@tests/bench/run

## plugins      build the plugins alone, for `cargo build` and `cargo test` to embed
.PHONY: plugins
plugins: setup-quietly
	@$(CARGO_DEV) --bin chain-plugin
	$(call embed,debug)

.PHONY: plugins-release
plugins-release: setup-quietly
	@$(CARGO_RELEASE) --bin chain-plugin
	$(call embed,release)

# The dev build, whose dependencies `make test` uses, too.
.PHONY: build-dev
build-dev: plugins
	@$(CARGO_DEV) --bin kubectl-chain

## setup        find or install what the other targets need
.PHONY: setup
setup:
	@./setup

.PHONY: setup-quietly
setup-quietly:
	@./setup -q

## clean        remove everything that was built, but the control plane in its cache
.PHONY: clean
clean:
	cargo clean --quiet
	rm -rf $(BUILTINS)
