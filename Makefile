# Where the product ends up, whatever the environment says.
export CARGO_TARGET_DIR := $(CURDIR)/target
# CI takes the versions of the lock file; at a desk an added dependency may change it.
CARGO := cargo $(if $(CI),--locked)

ARGS ?=
CRASH_ROUNDS ?= 3
MINUTES ?= 10

.DEFAULT_GOAL := help
# The targets follow each other: two builds at once only wait for cargo's lock.
.NOTPARALLEL:
.PHONY: help web build run test lint test-rust test-web test-crash test-faults test-api crash faults bench soak openapi \
	dist dist-test tools node debug load

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

web: web/node_modules/.package-lock.json ## The pages for browsers, at web/dist; the server has them from there.
	cd web && npm run --silent build

build: web ## The product, at target/release/rozmowa.
	$(CARGO) build --release -p rozmowa

run: build ## Build, then start the demo. ARGS='--listen 127.0.0.1:9000' goes to it.
	target/release/rozmowa demo $(ARGS)

test: tools web lint test-rust test-web test-crash test-faults test-api ## Everything, on both engines; stops at the first failure.

lint: web/node_modules/.package-lock.json ## Formatting, clippy and types; a warning is an error.
	$(CARGO) fmt --all --check
	cd web && npm run --silent format:check && npm run --silent types:check && npm run --silent check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

test-rust: tools debug ## The tests of the workspace, with a PostgreSQL beside them.
	target/debug/rozmowa-load with-postgres -- $(CARGO) test --workspace

test-web: debug web ## The pages in a browser, against the server.
	@scripts/need chromium
	cd web && npm test --silent

test-crash: tools debug ## CRASH_ROUNDS kills (3) on each engine.
	target/debug/rozmowa-load crash --engine sqlite --rounds $(CRASH_ROUNDS) --connections 64 --server target/debug/rozmowa
	target/debug/rozmowa-load crash --engine postgres --rounds $(CRASH_ROUNDS) --connections 64 --server target/debug/rozmowa

test-faults: tools debug ## A failing and a full disk, backups and the CLI under load, cut connections.
	target/debug/rozmowa-load faults --short --server target/debug/rozmowa

test-api: tools debug ## Generated calls, held against the OpenAPI document.
	scripts/schemathesis target/debug/rozmowa

crash: CRASH_ROUNDS = 50
crash: tools build load ## 50 kills on each engine, the release build.
	target/release/rozmowa-load crash --engine sqlite --rounds $(CRASH_ROUNDS) --connections 64 --server target/release/rozmowa
	target/release/rozmowa-load crash --engine postgres --rounds $(CRASH_ROUNDS) --connections 64 --server target/release/rozmowa

faults: tools build load ## The same as test-faults at length, the release build. ARGS='--only backup' chooses.
	target/release/rozmowa-load faults --server target/release/rozmowa $(ARGS)

bench: tools build load ## The figures of docs/BENCHMARKS.md; ≤ 15 minutes.
	@scripts/need chromium
	target/release/rozmowa-load bench $(ARGS)
	cd web && ROZMOWA=../target/release/rozmowa npm run --silent bench

soak: build ## The console for MINUTES (10) of traffic: what it and the server hold stays as it is.
	@scripts/need chromium
	cd web && ROZMOWA=../target/release/rozmowa npm run --silent soak -- $(MINUTES)

openapi: ## Write docs/openapi.json anew from the code.
	UPDATE_OPENAPI=1 $(CARGO) test -p rozmowa --test openapi

dist: build ## The tarball for a server, in target/dist.
	packaging/dist

dist-test: dist ## Install the tarball by docs/INSTALL.md in a clean Debian (root only).
	scripts/dist-test

# What the targets above stand on.
tools:
	@scripts/need curl postgresql python3-aiosmtpd python3-venv strace

node:
	@scripts/need-node

# npm leaves this file when it is through.
web/node_modules/.package-lock.json: web/package-lock.json | node
	cd web && npm ci

# The binaries that tests start, with the very features that `cargo test` builds.
debug:
	$(CARGO) build --workspace --all-targets

load:
	$(CARGO) build --release -p rozmowa-load
