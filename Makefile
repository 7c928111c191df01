# The front door. `make help` lists what there is.

PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift

.DEFAULT_GOAL := help
.PHONY: help demo test build share install deb rpm pages test-packages conformance fuzz lint format bench bootstrap clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' Makefile

demo: build ## Loses a table and gets it back: a backup and a point-in-time recovery on a private PostgreSQL.
	@scripts/demo

test: ## Installs what the tests need, then runs all of them on real PostgreSQL, ssh, rsync and the oracle.
	@scripts/bootstrap --tests
	@$(MAKE) --no-print-directory lint
	@scripts/run-tests

conformance: ## Compares all answers with the oracle's over N random catalogs of the seed SEED (N=100).
	@scripts/bootstrap --tests
	@$(SWIFT) build --product barman
	@N="$${N:-100}" scripts/conformance

fuzz: ## Feeds damaged input to the parsers of each room for SECONDS (300) of processor time; FUZZ_SEED repeats a run.
	@$(SWIFT) build --build-tests
	@FUZZ_SECONDS="$${SECONDS:-300}" nice $(SWIFT) test --skip-build --disable-xctest --filter FuzzTests

build: bootstrap ## Builds the release with a static Swift runtime into dist/bin.
	@$(SWIFT) build -c release --static-swift-stdlib --product barman
	@$(SWIFT) build -c release --static-swift-stdlib --product barman-wal
	@mkdir -p dist/bin
	@built="$$($(SWIFT) build -c release --static-swift-stdlib --show-bin-path)" && \
		install -m 0755 "$$built/barman" dist/bin/barman && \
		install -m 0755 -s "$$built/barman-wal" dist/bin/barman-wal
	@for name in barman-wal-archive barman-wal-restore; do ln -sfn barman-wal "dist/bin/$$name"; done
	@scripts/check-links dist/bin/barman
	@scripts/check-links --static dist/bin/barman-wal

share: build ## Makes manual, completions and the example of barman.conf in dist/share.
	@$(SWIFT) build -c release --static-swift-stdlib --product barman-pages
	@rm -rf dist/share
	@"$$($(SWIFT) build -c release --static-swift-stdlib --show-bin-path)/barman-pages" installed dist/share

install: share ## Installs the programs and their manual under $(DESTDIR)$(PREFIX).
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 0755 dist/bin/barman "$(DESTDIR)$(PREFIX)/bin/barman"
	install -m 0755 dist/bin/barman-wal "$(DESTDIR)$(PREFIX)/bin/barman-wal"
	for name in barman-wal-archive barman-wal-restore; do ln -sfn barman-wal "$(DESTDIR)$(PREFIX)/bin/$$name"; done
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/man/man5"
	install -m 0644 dist/share/man/man1/*.1 "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -m 0644 dist/share/man/man5/barman.5 "$(DESTDIR)$(PREFIX)/share/man/man5"

deb: share ## Makes the Debian packages barman and barman-cli in dist.
	@scripts/bootstrap --packages
	@scripts/package deb

rpm: share ## Makes the RPM packages of the same content in dist.
	@scripts/bootstrap --packages
	@scripts/package rpm

test-packages: deb rpm ## Installs, upgrades and removes the packages in bare Debian systems, and works with them there; needs root.
	@scripts/test-packages

pages: ## Writes the references in docs/ anew from the tables of commands and options.
	@$(SWIFT) run barman-pages committed .

lint: ## Checks the formatting of every Swift file.
	@$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests

format: ## Formats every Swift file in place.
	@$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

bench: ## Measures the release build beside the oracle and prints a table with ratios (BENCH_QUICK=1: a small one).
	@scripts/bootstrap --tests
	@$(MAKE) --no-print-directory build
	@python3 Benchmarks/bench.py

bootstrap: ## Installs what is missing to build and to run the demo.
	@scripts/bootstrap

clean: ## Removes what was built.
	rm -rf .build dist
